"""Which rules hold: confidence, no simpler rule that says the same, no chance that explains it.

Pure module of association rules: splits of itemsets in, rules in their order out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.mining.rules.baskets import COUNT_TOLERANCE
from tasks.mining.rules.itemsets import Itemsets
from tasks.mining.rules.significance import compute_significance
from tasks.mining.rules.splits import Splits, list_sides
from tasks.workflow.mining import Measure

Floats = npt.NDArray[np.float64]

_SAME = 1e-12  # confidences of two rules that differ by less are the same share


@dataclass(frozen=True)
class Limits:
    """What is asked of a rule.

    Parameters
    ----------
    min_confidence : float
    keep_implied : bool
    max_false_discovery_rate : float or None
    sort_by : Measure
    max_rules : int
    """

    min_confidence: float
    keep_implied: bool
    max_false_discovery_rate: float | None
    sort_by: Measure
    max_rules: int


@dataclass(frozen=True)
class Rule:
    """If a basket has the left side, it has the right one too.

    Parameters
    ----------
    left, right : tuple of str
        Items, by the alphabet.
    left_codes, right_codes : tuple of int
        The same, rising.
    n_both, n_left, n_right, n_baskets : int
        Baskets with both sides, with each, and in all.
    p_value, q_value : float
        Of the rule by itself; the share of false discoveries among the rules up to it.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    left_codes: tuple[int, ...]
    right_codes: tuple[int, ...]
    n_both: int
    n_left: int
    n_right: int
    n_baskets: int
    p_value: float
    q_value: float

    @property
    def support(self) -> float:
        """Share of the baskets with both sides."""
        return self.n_both / self.n_baskets

    @property
    def confidence(self) -> float:
        """Share of the baskets with the left side that have the right one too."""
        return self.n_both / self.n_left

    @property
    def lift(self) -> float:
        """How many times as often the sides stand together as if they were independent."""
        return self.confidence / (self.n_right / self.n_baskets)

    @property
    def leverage(self) -> float:
        """Share of the baskets by which the sides stand together more often than independent ones."""
        return self.support - self.n_left / self.n_baskets * (self.n_right / self.n_baskets)

    @property
    def conviction(self) -> float | None:
        """How many times as often the rule would be wrong if the sides were independent; None: it never is."""
        if self.n_both == self.n_left:
            return None
        return (1 - self.n_right / self.n_baskets) / (1 - self.confidence)


@dataclass(frozen=True)
class Picked:
    """The rules that hold, and how many did not.

    Parameters
    ----------
    rules : tuple of Rule
        In their order.
    n_looked_at : int
        Splits of frequent itemsets, each of which was tested.
    n_confident : int
        Of these with the confidence asked for.
    n_not_implied : int
        Of these without a simpler rule of at least the same confidence.
    n_significant : int
        Of these those that chance does not explain.
    best_confidence : float or None
        Of all that were looked at.
    best_q_value : float or None
        Of those that were confident and not implied.
    """

    rules: tuple[Rule, ...]
    n_looked_at: int
    n_confident: int
    n_not_implied: int
    n_significant: int
    best_confidence: float | None
    best_q_value: float | None


def pick_rules(
    splits: Splits, itemsets: Itemsets, names: tuple[str, ...], limits: Limits
) -> Picked:
    r"""Pick the rules that hold.

    Parameters
    ----------
    splits : Splits
        All that are to be looked at.
    itemsets : Itemsets
        Of which they are splits.
    names : tuple of str
        The items by their codes.
    limits : Limits

    Returns
    -------
    Picked

    Notes
    -----
    A rule :math:`X \Rightarrow Y` is implied by :math:`X' \Rightarrow Y` with :math:`X' \subset X`, which
    may be empty, if that has at least the same confidence: its improvement is not above zero.

    References
    ----------
    R. J. Bayardo, R. Agrawal, D. Gunopulos, "Constraint-based rule mining in large, dense databases",
    Data Mining and Knowledge Discovery 4 (2000), 217-240, doi:10.1023/A:1009895914772.
    """
    p_values, q_values = compute_significance(splits)
    confidence = splits.confidence
    # A rule at exactly the confidence counts, whatever 0.3 * 10 is in floating point.
    is_kept = splits.n_both >= limits.min_confidence * splits.n_left - COUNT_TOLERANCE
    n_confident = int(np.count_nonzero(is_kept))
    if not limits.keep_implied:
        is_kept &= confidence > splits.simpler * (1 + _SAME)
    n_not_implied = int(np.count_nonzero(is_kept))
    best_q_value = float(q_values[is_kept].min()) if n_not_implied else None
    if limits.max_false_discovery_rate is not None:
        is_kept &= q_values <= limits.max_false_discovery_rate
    kept = np.flatnonzero(is_kept)
    rules = _order(splits, kept, p_values, q_values, itemsets, names, limits)
    return Picked(
        rules=rules,
        n_looked_at=len(splits),
        n_confident=n_confident,
        n_not_implied=n_not_implied,
        n_significant=len(kept),
        best_confidence=float(confidence.max()) if len(splits) else None,
        best_q_value=best_q_value,
    )


def measure(splits: Splits, name: Measure) -> Floats:
    """Compute one measure of all splits; a conviction without limit is infinite."""
    n = splits.n_baskets
    if name == "confidence":
        return splits.confidence
    if name == "support":
        return splits.n_both / n
    if name == "lift":
        return splits.confidence / (splits.n_right / n)
    if name == "leverage":
        return splits.n_both / n - splits.n_left / n * (splits.n_right / n)
    wrong = 1 - splits.confidence
    safe = np.where(wrong > 0, wrong, 1.0)
    return np.where(wrong > 0, (1 - splits.n_right / n) / safe, np.inf)


def _order(
    splits: Splits,
    kept: npt.NDArray[np.intp],
    p_values: Floats,
    q_values: Floats,
    itemsets: Itemsets,
    names: tuple[str, ...],
    limits: Limits,
) -> tuple[Rule, ...]:
    """Put the best first: by the measure, ties by confidence, support, and at last by the text."""
    chosen = splits.take(kept)
    values = _round(measure(chosen, limits.sort_by))
    confidence = _round(chosen.confidence)
    keys = (chosen.n_both, confidence, values)
    order = np.lexsort([-key for key in keys])
    if len(order) > limits.max_rules:
        # Who is last is decided by the text too: all that tie with the last stay for now.
        last = order[limits.max_rules - 1]
        is_tie = np.logical_and.reduce([key[order] == key[last] for key in keys])
        order = order[: max(limits.max_rules, int(np.flatnonzero(is_tie)[-1]) + 1)]
    chosen = chosen.take(order)
    rules = []
    for i, (left, right) in enumerate(list_sides(itemsets, chosen)):
        rule = Rule(
            left=tuple(sorted(names[code] for code in left)),
            right=tuple(sorted(names[code] for code in right)),
            left_codes=tuple(left),
            right_codes=tuple(right),
            n_both=int(chosen.n_both[i]),
            n_left=int(chosen.n_left[i]),
            n_right=int(chosen.n_right[i]),
            n_baskets=splits.n_baskets,
            p_value=float(p_values[kept[order[i]]]),
            q_value=float(q_values[kept[order[i]]]),
        )
        rules.append(
            (-values[order[i]], -confidence[order[i]], -rule.n_both, rule.left, rule.right, rule)
        )
    rules.sort(key=lambda entry: entry[:-1])
    return tuple(entry[-1] for entry in rules[: limits.max_rules])


def _round(values: Floats) -> Floats:
    """Round to twelve digits: equal shares of unequal counts may differ in the sixteenth."""
    is_usual = np.isfinite(values) & (values != 0)
    safe = np.where(is_usual, values, 1.0)
    scale = 10.0 ** (11 - np.floor(np.log10(np.abs(safe))))
    return np.where(is_usual, np.rint(safe * scale) / scale, values)

"""The gate: what happens to tonight's challenger, as a pure function of figures and limits.

Called by ``tasks.promotion.decide``; it knows nothing of MLflow and not where the figures come from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tasks.metrics import PairedGain, to_nulls
from tasks.promotion import words
from tasks.promotion.figures import Contender, Group, Trial
from tasks.promotion.rules import RULES_OF_CHANCE, Judge, Limits, Rule, find_best

Verdict = Literal["promote", "keep", "ask", "shadow"]
Approval = Literal["auto", "approve", "approve_if_borderline", "shadow"]

# A gain whose interval begins so near to the limit, as a share of its width, is for a person to see. Of a
# normal interval of 90 % that is between 1.2 and 2.1 standard errors: equal models are there in one night
# of nine (benchmarks/gate_simulation.py).
BORDERLINE_SHARE = 0.15


@dataclass(frozen=True)
class Decision:
    """What happens to the challenger, and why.

    Parameters
    ----------
    verdict : {"promote", "keep", "ask", "shadow"}
        ``ask``: every rule is met, or all but the gain's certainty and that by little, and a person
        decides;
        ``shadow``: every rule is met, and the challenger only runs along.
    borderline : bool
        Whether the gain is about as large as chance can make it: neither clearly beyond, nor clearly
        within.
    reason : str
        One sentence for people.
    paragraph : str
        The same with every figure that matters, for somebody who knows no statistics.
    metric : str
    is_error : bool
        Whether less is better.
    n_holdout : int
        Rows, or windows, on which all were scored.
    challenger : Contender
    champion : Contender or None
        None on the first night.
    baseline : Contender or None
        The best one; None where there is none.
    paired : PairedGain or None
        None without a champion that has a score.
    limits : Limits
        What the challenger was to reach.
    rules : tuple of Rule
    """

    verdict: Verdict
    borderline: bool
    reason: str
    paragraph: str
    metric: str
    is_error: bool
    n_holdout: int
    challenger: Contender
    champion: Contender | None
    baseline: Contender | None
    paired: PairedGain | None
    limits: Limits
    rules: tuple[Rule, ...]

    def to_json(self) -> dict[str, Any]:
        """Make the document ``decision.json``; a figure that is no number is null."""
        document = asdict(self)
        if self.paired is not None and self.champion is not None:
            document["paired"] = self.paired.to_json(self.champion.name, self.metric)
        for model in ("challenger", "champion", "baseline"):
            if document[model] is not None:
                problem = document[model].pop("problem")
                if model == "champion":
                    document[model] = {
                        "version": document[model]["name"],
                        "score": document[model]["score"],
                        "problem": problem,
                    }
        nulls: dict[str, Any] = to_nulls(document)
        return nulls


def decide(
    *,
    metric: str,
    is_error: bool,
    limits: Limits,
    n_holdout: int,
    challenger: Contender,
    champion: Contender | None,
    baselines: Sequence[Contender],
    trial: Trial,
    paired: PairedGain | None = None,
    groups: Sequence[Group] = (),
    approval: Approval = "auto",
    unit: str = "rows",
) -> Decision:
    """Judge tonight's challenger: every rule must be met, and neither a tie nor chance promotes.

    On the first night, and where the champion has no score (it no longer loads, or predicts no
    numbers), the rules about a champion are left out. A figure that is no number never promotes,
    but for a baseline's, which blocks nobody.

    Parameters
    ----------
    metric : str
        What the scores are.
    is_error : bool
        Whether less is better.
    limits : Limits
    n_holdout : int
        Rows, or windows, on which all were scored.
    challenger : Contender
    champion : Contender or None
    baselines : sequence of Contender
        The challenger must be better than the best of them.
    trial : Trial
        How the challenger served in a fresh interpreter.
    paired : PairedGain or None
        The gain over the champion.
    groups : sequence of Group
        Classes and slices.
    approval : {"auto", "approve", "approve_if_borderline", "shadow"}
        Who has the last word where all rules are met.
    unit : {"rows", "windows"}
        What the hold-out is counted in.

    Returns
    -------
    Decision

    Examples
    --------
    >>> decision = decide(
    ...     metric="accuracy", is_error=False, limits=Limits(floor=0.9), n_holdout=1000,
    ...     challenger=Contender("cnn", 0.97), champion=Contender("3", 0.96),
    ...     baselines=[Contender("logistic_regression", 0.95)], trial=Trial(True, "It loads."),
    ...     paired=PairedGain(0.01, low=-0.002, high=0.022, confidence=0.9),
    ... )
    >>> decision.verdict, decision.borderline
    ('keep', True)
    """
    judge = Judge(metric, is_error, challenger, limits)
    rules = judge.judge_score(baselines)
    is_compared = champion is not None and champion.has_score
    if champion is not None and champion.has_score:
        rules += [*judge.judge_gain(champion, paired), *judge.judge_groups(groups)]
    rules += judge.judge_trial(trial)
    failed = [rule for rule in rules if not rule.passed]
    borderline = is_compared and _is_borderline(paired, failed, limits.min_gain)
    verdict = _find_verdict(approval, is_met=not failed, borderline=borderline)
    outcome = words.Outcome(
        verdict=verdict,
        borderline=borderline,
        metric=metric,
        judged=f"{n_holdout:,} hold-out {unit}",
        challenger=challenger,
        champion=champion,
        baseline=find_best(baselines, is_error=is_error),
        paired=paired if is_compared else None,
        trial=trial,
        rules=tuple(rules),
    )
    return Decision(
        verdict=verdict,
        borderline=borderline,
        reason=words.say_why(outcome),
        paragraph=words.write_paragraph(outcome),
        metric=metric,
        is_error=is_error,
        n_holdout=n_holdout,
        challenger=challenger,
        champion=champion,
        baseline=outcome.baseline,
        paired=outcome.paired,
        limits=limits,
        rules=outcome.rules,
    )


def _is_borderline(paired: PairedGain | None, failed: Sequence[Rule], min_gain: float) -> bool:
    """Say whether the gain is nearly chance, or nearly not, and nothing else is in the way."""
    if paired is None or not all(map(math.isfinite, (paired.low, paired.high))):
        return False
    if not all(rule.name in RULES_OF_CHANCE and math.isfinite(rule.figure) for rule in failed):
        return False
    clearance = paired.low - min_gain
    if failed and clearance > 0.0:
        return True  # the interval is sure and McNemar's test is not
    return abs(clearance) < BORDERLINE_SHARE * (paired.high - paired.low)


def _find_verdict(approval: Approval, *, is_met: bool, borderline: bool) -> Verdict:
    if approval == "approve_if_borderline" and borderline:
        return "ask"
    if not is_met:
        return "keep"
    by_approval: dict[Approval, Verdict] = {
        "auto": "promote",
        "approve": "ask",
        "approve_if_borderline": "promote",
        "shadow": "shadow",
    }
    return by_approval[approval]

"""The gate: which rules a challenger must pass to become champion, as a pure function.

Called by ``tasks.promotion.step``; it knows figures and limits, not where they come from.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["promote", "keep"]


@dataclass(frozen=True)
class Contender:
    """A model in the comparison: its name (or version) and its score on the hold-out."""

    name: str
    score: float


@dataclass(frozen=True)
class Rule:
    """One rule with its figure, its limit and its verdict.

    Parameters
    ----------
    name : str
    figure, limit : float
        Both in the metric's own unit.
    passed : bool
    sentence : str
        The same in words.
    """

    name: str
    figure: float
    limit: float
    passed: bool
    sentence: str


@dataclass(frozen=True)
class Decision:
    """What happens to the challenger, and why.

    Parameters
    ----------
    verdict : {"promote", "keep"}
    reason : str
        One sentence for people.
    metric : str
    n_holdout : int
        Rows on which all were scored.
    challenger, baseline : Contender
    champion : Contender or None
        None on the first night.
    rules : tuple of Rule
    """

    verdict: Verdict
    reason: str
    metric: str
    n_holdout: int
    challenger: Contender
    champion: Contender | None
    baseline: Contender
    rules: tuple[Rule, ...]

    def to_json(self) -> dict[str, Any]:
        """Make the document ``decision.json``."""
        document = asdict(self)
        if self.champion is not None:
            document["champion"] = {"version": self.champion.name, "score": self.champion.score}
        return document


def decide(
    *,
    metric: str,
    floor: float,
    min_gain: float,
    n_holdout: int,
    challenger: Contender,
    champion: Contender | None,
    baseline: Contender,
) -> Decision:
    """Judge tonight's challenger: every rule must pass, and a tie never promotes.

    Parameters
    ----------
    metric : str
        What the scores are; larger is better.
    floor : float
        The least score of a champion.
    min_gain : float
        The challenger must beat the champion by more than this.
    n_holdout : int
        Rows on which all were scored.
    challenger, baseline : Contender
    champion : Contender or None

    Returns
    -------
    Decision

    Examples
    --------
    >>> decision = decide(
    ...     metric="accuracy", floor=0.9, min_gain=0.0, n_holdout=100,
    ...     challenger=Contender("cnn", 0.97), champion=Contender("3", 0.97),
    ...     baseline=Contender("logistic_regression", 0.95),
    ... )
    >>> decision.verdict
    'keep'
    """
    rules = [_judge_floor(metric, floor, challenger), _judge_baseline(metric, challenger, baseline)]
    if champion is not None:
        rules.append(_judge_gain(metric, min_gain, challenger, champion))
    failed = [rule for rule in rules if not rule.passed]
    verdict: Verdict = "keep" if failed else "promote"
    return Decision(
        verdict=verdict,
        reason=_say_why(metric, n_holdout, challenger, champion, failed),
        metric=metric,
        n_holdout=n_holdout,
        challenger=challenger,
        champion=champion,
        baseline=baseline,
        rules=tuple(rules),
    )


def _judge_floor(metric: str, floor: float, challenger: Contender) -> Rule:
    passed = challenger.score >= floor  # false for NaN
    return Rule(
        "floor",
        challenger.score,
        floor,
        passed,
        f"{metric} of at least {floor:.4f}: {challenger.name} has {_say(challenger.score)}.",
    )


def _judge_baseline(metric: str, challenger: Contender, baseline: Contender) -> Rule:
    passed = challenger.score > baseline.score
    return Rule(
        "better than the baseline",
        challenger.score,
        baseline.score,
        passed,
        f"{metric} above the baseline's {_say(baseline.score)}: "
        f"{challenger.name} has {_say(challenger.score)}.",
    )


def _judge_gain(metric: str, min_gain: float, challenger: Contender, champion: Contender) -> Rule:
    gain = challenger.score - champion.score
    # A champion whose score is not a number cannot be compared with: it does not block a sound one.
    passed = math.isfinite(challenger.score) and (
        gain > min_gain or not math.isfinite(champion.score)
    )
    return Rule(
        "gain over the champion",
        gain,
        min_gain,
        passed,
        f"more than {min_gain:.4f} {metric} above the champion (version {champion.name}) with "
        f"{_say(champion.score)}: {challenger.name} has {_say(challenger.score)}, {gain:+.4f}.",
    )


def _say_why(
    metric: str,
    n_holdout: int,
    challenger: Contender,
    champion: Contender | None,
    failed: list[Rule],
) -> str:
    scored = f"{challenger.name} reached {_say(challenger.score)} {metric} on {n_holdout:,} hold-out rows"
    if not failed:
        if champion is None:
            return f"{scored} and becomes the first champion."
        return (
            f"{scored}, the champion (version {champion.name}) {_say(champion.score)}: "
            f"{challenger.name} becomes champion."
        )
    stays = f"version {champion.name} stays champion" if champion else "there is still no champion"
    return f"{scored}; {stays}. Not met: {failed[0].sentence}"


def _say(score: float) -> str:
    return f"{score:.4f}" if math.isfinite(score) else "no number"

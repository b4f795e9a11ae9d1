"""The gate: which rules a challenger must pass to become champion, as a pure function.

Called by ``tasks.promotion.step``; it knows figures and limits, not where they come from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tasks.metrics import say_score

Verdict = Literal["promote", "keep"]


@dataclass(frozen=True)
class Contender:
    """A model in the comparison: its name (or version) and its score on the hold-out; NaN for none."""

    name: str
    score: float


@dataclass(frozen=True)
class Rule:
    """One rule with its figure, its limit and its verdict.

    Parameters
    ----------
    name : str
    figure, limit : float
        Both in the metric's own unit; a gain is positive where the challenger is better.
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
class Limits:
    """What a challenger must reach.

    Parameters
    ----------
    floor : float or None
        The least score of a champion; of metrics of which more is better.
    ceiling : float or None
        The largest error of a champion; of metrics of which less is better.
    min_gain : float
        The challenger must be better than the champion by more than this.
    """

    floor: float | None = None
    ceiling: float | None = None
    min_gain: float = 0.0


@dataclass(frozen=True)
class Decision:
    """What happens to the challenger, and why.

    Parameters
    ----------
    verdict : {"promote", "keep"}
    reason : str
        One sentence for people.
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
    rules : tuple of Rule
    """

    verdict: Verdict
    reason: str
    metric: str
    is_error: bool
    n_holdout: int
    challenger: Contender
    champion: Contender | None
    baseline: Contender | None
    rules: tuple[Rule, ...]

    def to_json(self) -> dict[str, Any]:
        """Make the document ``decision.json``; a figure that is no number is null."""
        document = asdict(self)
        if self.champion is not None:
            document["champion"] = {"version": self.champion.name, "score": self.champion.score}
        for model in ("challenger", "champion", "baseline"):
            if document[model] is not None:
                document[model]["score"] = _to_null(document[model]["score"])
        for rule in document["rules"]:
            rule.update(figure=_to_null(rule["figure"]), limit=_to_null(rule["limit"]))
        return document


def decide(
    *,
    metric: str,
    is_error: bool,
    limits: Limits,
    n_holdout: int,
    challenger: Contender,
    champion: Contender | None,
    baselines: Sequence[Contender],
    unit: str = "rows",
) -> Decision:
    """Judge tonight's challenger: every rule must pass, and a tie never promotes.

    A challenger whose score is no number is never promoted; a champion or a baseline whose score is
    none cannot be compared with, and blocks nobody.

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
    unit : {"rows", "windows"}
        What the hold-out is counted in.

    Returns
    -------
    Decision

    Examples
    --------
    >>> decision = decide(
    ...     metric="accuracy", is_error=False, limits=Limits(floor=0.9), n_holdout=100,
    ...     challenger=Contender("cnn", 0.97), champion=Contender("3", 0.97),
    ...     baselines=[Contender("logistic_regression", 0.95)],
    ... )
    >>> decision.verdict
    'keep'
    """
    gate = _Gate(metric, is_error, challenger)
    baseline = _find_best(baselines, is_error=is_error)
    rules = []
    if limits.floor is not None:
        rules.append(gate.judge_floor(limits.floor))
    if limits.ceiling is not None:
        rules.append(gate.judge_ceiling(limits.ceiling))
    if baseline is not None:
        rules.append(gate.judge_baseline(baseline, n_baselines=len(baselines)))
    if champion is not None:
        rules.append(gate.judge_gain(limits.min_gain, champion))
    if not rules:
        rules.append(gate.judge_number())
    failed = [rule for rule in rules if not rule.passed]
    verdict: Verdict = "keep" if failed else "promote"
    return Decision(
        verdict=verdict,
        reason=_say_why(metric, f"{n_holdout:,} hold-out {unit}", challenger, champion, failed),
        metric=metric,
        is_error=is_error,
        n_holdout=n_holdout,
        challenger=challenger,
        champion=champion,
        baseline=baseline,
        rules=tuple(rules),
    )


@dataclass(frozen=True)
class _Gate:
    """The rules, one by one, about one challenger."""

    metric: str
    is_error: bool
    challenger: Contender

    @property
    def _side(self) -> str:
        return "below" if self.is_error else "above"

    @property
    def _has(self) -> str:
        return f"{self.challenger.name} has {say_score(self.challenger.score)}"

    def _find_gain(self, other: Contender) -> float:
        """By how much the challenger is better."""
        gain = self.challenger.score - other.score
        return -gain if self.is_error else gain

    def _beats(self, other: Contender, by_more_than: float) -> bool:
        return math.isfinite(self.challenger.score) and (
            self._find_gain(other) > by_more_than or not math.isfinite(other.score)
        )

    def judge_number(self) -> Rule:
        score = self.challenger.score
        return Rule(
            "a score", score, score, math.isfinite(score), f"a {self.metric} at all: {self._has}."
        )

    def judge_floor(self, floor: float) -> Rule:
        score = self.challenger.score
        sentence = f"{self.metric} of at least {say_score(floor)}: {self._has}."
        return Rule("floor", score, floor, math.isfinite(score) and score >= floor, sentence)

    def judge_ceiling(self, ceiling: float) -> Rule:
        score = self.challenger.score
        sentence = f"{self.metric} of at most {say_score(ceiling)}: {self._has}."
        return Rule("ceiling", score, ceiling, math.isfinite(score) and score <= ceiling, sentence)

    def judge_baseline(self, baseline: Contender, *, n_baselines: int) -> Rule:
        which = "the best baseline" if n_baselines > 1 else "the baseline"
        return Rule(
            f"better than {which}",
            self.challenger.score,
            baseline.score,
            self._beats(baseline, 0.0),
            f"{self.metric} {self._side} {which}'s {say_score(baseline.score)} "
            f"({baseline.name}): {self._has}.",
        )

    def judge_gain(self, min_gain: float, champion: Contender) -> Rule:
        # Said as a difference of the figure itself; the rule's figure is the gain.
        difference = self.challenger.score - champion.score
        return Rule(
            "gain over the champion",
            self._find_gain(champion),
            min_gain,
            self._beats(champion, min_gain),
            f"more than {say_score(min_gain)} {self.metric} {self._side} the champion (version "
            f"{champion.name}) with {say_score(champion.score)}: {self._has}, "
            f"{say_score(difference, sign='+')}.",
        )


def _find_best(baselines: Sequence[Contender], *, is_error: bool) -> Contender | None:
    """Find the best baseline; one without a number only where none has one."""
    if not baselines:
        return None

    def worth(baseline: Contender) -> float:
        if not math.isfinite(baseline.score):
            return -math.inf
        return -baseline.score if is_error else baseline.score

    return max(baselines, key=worth)


def _say_why(
    metric: str,
    judged: str,
    challenger: Contender,
    champion: Contender | None,
    failed: list[Rule],
) -> str:
    scored = f"{challenger.name} reached {say_score(challenger.score)} {metric} on {judged}"
    if not failed:
        if champion is None:
            return f"{scored} and becomes the first champion."
        return (
            f"{scored}, the champion (version {champion.name}) {say_score(champion.score)}: "
            f"{challenger.name} becomes champion."
        )
    stays = f"version {champion.name} stays champion" if champion else "there is still no champion"
    return f"{scored}; {stays}. Not met: {failed[0].sentence}"


def _to_null(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None

"""The rules that a challenger must meet, one by one: figure, limit, verdict and the same in words.

Pure functions of ``tasks.promotion``; ``policy.py`` says which rules apply and what follows from them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.metrics import say_score
from tasks.metrics.paired import PairedGain
from tasks.promotion.figures import Contender, Group, Trial

BYTES_PER_MB = 1e6

GAIN = "gain over the champion"
GAIN_BEYOND_CHANCE = "gain beyond chance"
MCNEMAR = "McNemar's test"
# Those that say that the gain could be chance, not that there is none.
RULES_OF_CHANCE = frozenset({GAIN_BEYOND_CHANCE, MCNEMAR})


@dataclass(frozen=True)
class Rule:
    """One rule with its figure, its limit and its verdict.

    Parameters
    ----------
    name : str
    figure, limit : float
        In one unit; NaN for no number. A gain is positive where the challenger is better.
    passed : bool
    sentence : str
        The same in words.
    unit : str
        Of figure and limit: the metric's name, ``loss`` (a difference, or a share of an error),
        ``p``, ``ms``, ``MB``, or ``difference`` (to what was said in the night).
    """

    name: str
    figure: float
    limit: float
    passed: bool
    sentence: str
    unit: str


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
    significance : float
        How likely a challenger that is no better may be promoted by chance.
    max_group_loss : float or None
        What no class and no slice may lose more of; None for no such rule.
    min_group_rows : int
        Smaller groups are not judged.
    max_latency_ms : float or None
        The longest a prediction of one row may take, at the median.
    max_size_mb : float or None
        The largest folder, in 10^6 bytes.
    """

    floor: float | None = None
    ceiling: float | None = None
    min_gain: float = 0.0
    significance: float = 0.05
    max_group_loss: float | None = None
    min_group_rows: int = 50
    max_latency_ms: float | None = None
    max_size_mb: float | None = None


@dataclass(frozen=True)
class Judge:
    """The rules about one challenger.

    Parameters
    ----------
    metric : str
    is_error : bool
        Whether less is better.
    challenger : Contender
    limits : Limits
    """

    metric: str
    is_error: bool
    challenger: Contender
    limits: Limits

    def judge_score(self, baselines: Sequence[Contender]) -> list[Rule]:
        """Judge the challenger's score by itself, and against the best baseline."""
        rules = []
        if self.limits.floor is not None:
            rules.append(self._judge_floor(self.limits.floor))
        if self.limits.ceiling is not None:
            rules.append(self._judge_ceiling(self.limits.ceiling))
        best = find_best(baselines, is_error=self.is_error)
        if best is not None:
            rules.append(self._judge_baseline(best, n_baselines=len(baselines)))
        return rules or [self._judge_number()]

    def judge_gain(self, champion: Contender, paired: PairedGain | None) -> list[Rule]:
        """Judge the gain over a champion that has a score: as it is, and whether it is chance."""
        rules = [self._judge_gain(champion), self._judge_chance(paired)]
        if paired is not None and paired.p_value is not None:
            rules.append(self._judge_mcnemar(champion, paired, paired.p_value))
        return rules

    def judge_groups(self, groups: Sequence[Group]) -> list[Rule]:
        """Judge the class or slice that lost most; no rule where there are no groups."""
        limit = self.limits.max_group_loss
        if limit is None or not groups:
            return []
        n_least = self.limits.min_group_rows
        # A champion without a score in a group has nothing there that could be lost.
        judged = [g for g in groups if g.n_rows >= n_least and math.isfinite(g.champion)]
        losses = [g.loss if math.isfinite(g.challenger) else math.nan for g in judged]
        no_number = [g for g, loss in zip(judged, losses, strict=True) if math.isnan(loss)]
        wanted = f"no class or slice of at least {n_least} hold-out rows loses more than "
        wanted += _say_loss(limit, is_error=groups[0].is_error)
        name, unit = "no group worse", "loss"
        if not judged:
            return [
                Rule(name, math.nan, limit, True, f"{wanted}: there is none to be judged.", unit)
            ]
        if no_number:
            sentence = f"{wanted}: {no_number[0].label} has no number."
            return [Rule(name, math.nan, limit, False, sentence, unit)]
        worst = max(judged, key=lambda group: group.loss)
        lost = _say_loss(worst.loss, is_error=worst.is_error)
        found = (
            f"{worst.label} with {worst.n_rows:,} rows loses {lost}"
            if worst.loss > 0
            else f"none of {len(judged)} loses anything"
        )
        return [Rule(name, worst.loss, limit, worst.loss <= limit, f"{wanted}: {found}.", unit)]

    def judge_trial(self, trial: Trial) -> list[Rule]:
        """Judge how the challenger served: the smoke test, and the limits on time and size."""
        rules = []
        if self.limits.max_latency_ms is not None:
            figure, limit = trial.latency_ms, self.limits.max_latency_ms
            sentence = (
                f"one row in at most {_say(limit, 'ms')}, at the median: {self._took(trial)}."
            )
            rules.append(Rule("latency", figure, limit, figure <= limit, sentence, "ms"))
        if self.limits.max_size_mb is not None:
            figure, limit = trial.size_bytes / BYTES_PER_MB, self.limits.max_size_mb
            sentence = (
                f"at most {_say(limit, 'MB')}: {self.challenger.name} has {_say(figure, 'MB')}."
            )
            rules.append(Rule("size", figure, limit, figure <= limit, sentence, "MB"))
        found = trial.sentence[:1].lower() + trial.sentence[1:]
        rules.append(
            Rule(
                "smoke test",
                trial.max_difference,
                trial.tolerance,
                trial.passed,
                f"serves in a fresh process: {found}",
                "difference",
            )
        )
        return rules

    @property
    def _side(self) -> str:
        return "below" if self.is_error else "above"

    @property
    def _has(self) -> str:
        return f"{self.challenger.name} has {say_score(self.challenger.score)}"

    def _took(self, trial: Trial) -> str:
        if not math.isfinite(trial.latency_ms):
            return "it was not measured"
        return f"{self.challenger.name} takes {_say(trial.latency_ms, 'ms')}"

    def _find_gain(self, other: Contender) -> float:
        """By how much the challenger is better."""
        gain = self.challenger.score - other.score
        return -gain if self.is_error else gain

    def _judge_number(self) -> Rule:
        score, sentence = self.challenger.score, f"a {self.metric} at all: {self._has}."
        return Rule("a score", score, score, math.isfinite(score), sentence, self.metric)

    def _judge_floor(self, floor: float) -> Rule:
        score = self.challenger.score
        passed = math.isfinite(score) and score >= floor
        sentence = f"{self.metric} of at least {say_score(floor)}: {self._has}."
        return Rule("floor", score, floor, passed, sentence, self.metric)

    def _judge_ceiling(self, ceiling: float) -> Rule:
        score = self.challenger.score
        passed = math.isfinite(score) and score <= ceiling
        sentence = f"{self.metric} of at most {say_score(ceiling)}: {self._has}."
        return Rule("ceiling", score, ceiling, passed, sentence, self.metric)

    def _judge_baseline(self, baseline: Contender, *, n_baselines: int) -> Rule:
        which = "the best baseline" if n_baselines > 1 else "the baseline"
        # A baseline without a number blocks nobody.
        beats = self._find_gain(baseline) > 0.0 or not baseline.has_score
        return Rule(
            f"better than {which}",
            self.challenger.score,
            baseline.score,
            self.challenger.has_score and beats,
            f"{self.metric} {self._side} {which}'s {say_score(baseline.score)} "
            f"({baseline.name}): {self._has}.",
            self.metric,
        )

    def _judge_gain(self, champion: Contender) -> Rule:
        # Said as a difference of the figure itself; the rule's figure is the gain.
        difference = self.challenger.score - champion.score
        gain, least = self._find_gain(champion), self.limits.min_gain
        return Rule(
            GAIN,
            gain,
            least,
            math.isfinite(gain) and gain > least,
            f"more than {say_score(least)} {self.metric} {self._side} the champion (version "
            f"{champion.name}) with {say_score(champion.score)}: {self._has}, "
            f"{say_score(difference, sign='+')}.",
            self.metric,
        )

    def _judge_chance(self, paired: PairedGain | None) -> Rule:
        least = self.limits.min_gain
        low = paired.low if paired is not None else math.nan
        wanted = f"a gain above {say_score(least)} on resampled hold-outs too"
        if paired is None or not math.isfinite(paired.low) or not math.isfinite(paired.high):
            sentence = f"{wanted}: how far chance moves it is not known."
            return Rule(GAIN_BEYOND_CHANCE, low, least, False, sentence, self.metric)
        sentence = (
            f"{wanted}: it is {say_score(paired.low, sign='+')} to "
            f"{say_score(paired.high, sign='+')} on {paired.confidence * 100:g} % of them."
        )
        return Rule(GAIN_BEYOND_CHANCE, low, least, low > least, sentence, self.metric)

    def _judge_mcnemar(self, champion: Contender, paired: PairedGain, p_value: float) -> Rule:
        limit = self.limits.significance
        n_better, n_worse = paired.n_discordant or (0, 0)
        passed = p_value <= limit
        sentence = (
            f"a p-value of at most {limit:g}: {self.challenger.name} alone is right on {n_better:,} "
            f"rows, version {champion.name} alone on {n_worse:,}, p = {say_score(p_value)}."
        )
        return Rule(MCNEMAR, p_value, limit, passed, sentence, "p")


def find_best(baselines: Sequence[Contender], *, is_error: bool) -> Contender | None:
    """Find the best baseline; one without a number only where none has one.

    Parameters
    ----------
    baselines : sequence of Contender
    is_error : bool
        Whether less is better.

    Returns
    -------
    Contender or None
        None where there are none.
    """
    if not baselines:
        return None

    def worth(baseline: Contender) -> float:
        if not baseline.has_score:
            return -math.inf
        return -baseline.score if is_error else baseline.score

    return max(baselines, key=worth)


def _say(figure: float, unit: str) -> str:
    return f"{figure:.3g} {unit}" if math.isfinite(figure) else "no number"


def _say_loss(loss: float, *, is_error: bool) -> str:
    return f"{loss * 100:.1f} % of the champion's error" if is_error else say_score(loss)

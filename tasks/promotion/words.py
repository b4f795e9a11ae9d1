"""The gate's decision in words: one sentence, one paragraph, and a table of the rules.

Pure functions of ``tasks.promotion``; nothing is decided here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.metrics import say_score
from tasks.metrics.paired import PairedGain
from tasks.promotion.figures import Contender, Trial
from tasks.promotion.rules import MCNEMAR, Rule

# What Markdown and HTML take for their own. Values of the data stand in the sentences (the name of a
# slice), and no row may put a picture, or a link under another name, before the person who decides.
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#!|~&])")

_ENDINGS = {
    "promote": "{name} becomes champion",
    "ask": "every rule is met, and a person decides",
    "shadow": "every rule is met, and {name} only runs along",
}


@dataclass(frozen=True)
class Outcome:
    """What is to be said.

    Parameters
    ----------
    verdict : {"promote", "keep", "ask", "shadow"}
    borderline : bool
    metric : str
    judged : str
        On what, such as ``360 hold-out rows``.
    challenger : Contender
    champion, baseline : Contender or None
    paired : PairedGain or None
    trial : Trial
    rules : tuple of Rule
    """

    verdict: str
    borderline: bool
    metric: str
    judged: str
    challenger: Contender
    champion: Contender | None
    baseline: Contender | None
    paired: PairedGain | None
    trial: Trial
    rules: tuple[Rule, ...]

    @property
    def failed(self) -> list[Rule]:
        """The rules that are not met."""
        return [rule for rule in self.rules if not rule.passed]


def say_why(outcome: Outcome) -> str:
    """Say in a sentence who was compared with whom, and what follows.

    Parameters
    ----------
    outcome : Outcome

    Returns
    -------
    str
        Of several rules that are not met, it quotes the first.
    """
    challenger, champion, failed = outcome.challenger, outcome.champion, outcome.failed
    scored = (
        f"{challenger.name} reached {say_score(challenger.score)} {outcome.metric} "
        f"on {outcome.judged}"
    )
    if failed and outcome.verdict == "ask":
        return (
            f"{scored}, {_say_champion(champion)}: the gain could be chance, and a person decides. "
            f"Not met: {failed[0].sentence}"
        )
    if failed:
        stays = (
            f"version {champion.name} stays champion" if champion else "there is still no champion"
        )
        return f"{scored}; {stays}. Not met: {failed[0].sentence}"
    if champion is None and outcome.verdict == "promote":
        return f"{scored} and becomes the first champion."
    ending = _ENDINGS[outcome.verdict].format(name=challenger.name)
    return f"{scored}, {_say_champion(champion)}: {ending}."


def write_paragraph(outcome: Outcome) -> str:
    """Write what was compared, how sure it is and what follows, for somebody who knows no statistics.

    Parameters
    ----------
    outcome : Outcome

    Returns
    -------
    str
        Three to six sentences.
    """
    return " ".join(
        sentence
        for sentence in (
            _tell_scores(outcome),
            _tell_gain(outcome),
            _tell_discordant(outcome),
            _tell_trial(outcome),
            _tell_verdict(outcome),
        )
        if sentence
    )


def tabulate_rules(rules: Sequence[Rule]) -> str:
    """Write the rules as a Markdown table, as MLflow and Airflow show it.

    Parameters
    ----------
    rules : sequence of Rule

    Returns
    -------
    str
    """
    lines = ["| rule | figure | limit | met |", "|---|---|---|---|"]
    lines += [
        f"| {rule.name} | {_say_figure(rule.figure, rule.unit)} | "
        f"{_say_figure(rule.limit, rule.unit)} | {'yes' if rule.passed else 'no'} |"
        for rule in rules
    ]
    return "\n".join(lines)


def escape_markup(text: str) -> str:
    r"""Write a text so that Markdown shows it as it is, on one line.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> escape_markup("city = [a|b](x)")
    'city = \\[a\\|b\\]\\(x\\)'
    """
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _say_champion(champion: Contender | None) -> str:
    if champion is None:
        return "there is no champion"
    if champion.has_score:
        return f"the champion (version {champion.name}) {say_score(champion.score)}"
    why = f" (it {champion.problem.rstrip('. ')})" if champion.problem else ""
    return f"the champion (version {champion.name}) cannot be compared with{why}"


def _tell_scores(outcome: Outcome) -> str:
    metric, others = outcome.metric, []
    if outcome.baseline is not None:
        score = _say_value(metric, outcome.baseline.score)
        others.append(f"the best baseline, {outcome.baseline.name}, {score}")
    champion = outcome.champion
    if champion is not None and champion.has_score:
        score = _say_value(metric, champion.score)
        others.append(f"the present champion, version {champion.name}, {score}")
    told = (
        f"Tonight's best candidate, {outcome.challenger.name}, reached "
        f"{_say_value(metric, outcome.challenger.score)} {metric} on {outcome.judged} that it was "
        f"not trained on{'; ' if others else ''}{' and '.join(others)}."
    )
    if champion is not None and not champion.has_score:
        told += f" T{_say_champion(champion)[1:]}."
    return told


def _tell_gain(outcome: Outcome) -> str:
    paired = outcome.paired
    if paired is None or not math.isfinite(paired.low) or not math.isfinite(paired.high):
        return ""
    better = "better" if paired.gain > 0 else "worse"
    size = _say_change(outcome.metric, abs(paired.gain))
    compared = f"{size} {better} than the champion" if paired.gain else "as good as the champion"
    return (
        f"It is {compared}; with other rows of the same kind it would be "
        f"{_say_interval(outcome.metric, paired)}: {_say_doubt(outcome, paired)}."
    )


def _say_doubt(outcome: Outcome, paired: PairedGain) -> str:
    if paired.high < 0:
        return "it is really worse"
    is_tested = all(rule.passed for rule in outcome.rules if rule.name == MCNEMAR)
    return "that is more than chance" if paired.low > 0 and is_tested else "that can be chance"


def _tell_discordant(outcome: Outcome) -> str:
    paired = outcome.paired
    if paired is None or paired.n_discordant is None:
        return ""
    n_better, n_worse = paired.n_discordant
    return (
        f"It is right on {n_better:,} rows on which the champion is wrong, and wrong on {n_worse:,} on "
        "which the champion is right."
    )


def _tell_trial(outcome: Outcome) -> str:
    trial = outcome.trial
    if not trial.passed:
        return ""  # it stands among what is not met
    if not math.isfinite(trial.latency_ms):
        return "In a fresh process it loads."
    return (
        "In a fresh process it loads, says the same and predicts a row in "
        f"{trial.latency_ms:.3g} milliseconds."
    )


def _tell_verdict(outcome: Outcome) -> str:
    n_rules, failed = len(outcome.rules), outcome.failed
    champion = outcome.champion
    if failed:
        stays = (
            f"Version {champion.name} stays champion" if champion else "There is still no champion"
        )
        if outcome.verdict == "ask":
            stays += " unless a person decides otherwise"
        listed = " ".join(f"({i}) {rule.sentence}" for i, rule in enumerate(failed, 1))
        return f"{stays}: {len(failed)} of {n_rules} rules not met. {listed}"
    endings = {
        "promote": "it becomes champion",
        "ask": "a person decides whether it becomes champion",
        "shadow": "it runs along and does not become champion, as the workflow asks",
    }
    near = ", though only just" if outcome.borderline else ""
    return f"All {n_rules} rules are met{near}: {endings[outcome.verdict]}."


def _say_value(metric: str, value: float) -> str:
    """Write a score for somebody who thinks in per cent."""
    if metric == "accuracy" and math.isfinite(value):
        return f"{value * 100:.2f} %"
    return say_score(value)


def _say_change(metric: str, value: float) -> str:
    return f"{value * 100:.2f} points" if metric == "accuracy" else say_score(value)


def _say_interval(metric: str, paired: PairedGain) -> str:
    confidence = f"({paired.confidence * 100:g} % interval)"
    if metric == "accuracy":
        return f"{paired.low * 100:+.2f} to {paired.high * 100:+.2f} points {confidence}"
    return f"{say_score(paired.low, sign='+')} to {say_score(paired.high, sign='+')} {confidence}"


def _say_figure(figure: float, unit: str) -> str:
    if not math.isfinite(figure):
        return "no number"
    return f"{figure:.3g} {unit}" if unit in ("ms", "MB") else say_score(figure)

"""The night's outcome in one line, as a manager would want it: the head of the report.

Pure module of the reporting stage.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.reporting.documents import NightDocuments
from tasks.reporting.style import get_float, say_count, say_reached, say_score, shorten

_HELD_BACK = "held back: "  # begins what is noted on a night whose challenger a person has refused


@dataclass(frozen=True)
class Verdict:
    """The night's outcome in one line."""

    kind: str  # promoted, kept, ready or none: how it is coloured
    badge: str
    sentence: str
    reason: str


def say_verdict(
    decision: Mapping[str, Any] | None,
    model: Mapping[str, str] | None,
    promotion: str | None = None,
) -> Verdict:
    """Say what the night decided, with the numbers.

    Parameters
    ----------
    decision : mapping or None
        The document ``decision.json``.
    model : mapping or None
        ``name`` and ``version`` of the registered challenger.
    promotion : str, optional
        What became of it in the registry.

    Returns
    -------
    Verdict
    """
    if decision is None:
        return Verdict(
            "none",
            "No decision",
            "Nothing was decided tonight; the model in production stays as it is.",
            "The night did not get as far as a comparison: see the steps below.",
        )
    metric, champion = decision["metric"], decision["champion"]
    value = get_float(decision["challenger"]["score"])
    version = f" (version {model['version']})" if model else ""
    challenger, reached = (
        f"{shorten(decision['challenger']['name'], 40)}{version}",
        say_reached(metric, value),
    )
    if promotion is not None and promotion.startswith(_HELD_BACK):
        stays = (
            f"Version {champion['version']} stays champion" if champion else "There is no champion"
        )
        sentence = f"{stays}: {challenger} with {reached} was not let through again."
        return Verdict("kept", "Held back", sentence, promotion.removeprefix(_HELD_BACK))
    if decision["verdict"] == "promote":
        sentence = (
            f"{challenger} is the new champion: {reached}, {_compare(decision)}."
            if champion
            else f"{challenger} is the first champion, with {reached}."
        )
        return Verdict("promoted", "Promoted", sentence, decision["reason"])
    if decision["verdict"] in ("ask", "shadow"):
        compared = f", {_compare(decision)}" if champion else ""
        badge, waits = (
            ("A person decides", "awaits an answer in Airflow")
            if decision["verdict"] == "ask"
            else ("Runs along", "runs along and does not become champion")
        )
        sentence = f"{challenger} {waits}: {reached}{compared}."
        return Verdict("kept", badge, sentence, decision["reason"])
    return _say_kept(decision, value)


def _say_kept(decision: Mapping[str, Any], value: float) -> Verdict:
    metric, champion = decision["metric"], decision["champion"]
    name = shorten(decision["challenger"]["name"], 40)
    if champion is None:
        reached = say_reached(metric, value)
        sentence = f"There is no champion yet: the best model tonight, {name}, has {reached}."
        return Verdict("kept", "Not promoted", sentence, decision["reason"])
    score = get_float(champion["score"])
    has = f" with {say_reached(metric, score)}" if math.isfinite(score) else ""
    sentence = (
        f"Version {champion['version']} stays champion{has}; tonight's challenger, {name}, has "
        f"{say_score(metric, value)}."
    )
    return Verdict("kept", "Champion kept", sentence, decision["reason"])


def _compare(decision: Mapping[str, Any]) -> str:
    champion = decision["champion"]
    score = get_float(champion["score"])
    if not math.isfinite(score):
        return f"and version {champion['version']} cannot be compared with"
    return f"where version {champion['version']} has {say_score(decision['metric'], score)}"


def say_data_verdict(night: NightDocuments) -> Verdict:
    """Say what a night without candidates ends with: clean data, and how many rows."""
    report = night.cleaning_report
    if report is None:
        return Verdict(
            "none",
            "No data",
            "The data are not ready.",
            "The night did not get as far as clean data: see the steps below.",
        )
    n_warnings = sum(v.get("n_warnings") or 0 for v in night.validations.values())
    warned = f" {say_count(n_warnings, 'promise')} did not hold: see below." if n_warnings else ""
    return Verdict(
        "ready",
        "Data ready",
        f"{say_count(report['rows_out'], 'clean row')} {'is' if report['rows_out'] == 1 else 'are'} ready.",
        f"The workflow has no candidates, so nothing was trained and nobody was judged.{warned}",
    )

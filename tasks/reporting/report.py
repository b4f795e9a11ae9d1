"""The night's report: one HTML page that a manager can read first and an engineer can use after.

Pure module of the reporting stage: what the night's documents say goes in, the page's text comes out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tasks.reporting.data_section import (
    account_rows,
    describe_columns,
    describe_gaps,
    make_data_tiles,
)
from tasks.reporting.documents import NightDocuments, name_rows
from tasks.reporting.forecasts import list_column_errors
from tasks.reporting.interpretation_section import tell_interpretation
from tasks.reporting.scores_section import (
    explain_units,
    list_metrics,
    list_models,
    make_score_tiles,
)
from tasks.reporting.style import (
    DARK,
    get_float,
    say_count,
    say_metric,
    say_number,
    say_percent,
    say_reached,
    say_score,
    shorten,
    shorten_middle,
)
from tasks.reporting.summary import NightSummary
from tasks.reporting.training import list_trainings

TEMPLATES = Path(__file__).parent / "templates"
MAX_EXPECTATIONS = 60  # per suite, failed ones first; the Data Docs have all

_DARK_INK = re.compile("|".join(DARK), re.IGNORECASE)
_URL_SAFE = "/:;=,()*!.~@$-_"


@dataclass(frozen=True)
class EmbeddedChart:
    """A chart as the page shows it.

    Parameters
    ----------
    section, title, caption, alt : str
    width, height : int
        CSS pixels.
    svg : str
        Drawn for a light page.
    """

    section: str
    title: str
    caption: str
    alt: str
    width: int
    height: int
    svg: str

    @property
    def light(self) -> str:
        """The picture as a data URI."""
        return to_data_uri(self.svg)

    @property
    def dark(self) -> str:
        """The same for a dark page."""
        return to_data_uri(to_dark(self.svg))


@dataclass(frozen=True)
class ReportData:
    """Everything that the page shows.

    Parameters
    ----------
    workflow, description, date : str
        The workflow's name and sentence, and the night's date (ISO 8601).
    night : NightDocuments
    summary : NightSummary
    provenance : mapping of str to str
        What is needed to repeat the night, by its name for people.
    charts : sequence of EmbeddedChart
    has_candidates : bool, default True
        Whether models compete; a night without ends with clean data and this page.
    """

    workflow: str
    description: str
    date: str
    night: NightDocuments
    summary: NightSummary
    provenance: Mapping[str, str]
    charts: Sequence[EmbeddedChart] = field(default_factory=tuple)
    has_candidates: bool = True


def render_report(data: ReportData) -> str:
    """Write the page: self-contained HTML without scripts, every text from the data escaped.

    Parameters
    ----------
    data : ReportData

    Returns
    -------
    str
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=lambda n: f"{n:,}",
        percent=say_percent,
        metric=say_metric,
        number=say_number,
        capital=lambda words: words[:1].upper() + words[1:],
        shorten=shorten,
        shorten_middle=shorten_middle,
        figure=say_figure,
        seconds=say_seconds,
    )
    environment.globals.update(
        say_count=say_count, say_score=say_score, say_reached=say_reached, say_gap=say_gap
    )
    night = data.night
    sections: dict[str, list[EmbeddedChart]] = {}
    for chart in data.charts:
        sections.setdefault(chart.section, []).append(chart)
    return environment.get_template("report.html").render(
        data=data,
        verdict=say_verdict(night.decision, data.summary.model)
        if data.has_candidates
        else say_data_verdict(night),
        decision=night.decision,
        tiles=_make_tiles(night),
        models=list_models(night),
        metrics=list_metrics(night.scores),
        units=explain_units(night.scores),
        scores=night.scores,
        noun=name_rows(night.scores) if night.scores is not None else "row",
        column_errors=list_column_errors(night.scores) if night.scores is not None else None,
        trainings=list_trainings(night.trainings, night.histories),
        failures=_list_failures(data.summary),
        left_out=(night.learning_curve or {}).get("left_out") or (),
        interpretation=tell_interpretation(night.explained),
        rows=account_rows(night.cleaning_report),
        columns=describe_columns(night.cleaning_report),
        gaps=describe_gaps(night.cleaning_report),
        validations=_list_validations(night),
        mining=[
            {"section": f.section, "title": f.heading, "template": f.TEMPLATE, "found": f.tell()}
            for f in night.findings
        ],
        steps=_list_steps(data.summary),
        charts=sections,
    )


@dataclass(frozen=True)
class Verdict:
    """The night's outcome in one line."""

    kind: str  # promoted, kept, ready or none: how it is coloured
    badge: str
    sentence: str
    reason: str


def say_verdict(decision: Mapping[str, Any] | None, model: Mapping[str, str] | None) -> Verdict:
    """Say what the night decided, with the numbers, as a manager would want it.

    Parameters
    ----------
    decision : mapping or None
        The document ``decision.json``.
    model : mapping or None
        ``name`` and ``version`` of the registered challenger.

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
    metric, challenger, champion = (decision[k] for k in ("metric", "challenger", "champion"))
    name, value = shorten(challenger["name"], 40), get_float(challenger["score"])
    score, reached = say_score(metric, value), say_reached(metric, value)
    if decision["verdict"] == "promote":
        version = f" (version {model['version']})" if model else ""
        if champion is None:
            sentence = f"{name}{version} is the first champion, with {reached}."
        else:
            other = say_score(metric, get_float(champion["score"]))
            sentence = (
                f"{name}{version} is the new champion: {reached}, where version "
                f"{champion['version']} has {other}."
            )
        return Verdict("promoted", "Promoted", sentence, decision["reason"])
    if champion is None:
        sentence = f"There is no champion yet: the best model tonight, {name}, has {reached}."
    else:
        sentence = (
            f"Version {champion['version']} stays champion with "
            f"{say_reached(metric, get_float(champion['score']))}; tonight's challenger, "
            f"{name}, has {score}."
        )
    return Verdict(
        "kept", "Champion kept" if champion else "Not promoted", sentence, decision["reason"]
    )


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


def to_dark(svg: str) -> str:
    """Swap a chart's ink for one that is read on a dark page; its data keep their colours."""
    return _DARK_INK.sub(lambda match: DARK[match.group().lower()], svg)


def to_data_uri(svg: str) -> str:
    """Write an SVG into an address, so that the page needs no other file and no script in it could run."""
    return "data:image/svg+xml," + quote(svg, safe=_URL_SAFE)


def say_figure(value: object) -> str:
    """Write a rule's figure with four decimals; what is no number says so."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "none"
    return f"{value:.4f}"


def say_gap(measure: str, value: float) -> str:
    """Write a difference in a measure: of accuracy in points, of others in their own unit.

    Examples
    --------
    >>> say_gap("accuracy", 0.0125), say_gap("mae", 0.031)
    ('1.2 points', '0.031')
    """
    return f"{value * 100:.1f} points" if measure == "accuracy" else say_number(value)


def say_seconds(value: float | None) -> str:
    """Write a duration: seconds, or minutes and seconds past two minutes.

    Examples
    --------
    >>> say_seconds(3.21), say_seconds(185.0)
    ('3.2 s', '3 min 05 s')
    """
    if value is None:
        return "running"
    if value < 120:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes} min {seconds:02d} s"


def _make_tiles(night: NightDocuments) -> list[dict[str, str]]:
    tiles = make_score_tiles(night.scores) if night.scores is not None else []
    if night.cleaning_report is not None:
        report = night.cleaning_report
        tiles.append(
            {
                "label": "rows used",
                "value": f"{report['rows_out']:,}",
                "note": f"{report['rows_in']:,} came in, {n_added:,} were added"
                if (n_added := report.get("rows_added") or 0)
                else f"of {report['rows_in']:,} that came in",
                "kind": "rows",
            }
        )
        if night.scores is None:
            tiles += make_data_tiles(report)
    return tiles


def _list_validations(night: NightDocuments) -> list[dict[str, Any]]:
    listed = []
    for stage, document in night.validations.items():
        ordered = sorted(document["expectations"], key=lambda e: e["success"])
        listed.append(
            {
                **document,
                "stage": stage,
                "shown": ordered[:MAX_EXPECTATIONS],
                "n_held": document["n_expectations"] - document["n_failed"],
            }
        )
    return listed


def _list_failures(summary: NightSummary) -> list[dict[str, str]]:
    """List the candidates that the others were compared without."""
    return [
        {"name": step.name.partition(".")[2], "error": step.error or step.status}
        for step in summary.steps
        if step.name.startswith("train.") and step.status in {"failed", "killed"}
    ]


def _list_steps(summary: NightSummary) -> list[dict[str, Any]]:
    """List the steps that have ended; the report itself is still at work."""
    ended = [step for step in summary.steps if step.seconds is not None]
    longest = max((step.seconds or 0.0 for step in ended), default=0.0) or 1.0
    return [
        {
            "name": step.name,
            "status": step.status,
            "seconds": step.seconds,
            "peak_memory_mib": step.peak_memory_mib,
            "problem": step.problem,
            "share": (step.seconds or 0.0) / longest,
        }
        for step in ended
    ]

"""The night's report: one HTML page that a manager can read first and an engineer can use after.

Pure module of the reporting stage: what the night's documents say goes in, the page's text comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.reporting.data_section import (
    account_rows,
    describe_columns,
    describe_gaps,
    make_data_tiles,
)
from tasks.reporting.decision_section import list_rules
from tasks.reporting.documents import NightDocuments, name_rows
from tasks.reporting.forecasts import list_column_errors
from tasks.reporting.groups import tell_groups
from tasks.reporting.interpretation_section import tell_interpretation
from tasks.reporting.pages import EmbeddedChart, fill_template
from tasks.reporting.scores_section import (
    explain_units,
    list_metrics,
    list_models,
    list_problems,
    make_score_tiles,
)
from tasks.reporting.summary import NightSummary
from tasks.reporting.training import list_trainings
from tasks.reporting.verdict import say_data_verdict, say_verdict

MAX_EXPECTATIONS = 60  # per suite, failed ones first; the Data Docs have all


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
    night = data.night
    sections: dict[str, list[EmbeddedChart]] = {}
    for chart in data.charts:
        sections.setdefault(chart.section, []).append(chart)
    return fill_template(
        "report.html",
        data=data,
        verdict=say_verdict(night.decision, data.summary.model, data.summary.promotion)
        if data.has_candidates
        else say_data_verdict(night),
        decision=night.decision,
        rules=list_rules(night.decision),
        tiles=_make_tiles(night),
        models=list_models(night),
        metrics=list_metrics(night.scores),
        units=explain_units(night.scores),
        problems=list_problems(night.scores),
        groups=tell_groups(night.scores),
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

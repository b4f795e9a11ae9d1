"""The steps of reporting: the night's charts as files, then the night's report as one page.

Shell of the reporting stage, the bodies of two Airflow tasks.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.dataset import Dataset
from tasks.preparation import Preparation
from tasks.reporting.catalogue import draw_charts
from tasks.reporting.cleaned import tabulate_gaps
from tasks.reporting.documents import NightDocuments, get_kind
from tasks.reporting.explained import read_explained
from tasks.reporting.figures import save_chart
from tasks.reporting.mining.findings import read_json
from tasks.reporting.mining.kinds import MINED, read_findings
from tasks.reporting.pages import EmbeddedChart
from tasks.reporting.predictions import read_forecasts, read_mistakes, read_numbers
from tasks.reporting.report import ReportData, render_report
from tasks.reporting.series import (
    Series,
    collect_series,
    list_features,
    list_series_columns,
)
from tasks.reporting.style import say_count
from tasks.reporting.summary import summarise_night
from tasks.reporting.training import Training
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

CHARTS_FILE = "charts.json"
REPORT_FILE = "report.html"
DATA_READY = "data ready"  # the verdict of a night without candidates
_HISTORY = "history."


def run_charts(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step has the same first three
    inputs: Mapping[str, Handoff],
) -> dict[str, Handoff]:
    """Draw the night's charts.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    inputs : mapping of str to Handoff
        Any of ``clean``, ``preparation``, ``cleaning_report``, ``scores``, ``decision``,
        ``interpretation``, ``learning_curve``, the kinds of mining and ``history.<name>``; a chart
        whose input is missing is left out.

    Returns
    -------
    dict of str to Handoff
        ``charts``: a folder of PNG, SVG and CSV files, and ``charts.json``, which lists them.
    """
    folder = step.workdir / "charts"
    folder.mkdir()
    night = _read_documents(step, workflow, inputs, with_pictures=True)
    if workflow.columns.time is not None and "clean" in inputs:
        series = _read_series(step, inputs, workflow.columns.time, night.cleaning_report)
        night = replace(night, series=series)
    listed = [save_chart(chart, folder) for chart in draw_charts(night)]
    _attach_to_sources(step, inputs, listed, folder)
    (folder / CHARTS_FILE).write_text(
        json.dumps({"charts": listed}, indent=1, ensure_ascii=False), encoding="utf-8"
    )
    step.log_metrics({"n_charts": len(listed)})
    logger.info("Drew %d charts.", len(listed))
    return {"charts": step.publish(folder, "charts")}


def run_report(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step has the same first three
    inputs: Mapping[str, Handoff],
) -> dict[str, Handoff]:
    """Write the night's report.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    inputs : mapping of str to Handoff
        As for :func:`run_charts`, and ``raw``, ``quarantine``, ``validation_raw``,
        ``validation_clean`` and ``charts``; a section whose input is missing is left out.

    Returns
    -------
    dict of str to Handoff
        ``report``: the file ``report.html``, also attached to the run under that name.
    """
    summary = summarise_night(step.client, step.night.run_id)
    page = render_report(
        ReportData(
            workflow=workflow.name,
            description=workflow.description,
            date=step.night.date.isoformat(),
            night=_read_documents(step, workflow, inputs, with_pictures=False),
            summary=summary,
            provenance=_list_provenance(step, inputs),
            charts=_read_charts(step, inputs),
            has_candidates=bool(workflow.candidates),
        )
    )
    path = step.workdir / REPORT_FILE
    path.write_text(page, encoding="utf-8")
    n_bytes = path.stat().st_size
    step.log_metrics({"report_bytes": n_bytes})
    step.attach(path)
    logger.info("Wrote the report, %d kB.", n_bytes // 1000)
    published = step.publish(path, "report")
    if not workflow.candidates:
        _tag_ready(step, summary.rows)
    return {"report": published}


def _attach_to_sources(
    step: Step, inputs: Mapping[str, Handoff], listed: Sequence[Mapping[str, Any]], folder: Path
) -> None:
    """Show the charts in the MLflow run of the step that made what they are drawn from, too."""
    for chart in listed:
        source = chart["source"] or chart["section"]  # of mining, the section is the handoff
        if source in inputs:
            picture = str(folder / chart["files"]["png"])
            step.client.log_artifact(inputs[source].run_id, picture, "charts")


def _tag_ready(step: Step, rows: Mapping[str, int] | None) -> None:
    """Say on the runs what a night without candidates has come to, as a decision does on others."""
    n_rows = f", {say_count(rows['out'], 'row')}" if rows is not None else ""
    reason = f"No candidates: the data are ready{n_rows}."
    verdict = {tags.VERDICT: DATA_READY, tags.REASON: reason}
    step.set_tags(verdict)
    step.set_night_tags({**verdict, tags.MLFLOW_NOTE: reason})
    logger.info(reason)


def _read_documents(
    step: Step, workflow: Workflow, inputs: Mapping[str, Handoff], *, with_pictures: bool
) -> NightDocuments:
    night = NightDocuments(
        scores=_fetch_scores(step, inputs),
        decision=_fetch_json(step, inputs, "decision"),
        cleaning_report=_fetch_json(step, inputs, "cleaning_report"),
        histories={name: read_json(step.fetch(h)) for name, h in _list_histories(inputs)},
        trainings={name: _read_training(step, name, h) for name, h in _list_histories(inputs)},
        learning_curve=_fetch_json(step, inputs, "learning_curve"),
        explained=read_explained(step.fetch(inputs["interpretation"]))
        if "interpretation" in inputs
        else None,
        validations={
            stage: read_json(step.fetch(inputs[f"validation_{stage}"]))
            for stage in ("raw", "clean")
            if f"validation_{stage}" in inputs
        },
        findings=tuple(
            read_findings(kind, step.fetch(inputs[kind])) for kind in MINED if kind in inputs
        ),
    )
    if night.scores is None or not with_pictures:
        return night
    return _add_predictions(step, workflow, inputs, night, night.scores)


def _add_predictions(
    step: Step,
    workflow: Workflow,
    inputs: Mapping[str, Handoff],
    night: NightDocuments,
    scores: Mapping[str, Any],
) -> NightDocuments:
    """Add the rows of the predictions that the charts of what was predicted show."""
    # Fetching has checked every artifact against its digest: datasets are not verified again.
    predictions = Dataset.open(step.fetch(inputs["scores"]) / "predictions", verify=False)
    kind = get_kind(scores)
    if kind == "forecast":
        steps = _read_steps(step, inputs, workflow)
        return replace(night, forecasts=read_forecasts(predictions, scores, steps))
    preparation = None
    if "preparation" in inputs:
        text = step.fetch(inputs["preparation"]).read_text(encoding="utf-8")
        preparation = Preparation.from_json(text)
    if kind == "regression":
        target = (preparation.target if preparation is not None else None) or "target"
        return replace(night, numbers=read_numbers(predictions, scores, target))
    images, column = None, preparation.image_column if preparation is not None else None
    if column is not None and "clean" in inputs:
        images = (Dataset.open(step.fetch(inputs["clean"]), verify=False), column)
    return replace(night, mistakes=read_mistakes(predictions, scores["challenger"], images))


def _read_steps(
    step: Step, inputs: Mapping[str, Handoff], workflow: Workflow
) -> npt.NDArray[np.datetime64] | None:
    """Read the times of a series, in their order; None where there are none."""
    time = workflow.columns.time
    if time is None or "clean" not in inputs:
        return None
    # In memory as a whole, as cleaning and evaluation had the series.
    found = Dataset.open(step.fetch(inputs["clean"]), verify=False).table([time])[time]
    return np.sort(found.to_numpy().astype("datetime64[us]"))


def _list_histories(inputs: Mapping[str, Handoff]) -> list[tuple[str, Handoff]]:
    return [(n.removeprefix(_HISTORY), inputs[n]) for n in sorted(inputs) if n.startswith(_HISTORY)]


def _read_training(step: Step, name: str, history: Handoff) -> Training:
    """Read what a training took and reached from the MLflow run that handed its history over."""
    found = step.client.get_run(history.run_id).data
    return Training(name, found.params.get("kind", ""), dict(found.metrics))


def _read_series(
    step: Step, inputs: Mapping[str, Handoff], time: str, report: Mapping[str, Any] | None
) -> tuple[Series, ...]:
    """Read the features of a series over time; of a long one the extremes, a batch at a time."""
    clean = Dataset.open(step.fetch(inputs["clean"]), verify=False)
    gaps = tabulate_gaps(report or {})
    return tuple(
        collect_series(
            clean.batches(list_series_columns(clean.schema, time, name)),
            time=time,
            feature=name,
            n_rows=clean.n_rows,
            gaps=gaps,
        )
        for name in list_features(clean.schema, time)
    )


def _read_charts(step: Step, inputs: Mapping[str, Handoff]) -> list[EmbeddedChart]:
    if "charts" not in inputs:
        return []
    folder = step.fetch(inputs["charts"])
    listed = read_json(folder / CHARTS_FILE)["charts"]
    return [EmbeddedChart.read(entry, folder) for entry in listed]


def _list_provenance(step: Step, inputs: Mapping[str, Handoff]) -> dict[str, str]:
    """List what is needed to repeat the night, and to prove that the data were the same."""
    found = step.client.get_run(step.night.run_id).data.tags
    listed = {"MLflow run of the night": step.night.run_id}
    for name, tag in (
        ("Airflow run", tags.AIRFLOW_RUN),
        ("Git commit", tags.GIT_COMMIT),
        ("Lock file, SHA-256", tags.LOCK_SHA256),
        ("Workflow file, SHA-256", tags.WORKFLOW_SHA256),
        ("Seed", tags.SEED),
    ):
        if found.get(tag):
            listed[name] = found[tag]
    for name in ("raw", "clean", "quarantine"):
        if name in inputs:
            listed[f"{name.capitalize()} data, SHA-256"] = inputs[name].sha256
    return listed


def _fetch_scores(step: Step, inputs: Mapping[str, Handoff]) -> Any:
    return read_json(step.fetch(inputs["scores"]) / "scores.json") if "scores" in inputs else None


def _fetch_json(step: Step, inputs: Mapping[str, Handoff], name: str) -> Any:
    return read_json(step.fetch(inputs[name])) if name in inputs else None

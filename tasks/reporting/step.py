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
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset, tensor_column_to_array
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.preparation import Preparation
from tasks.reporting.catalogue import draw_charts
from tasks.reporting.cleaned import tabulate_gaps
from tasks.reporting.documents import Mistakes, NightDocuments
from tasks.reporting.figures import save_chart
from tasks.reporting.mining.findings import read_json
from tasks.reporting.mining.kinds import MINED, read_findings
from tasks.reporting.report import EmbeddedChart, ReportData, render_report
from tasks.reporting.series import (
    Series,
    collect_series,
    list_features,
    list_series_columns,
)
from tasks.reporting.style import say_count
from tasks.reporting.summary import summarise_night
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

CHARTS_FILE = "charts.json"
REPORT_FILE = "report.html"
MAX_MISTAKES = 12  # two rows of pictures
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
        Any of ``clean``, ``preparation``, ``cleaning_report``, ``scores``, ``decision``, the
        kinds of mining and ``history.<candidate>``; a chart whose input is missing is left out.

    Returns
    -------
    dict of str to Handoff
        ``charts``: a folder of PNG, SVG and CSV files, and ``charts.json``, which lists them.
    """
    folder = step.workdir / "charts"
    folder.mkdir()
    night = _read_documents(step, inputs, with_pictures=True)
    if workflow.columns.time is not None and "clean" in inputs:
        series = _read_series(step, inputs, workflow.columns.time, night.cleaning_report)
        night = replace(night, series=series)
    listed = [save_chart(chart, folder) for chart in draw_charts(night)]
    _attach_to_mining(step, inputs, listed, folder)
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
            night=_read_documents(step, inputs, with_pictures=False),
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


def _attach_to_mining(
    step: Step, inputs: Mapping[str, Handoff], listed: Sequence[Mapping[str, Any]], folder: Path
) -> None:
    """Show the charts of what mining found in the MLflow run of the step that found it, too."""
    for chart in listed:
        if chart["section"] in MINED:
            found_by = inputs[chart["section"]].run_id
            step.client.log_artifact(found_by, str(folder / chart["files"]["png"]), "charts")


def _tag_ready(step: Step, rows: Mapping[str, int] | None) -> None:
    """Say on the runs what a night without candidates has come to, as a decision does on others."""
    n_rows = f", {say_count(rows['out'], 'row')}" if rows is not None else ""
    reason = f"No candidates: the data are ready{n_rows}."
    verdict = {tags.VERDICT: DATA_READY, tags.REASON: reason}
    step.set_tags(verdict)
    step.set_night_tags({**verdict, tags.MLFLOW_NOTE: reason})
    logger.info(reason)


def _read_documents(
    step: Step, inputs: Mapping[str, Handoff], *, with_pictures: bool
) -> NightDocuments:
    # Fetching has checked every artifact against its digest: datasets are not verified again.
    scores, mistakes = None, None
    if "scores" in inputs:
        folder = step.fetch(inputs["scores"])
        scores = read_json(folder / "scores.json")
        if with_pictures:
            mistakes = _find_mistakes(step, inputs, folder, scores["challenger"])
    return NightDocuments(
        scores=scores,
        decision=_fetch_json(step, inputs, "decision"),
        cleaning_report=_fetch_json(step, inputs, "cleaning_report"),
        histories={
            name.removeprefix(_HISTORY): read_json(step.fetch(handoff))
            for name, handoff in sorted(inputs.items())
            if name.startswith(_HISTORY)
        },
        validations={
            stage: read_json(step.fetch(inputs[f"validation_{stage}"]))
            for stage in ("raw", "clean")
            if f"validation_{stage}" in inputs
        },
        findings=tuple(
            read_findings(kind, step.fetch(inputs[kind])) for kind in MINED if kind in inputs
        ),
        mistakes=mistakes,
    )


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


def _find_mistakes(
    step: Step, inputs: Mapping[str, Handoff], scores: Path, challenger: str
) -> Mistakes:
    """Find the challenger's most confident mistakes on the hold-out, with their images."""
    confidence = f"{challenger}_confidence"
    table = Dataset.open(scores / "predictions", verify=False).table(
        [ID_COLUMN, "target", challenger, confidence], where=pc.field(SPLIT_COLUMN) == "holdout"
    )
    wrong = table.filter(pc.not_equal(table["target"], table[challenger]))
    worst = wrong.sort_by([(confidence, "descending"), (ID_COLUMN, "ascending")])
    worst = worst.slice(0, MAX_MISTAKES)
    rows = worst.rename_columns(["id", "true", "predicted", "confidence"]).to_pandas()
    images = None
    if len(rows) and {"clean", "preparation"} <= inputs.keys():
        text = step.fetch(inputs["preparation"]).read_text(encoding="utf-8")
        column = Preparation.from_json(text).image_column
        if column is not None:
            clean = Dataset.open(step.fetch(inputs["clean"]), verify=False)
            images = _read_images(clean, column, worst["id"].combine_chunks())
    return Mistakes(rows, wrong.num_rows, images)


def _read_images(clean: Dataset, column: str, ids: pa.Array) -> npt.NDArray[Any]:
    """Read the images of a few rows, in the order of the ids."""
    found = clean.table([ID_COLUMN, column], where=pc.field(ID_COLUMN).isin(ids))
    order = pc.index_in(ids, value_set=found[ID_COLUMN].combine_chunks())
    return tensor_column_to_array(found[column])[np.asarray(order, dtype=np.int64)]


def _read_charts(step: Step, inputs: Mapping[str, Handoff]) -> list[EmbeddedChart]:
    if "charts" not in inputs:
        return []
    folder = step.fetch(inputs["charts"])
    return [
        EmbeddedChart(
            section=chart["section"],
            title=chart["title"],
            caption=chart["caption"],
            alt=chart["alt"],
            width=chart["width"],
            height=chart["height"],
            svg=(folder / chart["files"]["svg"]).read_text(encoding="utf-8"),
        )
        for chart in read_json(folder / CHARTS_FILE)["charts"]
    ]


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


def _fetch_json(step: Step, inputs: Mapping[str, Handoff], name: str) -> Any:
    return read_json(step.fetch(inputs[name])) if name in inputs else None

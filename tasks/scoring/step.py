"""The score step: the champion predicts what has arrived, while drift counts along.

Shell of the scoring stage, the body of one MLflow child run; all else in this folder is pure but for
``champion.py``, which reads the registry.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.columns import QUARANTINE_SCHEMA
from tasks.dataset.threads import read_ahead, short_turns
from tasks.errors import ScoringError, get_first_line
from tasks.scoring.batches import ROWS_PER_BATCH, Predict, make_predict, score_batches
from tasks.scoring.champion import Champion, TrainingNight
from tasks.scoring.counting import RowCounter, judge_series
from tasks.scoring.drift import Drift
from tasks.scoring.inputs import InputView
from tasks.scoring.keeping import prepare_profile
from tasks.scoring.profile import Profile
from tasks.scoring.rows import narrow_workflow
from tasks.scoring.windows import cut_latest_window
from tasks.scoring.writing import Stamp, shape_forecast, shape_predictions, shape_refused
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.workflow import Scoring, Workflow

logger = logging.getLogger(__name__)

SECONDS_PER_MESSAGE = 10.0  # of progress in the log
# Predictions are gathered before they are written: 90,000 rows of ten classes.
PARTITION_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class _Task:
    """What a scoring works with."""

    champion: Champion
    rows: Dataset
    profile: Profile | None
    problem: str | None
    view: InputView
    limits: Scoring
    stamp: Stamp


def choose_rows(step: Step, workflow: Workflow) -> Workflow:
    """Choose what ingestion reads for a scoring: see :func:`tasks.scoring.rows.narrow_workflow`."""
    champion = Champion.open(step)
    shape = champion.forecast
    return narrow_workflow(workflow, champion.columns, shape.time if shape else None)


def run_score(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step has the same first three
    *,
    raw: Handoff,
    unparsed: Handoff,
) -> dict[str, Handoff]:
    """Let the champion predict rows, and judge how far they have drifted.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    raw, unparsed : Handoff
        Rows as the ingestion stage has read and protected them, and what became no row.

    Returns
    -------
    dict of str to Handoff
        ``predictions``: a dataset, of a champion of classes or numbers one row per row it did not
        refuse, of forecasts one per step ahead and column. ``refused``: a dataset in the columns of
        the quarantine. ``drift``: the file ``drift.json``.

    Raises
    ------
    ScoringError
        When the champion does not load, or refuses every row.

    Notes
    -----
    Memory does not grow with the rows to be scored: they are read, predicted, counted and written
    batch by batch. Both datasets appear whole or not at all.
    """
    champion = Champion.open(step)
    model = champion.load()
    rows = Dataset.open(step.fetch(raw), verify=False)  # fetching has checked it
    of_images = isinstance(rows.schema.field(champion.columns[0]).type, pa.FixedShapeTensorType)
    predict = make_predict(model, champion.columns, of_images=of_images)
    profile, problem, trained = prepare_profile(step, champion, predict)
    task = _Task(
        champion=champion,
        rows=rows,
        profile=profile,
        problem=problem,
        view=InputView(trained.workflow if trained else workflow, champion.columns),
        limits=workflow.scoring or Scoring(),
        stamp=_make_stamp(step, champion),
    )
    if champion.forecast is not None:
        predictions, drift = _score_series(step, task, model)
        n_refused = 0
        refused = _write(step.workdir / "refused", QUARANTINE_SCHEMA, iter(()))
    else:
        predictions, refused, drift = _score_rows(step, task, predict, step.fetch(unparsed))
        n_refused = _count(refused)
    return _publish(step, task, (predictions, refused, drift), n_refused, trained)


# --- rows ---------------------------------------------------------------------------------------


def _score_rows(
    step: Step, task: _Task, predict: Predict, unparsed: Path
) -> tuple[DatasetWriter, DatasetWriter, Drift]:
    counter = RowCounter(task.profile, task.view, task.limits) if task.profile else None
    began = told = time.monotonic()
    n_scored, predictions = 0, None
    with contextlib.ExitStack() as stack:
        refused = stack.enter_context(DatasetWriter(step.workdir / "refused", QUARANTINE_SCHEMA))
        for batch in Dataset.open(unparsed, verify=False).batches():
            refused.write(batch)
        stack.enter_context(short_turns())
        batches = read_ahead(task.rows.batches(batch_size=ROWS_PER_BATCH))
        # A batch is counted and written while the next one is predicted.
        for scored in read_ahead(score_batches(batches, predict)):
            is_new = counter.add(scored) if counter else None
            if len(scored.refused):
                refused.write(shape_refused(scored))
            if not len(scored.places):
                continue
            shaped = shape_predictions(scored, is_new, task.stamp)
            if predictions is None:
                folder = step.workdir / "predictions"
                writer = DatasetWriter(folder, shaped.schema, partition_bytes=PARTITION_BYTES)
                predictions = stack.enter_context(writer)
            predictions.write(shaped)
            n_scored += shaped.num_rows
            if time.monotonic() - told >= SECONDS_PER_MESSAGE:
                told = time.monotonic()
                logger.info(
                    "Scored %s of %s rows, %s rows/s.",
                    f"{n_scored:,}",
                    f"{task.rows.n_rows:,}",
                    f"{n_scored / (told - began):,.0f}",
                )
    if predictions is None:
        raise ScoringError("Nothing was predicted.", hint="please report this with the log")
    step.log_metrics({"rows_per_second": n_scored / max(time.monotonic() - began, 1e-9)})
    return predictions, refused, counter.judge() if counter else _leave_unjudged(task)


# --- series -------------------------------------------------------------------------------------


def _score_series(step: Step, task: _Task, model: Any) -> tuple[DatasetWriter, Drift]:
    shape = task.champion.forecast
    if shape is None:
        raise ScoringError("A champion without a forecast was given a series.")
    # In memory as a whole, as cleaning had the series.
    names = list(dict.fromkeys([*task.champion.columns, shape.time]))
    rows = task.rows.table(names)
    window = cut_latest_window(rows, task.view, task.champion.columns, shape)
    try:
        values = np.asarray(model.predict(window.values), dtype=np.float64)[0]
    except Exception as error:  # a model runs its own code, which may raise anything
        raise ScoringError(
            f"The champion, version {task.champion.version.version}, cannot forecast what follows "
            f"{window.ahead[0]}: {get_first_line(error)}",
            expected="a latest window such as it was trained on",
            hint="wait for the values that are missing, or let cleaning impute them and retrain",
        ) from error
    batch = shape_forecast(values, window, shape, task.stamp)
    written = _write(step.workdir / "predictions", batch.schema, iter([batch]))
    if task.profile is None:
        return written, _leave_unjudged(task)
    drift = judge_series(task.profile, task.view, rows, shape.time, task.limits)
    return written, drift


# --- what is handed over ------------------------------------------------------------------------


def _publish(
    step: Step,
    task: _Task,
    made: tuple[DatasetWriter, DatasetWriter, Drift],
    n_refused: int,
    trained: TrainingNight | None,
) -> dict[str, Handoff]:
    predictions, refused, drift = made
    version = task.champion.version
    document = {
        "workflow": version.name,
        "version": version.version,
        "night": task.stamp.night.isoformat(),
        "training_night": trained.night.date.isoformat() if trained else None,
        "kind": task.champion.kind,
        "rows": task.rows.n_rows,
        "scored": _count(predictions),
        "refused": n_refused,
        "drift": drift.to_json(),
    }
    path = step.workdir / "drift.json"
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text, encoding="utf-8")
    handoffs = {
        "predictions": step.publish(predictions.folder, "predictions", n_rows=_count(predictions)),
        "refused": step.publish(refused.folder, "refused", n_rows=n_refused),
        "drift": step.publish(path, "drift"),
    }
    figures: dict[str, float] = {"rows_scored": _count(predictions), "rows_refused": n_refused}
    if drift.columns:
        figures["max_psi"] = max(column.divergence.psi for column in drift.columns)
        figures["max_js"] = max(column.divergence.js for column in drift.columns)
    step.log_metrics(figures)
    step.log_night_metrics(figures)
    step.set_night_tags(
        {tags.DRIFT: "yes" if drift.is_drifting else "no", tags.MLFLOW_NOTE: drift.sentence}
    )
    logger.info(
        "Version %s scored %d of %d rows, refused %d. %s",
        version.version,
        _count(predictions),
        task.rows.n_rows,
        n_refused,
        drift.sentence,
    )
    return handoffs


def _make_stamp(step: Step, champion: Champion) -> Stamp:
    # When the scoring was opened and not now: a retry writes the same bytes again.
    started = step.client.get_run(step.night.run_id).info.start_time
    moment = datetime.datetime.fromtimestamp(started / 1000, datetime.UTC)
    return Stamp(champion.version.version, step.night.date, moment)


def _leave_unjudged(task: _Task) -> Drift:
    limits = task.limits
    return Drift((), 0, 0, limits.max_psi, limits.max_js, task.problem or "there is no profile")


def _write(folder: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> DatasetWriter:
    with DatasetWriter(folder, schema) as writer:
        for batch in batches:
            writer.write(batch)
    return writer


def _count(writer: DatasetWriter) -> int:
    return writer.manifest.n_rows if writer.manifest is not None else 0

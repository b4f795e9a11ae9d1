"""The evaluate step: tonight's models and the champion predict the same rows, and are compared.

The body of one Airflow task; the models are loaded as they would be served and fed raw rows.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.columns import ID_COLUMN
from tasks.evaluation.champion_rows import compare_with_champion
from tasks.evaluation.comparison import Judged, compare_models
from tasks.evaluation.contenders import (
    Contender,
    Problems,
    ServedModel,
    excuse_champion,
    list_contenders,
)
from tasks.evaluation.judged_data import NightData, Predicted
from tasks.evaluation.prediction import predict_all
from tasks.evaluation.scores import Comparison
from tasks.evaluation.seen import TRAIN, Seen, prove_unseen, read_ids
from tasks.evaluation.series import HOLDOUT
from tasks.metrics import say_score
from tasks.models.example import EXAMPLE_FOLDER, MAX_ROWS, write_example
from tasks.models.smoke import measure_folder
from tasks.preparation import Preparation
from tasks.registry import CHAMPION, reconcile
from tasks.settings import Settings
from tasks.tracking import Handoff, Step
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

# The clean rows that are judged lie in memory as ids, targets and predictions (not as inputs):
# about 100 bytes and 8 bytes per class and model a row, so 10 million rows take a few GB. A series
# that is forecast lies there as a whole, as it did when it was cleaned.


def run(
    step: Step,
    workflow: Workflow,
    settings: Settings,
    *,
    raw: Handoff,
    clean: Handoff,
    preparation: Handoff,
    models: Mapping[str, Handoff],
    quarantine: Handoff | None = None,
) -> dict[str, Handoff]:
    """Score candidates, baselines and champion on tonight's validation and hold-out rows.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    raw, clean, preparation : Handoff
        The rows as they arrived, as they were cleaned and split, and what cleaning learned.
    models : mapping of str to Handoff
        MLflow model folders of the candidates and the baselines, by name.
    quarantine : Handoff, optional
        Rows that could not be used: of a forecast, no value of theirs counts as measured.

    Returns
    -------
    dict
        ``scores``: a folder with ``scores.json``, the dataset ``predictions``, and ``example``: a few
        raw hold-out rows and what the challenger said of them.

    Raises
    ------
    EvaluationError
        When rows that were judged are missing from the raw data or were trained on, predictions do not
        fit, or there is nothing to be judged by. A champion that cannot be loaded or cannot predict is
        no error: the others are scored, and the document says what was wrong with it.
    """
    prepared = Preparation.from_json(step.fetch(preparation).read_text(encoding="utf-8"))
    data = NightData(
        raw=Dataset.open(step.fetch(raw)),
        clean=Dataset.open(step.fetch(clean)),
        preparation=prepared,
        workflow=workflow,
        quarantined=_read_ids(step, quarantine),
    )
    reconcile(step.client, settings, workflow.name)  # an alias that was moved by hand is noted
    contenders = list_contenders(step.client, workflow, models)
    seen = _prove_unseen(step, data, contenders.get(CHAMPION), clean)
    problems: Problems = {}
    served: dict[str, ServedModel] = {}
    for name, contender in contenders.items():
        # The champion comes last: a store that is down stops the night before it looks guilty.
        with excuse_champion(name, problems, "be loaded"):
            served[name] = ServedModel.open(name, step.fetch(contender.model), prepared.kind)
    predicted = predict_all(data, list(served.values()))
    problems |= predicted.problems
    latencies = _measure_latencies(predicted, served, problems)
    comparison = compare_models(
        {
            name: Judged(
                contender.role,
                predicted.predictions.get(name),
                contender.version,
                measure_folder(served[name].folder) if name in served else None,
                latencies.get(name),
                problems.get(name),
            )
            for name, contender in contenders.items()
        },
        predicted.scorer,
        workflow.metric,
        significance=workflow.promotion.significance,
        seed=step.night.seed,
        slices=predicted.slices,
    )
    folder = step.workdir / "scores"
    folder.mkdir()
    scores = {**comparison.to_json(), "seen": seen.to_json(), "example": EXAMPLE_FOLDER}
    document = json.dumps(scores, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "scores.json").write_text(document, encoding="utf-8")
    _write_predictions(folder / "predictions", predicted.table)
    _write_example(folder / EXAMPLE_FOLDER, predicted, served[comparison.challenger])
    _log(step, comparison)
    return {"scores": step.publish(folder, "scores", n_rows=predicted.table.num_rows)}


def _prove_unseen(step: Step, data: NightData, champion: Contender | None, clean: Handoff) -> Seen:
    forecast = data.preparation.forecast
    time = forecast.time if forecast is not None else None
    holdout = read_ids(data.clean, HOLDOUT, time)
    seen = prove_unseen(read_ids(data.clean, TRAIN, time), holdout)
    if champion is None:
        return seen
    rows = compare_with_champion(
        step, data.workflow, champion, clean=clean, holdout=holdout, time=time
    )
    return replace(seen, champion=rows)


def _read_ids(step: Step, dataset: Handoff | None) -> pa.ChunkedArray | None:
    if dataset is None:
        return None
    return Dataset.open(step.fetch(dataset)).table([ID_COLUMN])[ID_COLUMN]


def _write_predictions(folder: Path, table: pa.Table) -> None:
    whole = table.combine_chunks()
    with DatasetWriter(folder, whole.schema) as writer:
        writer.write(whole)


def _measure_latencies(
    predicted: Predicted, served: Mapping[str, ServedModel], problems: Problems
) -> dict[str, float]:
    """Measure how long everybody that has predicted takes for one hold-out row, in milliseconds."""
    first = np.flatnonzero(predicted.scorer.is_holdout)[:1]
    latencies: dict[str, float] = {}
    for name in predicted.predictions if len(first) else ():
        with excuse_champion(name, problems, "predict a single row"):
            row = predicted.take_inputs(served[name], first)
            latencies[name] = served[name].measure_latency(row)
    return latencies


def _write_example(folder: Path, predicted: Predicted, challenger: ServedModel) -> None:
    """Write a few hold-out rows, spread evenly, and what the challenger said of them."""
    rows = np.flatnonzero(predicted.scorer.is_holdout)
    n_rows = min(len(rows), MAX_ROWS)
    places = rows[np.linspace(0, len(rows) - 1, n_rows).astype(np.int64)]
    said = predicted.predictions[challenger.name][places]
    write_example(folder, predicted.take_inputs(challenger, places), said)


def _log(step: Step, comparison: Comparison) -> None:
    step.log_params(
        {
            "metric": comparison.metric,
            "challenger": comparison.challenger,
            "candidates": ", ".join(comparison.list_models("candidate")),
            "baselines": ", ".join(comparison.list_models("baseline")),
            "n_holdout": comparison.n_holdout,
            "n_validation": comparison.n_validation,
        }
    )
    step.log_metrics(
        {
            f"{name}.{metric}": value
            for name, scores in comparison.models.items()
            for metric, value in scores.holdout.items()
        }
    )
    step.log_night_metrics(
        {
            f"{name}.{comparison.metric}": scores.holdout[comparison.metric]
            for name, scores in comparison.models.items()
        }
    )
    unit = "windows" if comparison.kind == "forecast" else "rows"
    for name, scores in comparison.models.items():
        logger.info(
            "%s (%s): %s %s on %d hold-out %s.",
            name,
            scores.role,
            comparison.metric,
            say_score(scores.holdout[comparison.metric]),
            comparison.n_holdout,
            unit,
        )

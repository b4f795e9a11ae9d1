"""The evaluate step: tonight's models and the champion predict the same rows, and are compared.

The body of one Airflow task; the models are loaded as they would be served and fed raw rows.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.columns import ID_COLUMN
from tasks.evaluation.comparison import Comparison, Judged, compare_models
from tasks.evaluation.contenders import ServedModel, list_contenders
from tasks.evaluation.prediction import NightData, predict_all
from tasks.metrics import say_score
from tasks.preparation import Preparation
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
    settings: Settings,  # noqa: ARG001 - every step has the same first three
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
        ``scores``: a folder with ``scores.json`` and the dataset ``predictions``.

    Raises
    ------
    EvaluationError
        When rows that were judged are missing from the raw data, predictions do not fit, there is
        nothing to be judged by, or the champion cannot be given tonight's data.
    """
    prepared = Preparation.from_json(step.fetch(preparation).read_text(encoding="utf-8"))
    contenders = list_contenders(step.client, workflow, models)
    served = [
        ServedModel.open(name, step.fetch(contender.model), prepared.kind)
        for name, contender in contenders.items()
    ]
    predicted = predict_all(
        NightData(
            raw=Dataset.open(step.fetch(raw)),
            clean=Dataset.open(step.fetch(clean)),
            preparation=prepared,
            workflow=workflow,
            quarantined=_read_ids(step, quarantine),
        ),
        served,
    )
    comparison = compare_models(
        {
            name: Judged(contender.role, predicted.predictions[name], contender.version)
            for name, contender in contenders.items()
        },
        predicted.scorer,
        workflow.metric,
        seed=step.night.seed,
    )
    folder = step.workdir / "scores"
    folder.mkdir()
    document = json.dumps(comparison.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "scores.json").write_text(document, encoding="utf-8")
    _write_predictions(folder / "predictions", predicted.table)
    _log(step, comparison)
    return {"scores": step.publish(folder, "scores", n_rows=predicted.table.num_rows)}


def _read_ids(step: Step, dataset: Handoff | None) -> pa.ChunkedArray | None:
    if dataset is None:
        return None
    return Dataset.open(step.fetch(dataset)).table([ID_COLUMN])[ID_COLUMN]


def _write_predictions(folder: Path, table: pa.Table) -> None:
    whole = table.combine_chunks()
    with DatasetWriter(folder, whole.schema) as writer:
        writer.write(whole)


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

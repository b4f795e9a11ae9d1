"""The evaluate step: tonight's models and the champion predict the same rows, and are compared.

The body of one Airflow task; the models are loaded as they would be served and fed raw rows.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import EvaluationError
from tasks.evaluation.comparison import Comparison, Judged, compare_models
from tasks.metrics import align_probabilities
from tasks.preparation import Preparation
from tasks.registry import CHAMPION, find_by_alias
from tasks.settings import Settings
from tasks.tracking import Handoff, Step
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

# The clean rows that are judged lie in memory as ids, targets and probabilities (not as inputs):
# about 100 bytes and 4 bytes per class and model a row, so 10 million rows take a few GB.
BASELINE = "baseline"
_PROBABILITY = "probability_"


def run(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step has the same first three
    *,
    raw: Handoff,
    clean: Handoff,
    preparation: Handoff,
    models: Mapping[str, Handoff],
) -> dict[str, Handoff]:
    """Score candidates, baseline and champion on tonight's validation and hold-out rows.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    raw, clean, preparation : Handoff
        The rows as they arrived, as they were cleaned and split, and what cleaning learned.
    models : mapping of str to Handoff
        MLflow model folders of the candidates and of ``baseline``.

    Returns
    -------
    dict
        ``scores``: a folder with ``scores.json`` and the dataset ``predictions``.

    Raises
    ------
    EvaluationError
        When rows that were judged are missing from the raw data, predictions do not fit, or the
        rows have no class to be judged by.
    """
    prepared = Preparation.from_json(step.fetch(preparation).read_text(encoding="utf-8"))
    judged = Dataset.open(step.fetch(clean)).table(
        [ID_COLUMN, SPLIT_COLUMN, _get_target(prepared)], where=pc.field(SPLIT_COLUMN) != "train"
    )
    contenders: dict[str, tuple[Any, str | None, Handoff]] = {
        name: ("baseline" if name == BASELINE else "candidate", None, handoff)
        for name, handoff in models.items()
    }
    champion = find_by_alias(step.client, workflow.name, CHAMPION)
    if champion is not None:
        contenders[CHAMPION] = ("champion", champion.version, champion.model)

    raw_rows = Dataset.open(step.fetch(raw))
    probabilities = {
        name: predict_rows(step.fetch(handoff), raw_rows, judged[ID_COLUMN], prepared)
        for name, (_, _, handoff) in contenders.items()
    }
    comparison = compare_models(
        {
            name: Judged(role, probabilities[name], version)
            for name, (role, version, _) in contenders.items()
        },
        target=prepared.encode(judged[_get_target(prepared)]),
        is_holdout=np.asarray(pc.equal(judged[SPLIT_COLUMN], "holdout")),
        classes=prepared.classes,
        metric=workflow.promotion.metric,
        seed=step.night.seed,
    )
    folder = step.workdir / "scores"
    folder.mkdir()
    (folder / "scores.json").write_text(
        json.dumps(comparison.to_json(), indent=1, ensure_ascii=False), encoding="utf-8"
    )
    _write_predictions(folder / "predictions", judged, prepared, probabilities)
    _log(step, comparison)
    return {"scores": step.publish(folder, "scores", n_rows=judged.num_rows)}


def _get_target(preparation: Preparation) -> str:
    if preparation.target is None:
        raise EvaluationError(
            "The clean rows have no target, so no model can be judged by them.",
            expected="'columns.target' in a workflow that has candidates",
            hint="clear the task clean, so that the rows are cleaned for the workflow as it is now",
        )
    return preparation.target


def predict_rows(
    model_folder: Path, raw: Dataset, ids: pa.ChunkedArray, preparation: Preparation
) -> npt.NDArray[np.float64]:
    """Let a model, loaded as it would be served, predict chosen raw rows.

    Parameters
    ----------
    model_folder : Path
        An MLflow model.
    raw : Dataset
        Streamed; only one batch lies in memory at once.
    ids : pyarrow.ChunkedArray of shape (n_rows,)
        The rows to predict, in this order.
    preparation : Preparation
        Tonight's inputs and classes.

    Returns
    -------
    ndarray of shape (n_rows, n_classes)
        Probabilities, columns in the order of ``preparation.classes``.

    Raises
    ------
    EvaluationError
        When a row is missing from the raw data, or cannot be given to the model.
    """
    from mlflow.pyfunc import load_model

    model = load_model(str(model_folder))
    wanted = ids.combine_chunks()
    found = np.zeros(len(wanted), dtype=bool)
    result = np.zeros((len(wanted), len(preparation.classes)))
    for batch in raw.batches([ID_COLUMN, *preparation.columns]):
        places = pc.index_in(batch[ID_COLUMN], value_set=wanted)
        rows = pa.Table.from_batches([batch]).filter(pc.is_valid(places))
        at = np.asarray(places.drop_null(), dtype=np.int64)
        if not len(at):
            continue
        predicted = model.predict(_as_model_input(rows, preparation, model))
        columns = [c for c in predicted.columns if c.startswith(_PROBABILITY)]
        known = [c.removeprefix(_PROBABILITY) for c in columns]
        result[at] = align_probabilities(predicted[columns].to_numpy(), known, preparation.classes)
        found[at] = True
    if not found.all():
        raise EvaluationError(
            f"{int((~found).sum())} of {len(found)} judged rows are not among the raw rows.",
            expected="every clean row's id among the raw rows",
            hint="clear the tasks ingest and clean together, so that they belong to each other",
        )
    return result


def _as_model_input(rows: pa.Table, preparation: Preparation, model: Any) -> Any:
    """Raw rows as the model's own signature wants them: images as tensors, tables column by column.

    A champion of an earlier night may read other columns, and may have learned from numbers what
    arrives as text now.
    """
    if preparation.image_column is not None:
        return preparation.inputs(rows)
    from mlflow.types import ColSpec, DataType

    wanted = {DataType.double: pa.float64(), DataType.string: pa.string()}
    schema = model.metadata.get_input_schema()
    specs = [spec for spec in schema or () if isinstance(spec, ColSpec)]
    if not specs:
        return rows.select(preparation.columns).to_pandas()
    columns = {}
    for spec in specs:
        if spec.name not in rows.column_names:
            continue  # MLflow says which columns are missing
        column, kind = rows[spec.name], None
        if isinstance(spec.type, DataType):
            kind = wanted.get(spec.type)
        try:
            columns[spec.name] = column if kind is None else pc.cast(column, kind, safe=False)
        except pa.ArrowInvalid as error:
            raise EvaluationError(
                f"The column {spec.name!r} cannot be given to a model that reads it as "
                f"{spec.type.name}: {str(error)[:200]}",
                expected="raw rows like those the model was trained on",
                hint="the champion is of an earlier kind of data: remove its alias, so that "
                "tonight's best model can become the first of the new kind",
            ) from error
    return pa.table(columns).to_pandas()


def _write_predictions(
    folder: Path,
    judged: pa.Table,
    preparation: Preparation,
    probabilities: Mapping[str, npt.NDArray[np.float64]],
) -> None:
    classes = pa.array(preparation.classes)
    columns: dict[str, Any] = {
        ID_COLUMN: judged[ID_COLUMN],
        SPLIT_COLUMN: judged[SPLIT_COLUMN],
        "target": judged[_get_target(preparation)],
    }
    for name, values in probabilities.items():
        columns[name] = classes.take(pa.array(values.argmax(axis=1)))
        columns[f"{name}_confidence"] = values.max(axis=1)
    table = pa.table(columns).combine_chunks()
    with DatasetWriter(folder, table.schema) as writer:
        writer.write(table)


def _log(step: Step, comparison: Comparison) -> None:
    step.log_params(
        {
            "metric": comparison.metric,
            "challenger": comparison.challenger,
            "n_holdout": comparison.n_holdout,
            "n_validation": comparison.n_validation,
        }
    )
    figures = {
        f"{name}.{metric}": getattr(scores.holdout, metric)
        for name, scores in comparison.models.items()
        for metric in ("accuracy", "macro_f1", "log_loss")
    }
    step.log_metrics(figures)
    step.log_night_metrics(
        {
            f"{name}.{comparison.metric}": getattr(scores.holdout, comparison.metric)
            for name, scores in comparison.models.items()
        }
    )
    for name, scores in comparison.models.items():
        logger.info(
            "%s (%s): %s %.4f on %d hold-out rows.",
            name,
            scores.role,
            comparison.metric,
            getattr(scores.holdout, comparison.metric),
            comparison.n_holdout,
        )

"""Let models predict chosen raw rows, as they would be served: of classes and of numbers.

Used by the evaluate step; the raw dataset is streamed, only one batch lies in memory at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset
from tasks.dataset.columns import ID_COLUMN
from tasks.errors import EvaluationError
from tasks.evaluation.contenders import RETIRE_CHAMPION, ServedModel
from tasks.metrics import align_probabilities
from tasks.preparation import Preparation

PREDICTION = "prediction"
_PROBABILITY = "probability_"


def predict_rows(
    served: ServedModel, raw: Dataset, ids: pa.ChunkedArray, preparation: Preparation
) -> npt.NDArray[np.float64]:
    """Let a model predict chosen raw rows.

    Parameters
    ----------
    served : ServedModel
    raw : Dataset
    ids : pyarrow.ChunkedArray of shape (n_rows,)
        The rows to predict, in this order.
    preparation : Preparation
        Tonight's inputs and classes.

    Returns
    -------
    ndarray of shape (n_rows, n_classes)
        Probabilities, columns in the order of ``preparation.classes``; or of shape (n_rows,):
        numbers in the target's unit.

    Raises
    ------
    EvaluationError
        When a row is missing from the raw data, or cannot be given to the model.
    """
    model = served.load()
    wanted = ids.combine_chunks()
    found = np.zeros(len(wanted), dtype=bool)
    is_of_classes = preparation.kind == "classification"
    result = np.zeros((len(wanted), len(preparation.classes)) if is_of_classes else len(wanted))
    present = set(raw.schema.names)
    names = dict.fromkeys([ID_COLUMN, *preparation.columns, *served.columns])
    for batch in raw.batches([name for name in names if name in present]):
        places = pc.index_in(batch[ID_COLUMN], value_set=wanted)
        rows = pa.Table.from_batches([batch]).filter(pc.is_valid(places))
        at = np.asarray(places.drop_null(), dtype=np.int64)
        if not len(at):
            continue
        predicted = model.predict(as_model_input(rows, preparation, model))
        if is_of_classes:
            columns = [c for c in predicted.columns if c.startswith(_PROBABILITY)]
            known = [c.removeprefix(_PROBABILITY) for c in columns]
            values = predicted[columns].to_numpy()
            result[at] = align_probabilities(values, known, preparation.classes)
        else:
            result[at] = predicted[PREDICTION].to_numpy()
        found[at] = True
    check_all_found(found)
    return result


def check_all_found(found: npt.NDArray[np.bool_]) -> None:
    """Check that every judged row is among the raw ones.

    Raises
    ------
    EvaluationError
    """
    if not found.all():
        raise EvaluationError(
            f"{int((~found).sum())} of {len(found)} judged rows are not among the raw rows.",
            expected="every clean row's id among the raw rows",
            hint="clear the tasks ingest and clean together, so that they belong to each other",
        )


def as_model_input(rows: pa.Table, preparation: Preparation, model: Any) -> Any:
    """Make of raw rows what the model's own signature wants: images as tensors, tables column by column.

    A champion of an earlier night may read other columns, and may have learned from numbers what
    arrives as text now.

    Parameters
    ----------
    rows : pyarrow.Table
    preparation : Preparation
        Tonight's.
    model : mlflow.pyfunc.PyFuncModel

    Returns
    -------
    ndarray or pandas.DataFrame

    Raises
    ------
    EvaluationError
        When a column cannot be read as the model reads it.
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
                hint=RETIRE_CHAMPION,
            ) from error
    return pa.table(columns).to_pandas()

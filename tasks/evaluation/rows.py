"""Let models predict chosen raw rows, as they would be served: of classes and of numbers.

Used by the evaluate step; the raw dataset is streamed, only one batch lies in memory at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset
from tasks.dataset.columns import ID_COLUMN
from tasks.errors import EvaluationError
from tasks.evaluation.contenders import ServedModel
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
    is_of_classes = preparation.kind == "classification"
    result = np.zeros((len(ids), len(preparation.classes)) if is_of_classes else len(ids))
    present = set(raw.schema.names)
    names = [n for n in dict.fromkeys([*preparation.columns, *served.columns]) if n in present]
    for at, rows in find_rows(raw, ids, names):
        predicted = model.predict(as_model_input(rows, preparation, served))
        if is_of_classes:
            columns = [c for c in predicted.columns if c.startswith(_PROBABILITY)]
            known = [c.removeprefix(_PROBABILITY) for c in columns]
            values = predicted[columns].to_numpy()
            result[at] = align_probabilities(values, known, preparation.classes)
        else:
            result[at] = predicted[PREDICTION].to_numpy()
    return result


def find_rows(
    raw: Dataset, ids: pa.ChunkedArray, columns: Sequence[str]
) -> Iterator[tuple[npt.NDArray[np.int64], pa.Table]]:
    """Find chosen raw rows, batch by batch.

    Parameters
    ----------
    raw : Dataset
    ids : pyarrow.ChunkedArray of shape (n_rows,)
        Of the rows, without repetition.
    columns : sequence of str

    Yields
    ------
    places : ndarray of shape (n_found,), int64
        In ``ids``.
    rows : pyarrow.Table with n_found rows
        With their ids. Of several rows with one id the first one, as cleaning keeps it.

    Raises
    ------
    EvaluationError
        When one of the rows is missing.
    """
    wanted = ids.combine_chunks()
    is_found = np.zeros(len(wanted), dtype=bool)
    for batch in raw.batches(list(dict.fromkeys([ID_COLUMN, *columns]))):
        places = pc.index_in(batch[ID_COLUMN], value_set=wanted)
        rows = np.flatnonzero(places.is_valid())
        at, firsts = np.unique(np.asarray(places.drop_null(), np.int64), return_index=True)
        is_new = ~is_found[at]
        at, firsts = at[is_new], firsts[is_new]
        if len(at):
            is_found[at] = True
            yield at, pa.Table.from_batches([batch]).take(pa.array(rows[firsts]))
    if not is_found.all():
        raise EvaluationError(
            f"{int((~is_found).sum())} of {len(is_found)} judged rows are not among the raw rows.",
            expected="every clean row's id among the raw rows",
            hint="clear the tasks ingest and clean together, so that they belong to each other",
        )


def read_rows(raw: Dataset, ids: pa.ChunkedArray, columns: Sequence[str]) -> pa.Table:
    """Read chosen raw rows into memory, in the order of their ids; see :func:`find_rows`."""
    found = list(find_rows(raw, ids, columns))
    if not found:
        return raw.schema.empty_table().select(list(columns))
    order = np.argsort(np.concatenate([at for at, _ in found]))
    return pa.concat_tables([rows for _, rows in found]).take(pa.array(order))


def as_model_input(rows: pa.Table, preparation: Preparation, served: ServedModel) -> Any:
    """Make of raw rows what the model's own signature wants: images as tensors, tables column by column.

    A champion of an earlier night may read other columns, and may have learned from numbers what
    arrives as text now.

    Parameters
    ----------
    rows : pyarrow.Table
    preparation : Preparation
        Tonight's.
    served : ServedModel

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
    specs = [spec for spec in served.input_schema or () if isinstance(spec, ColSpec)]
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
                hint="train the model on rows as they arrive now",
            ) from error
    return pa.table(columns).to_pandas()

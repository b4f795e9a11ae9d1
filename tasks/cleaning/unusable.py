"""Unusable rows: no id, no class, an input that is missing, NaN or infinite.

Pure; looks at rows after type conversion. Filling missing values in is not done here.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.cleaning.quarantine import Problem
from tasks.dataset import tensor_column_to_array
from tasks.dataset.columns import ID_COLUMN
from tasks.workflow import Columns

MISSING = "missing"
NOT_FINITE = "NaN or infinite"


def find_unusable_rows(rows: pa.RecordBatch, columns: Columns) -> tuple[Problem, ...]:
    """Find the rows that no model can be trained on or judged by.

    Parameters
    ----------
    rows : pyarrow.RecordBatch
        After :func:`tasks.cleaning.types.convert_types`.
    columns : Columns

    Returns
    -------
    tuple of Problem
        An image is not finite when one of its pixels is not.
    """
    problems = [
        Problem(name, MISSING, np.flatnonzero(np.asarray(_is_missing(rows.column(name)))))
        for name in (ID_COLUMN, columns.target, *columns.inputs)
    ]
    problems += [_find_not_finite(name, rows.column(name)) for name in columns.inputs]
    return tuple(p for p in problems if len(p.rows))


def _is_missing(column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type):
        return pc.fill_null(pc.equal(column, ""), True)
    return column.is_null()


def _find_not_finite(name: str, column: pa.Array) -> Problem:
    places = np.flatnonzero(np.asarray(column.is_valid()))
    values = column.filter(column.is_valid())
    if isinstance(column.type, pa.FixedShapeTensorType):
        tensors = tensor_column_to_array(values)
        if not np.issubdtype(tensors.dtype, np.floating):
            return Problem(name, NOT_FINITE, places[:0])
        is_finite = np.isfinite(tensors).all(axis=tuple(range(1, tensors.ndim)))
        return Problem(name, NOT_FINITE, places[~is_finite])
    numbers = np.asarray(values)
    is_finite = np.isfinite(numbers)
    return Problem(name, NOT_FINITE, places[~is_finite], numbers[~is_finite].tolist())

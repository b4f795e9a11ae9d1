"""Unusable rows that no transformer looks for: no id, no time, no image or one that is not finite.

Pure; features are looked at after the last transformer (``tasks.preparation.find_unusable``).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import tensor_column_to_array
from tasks.dataset.columns import ID_COLUMN
from tasks.preparation.frame import Frame, find_missing
from tasks.preparation.preparation import MISSING, NOT_FINITE
from tasks.preparation.transformer import Problem
from tasks.workflow import Columns


def find_unidentified_rows(ids: pa.StringArray) -> tuple[Problem, ...]:
    """Find the rows without an id.

    Parameters
    ----------
    ids : pyarrow.StringArray of length n_rows

    Returns
    -------
    tuple of Problem
    """
    is_missing = np.asarray(pc.fill_null(pc.equal(pc.binary_length(ids), 0), True))
    rows = np.flatnonzero(is_missing)
    return (Problem(ID_COLUMN, MISSING, rows),) if len(rows) else ()


def find_unusable_rows(frame: Frame, columns: Columns) -> tuple[Problem, ...]:
    """Find the rows without a time, where there must be one, and those without a usable image.

    Parameters
    ----------
    frame : Frame with n_rows rows
    columns : Columns

    Returns
    -------
    tuple of Problem
        An image is not finite when one of its pixels is not.
    """
    needed = [columns.time, columns.image.column if columns.image else None]
    problems = [
        Problem(name, MISSING, np.flatnonzero(find_missing(frame[name])))
        for name in needed
        if name is not None
    ]
    if columns.image is not None:
        problems.append(_find_not_finite(columns.image.column, frame[columns.image.column]))
    return tuple(p for p in problems if len(p.rows))


def _find_not_finite(name: str, column: pa.Array) -> Problem:
    places = np.flatnonzero(np.asarray(column.is_valid()))
    tensors = tensor_column_to_array(column.filter(column.is_valid()))
    if not np.issubdtype(tensors.dtype, np.floating):
        return Problem(name, NOT_FINITE, places[:0])
    is_finite = np.isfinite(tensors).all(axis=tuple(range(1, tensors.ndim)))
    return Problem(name, NOT_FINITE, places[~is_finite])

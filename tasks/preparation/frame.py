"""The frame that transformers work on: columns by name, each of one of four kinds.

Ground module with NumPy and pyarrow alone: it travels inside the registered model.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import CleaningError

Kind: TypeAlias = Literal["number", "date", "text", "tensor"]
Column: TypeAlias = "npt.NDArray[Any] | pa.Array"

# Columns of equal length by name, in order. Never changed in place: a transformer makes a new one.
#   number  float64 array, missing is NaN (booleans are 0 and 1)
#   date    datetime64[us] array, missing is NaT; UTC; from 290,000 years ago, unlike nanoseconds
#   text    pyarrow.StringArray, missing is null
#   tensor  pyarrow.FixedShapeTensorArray, missing is null
Frame: TypeAlias = dict[str, Column]


def find_kind(column: Column) -> Kind:
    """Tell the kind of a column."""
    if isinstance(column, np.ndarray):
        return "date" if np.issubdtype(column.dtype, np.datetime64) else "number"
    return "tensor" if isinstance(column.type, pa.FixedShapeTensorType) else "text"


def count_rows(frame: Frame) -> int:
    """Count the rows of a frame; 0 where it has no column."""
    return len(next(iter(frame.values()))) if frame else 0


def find_missing(column: Column) -> npt.NDArray[np.bool_]:
    """Tell where a column has no value.

    Returns
    -------
    ndarray of shape (n_rows,), bool
    """
    if isinstance(column, np.ndarray):
        return np.isnat(column) if find_kind(column) == "date" else np.isnan(column)
    return np.asarray(column.is_null())


def filter_rows(frame: Frame, is_kept: npt.NDArray[np.bool_]) -> Frame:
    """Keep some rows of a frame.

    Parameters
    ----------
    frame : Frame with n_rows rows
    is_kept : ndarray of shape (n_rows,), bool

    Returns
    -------
    Frame
    """
    if is_kept.all():
        return dict(frame)
    mask = pa.array(is_kept)
    return {
        name: column[is_kept] if isinstance(column, np.ndarray) else column.filter(mask)
        for name, column in frame.items()
    }


def take_rows(frame: Frame, places: npt.NDArray[np.int64]) -> Frame:
    """Take rows by their places, in that order."""
    indices = pa.array(places)
    return {
        name: column[places] if isinstance(column, np.ndarray) else column.take(indices)
        for name, column in frame.items()
    }


def read_column(column: pa.Array | pa.ChunkedArray, name: str) -> Column:
    """Read an Arrow column into one of the kinds.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray of length n_rows
        Text, numbers, booleans, dates, times with a date, tensors, or nothing but nulls.
    name : str
        For the error.

    Returns
    -------
    Column of length n_rows
        Without a copy where the kind has the same memory.

    Raises
    ------
    CleaningError
        When the type is none of these.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(column.type, pa.DictionaryType):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_string(kind) or isinstance(kind, pa.FixedShapeTensorType):
        return column
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _read_times(column)
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        if pa.types.is_boolean(kind):
            column = column.cast(pa.uint8())
        numbers = pc.cast(column, pa.float64(), safe=False)
        return np.asarray(numbers.to_numpy(zero_copy_only=False), np.float64)
    raise CleaningError(
        f"The column {name!r} has the type {kind}.",
        expected="text, numbers, booleans, dates or times with a date",
        hint="take the column out of 'columns' in the workflow file, or convert it in the source",
    )


def _read_times(column: pa.Array) -> npt.NDArray[np.datetime64]:
    zone = column.type.tz if pa.types.is_timestamp(column.type) else None
    target = pa.timestamp("us", zone)
    try:
        times = column.cast(target)
    except pa.ArrowInvalid:
        # A finer unit is cut. A coarser one can hold times that microseconds cannot: outside the
        # years 1 to 9999 it is a slip, and missing.
        is_sound = pc.and_(
            pc.greater_equal(pc.year(column), 1), pc.less_equal(pc.year(column), 9999)
        )
        times = pc.if_else(is_sound, column, pa.scalar(None, column.type)).cast(target, safe=False)
    # Arrow keeps UTC inside, whatever the zone.
    return np.asarray(times.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False), "M8[us]")


def to_arrow(column: Column) -> pa.Array:
    """Write a column as Arrow: NaN and NaT become nulls.

    Returns
    -------
    pyarrow.Array
        float64, timestamp[us], string or fixed_shape_tensor.
    """
    if not isinstance(column, np.ndarray):
        return column
    if find_kind(column) == "date":
        return pa.array(column, pa.timestamp("us"))
    return pa.array(column, pa.float64(), mask=np.isnan(column) if np.isnan(column).any() else None)

"""Type conversion: features become float64, the target becomes a class (int64 or text).

Pure; a value that cannot be converted becomes missing and is reported with what stood there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.cleaning.quarantine import Problem
from tasks.errors import CleaningError
from tasks.workflow import Columns

NOT_A_NUMBER = "not a number"
NOT_A_CLASS = "not a class"
# What Arrow's cast reads, written for RE2, which takes linear time whatever the text.
_NUMBER = r"^([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:nan|inf|infinity))$"


def convert_types(
    rows: pa.RecordBatch, columns: Columns
) -> tuple[pa.RecordBatch, tuple[Problem, ...]]:
    """Convert the features and the target; other columns stay as they are.

    Parameters
    ----------
    rows : pyarrow.RecordBatch with n_rows rows
    columns : Columns

    Returns
    -------
    rows : pyarrow.RecordBatch with n_rows rows
        In the same order. Features are float64; the target is int64 where it came as whole numbers
        (also as floats without a fraction, or booleans), and trimmed text where it came as text:
        digits in a CSV file stay text, so that one new label never changes the type of all.
        Blank text and what cannot be converted is missing.
    problems : tuple of Problem
        What could not be converted.

    Raises
    ------
    CleaningError
        When a column's type can never be converted, such as a date to a number.
    """
    problems = []
    arrays = dict(zip(rows.schema.names, rows.columns, strict=True))
    for name in columns.features or ():
        arrays[name], is_bad = _convert(to_numbers, arrays[name], name)
        problems.append(_report(name, NOT_A_NUMBER, is_bad, rows.column(name)))
    target = columns.target
    arrays[target], is_bad = _convert(to_classes, arrays[target], target)
    problems.append(_report(target, NOT_A_CLASS, is_bad, rows.column(target)))
    return pa.RecordBatch.from_pydict(arrays), tuple(p for p in problems if len(p.rows))


def to_numbers(column: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Convert a column to numbers.

    Parameters
    ----------
    column : pyarrow.Array of length n_rows
        Text, numbers or booleans.

    Returns
    -------
    numbers : pyarrow.DoubleArray of length n_rows
        Missing where the value is missing, blank or no number.
    is_bad : ndarray of shape (n_rows,), bool
        Where it is no number.

    Raises
    ------
    pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError
        When the type cannot be converted.

    Examples
    --------
    >>> numbers, is_bad = to_numbers(pa.array(["1.5", " 2 ", "", "many"]))
    >>> numbers.to_pylist(), is_bad.tolist()
    ([1.5, 2.0, None, None], [False, False, False, True])
    """
    if not _is_text(column.type):
        _refuse_times(column.type)
        numbers = pc.cast(column, pa.float64(), safe=False)
        return numbers, np.zeros(len(column), dtype=bool)
    text = _trim(column)
    try:
        return pc.cast(text, pa.float64()), np.zeros(len(column), dtype=bool)
    except pa.ArrowInvalid:  # not all are numbers: find out which
        is_number = pc.match_substring_regex(text, _NUMBER)
        numbers = pc.cast(pc.if_else(is_number, text, None), pa.float64())
        return numbers, np.asarray(pc.fill_null(pc.invert(is_number), False))


def to_classes(column: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Convert a target column to classes.

    Parameters
    ----------
    column : pyarrow.Array of length n_rows
        Text, whole numbers, floats without a fraction, or booleans (0 and 1).

    Returns
    -------
    classes : pyarrow.Int64Array or pyarrow.StringArray of length n_rows
        Missing where the value is missing, blank or no class.
    is_bad : ndarray of shape (n_rows,), bool
        Where it is a number with a fraction, or infinite.

    Raises
    ------
    pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError
        When the type cannot be converted.
    """
    if _is_text(column.type):
        return _trim(column), np.zeros(len(column), dtype=bool)
    _refuse_times(column.type)
    if not pa.types.is_floating(column.type) and not pa.types.is_decimal(column.type):
        return pc.cast(column, pa.int64()), np.zeros(len(column), dtype=bool)
    numbers = np.asarray(pc.fill_null(pc.cast(column, pa.float64(), safe=False), np.nan))
    is_missing = np.isnan(numbers)
    is_whole = np.isfinite(numbers) & (numbers == np.floor(numbers))
    is_whole &= np.abs(np.where(is_whole, numbers, 0)) < 2.0**63
    whole = np.where(is_whole, numbers, 0).astype(np.int64)
    return pa.array(whole, mask=~is_whole), ~is_whole & ~is_missing


def _convert(
    convert: Callable[[pa.Array], tuple[pa.Array, npt.NDArray[np.bool_]]],
    column: pa.Array,
    name: str,
) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    try:
        return convert(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise CleaningError(
            f"The column {name!r} has the type {column.type}.",
            expected="text, numbers or booleans",
            hint="take the column out of 'columns' in the workflow file, or convert it in the source",
        ) from error


def _report(name: str, kind: str, is_bad: npt.NDArray[np.bool_], column: pa.Array) -> Problem:
    bad = np.flatnonzero(is_bad)
    return Problem(name, kind, bad, column.take(pa.array(bad)).to_pylist() if len(bad) else [])


def _is_text(type_: pa.DataType) -> bool:
    return type_ in (pa.string(), pa.large_string())


def _trim(column: pa.Array) -> pa.Array:
    """Text without space around it; blank text is missing."""
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _refuse_times(type_: pa.DataType) -> None:
    # Arrow would cast them to the count of their unit, which nobody means.
    if pa.types.is_temporal(type_):
        raise pa.ArrowNotImplementedError(f"{type_} is no number")

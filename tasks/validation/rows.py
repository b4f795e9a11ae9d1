"""Which rows break an expectation: one vectorised mask per kind of expectation.

Pure; Great Expectations judges and counts, and asking it for the rows as well costs ten times as
much. ``quarantine.py`` checks that both count the same.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.preparation.text_bytes import to_objects
from tasks.validation.regexes import REGEX_TYPES, find_mismatches

UNIQUE = "expect_column_values_to_be_unique"

Mask: TypeAlias = "npt.NDArray[np.bool_]"
Kwargs: TypeAlias = Mapping[str, Any]


def find_failing_rows(type_: str, kwargs: Kwargs, table: pa.Table) -> Mask:
    """Tell which rows break an expectation.

    Parameters
    ----------
    type_ : str
        One of :data:`ROW_TYPES`.
    kwargs : mapping
        Its arguments.
    table : pyarrow.Table with n_rows rows
        The columns it names, typed as :class:`tasks.validation.view.TypedView` does.

    Returns
    -------
    ndarray of shape (n_rows,), bool
        Missing values break nothing, as with Great Expectations, but for the expectations about
        missing values and those that compare columns.
    """
    if type_ in REGEX_TYPES:
        return find_mismatches(type_, dict(kwargs), to_text(table[kwargs["column"]]))
    return _MASKS[type_](kwargs, table)


def find_missing(column: pa.ChunkedArray) -> Mask:
    """Tell where a column has no value; NaN is none."""
    return np.asarray(pc.is_null(column, nan_is_null=True))


def to_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write a column as the text that Great Expectations takes lengths and regexes of."""
    if pa.types.is_string(column.type):
        return column
    text = column.to_pandas().astype(str).to_numpy(dtype=object)
    return pa.chunked_array([pa.array(text, pa.string(), mask=find_missing(column))])


def to_moment(value: Any) -> Any:
    """Read a date of a suite, which stands there as text, as a moment in UTC.

    Returns
    -------
    datetime.datetime
        The value itself where it is no date.
    """
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)  # fmt: skip
    return value


def _is_text(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_string(column.type))


def _to_values(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, Callable[[Any], Any]]:
    """Bring a column to text, float64 or moments, and give what brings a suite's value to the same."""
    if _is_text(column):
        return column, lambda value: value if isinstance(value, str) else None
    if pa.types.is_timestamp(column.type):
        return column, lambda value: pa.scalar(to_moment(value), column.type)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    # Arrow tells -0.0 from 0.0 where it looks values up; nobody else does.
    numbers = pc.add(column.cast(pa.float64(), safe=False), 0.0)
    return numbers, lambda v: None if isinstance(v, str) else float(v)


def _find_null(kwargs: Kwargs, table: pa.Table) -> Mask:
    return find_missing(table[kwargs["column"]])


def _find_not_null(kwargs: Kwargs, table: pa.Table) -> Mask:
    return ~find_missing(table[kwargs["column"]])


def _find_outside_set(kwargs: Kwargs, table: pa.Table) -> Mask:
    column = table[kwargs["column"]]
    return ~_is_in_set(column, kwargs["value_set"]) & ~find_missing(column)


def _find_in_set(kwargs: Kwargs, table: pa.Table) -> Mask:
    column = table[kwargs["column"]]
    return _is_in_set(column, kwargs["value_set"]) & ~find_missing(column)


def _is_in_set(column: pa.ChunkedArray, value_set: Sequence[Any]) -> Mask:
    values, convert = _to_values(column)
    wanted = [v for v in map(convert, (v for v in value_set if v is not None)) if v is not None]
    plain = [v.as_py() if isinstance(v, pa.Scalar) else v for v in wanted]
    return np.asarray(pc.is_in(values, value_set=pa.array(plain, values.type)))


def _find_outside(kwargs: Kwargs, table: pa.Table) -> Mask:
    column = table[kwargs["column"]]
    values, convert = _to_values(column)
    return _is_outside(values, kwargs, convert) & ~find_missing(column)


def _find_wrong_length(kwargs: Kwargs, table: pa.Table) -> Mask:
    column = table[kwargs["column"]]
    lengths = pc.utf8_length(to_text(column))
    if "value" in kwargs:
        kwargs = {"min_value": kwargs["value"], "max_value": kwargs["value"]}
    return _is_outside(lengths.cast(pa.float64()), kwargs, float) & ~find_missing(column)


def _is_outside(values: pa.ChunkedArray, kwargs: Kwargs, convert: Callable[[Any], Any]) -> Mask:
    is_outside = np.zeros(len(values), dtype=bool)
    for bound, is_strict, holds, holds_strictly in (
        ("min_value", "strict_min", pc.greater_equal, pc.greater),
        ("max_value", "strict_max", pc.less_equal, pc.less),
    ):
        if kwargs.get(bound) is None:
            continue
        compare = holds_strictly if kwargs.get(is_strict) else holds
        is_held = pc.fill_null(compare(values, convert(kwargs[bound])), False)
        is_outside |= ~np.asarray(is_held)
    return is_outside


def _find_repeats(kwargs: Kwargs, table: pa.Table) -> Mask:
    column = table[kwargs["column"]]
    if not _is_text(column):
        return _find_repeated_values(column)
    # Numbering 10 million different texts takes 1 GiB, hashing them a tenth. Texts that share their
    # hash are few, unless they are the same; only they are compared.
    hashes = _hash_texts(column)
    in_order = np.sort(hashes)
    shared = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
    is_failing = np.zeros(len(column), dtype=bool)
    if len(shared):
        is_failing = np.isin(hashes, shared) & ~find_missing(column)
        is_failing[is_failing] = _find_repeated_values(column.filter(pa.array(is_failing)))
    return is_failing


def _hash_texts(column: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    from pandas.util import hash_array

    texts = (to_objects(chunk.fill_null("")) for chunk in column.chunks)
    empty = np.zeros(0, dtype=np.uint64)
    return np.concatenate([empty, *(hash_array(t, categorize=False) for t in texts)])


def _find_repeated_values(column: pa.ChunkedArray) -> Mask:
    codes = _encode(column)
    return (np.bincount(codes)[codes] > 1) & ~find_missing(column) if len(codes) else codes > 0


def _encode(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Give distinct values numbers; missing ones are a value of their own."""
    values, _ = _to_values(column)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    indices = values.combine_chunks().dictionary_encode().indices
    return np.asarray(pc.add(indices.cast(pa.int64()), 1).fill_null(0))


def _find_repeated_combinations(kwargs: Kwargs, table: pa.Table) -> Mask:
    names = kwargs["column_list"]
    codes = np.zeros(table.num_rows, dtype=np.int64)
    for name in names:
        more = _encode(table[name])
        # Numbered anew after each column, so that the product stays within 64 bits.
        _, codes = np.unique(codes * (more.max(initial=0) + 1) + more, return_inverse=True)
    is_looked_at = ~_find_ignored(kwargs.get("ignore_row_if"), [table[n] for n in names])
    counts = np.bincount(codes[is_looked_at], minlength=codes.max(initial=0) + 1)
    return (counts[codes] > 1) & is_looked_at


def _find_equal_within_row(kwargs: Kwargs, table: pa.Table) -> Mask:
    columns = [table[name] for name in kwargs["column_list"]]
    has_equal = np.zeros(table.num_rows, dtype=bool)
    for i, first in enumerate(columns):
        for second in columns[i + 1 :]:
            has_equal |= _is_equal(first, second) | (find_missing(first) & find_missing(second))
    return has_equal & ~_find_ignored(kwargs.get("ignore_row_if"), columns)


def _find_unequal_pairs(kwargs: Kwargs, table: pa.Table) -> Mask:
    pair = [table[kwargs["column_A"]], table[kwargs["column_B"]]]
    return ~_is_equal(*pair) & ~_find_ignored(kwargs.get("ignore_row_if"), pair)


def _find_not_greater(kwargs: Kwargs, table: pa.Table) -> Mask:
    pair = [table[kwargs["column_A"]], table[kwargs["column_B"]]]
    (a, _), (b, _) = (_to_values(column) for column in pair)
    compare = pc.greater_equal if kwargs.get("or_equal") else pc.greater
    is_greater = np.asarray(pc.fill_null(compare(a, b), False))
    return ~is_greater & ~_find_ignored(kwargs.get("ignore_row_if"), pair)


def _is_equal(first: pa.ChunkedArray, second: pa.ChunkedArray) -> Mask:
    (a, _), (b, _) = _to_values(first), _to_values(second)
    if a.type != b.type:
        return np.zeros(len(a), dtype=bool)
    return np.asarray(pc.fill_null(pc.equal(a, b), False))


def _find_ignored(ignore_row_if: str | None, columns: Sequence[pa.ChunkedArray]) -> Mask:
    missing = [find_missing(column) for column in columns]
    if ignore_row_if in {"neither", "never"}:
        return np.zeros(len(missing[0]), dtype=bool)
    if ignore_row_if in {"either_value_is_missing", "any_value_is_missing"}:
        return np.asarray(np.logical_or.reduce(missing))
    return np.asarray(
        np.logical_and.reduce(missing)
    )  # what Great Expectations does unless it is told


_MASKS: Mapping[str, Callable[[Kwargs, pa.Table], Mask]] = {
    "expect_column_values_to_not_be_null": _find_null,
    "expect_column_values_to_be_null": _find_not_null,
    "expect_column_values_to_be_in_set": _find_outside_set,
    "expect_column_values_to_not_be_in_set": _find_in_set,
    "expect_column_values_to_be_between": _find_outside,
    "expect_column_value_lengths_to_be_between": _find_wrong_length,
    "expect_column_value_lengths_to_equal": _find_wrong_length,
    UNIQUE: _find_repeats,
    "expect_column_pair_values_a_to_be_greater_than_b": _find_not_greater,
    "expect_column_pair_values_to_be_equal": _find_unequal_pairs,
    "expect_select_column_values_to_be_unique_within_record": _find_equal_within_row,
    "expect_compound_columns_to_be_unique": _find_repeated_combinations,
}
ROW_TYPES = frozenset({*_MASKS, *REGEX_TYPES})
"""Expectations that can say which rows break them, and so can send them to quarantine."""

"""Columns of four kinds."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset.tensors import array_to_tensor_column
from tasks.errors import CleaningError
from tasks.preparation.frame import (
    count_rows,
    filter_rows,
    find_kind,
    find_missing,
    read_column,
    take_rows,
    to_arrow,
)

NAN = float("nan")


def make_frame() -> Any:
    images = array_to_tensor_column(np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1))
    return {
        "number": np.array([1.0, NAN, 3.0]),
        "date": np.array(["2024-01-01", "NaT", "1850-01-01"], "M8[us]"),
        "text": pa.array(["a", None, "c"]),
        "tensor": images.take(pa.array([0, None, 2])),
    }


def as_lists(frame: Any) -> Any:
    return {
        name: [str(value) for value in column.tolist()]
        if isinstance(column, np.ndarray)
        else column.to_pylist()
        for name, column in frame.items()
    }


def test_each_kind_is_told_and_knows_what_is_missing() -> None:
    """Name and kind are the same here."""
    for name, column in make_frame().items():
        assert find_kind(column) == name
        assert find_missing(column).tolist() == [False, True, False]
    assert find_kind(np.zeros(1, "M8[D]")) == "date"


def test_rows_are_filtered_and_taken_in_every_kind() -> None:
    """The frame that came in stays."""
    frame = make_frame()
    kept = filter_rows(frame, np.array([True, False, True]))
    assert as_lists(kept) == as_lists(take_rows(frame, np.array([0, 2])))
    assert count_rows(kept) == 2
    assert count_rows(frame) == 3
    assert as_lists(filter_rows(frame, np.ones(3, bool))) == as_lists(frame)
    assert count_rows(filter_rows(frame, np.zeros(3, bool))) == 0


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        (pa.array([1, None]), "number", [1.0, NAN]),
        (pa.array([2**63], pa.uint64()), "number", [2.0**63]),
        (pa.array([True, False, None]), "number", [1.0, 0.0, NAN]),
        (pa.array([1.5, None], pa.float16()), "number", [1.5, NAN]),
        (pa.array([decimal.Decimal("1.25"), None]), "number", [1.25, NAN]),
        (pa.array([1.0, NAN, np.inf]), "number", [1.0, NAN, np.inf]),
        (pa.array([1, 2]).dictionary_encode(), "number", [1.0, 2.0]),
        (pa.chunked_array([[1], [], [None, 3]]), "number", [1.0, NAN, 3.0]),
        (pa.chunked_array([], pa.int64()), "number", []),
    ],
)
def test_numbers_and_booleans_become_floats(column: Any, kind: str, expected: Any) -> None:
    """Missing is NaN."""
    read = read_column(column, "x")
    assert (find_kind(read), read.dtype) == (kind, np.float64)
    assert np.array_equal(read, expected, equal_nan=True)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None]),
        pa.array(["a", None], pa.large_string()),
        pa.array(["a", None], pa.string_view()),
        pa.array(["a", None]).dictionary_encode(),
        pa.chunked_array([["a"], [None]], pa.string()),
        pa.array(["x", "a", None])[1:],
    ],
)
def test_every_text_becomes_one_kind_of_text(column: Any) -> None:
    """Whatever Arrow calls it."""
    read = read_column(column, "x")
    assert (find_kind(read), read.type, read.to_pylist()) == ("text", pa.string(), ["a", None])


def test_a_column_of_nothing_but_nulls_is_text() -> None:
    """Any conversion can make what it wants of it."""
    assert read_column(pa.nulls(2), "x").to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([datetime.date(1, 1, 1), None]), ["0001-01-01", "NaT"]),
        (pa.array([datetime.date(9999, 12, 31)], pa.date64()), ["9999-12-31"]),
        (pa.array([0], pa.timestamp("s", "Europe/Berlin")), ["1970-01-01"]),
        (pa.array([1_999], pa.timestamp("ns")), ["1970-01-01T00:00:00.000001"]),
        (pa.array([-1], pa.timestamp("us")), ["1969-12-31T23:59:59.999999"]),
    ],
)
def test_dates_and_times_become_microseconds_in_utc(column: Any, expected: Any) -> None:
    """Any unit and zone."""
    read = read_column(column, "x")
    assert (find_kind(read), read.dtype) == ("date", np.dtype("M8[us]"))
    assert read.tolist() == np.array(expected, "M8[us]").tolist()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([datetime.time(1)]),
        pa.array([[1]]),
        pa.array([b"x"]),
        pa.array([{"a": 1}]),
        pa.array([1], pa.duration("s")),
    ],
)
def test_other_types_are_refused_by_name(column: Any) -> None:
    """The error names the column and its type."""
    with pytest.raises(CleaningError, match="'odd' has the type"):
        read_column(column, "odd")


def test_columns_become_arrow_with_nulls_where_they_are_missing() -> None:
    """There and back."""
    for name, column in make_frame().items():
        arrow = to_arrow(column)
        assert np.asarray(arrow.is_null()).tolist() == [False, True, False], name
        assert as_lists({name: read_column(arrow, name)}) == as_lists({name: column})
    assert to_arrow(np.array([1.0])).null_count == 0

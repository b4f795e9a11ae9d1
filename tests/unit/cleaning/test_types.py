"""Type conversion of features and target."""

from __future__ import annotations

import datetime
import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.cleaning.types import convert_types, to_classes, to_numbers
from tasks.errors import CleaningError
from tasks.workflow import Columns

COLUMNS = Columns(target="kind", features=("x",))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1.0), (" 2.5 ", 2.5), ("-.5", -0.5), ("+3", 3.0), ("1.", 1.0), ("1e3", 1000.0),
        ("", None), ("  ", None), (None, None),
        ("inf", math.inf), ("-Infinity", -math.inf),
    ],
)  # fmt: skip
def test_text_becomes_numbers(text: str | None, number: float | None) -> None:
    """Also beside a value that is no number, which takes another path."""
    for column in (pa.array([text], pa.string()), pa.array([text, "tall"], pa.string())):
        numbers, is_bad = to_numbers(column)
        assert numbers[0].as_py() == number
        assert not is_bad[0]


@pytest.mark.parametrize(
    "text", ["tall", "1,5", "1_0", "0x1A", "\u0661", "1 2", "-", ".", "1e", "--1"]
)
def test_what_is_no_number_is_missing_and_reported(text: str) -> None:
    """The reason can name the value."""
    rows = pa.record_batch({"x": ["1", text], "kind": ["a", "b"]})
    converted, (problem,) = convert_types(rows, COLUMNS)
    assert converted["x"].to_pylist() == [1.0, None]
    assert (problem.column, problem.kind) == ("x", "not a number")
    assert (problem.rows.tolist(), problem.values) == ([1], [text])


@given(st.lists(st.text(max_size=12) | st.floats().map(str), min_size=1))
def test_one_bad_value_never_changes_the_others(texts: list[str]) -> None:
    """Each value is converted as it would be alone, and none makes the conversion fail."""
    together, is_bad = to_numbers(pa.array(texts, pa.string()))
    for i, text in enumerate(texts):
        alone, alone_is_bad = to_numbers(pa.array([text], pa.string()))
        assert is_bad[i] == alone_is_bad[0]
        assert str(together[i].as_py()) == str(alone[0].as_py())


@pytest.mark.parametrize(
    "column",
    [pa.array([1, None]), pa.array([1.0, None], pa.float32()), pa.array([True, None])],
)
def test_numbers_become_float64(column: pa.Array) -> None:
    """Whatever their width."""
    numbers, _ = to_numbers(column)
    assert numbers.type == pa.float64()
    assert numbers.to_pylist() == [1.0, None]


@pytest.mark.parametrize(
    ("column", "classes", "bad"),
    [
        (pa.array([3, None], pa.int8()), [3, None], [False, False]),
        (pa.array([True, False]), [1, 0], [False, False]),
        (pa.array([2.0, 0.5, None, math.inf, math.nan]), [2, None, None, None, None], [False, True, False, True, False]),
        (pa.array([" a ", "", None, "7"]), ["a", None, None, "7"], [False] * 4),
    ],
)  # fmt: skip
def test_targets_become_whole_numbers_or_text(
    column: pa.Array, classes: list[object], bad: list[bool]
) -> None:
    """Digits that came as text stay text."""
    converted, is_bad = to_classes(column)
    assert converted.to_pylist() == classes
    assert is_bad.tolist() == bad


@pytest.mark.parametrize(
    "rows",
    [
        {"x": [datetime.date(2026, 1, 1)], "kind": ["a"]},
        {"x": [1.0], "kind": [datetime.datetime(2026, 1, 1)]},  # noqa: DTZ001 - as a file has it
        {"x": [[1.0]], "kind": ["a"]},
    ],
)
def test_types_that_never_fit_are_refused(rows: dict[str, list[object]]) -> None:
    """A date is no number, though Arrow would count its days."""
    with pytest.raises(CleaningError, match=r"column '(x|kind)' has the type"):
        convert_types(pa.record_batch(rows), COLUMNS)

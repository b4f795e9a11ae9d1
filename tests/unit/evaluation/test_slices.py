"""Slices: the values of a raw column as people would name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from cleaning_support import as_raw, make_workflow

from tasks.dataset import Dataset, DatasetWriter
from tasks.errors import EvaluationError
from tasks.evaluation.slices import MAX_VALUES, Slice, cut_column, read_slices

NAN = np.nan


def name_rows(found: Slice) -> list[str]:
    """Name the slice of every row."""
    return ["none" if code < 0 else found.values[code] for code in found.codes]


def cut(column: np.ndarray | pa.Array, is_holdout: list[bool] | None = None) -> Slice:
    judged = np.ones(len(column), dtype=bool) if is_holdout is None else np.array(is_holdout)
    return cut_column("column", column, judged)


def test_texts_are_cut_by_their_values() -> None:
    """The most frequent first, of equals by the alphabet; the missing at the end."""
    found = cut(pa.array(["b", "a", None, "b", "c"]))
    assert found.values == ("b", "a", "c", "missing")
    assert name_rows(found) == ["b", "a", "missing", "b", "c"]


def test_the_rarest_of_many_values_are_counted_together() -> None:
    """Fifty values have a slice of their own; what the data call other is among the rest."""
    texts = [f"city {i:03}" for i in range(MAX_VALUES + 10)]
    found = cut(pa.array([*texts, *texts[-10:], "other"]))
    assert len(found.values) == MAX_VALUES + 1
    assert found.values[0] == texts[-10]
    assert found.values[-1] == "other"
    assert name_rows(found)[-1] == "other"
    assert name_rows(found).count("other") == 11


def test_numbers_are_cut_into_quarters_of_the_holdout() -> None:
    """Of 1 to 8 two each; the bounds belong to the lower quarter, and validation rows do not count."""
    numbers = np.array([1, 2, 3, 4, 5, 6, 7, 8, 100, NAN])
    found = cut(numbers, [True] * 8 + [False, True])
    assert found.values == ("up to 2", "2 to 4", "4 to 6", "above 6", "missing")
    assert found.codes.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 3, 4]


def test_few_different_numbers_are_named_themselves() -> None:
    """Switches and small counts; one that no hold-out row has is nobody's slice."""
    found = cut(np.array([0.0, 1.0, 1.0, 2.5]), [True, True, True, False])
    assert found.values == ("0", "1")
    assert name_rows(found) == ["0", "1", "1", "none"]


def test_quarters_that_meet_are_one() -> None:
    """Nine in ten rows are 0: what is above it is the other slice."""
    found = cut(np.array([0.0] * 45 + [1, 2, 3, 4, 5]))
    assert found.values == ("up to 0", "above 0")
    assert np.bincount(found.codes).tolist() == [45, 5]


@pytest.mark.parametrize(
    ("times", "values"),
    [
        (
            ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01"],
            ("up to 2024-02-01", "2024-02-01 to 2024-03-01", "2024-03-01 to 2024-04-01", "above 2024-04-01"),
        ),
        (
            ["2024-01-01T00", "2024-01-01T06"],
            ("2024-01-01T00:00:00", "2024-01-01T06:00:00"),
        ),
    ],
)  # fmt: skip
def test_dates_are_cut_like_numbers(times: list[str], values: tuple[str, ...]) -> None:
    """Named by the day, or by the second where days do not tell them apart."""
    assert cut(np.array(times, "M8[us]")).values == values


@pytest.mark.parametrize(
    ("numbers", "value"),
    [
        ([1234567.0, 12345678.0, 3.25, 40001.5, 99.0], "40,001.5 to 1,234,567"),
        ([1.0000001, 1.0000002, 1.0000003, 1.0000004, 1.0000005], "1.0000003 to 1.0000004"),
    ],
)
def test_numbers_are_written_to_be_told_apart(numbers: list[float], value: str) -> None:
    """Short where that is enough, and in full where it is not."""
    assert value in cut(np.array(numbers)).values


def test_a_column_without_any_value_is_one_slice() -> None:
    """Neither an error nor a division by nothing."""
    assert cut(np.array([NAN, np.inf])).values == ("missing",)
    assert cut(pa.array([None, None], pa.string())).values == ("missing",)


@pytest.fixture
def raw(tmp_path: Path) -> Dataset:
    """Rows of people as a CSV file has them."""
    table = as_raw(
        {
            "age": ["20", " 30 ", "?", "50"],
            "income": ["1", "2", "3", "4"],
            "city": ["Rome ", "n/a", "Oslo", "Rome"],
            "joined": ["2024-01-01"] * 4,
            "left": ["yes", "no", "no", "no"],
        },
        ids=["a", "b", "c", "d"],
    )
    with DatasetWriter(tmp_path / "raw", table.schema) as writer:
        writer.write(table)
    return Dataset.open(tmp_path / "raw")


CLEANING = [
    {"mark_missing": {"values": ["?", "n/a"]}},
    {"encode": {"columns": ["city"], "by": "one_hot"}},
    {"scale": {"columns": ["age"], "to": "standard"}},
]


def test_slices_have_the_types_of_the_workflow_and_the_values_as_they_arrived(raw: Dataset) -> None:
    """Numbers are numbers, marks are missing, blanks are trimmed; nothing is scaled or encoded."""
    workflow = make_workflow(cleaning=CLEANING, evaluation={"slices": ["age", "city", "left"]})
    ids = pa.chunked_array([["d", "c", "a"]])
    age, city, left = read_slices(raw, ids, np.ones(3, dtype=bool), workflow)
    assert (age.column, age.values) == ("age", ("20", "50", "missing"))
    assert name_rows(age) == ["50", "missing", "20"]
    assert name_rows(city) == ["Rome", "Oslo", "Rome"]
    assert name_rows(left) == ["no", "no", "yes"]


def test_no_slices_read_nothing(raw: Dataset) -> None:
    """Not even rows that are not there."""
    ids = pa.chunked_array([["nobody"]])
    assert read_slices(raw, ids, np.ones(1, dtype=bool), make_workflow(cleaning=CLEANING)) == ()
    workflow = make_workflow(cleaning=CLEANING, evaluation={"slices": ["city"]})
    with pytest.raises(EvaluationError, match="not among the raw rows"):
        read_slices(raw, ids, np.ones(1, dtype=bool), workflow)

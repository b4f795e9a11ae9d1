"""Duplicates by the content of columns, images included."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.cleaning.duplicates import SeenRows
from tasks.dataset import array_to_tensor_column


@pytest.mark.parametrize(
    ("by", "first"),
    [
        (["x"], [True, True, False, False]),
        (["kind"], [True, False, False, True]),
        (["x", "kind"], [True, True, False, True]),
    ],
)
def test_the_first_of_equal_rows_is_kept(by: list[str], first: list[bool]) -> None:
    """Rows are equal when all named columns are."""
    rows = pa.record_batch({"x": [1.0, 2.0, 2.0, 1.0], "kind": ["a", "a", "a", "b"]})
    assert SeenRows(by).find_first(rows).tolist() == first


def test_earlier_batches_are_remembered() -> None:
    """A row that repeats one of an earlier batch is a duplicate, wherever the batches are cut."""
    seen = SeenRows(["x"])
    assert seen.find_first(pa.record_batch({"x": [1, 2]})).tolist() == [True, True]
    assert seen.find_first(pa.record_batch({"x": [3, 2, 1]})).tolist() == [True, False, False]


def test_images_are_compared_by_their_pixels() -> None:
    """One pixel makes another image; the same pixels are the same image."""
    pixels = np.zeros((3, 2, 2, 1), np.uint8)
    pixels[1, 1, 1, 0] = 1
    rows = pa.record_batch({"image": array_to_tensor_column(pixels)})
    assert SeenRows(["image"]).find_first(rows).tolist() == [True, True, False]
    assert SeenRows(["image"]).find_first(rows.slice(1)).tolist() == [True, True]  # an offset


def test_zero_has_no_sign() -> None:
    """0.0 and -0.0 are the same number."""
    rows = pa.record_batch({"x": [0.0, -0.0]})
    assert SeenRows(["x"]).find_first(rows).tolist() == [True, False]


@given(st.lists(st.tuples(st.text(max_size=2), st.integers(0, 2), st.booleans())))
def test_as_many_rows_stay_as_there_are_different_ones(
    rows: list[tuple[str, int, bool]],
) -> None:
    """Text of any length beside numbers: no two different rows are taken for one."""
    batch = pa.RecordBatch.from_pydict(
        {
            "a": pa.array([r[0] for r in rows], pa.string()),
            "b": pa.array([r[1] for r in rows], pa.int64()),
            "c": pa.array([r[2] for r in rows], pa.bool_()),
        }
    )
    assert SeenRows(["a", "b", "c"]).find_first(batch).sum() == len(set(rows))

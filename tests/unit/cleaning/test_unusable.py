"""Rows that no model can use."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from tasks.cleaning.unusable import find_unidentified_rows, find_unusable_rows
from tasks.dataset import array_to_tensor_column
from tasks.preparation.preparation import find_unusable
from tasks.workflow import Columns

IMAGES = Columns.model_validate({"target": "kind", "image": {"tensor": [1, 2, 1]}})


@pytest.mark.parametrize(("row_id", "rows"), [("1", []), (None, [1]), ("", [1])])
def test_a_row_must_have_an_id(row_id: str | None, rows: list[int]) -> None:
    """Nothing and empty text identify no row."""
    problems = find_unidentified_rows(pa.array(["0", row_id]))
    assert [row for p in problems for row in p.rows.tolist()] == rows


@pytest.mark.parametrize(
    ("x", "kinds"),
    [(1.0, []), (math.nan, ["missing"]), (-math.inf, ["NaN or infinite"])],
)
def test_a_feature_must_be_there_and_finite(x: float, kinds: list[str]) -> None:
    """After the last step nothing may be missing; the good row beside stays."""
    problems = find_unusable({"x": np.array([0.0, x])}, ["x"])
    assert [(p.column, p.kind, p.rows.tolist()) for p in problems] == [("x", k, [1]) for k in kinds]


def test_a_series_must_have_times() -> None:
    """A row without a time has no place in a series."""
    columns = Columns(features=("x",), time="day")
    times = np.array(["2026-01-01", "NaT"], dtype="M8[us]")
    (problem,) = find_unusable_rows({"x": np.zeros(2), "day": times}, columns)
    assert (problem.column, problem.rows.tolist()) == ("day", [1])


def test_images_must_be_there_and_finite() -> None:
    """One NaN pixel is enough; a missing image is told as missing only."""
    pixels = np.array([[1, 2], [3, math.nan], [5, 6], [math.inf, 0]], np.float32).reshape(
        4, 1, 2, 1
    )
    column = array_to_tensor_column(pixels)
    storage = pa.FixedSizeListArray.from_arrays(
        column.storage.values, 2, mask=pa.array([False, False, True, False])
    )
    problems = find_unusable_rows(
        {"image": pa.ExtensionArray.from_storage(column.type, storage)}, IMAGES
    )
    assert [(p.kind, p.rows.tolist()) for p in problems] == [
        ("missing", [2]),
        ("NaN or infinite", [1, 3]),
    ]

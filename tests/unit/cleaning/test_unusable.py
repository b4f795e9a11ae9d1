"""Rows that no model can use."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from tasks.cleaning.unusable import find_unusable_rows
from tasks.dataset import array_to_tensor_column
from tasks.workflow import Columns

TABLE = Columns(target="kind", features=("x",))
IMAGES = Columns.model_validate({"target": "kind", "image": {"tensor": [1, 2, 1]}})


@pytest.mark.parametrize(
    ("row_id", "kind", "x", "found"),
    [
        ("1", "a", 1.0, []),
        (None, "a", 1.0, [("id", "missing")]),
        ("", "a", 1.0, [("id", "missing")]),
        ("1", None, 1.0, [("kind", "missing")]),
        ("1", "a", None, [("x", "missing")]),
        ("1", "a", math.nan, [("x", "NaN or infinite")]),
        ("1", "a", -math.inf, [("x", "NaN or infinite")]),
        ("1", None, math.inf, [("kind", "missing"), ("x", "NaN or infinite")]),
    ],
)
def test_each_part_of_a_row_is_looked_at(
    row_id: str | None, kind: str | None, x: float | None, found: list[tuple[str, str]]
) -> None:
    """Id, class and input must be there, and the input finite; the good row beside stays."""
    rows = pa.record_batch(
        {
            "id": pa.array(["0", row_id]),
            "kind": pa.array(["a", kind]),
            "x": pa.array([0.0, x], pa.float64()),
        }
    )
    problems = find_unusable_rows(rows, TABLE)
    assert [(p.column, p.kind) for p in problems] == found
    assert all(p.rows.tolist() == [1] for p in problems)


def test_images_must_be_there_and_finite() -> None:
    """One NaN pixel is enough; a missing image is told as missing only."""
    pixels = np.array([[1, 2], [3, math.nan], [5, 6], [math.inf, 0]], np.float32).reshape(
        4, 1, 2, 1
    )
    column = array_to_tensor_column(pixels)
    storage = pa.FixedSizeListArray.from_arrays(
        column.storage.values, 2, mask=pa.array([False, False, True, False])
    )
    rows = pa.record_batch(
        {
            "id": ["0", "1", "2", "3"],
            "kind": [0, 1, 2, 3],
            "image": pa.ExtensionArray.from_storage(column.type, storage),
        }
    )
    problems = find_unusable_rows(rows, IMAGES)
    assert [(p.kind, p.rows.tolist()) for p in problems] == [
        ("missing", [2]),
        ("NaN or infinite", [1, 3]),
    ]

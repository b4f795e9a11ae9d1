"""The columns of the raw dataset."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset import array_to_tensor_column
from tasks.errors import SourceError
from tasks.ingestion.parts import Part, UnparsedLine
from tasks.ingestion.raw import shape_raw_rows, shape_unparsed_lines
from tasks.workflow import Columns

TABLE = Columns(target="kind", features=("height",))


def part(**columns: object) -> Part:
    rows = pa.record_batch(columns)
    return Part("a.csv", pa.array(range(2, rows.num_rows + 2), pa.int64()), rows)


def test_id_is_made_from_source_and_line() -> None:
    """Without an id column a row is known by where it stands."""
    raw = shape_raw_rows(part(kind=["x", "y"], height=[1.0, 2.0]), TABLE, has_split=False)
    assert raw.to_pylist() == [
        {"id": "a.csv:2", "source": "a.csv", "line": 2, "kind": "x", "height": 1.0},
        {"id": "a.csv:3", "source": "a.csv", "line": 3, "kind": "y", "height": 2.0},
    ]


@pytest.mark.parametrize(
    ("ids", "expected"), [([7, None], ["7", None]), ([" P1 ", "P2"], ["P1", "P2"])]
)
def test_id_column_of_the_source_is_used_as_text(ids: list[object], expected: list[object]) -> None:
    """A column called 'id' identifies the rows, also where the workflow does not name it."""
    raw = shape_raw_rows(part(id=ids, kind=["x", "y"], height=[1, 2]), TABLE, has_split=False)
    assert raw["id"].to_pylist() == expected


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns(target="kind", features=("hight",)), "'hight'.\nExpected: 'height', perhaps"),
        (Columns(target="kinds", features=("height",)), "'kinds'.\nExpected: 'kind', perhaps"),
        (Columns(id="heigt", target="kind", features=("height",)), "'heigt'.\nExpected: 'height'"),
    ],
)
def test_missing_column_names_the_nearest(columns: Columns, message: str) -> None:
    """A misspelt column is refused with what it may have meant."""
    with pytest.raises(SourceError, match=message):
        shape_raw_rows(part(kind=["x"], height=[1.0], source=["s"]), columns, has_split=False)


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (array_to_tensor_column(np.zeros((1, 8, 8, 1), np.uint8)), r"shape \[8, 8, 1\]"),
        (pa.array([[1, 2]]), "type list"),
    ],
)
def test_images_of_another_shape_are_refused(image: pa.Array, found: str) -> None:
    """The workflow's shape is a promise about the source."""
    columns = Columns.model_validate({"target": "kind", "image": {"tensor": [28, 28, 1]}})
    with pytest.raises(SourceError, match=found + r".*\n.*\[28, 28, 1\]"):
        shape_raw_rows(part(kind=["x"], image=image), columns, has_split=False)


def test_unparsed_line_becomes_a_row_of_the_quarantine() -> None:
    """Its text is kept as JSON."""
    lines = (UnparsedLine(5, "2 values where the header has 3", 'a,"b'),)
    (row,) = shape_unparsed_lines(
        Part("a.csv", pa.array([], pa.int64()), pa.record_batch({"x": []}), lines)
    ).to_pylist()
    assert (row["id"], row["source"], row["line"]) == ("a.csv:5", "a.csv", 5)
    assert json.loads(row["row"]) == {"text": 'a,"b'}

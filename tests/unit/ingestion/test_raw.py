"""The columns of the raw dataset."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset import array_to_tensor_column
from tasks.errors import SourceError
from tasks.ingestion.parts import Part, UnparsedLine
from tasks.ingestion.raw import match_types, shape_raw_rows, shape_unparsed_lines
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


def test_text_of_a_line_may_be_protected() -> None:
    """The reason stays, because it never holds anything of the line."""
    lines = (UnparsedLine(5, "2 values where the header has 3", "Ann"),)
    empty = Part("a.csv", pa.array([], pa.int64()), pa.record_batch({"x": []}), lines)
    (row,) = shape_unparsed_lines(empty, lambda text: f"{len(text)} signs").to_pylist()
    assert json.loads(row["row"]) == {"text": "3 signs"}
    assert row["reason"] == "2 values where the header has 3"


def test_all_columns_of_the_workflow_are_kept_in_their_order() -> None:
    """The time and the kept ones too; without a target there is none."""
    columns = Columns(features=("height",), time="day", keep=("note",))
    raw = shape_raw_rows(
        part(note=["n"], day=["d"], height=[1], other=[0]), columns, has_split=False
    )
    assert raw.schema.names == ["id", "source", "line", "height", "day", "note"]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array(["a"]).dictionary_encode(), pa.string()),
        (pa.array(["a"], pa.large_string()), pa.string()),
        (pa.nulls(1), pa.string()),
        (pa.array([1], pa.decimal128(5, 2)), pa.decimal128(5, 2)),
        (pa.array([1], pa.date32()), pa.date32()),
        (pa.array([True]), pa.bool_()),
    ],
)
def test_types_stay_but_text_is_of_one_kind(column: pa.Array, kind: pa.DataType) -> None:
    """A column without any value is text, which every later value can become."""
    raw = shape_raw_rows(part(kind=["x"], height=column), TABLE, has_split=False)
    assert raw.schema.field("height").type == kind


def test_each_row_may_have_a_source_of_its_own() -> None:
    """As images do."""
    rows = pa.record_batch({"kind": ["x"], "height": [1]})
    one = Part("images", pa.array([1]), rows, sources=pa.array(["cat/a.png"]))
    raw = shape_raw_rows(one, TABLE, has_split=False)
    assert raw.select(["id", "source"]).to_pylist() == [
        {"id": "cat/a.png:1", "source": "cat/a.png"}
    ]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (pa.array([1, None]), pa.float64()),
        (pa.array([1.0, None, float("nan")]), pa.float32()),
        (pa.array([1, 2]), pa.string()),
        (pa.array(["1", "2"]), pa.int64()),
        (pa.nulls(2), pa.float64()),
        (pa.array([0], pa.timestamp("s")), pa.timestamp("us")),
    ],
)
def test_types_of_later_rows_become_those_of_the_first(
    values: pa.Array, wanted: pa.DataType
) -> None:
    """Where every value stays what it is."""
    found = match_types(pa.record_batch({"height": values}), pa.schema([("height", wanted)]), "b")
    assert found.schema.field("height").type == wanted
    assert len(found) == len(values)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (pa.array([1.5]), pa.int64()),
        (pa.array([0.1]), pa.float32()),
        (pa.array(["007"]), pa.int64()),
        (pa.array(["tall"]), pa.float64()),
        (pa.array([2**60 + 1]), pa.float64()),
        (pa.array([[1]]), pa.int64()),
    ],
)
def test_a_value_that_would_change_is_refused(values: pa.Array, wanted: pa.DataType) -> None:
    """The error names the file, the column and both types, and never the value."""
    rows = pa.record_batch({"height": values})
    with pytest.raises(
        SourceError, match=r"b\.parquet: the column 'height' has the type"
    ) as caught:
        match_types(rows, pa.schema([("height", wanted)]), "b.parquet")
    assert str(values.type) in str(caught.value)
    assert str(wanted) in str(caught.value)
    assert "tall" not in str(caught.value)

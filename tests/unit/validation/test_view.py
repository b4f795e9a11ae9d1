"""What a suite sees of a dataset."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.errors import ValidationFailedError
from tasks.validation import view as view_module
from tasks.validation.view import DATE, TypedView, open_view
from tasks.workflow import Workflow

OpenTable = Callable[..., TypedView]


def make_workflow(**changes: Any) -> Workflow:
    return Workflow.model_validate(
        {
            "name": "plants",
            "description": "Test.",
            "source": {"kind": "files", "path": "*.csv"},
            "columns": {
                "id": "plant", "target": "kind", "features": ["x", "n", "wet"], "time": "day",
                "keep": ["note", "count"],
            },
            "expectations": {"raw": "plants_raw", "clean": "plants_clean"},
            "cleaning": [
                {"mark_missing": {"values": ["?"]}},
                {"convert": {"columns": ["wet"], "to": "boolean"}},
                {"convert": {"columns": ["day"], "to": "date", "formats": ["%d.%m.%Y", "iso8601"]}},
            ],
            "split": {"by": "hash"},
            **changes,
        }
    )  # fmt: skip


RAW = pa.table(
    {
        "id": [" 1", "?", "3"],
        "source": ["a.csv"] * 3,
        "line": [2, 3, 4],
        "kind": [" fern", "?", ""],
        "x": ["1.5", "tall", " -2e1 "],
        "n": pa.array([1, None, 3], pa.int16()),
        "wet": ["YES", "no", "perhaps"],
        "day": ["31.12.1899", "2300-01-02", "soon"],
        "note": ["  ", "b ", "?"],
        "count": pa.array([1, 2, 3], pa.int32()),
    }
)


def open_raw(folder: Path, table: pa.Table = RAW, **changes: Any) -> TypedView:
    with DatasetWriter(folder / "raw", table.schema) as writer:
        writer.write(table)
    return open_view(Dataset.open(folder / "raw"), make_workflow(**changes), "raw")


def test_raw_columns_have_the_types_that_cleaning_gives(tmp_path: Path) -> None:
    """Trimmed, marked, converted; what cannot be converted is missing, Nocturne's own columns stay."""
    view = open_raw(tmp_path)
    table = view.read(view.column_names)
    day = datetime.datetime(1899, 12, 31, tzinfo=datetime.UTC)
    assert table.to_pydict() == {
        "plant": [" 1", "?", "3"],
        "source": ["a.csv"] * 3,
        "line": [2, 3, 4],
        "kind": ["fern", None, None],
        "x": [1.5, None, -20.0],
        "n": [1.0, None, 3.0],
        "wet": [1.0, 0.0, None],
        "day": [day, day.replace(year=2300, month=1, day=2), None],
        "note": [None, "b", None],
        "count": [1, 2, 3],
    }
    assert {f.name: f.type for f in table.schema if f.name in {"n", "day", "count"}} == {
        "n": pa.float64(), "day": DATE, "count": pa.int64(),
    }  # fmt: skip


def test_clean_data_are_shown_as_they_are(tmp_path: Path) -> None:
    """Nothing is trimmed or marked a second time."""
    with DatasetWriter(tmp_path / "clean", RAW.schema) as writer:
        writer.write(RAW)
    view = open_view(Dataset.open(tmp_path / "clean"), make_workflow(), "clean")
    assert view.read(["kind", "plant"]).to_pydict() == {
        "kind": [" fern", "?", ""],
        "plant": [" 1", "?", "3"],
    }


def test_dates_reach_pandas_in_microseconds(open_table: OpenTable) -> None:
    """Nanoseconds would end in 2262."""
    days = pa.array([datetime.date(1500, 1, 1), datetime.date(2300, 1, 1), None])
    frame = open_table(pa.table({"day": days})).read(["day"]).to_pandas()
    assert str(frame["day"].dtype) == "datetime64[us, UTC]"
    assert [d.year for d in frame["day"].dropna()] == [1500, 2300]


def test_times_with_a_zone_are_brought_to_utc(open_table: OpenTable) -> None:
    """Noon in Paris in winter is 11:00."""
    noon = pa.array(["2026-01-01T12:00:00"]).cast(pa.timestamp("ms"))
    zoned = pa.compute.assume_timezone(noon, "Europe/Paris")
    table = open_table(pa.table({"t": zoned})).read(["t"])
    assert table["t"].to_pylist() == [datetime.datetime(2026, 1, 1, 11, tzinfo=datetime.UTC)]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([1], pa.uint8()), pa.int64()),
        (pa.array([2**63], pa.uint64()), pa.float64()),
        (pa.array([0.5], pa.float32()), pa.float64()),
        (pa.array([1], pa.decimal128(5, 2)), pa.float64()),
        (pa.array(["a"]).dictionary_encode(), pa.string()),
        (pa.array(["a"], pa.large_string()), pa.string()),
        (pa.nulls(1), pa.string()),
        (pa.array([True]), pa.bool_()),
        (pa.array([[1]]), pa.list_(pa.int64())),
    ],
)
def test_there_are_few_types(open_table: OpenTable, column: pa.Array, kind: pa.DataType) -> None:
    """Great Expectations judges other widths row by row; what it cannot judge is left alone."""
    assert open_table(pa.table({"c": column})).read(["c"]).schema.field("c").type == kind


def test_a_type_that_cleaning_does_not_know_is_left_alone(tmp_path: Path) -> None:
    """It is only carried along."""
    table = RAW.set_column(RAW.schema.get_field_index("note"), "note", pa.array([[1], [2], None]))
    assert open_raw(tmp_path, table).read(["note"])["note"].to_pylist() == [[1], [2], None]


def test_figures_of_tensors_are_columns(
    open_table: OpenTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stand where the tensor stands, and the tensors are read once for all of them."""
    images = array_to_tensor_column(np.array([[0, 4], [1, 3]], dtype=np.uint8).reshape(2, 1, 2, 1))
    view = open_table(pa.table({"a": [1, 2], "image": images, "b": [3, 4]}))
    assert view.column_names == (
        "a", "image_min", "image_max", "image_mean", "image_empty_fraction", "image_nan_count",
        "image_height", "image_width", "image_channels", "b",
    )  # fmt: skip
    n_profiled: list[int] = []
    original = view_module.profile_tensors
    monkeypatch.setattr(
        view_module, "profile_tensors", lambda c: n_profiled.append(len(c)) or original(c)
    )
    assert view.read(["image_max", "a"]).to_pydict() == {"image_max": [4, 3], "a": [1, 2]}
    assert view.read(["image_mean"]).to_pydict() == {"image_mean": [2.0, 2.0]}
    assert n_profiled == [2]


def test_too_many_rows_are_refused(open_table: OpenTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound on memory is kept by an error, not by looking at fewer rows."""
    monkeypatch.setattr(view_module, "MAX_ROWS", 3)
    open_table(pa.table({"x": [1, 2, 3]}))
    with pytest.raises(ValidationFailedError, match="4 rows"):
        open_table(pa.table({"x": [1, 2, 3, 4]}))

"""Raw rows as drift sees them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from cleaning_support import make_workflow

from tasks.dataset import array_to_tensor_column
from tasks.scoring.inputs import InputView, compute_changes, hash_ids, is_known
from tasks.scoring.rows import narrow_workflow

HOSTILE = "<script>alert(1)</script>\x00\u202e'; DROP TABLE"


def test_columns_get_the_types_that_cleaning_gives_them() -> None:
    """Text as it stands in a file becomes numbers, what cannot be read is missing, dates are left out."""
    workflow = make_workflow(
        cleaning=[
            {"mark_missing": {"values": ["?"]}},
            {"encode": {"columns": ["city"], "by": "one_hot"}},
            {"calendar": {"columns": ["joined"], "parts": ["year"]}},
        ]
    )
    rows = pa.table(
        {
            "age": ["31", "?", "old"],
            "income": ["1.5", None, "2"],
            "city": [" Rome ", HOSTILE, None],
            "joined": ["2020-01-01", "2021-01-01", "soon"],
        }
    )
    frame = InputView(workflow, ["age", "income", "city", "joined"]).read(rows)
    assert list(frame) == ["age", "income", "city"]
    np.testing.assert_array_equal(frame["age"], [31.0, np.nan, np.nan])
    np.testing.assert_array_equal(frame["income"], [1.5, np.nan, 2.0])
    assert frame["city"].to_pylist() == ["Rome", HOSTILE, None]


def test_images_become_figures() -> None:
    """How bright they are, how much of them is empty, and their brightest pixel."""
    images = np.zeros((2, 2, 2, 1), dtype=np.uint8)
    images[1] = 100
    images[1, 0, 0] = 200
    rows = pa.table({"image": array_to_tensor_column(images)})
    frame = InputView(make_workflow(), ["image"]).read(rows)
    assert {name: column.tolist() for name, column in frame.items()} == {
        "image_mean": [0.0, 125.0],
        "image_empty_fraction": [1.0, 0.0],
        "image_max": [0.0, 200.0],
    }


def test_a_series_becomes_its_changes_in_order_of_time() -> None:
    """Rows may come in any order; what has no time has no step, and a gap makes two changes missing."""
    times = np.array(["2024-01-03", "2024-01-01", "NaT", "2024-01-02", "2024-01-04"], "M8[us]")
    frame = {"flow": np.array([4.0, 1.0, 99.0, 2.0, np.nan]), "note": pa.array(["a"] * 5)}
    changes = compute_changes(frame, times)
    assert list(changes) == ["flow"]
    np.testing.assert_array_equal(changes["flow"], [1.0, 2.0, np.nan])


def test_known_ids_are_found_again() -> None:
    """By eight bytes each; missing ones are equal to each other."""
    known = np.unique(hash_ids(pa.array(["a", "b", "file.csv:7", None])))
    found = is_known(hash_ids(pa.chunked_array([["b", "c"], ["file.csv:7", None]])), known)
    assert found.tolist() == [True, False, True, True]
    assert is_known(hash_ids(pa.array(["a"])), np.empty(0, dtype=np.uint64)).tolist() == [False]


def test_neither_target_nor_split_nor_what_is_kept_is_asked_for() -> None:
    """Tomorrow's rows do not have them; a column that k-anonymity counts stays."""
    workflow = make_workflow(
        columns={
            "target": "left",
            "features": ["age", "income", "city", "joined"],
            "keep": ["name", "zip"],
        },
        split={"by": "source", "validation": 0.2},
        privacy=[{"k_anonymity": {"columns": ["zip"], "k": 2}}],
        scoring={"source": {"kind": "files", "path": "new/*.csv"}},
    )
    narrowed = narrow_workflow(workflow, ["age", "income"])
    assert narrowed.columns.read == ("age", "income", "zip")
    assert narrowed.split.by == "none"
    assert narrowed.source.path == "new/*.csv"
    assert narrowed.privacy == workflow.privacy


def test_without_a_source_of_its_own_the_workflows_is_read() -> None:
    """All that has arrived."""
    workflow = make_workflow(scoring={})
    assert narrow_workflow(workflow, ["age"]).source == workflow.source
    assert narrow_workflow(make_workflow(), ["age"]).source == workflow.source

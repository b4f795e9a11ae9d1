"""Quarantine, tally, preparation and report: where every row has gone."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from tasks.cleaning import tally as tally_module
from tasks.cleaning.quarantine import reject_rows, shape_quarantine
from tasks.cleaning.report import CleaningReport, report_columns
from tasks.cleaning.tally import Tally, check_parts, check_training_rows, count_by_part
from tasks.dataset import array_to_tensor_column
from tasks.errors import CleaningError
from tasks.preparation.transformer import Problem


def test_reasons_of_a_row_are_joined_and_the_first_counts() -> None:
    """Of two problems in one column the first is told: what is no number is not missing too."""
    problems = [
        Problem("x", "not a number", np.array([2]), ["tall"]),
        Problem("x", "missing", np.array([0, 2])),
        Problem("kind", "missing", np.array([2])),
    ]
    rejection = reject_rows(problems, 4)
    assert rejection.is_rejected.tolist() == [True, False, True, False]
    assert rejection.reasons == ("x: missing", "x: not a number: 'tall'; kind: missing")
    assert rejection.n_by_kind == {"x: missing": 1, "x: not a number": 1}


def test_quarantine_keeps_the_row_as_it_came() -> None:
    """Scalars as JSON, which knows no NaN; tensors are left to the raw dataset."""
    raw = pa.record_batch(
        {
            "id": ["a:2"], "source": ["a"], "line": [2], "x": [float("nan")], "kind": ["ä"],
            "image": array_to_tensor_column(np.zeros((1, 2, 2, 1), np.uint8)),
        }
    )  # fmt: skip
    (row,) = shape_quarantine(raw, ["x: missing"]).to_pylist()
    assert (row["id"], row["source"], row["line"], row["reason"]) == ("a:2", "a", 2, "x: missing")
    assert json.loads(row["row"]) == {"x": "nan", "kind": "ä"}


def count(*rows: tuple[str, int]) -> Tally:
    tally = Tally("kind")
    batch = pa.record_batch({"split": [r[0] for r in rows], "kind": [r[1] for r in rows]})
    tally.add(count_by_part(batch, "kind"))
    return tally


def test_tally_counts_by_part_and_class() -> None:
    """And knows which classes were never trained."""
    tally = count(("train", 1), ("train", 1), ("train", 10), ("holdout", 2), ("validation", 1))
    assert tally.to_counts() == {
        "train": {"1": 2, "10": 1},
        "validation": {"1": 1},
        "holdout": {"2": 1},
    }
    assert tally.find_untrained_classes() == {2}
    tally.remove_classes({2})
    assert tally.n_rows == 4
    assert tally.find_untrained_classes() == set()


@pytest.mark.parametrize(
    ("rows", "needs_validation", "message"),
    [
        ([("train", 1), ("train", 2)], False, "none is in the part 'holdout'"),
        ([("train", 1), ("holdout", 1)], False, "All training rows have the class 1"),
        ([("train", 1), ("train", 2), ("holdout", 1)], True, "none is in the part 'validation'"),
    ],
)
def test_parts_that_cannot_be_used_are_refused(
    rows: list[tuple[str, int]], needs_validation: bool, message: str
) -> None:
    """The error says what to wait for or change."""
    with pytest.raises(CleaningError, match=message):
        check_parts(count(*rows), needs_validation=needs_validation)


def test_usable_parts_pass() -> None:
    """Two classes, and a hold-out; validation only where it is asked for."""
    check_parts(count(("train", 1), ("train", 2), ("holdout", 1)), needs_validation=False)


@pytest.mark.parametrize(
    ("rows", "message"),
    [([], r"left no row\.\n.*x: missing \(7 rows\)"), ([("holdout", 1)], "1 clean rows none is for training")],
)  # fmt: skip
def test_nothing_to_train_on_is_refused(rows: list[tuple[str, int]], message: str) -> None:
    """With the reasons for which the rows went."""
    with pytest.raises(CleaningError, match=message):
        check_training_rows(count(*rows), {"x: missing": 7})


def test_a_number_taken_for_a_class_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes are few; the bound is also one on memory."""
    monkeypatch.setattr(tally_module, "MAX_CLASSES", 2)
    with pytest.raises(CleaningError, match="more than 2 different values"):
        count(("train", 1), ("train", 2), ("train", 3))


def test_rows_without_a_target_are_counted_by_part() -> None:
    """A workflow that only cleans has no classes, and needs none."""
    tally = Tally(None)
    tally.add(count_by_part(pa.record_batch({"split": ["train", "train", "holdout"]}), None))
    assert tally.to_counts() == {"train": {"": 2}, "validation": {}, "holdout": {"": 1}}
    check_parts(tally, needs_validation=False)


def test_changes_are_reported_by_column() -> None:
    """Columns as they arrive come first; a column that nothing was done to is there too."""
    reported = report_columns(
        {"x": 2, "y": 0}, {("x", "filled"): 2, ("z", "clipped"): 1, ("x", "clipped"): 3}
    )
    assert list(reported) == ["x", "y", "z"]
    assert reported["x"].changes == {"filled": 2, "clipped": 3}
    assert (reported["x"].missing, reported["y"].changes, reported["z"].missing) == (2, {}, 0)


def test_report_adds_up() -> None:
    """Rows in = rows out + quarantined + duplicates: 10 = 6 + 3 + 1."""
    report = CleaningReport(10, 6, 1, {"x: missing": 2, "y: missing": 1}, {"train": {"a": 4, "b": 1}, "holdout": {"a": 1}})  # fmt: skip
    assert (report.rows_quarantined, report.count_split("train")) == (3, 5)
    assert report.to_json()["rows_quarantined"] == 3


@pytest.mark.parametrize(("rows_in", "n_train"), [(11, 6), (10, 5)])
def test_report_that_does_not_add_up_is_refused(rows_in: int, n_train: int) -> None:
    """A lost row is an error, not a number to overlook."""
    with pytest.raises(CleaningError, match="do not add up"):
        CleaningReport(rows_in, 6, 1, {"x: missing": 3}, {"train": {"a": n_train}})


def test_a_grid_adds_and_merges_rows() -> None:
    """Ten in and two added: eleven out and one merged."""
    report = CleaningReport(10, 11, 0, {}, {"train": {"": 11}}, rows_added=2, rows_merged=1)
    assert report.to_json()["rows_added"] == 2

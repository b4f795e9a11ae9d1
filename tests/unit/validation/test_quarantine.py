"""Rows that marked expectations send to quarantine."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.errors import NocturneError, SuiteError
from tasks.validation import quarantine
from tasks.validation.checks import Judgement
from tasks.validation.docs import render_data_docs
from tasks.validation.quarantine import MAX_VALUE_CHARACTERS, REJECTED_SCHEMA
from tasks.validation.suites import read_suite

JudgeTable = Callable[..., Judgement]
NAN = float("nan")
ROWS = pa.table(
    {
        "n": [1.0, 5.0, None, 5.0, NAN, float("inf"), -0.0],
        "m": [0.0, 5.0, None, 9.0, 1.0, None, 0.0],
        "s": ["a", "bb", None, "é", "bb", "ccc", ""],
        "i": pa.array([1, 2, 2, None, 4, 5, 6], pa.int64()),
        "b": [True, False, None, True, True, True, True],
        "d": pa.array(
            [None if y is None else datetime.datetime(y, 1, 1, tzinfo=datetime.UTC) for y in (1500, 2020, None, 2020, 2300, 1969, 2021)],
            pa.timestamp("us", "UTC"),
        ),
    }
)  # fmt: skip


def mark(type_: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{type_}", "kwargs": kwargs, "meta": {"quarantine": True}}


@pytest.mark.parametrize(
    ("expectation", "rows"),
    [
        (mark("column_values_to_not_be_null", column="n"), [2, 4]),
        (mark("column_values_to_not_be_null", column="s"), [2]),
        (mark("column_values_to_be_null", column="d"), [0, 1, 3, 4, 5, 6]),
        (mark("column_values_to_be_in_set", column="n", value_set=[1, 0]), [1, 3, 5]),
        (mark("column_values_to_be_in_set", column="s", value_set=["a", "é", 3]), [1, 4, 5, 6]),
        (mark("column_values_to_be_in_set", column="i", value_set=["2"]), [0, 1, 2, 4, 5, 6]),
        (mark("column_values_to_be_in_set", column="b", value_set=[True]), [1]),
        (mark("column_values_to_be_in_set", column="d", value_set=["2020-01-01"]), [0, 4, 5, 6]),
        (mark("column_values_to_not_be_in_set", column="s", value_set=["bb", "zz"]), [1, 4]),
        (mark("column_values_to_not_be_in_set", column="d", value_set=["2300-01-01"]), [4]),
        (mark("column_values_to_be_between", column="n", min_value=0, max_value=5), [5]),
        (mark("column_values_to_be_between", column="n", min_value=0, max_value=5, strict_max=True), [1, 3, 5]),
        (mark("column_values_to_be_between", column="n", min_value=0, strict_min=True), [6]),
        (mark("column_values_to_be_between", column="d", min_value="1970-01-01"), [0, 5]),
        (mark("column_values_to_be_between", column="d", max_value="2020-01-01T00:00:00"), [4, 6]),
        (mark("column_value_lengths_to_be_between", column="s", min_value=1, max_value=2), [5, 6]),
        (mark("column_value_lengths_to_equal", column="s", value=1), [1, 4, 5, 6]),
        (mark("column_value_lengths_to_equal", column="n", value=3), [6]),  # -0.0, and inf has 3
        (mark("column_values_to_match_regex", column="s", regex="^[a-z]+$"), [3, 6]),
        (mark("column_values_to_not_match_regex", column="s", regex="b|c"), [1, 4, 5]),
        (mark("column_values_to_match_regex", column="i", regex="^[12]"), [4, 5, 6]),
        (mark("column_values_to_be_unique", column="n"), [1, 3]),
        (mark("column_values_to_be_unique", column="s"), [1, 4]),
        (mark("column_values_to_be_unique", column="d"), [1, 3]),
        (mark("column_values_to_be_unique", column="i"), [1, 2]),
        (mark("column_pair_values_a_to_be_greater_than_b", column_A="n", column_B="m"), [1, 3, 4, 5, 6]),
        (mark("column_pair_values_a_to_be_greater_than_b", column_A="n", column_B="m", or_equal=True), [3, 4, 5]),
        (mark("column_pair_values_a_to_be_greater_than_b", column_A="n", column_B="m", ignore_row_if="either_value_is_missing"), [1, 3, 6]),
        (mark("column_pair_values_to_be_equal", column_A="n", column_B="m"), [0, 3, 4, 5]),
        (mark("column_pair_values_to_be_equal", column_A="n", column_B="m", ignore_row_if="neither"), [0, 2, 3, 4, 5]),
        (mark("column_pair_values_to_be_equal", column_A="n", column_B="s"), [0, 1, 3, 4, 5, 6]),
        (mark("select_column_values_to_be_unique_within_record", column_list=["n", "m"]), [1, 6]),
        (mark("select_column_values_to_be_unique_within_record", column_list=["n", "m"], ignore_row_if="never"), [1, 2, 6]),
        (mark("compound_columns_to_be_unique", column_list=["n", "s"]), []),
        (mark("compound_columns_to_be_unique", column_list=["d", "b"]), []),
        (mark("compound_columns_to_be_unique", column_list=["b", "s"]), []),
    ],
)  # fmt: skip
def test_the_rows_that_break_an_expectation_are_found(
    judge_table: JudgeTable, expectation: dict[str, Any], rows: list[int]
) -> None:
    """By hand; and Great Expectations counts as many, or judging would end in an error."""
    judgement = judge_table(ROWS, expectation)
    (found,) = judgement.result.expectations
    assert judgement.rejected["row"].to_pylist() == rows, found.found
    assert found.is_quarantining
    assert judgement.result.n_quarantined == len(rows)
    assert (found.unexpected_count or 0) == len(rows)


def test_repeated_combinations_are_all_rejected(judge_table: JudgeTable) -> None:
    """Also those with a missing part; a row without any part is none."""
    table = pa.table({"a": ["x", "x", "y", None, None, None], "b": [1, 1, 1, 2, 2, None]})
    judgement = judge_table(table, mark("compound_columns_to_be_unique", column_list=["a", "b"]))
    assert judgement.rejected["row"].to_pylist() == [0, 1, 3, 4]


def test_reasons_name_promise_and_value(judge_table: JudgeTable) -> None:
    """One line a row, in order; several reasons in one."""
    table = pa.table({"age": [200.0, None, 30.0, -1.0], "to": [1.0, 1.0, 40.0, 1.0]})
    rejected = judge_table(
        table,
        mark("column_pair_values_a_to_be_greater_than_b", column_A="to", column_B="age"),
        mark("column_values_to_be_between", column="age", min_value=0, max_value=120),
    ).rejected
    assert rejected.schema == REJECTED_SCHEMA
    between = "age: promised values to be between (min_value 0.0, max_value 120.0); found "
    pair = 'to, age: promised pair values a to be greater than b (column_A "to", column_B "age"); found '
    assert rejected["row"].to_pylist() == [0, 1, 3]
    assert (
        sorted(rejected["reason"][0].as_py().split("; to, "))
        == [
            f"{between}200",
            pair.removeprefix("to, ") + "to 1, age 200",
        ]
        or rejected["reason"][0].as_py() == f"{pair}to 1, age 200; {between}200"
    )
    assert rejected["reason"].to_pylist()[1:] == [f"{pair}to 1, age nothing", f"{between}-1"]


def test_values_and_promises_are_cut(judge_table: JudgeTable) -> None:
    """A row of ten megabytes leaves a short reason."""
    table = pa.table({"s": ["é" * 10_000_000, "a"]})
    rejected = judge_table(
        table, mark("column_values_to_be_in_set", column="s", value_set=["a", "b" * 5000])
    ).rejected
    (reason,) = rejected["reason"].to_pylist()
    assert reason.endswith("...; found " + "é" * MAX_VALUE_CHARACTERS)
    assert len(reason) < 400


def test_a_marked_failure_stops_nothing_and_is_shown(judge_table: JudgeTable) -> None:
    """It is neither a critical failure nor a warning."""
    judgement = judge_table(ROWS, mark("column_values_to_not_be_null", column="s"))
    result = judgement.result
    assert (result.critical_failures, result.warnings, result.success) == ((), (), False)
    document = result.to_json()
    assert document["n_quarantined"] == 1
    assert document["expectations"][0]["is_quarantining"] is True
    page = render_data_docs(judgement.judged, result, "x")
    assert "Quarantined 1 rows" in page
    assert "<strong>quarantine</strong>: s: promised values to not be null" in page


@pytest.mark.parametrize("column", ["z", "s"])
def test_what_cannot_be_judged_fails_by_its_severity(judge_table: JudgeTable, column: str) -> None:
    """A missing column, or text compared with a number: no row can be told."""
    judgement = judge_table(ROWS, mark("column_values_to_be_between", column=column, min_value=1))
    assert len(judgement.result.critical_failures) == 1
    assert judgement.rejected.num_rows == 0


def test_other_counts_than_great_expectations_are_an_error(
    judge_table: JudgeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wrong rows never go to quarantine unnoticed."""
    monkeypatch.setattr(
        quarantine,
        "find_failing_rows",
        lambda _type, _kwargs, table: pa.compute.is_valid(table["s"]),
    )
    with pytest.raises(NocturneError, match=r"6 rows break .* counts 1.*\n.*\n.*report this"):
        judge_table(ROWS, mark("column_values_to_not_be_null", column="s"))


@pytest.mark.parametrize(
    ("expectation", "stage", "message"),
    [
        (mark("column_mean_to_be_between", column="n", max_value=1), "raw", r"cannot send rows.*\n.*one of 'expect_col"),
        (mark("table_row_count_to_equal", value=1), "raw", "cannot send rows"),
        (mark("column_values_to_not_be_null", column="n"), "clean", r"clean data.*\n.*\n.*raw suite"),
        (mark("column_values_to_not_be_null", column="n", mostly=0.9), "raw", r"'mostly'.*\n.*max_quarantined_fraction"),
        (mark("column_values_to_not_be_null", column="n") | {"meta": {"quarantine": "yes"}}, "raw", "quarantine is 'yes'"),
    ],
)  # fmt: skip
def test_a_mark_that_cannot_be_is_refused(
    tmp_path: Path, expectation: dict[str, Any], stage: Any, message: str
) -> None:
    """When the suite is read, and not on the first bad row."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"name": "x", "expectations": [expectation]}))
    with pytest.raises(SuiteError, match=message):
        read_suite(path, stage=stage)


def test_a_mark_that_says_no_is_none(tmp_path: Path) -> None:
    """So a clean suite may say it, and any expectation."""
    item = mark("column_mean_to_be_between", column="n", max_value=1) | {
        "meta": {"quarantine": False}
    }
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"name": "x", "expectations": [item]}))
    assert len(read_suite(path, stage="clean").expectations) == 1

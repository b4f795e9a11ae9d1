"""Great Expectations' verdicts in the house's words."""

from __future__ import annotations

import datetime
import json
import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.validation import checks, rows
from tasks.validation.checks import Judgement
from tasks.validation.docs import render_data_docs
from tasks.validation.results import to_plain

JudgeTable = Callable[..., Judgement]
TABLE = pa.table({"label": [0, 1, 12], "x": [0.5, 1.0, 9.5], "kind": ["a", "a", "b"]})


def expect(type_: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{type_}", "kwargs": kwargs, "severity": severity}


LABELS = expect("column_values_to_be_in_set", column="label", value_set=list(range(10)))
RANGE = expect("column_values_to_be_between", "warning", column="x", min_value=0, max_value=5)
COUNT = expect("table_row_count_to_be_between", min_value=1)
MEAN = expect("column_mean_to_be_between", "info", column="x", max_value=1)


@pytest.mark.parametrize(
    ("expectations", "success", "critical", "warnings"),
    [
        ([COUNT], True, [], []),
        ([COUNT, LABELS], False, ["label"], []),
        ([RANGE, COUNT], False, [], ["x"]),
        ([RANGE, LABELS], False, ["label"], ["x"]),
        ([MEAN], False, [], []),
    ],
)
def test_severity_decides(
    judge_table: JudgeTable,
    expectations: list[dict[str, Any]],
    success: bool,
    critical: list[str],
    warnings: list[str],
) -> None:
    """Failed expectations are critical failures, warnings or for information only."""
    result = judge_table(TABLE, *expectations).result
    assert result.success is success
    assert [e.column for e in result.critical_failures] == critical
    assert [e.column for e in result.warnings] == warnings


def test_a_failure_is_told_in_words_and_figures(judge_table: JudgeTable) -> None:
    """One of three labels is 12: a third."""
    result = judge_table(TABLE, LABELS).result
    (failure,) = result.critical_failures
    assert failure.unexpected_count == 1
    assert failure.unexpected_percent == pytest.approx(100 / 3)
    assert failure.in_words == (
        "label: promised values to be in set (value_set [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]); "
        "found 1 of 3 rows otherwise (33.3 %), such as 12"
    )


@pytest.mark.parametrize(
    ("expectation", "found"),
    [
        (COUNT, "3"),
        (MEAN, "3.66667"),  # 11 / 3
        (RANGE | {"kwargs": {"column": "x", "min_value": 0}}, "it holds for all 3 rows"),
        (expect("column_values_to_be_unique", column="lable"), "no such column; 'label', perhaps"),
        (
            expect("table_columns_to_match_set", column_set=["x", "y"], exact_match=True),
            "unexpected: kind, label; missing: y",
        ),
        (
            expect("column_distinct_values_to_contain_set", column="kind", value_set=["c"]),
            "no c",
        ),
        (
            expect("column_values_to_be_between", column="kind", min_value=1),
            "it could not be judged: ",
        ),
    ],
)
def test_findings_of_every_sort_are_told(
    judge_table: JudgeTable, expectation: dict[str, Any], found: str
) -> None:
    """Counts, figures, sets, missing columns and what cannot be judged at all."""
    result = judge_table(TABLE, expectation).result
    assert result.expectations[0].found.startswith(found)


def test_results_keep_the_order_of_the_suite(judge_table: JudgeTable) -> None:
    """Great Expectations returns another one."""
    result = judge_table(TABLE, RANGE, COUNT, LABELS, MEAN).result
    assert [e.type for e in result.expectations] == [
        e["type"] for e in (RANGE, COUNT, LABELS, MEAN)
    ]


def test_a_result_is_json(judge_table: JudgeTable) -> None:
    """NumPy's numbers are gone, and the counts are beside the list."""
    result = judge_table(TABLE, LABELS, RANGE, MEAN).result
    document = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert (document["n_expectations"], document["n_failed"]) == (3, 3)
    assert (document["n_critical_failures"], document["n_warnings"]) == (1, 1)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (float("nan"), "nan"),
        ({1: (np.float64("inf"),)}, {"1": ["inf"]}),
        (pd.Timestamp("2026-01-01"), "2026-01-01 00:00:00"),
    ],
)
def test_values_become_plain_json(value: object, plain: object) -> None:
    """What JSON does not know becomes text."""
    assert to_plain(value) == plain


@pytest.mark.filterwarnings("error")
def test_data_docs_escape_text_from_the_data(judge_table: JudgeTable) -> None:
    """A value that is markup is shown as text, and the page asks no server for anything."""
    evil = "<img src=x onerror=alert(1)> ${x} $$ </script><script>alert(2)</script>"
    table = pa.table({"kind": ["a", evil], "<b>": [1, 2], "x": [1.0, 5.0]})
    kl = expect(
        "column_kl_divergence_to_be_less_than",
        column="kind",
        partition_object={"values": ["a", evil], "weights": [0.5, 0.5]},
        threshold=0.1,
    )
    judgement = judge_table(
        table,
        expect("column_values_to_be_in_set", column="kind", value_set=["a", "<i>"]),
        expect("table_columns_to_match_set", column_set=["kind"]),
        expect("column_values_to_be_unique", column="<u>"),
        expect("column_values_to_not_match_regex", column="kind", regex="<img"),
        kl,
    )
    page = render_data_docs(judgement.judged, judgement.result, "x: raw data")
    assert "&lt;img src=x onerror" in page
    for markup in ("<img", "<script", "<b>", "<i>", "<u>", "&amp;lt;", 'href="http', 'src="'):
        assert markup not in page
    assert "Content-Security-Policy" in page
    assert "site-packages" not in page  # no paths of this machine in tracebacks


WHOLE = pa.table({f"x{i}": np.arange(4.0) for i in range(3)})


def test_whole_table_expectations_see_all_names_and_rows(judge_table: JudgeTable) -> None:
    """Their frame holds no data, and still counts right."""
    result = judge_table(
        WHOLE,
        expect("table_row_count_to_equal", value=4),
        expect("table_row_count_to_equal", value=5),
        expect("table_column_count_to_equal", value=3),
        expect("table_columns_to_match_ordered_list", column_list=["x0", "x1", "x2"]),
        expect("table_columns_to_match_ordered_list", column_list=["x1", "x0", "x2"]),
        expect("column_to_exist", column="x1"),
        expect("column_to_exist", column="x9"),
    ).result
    assert [e.success for e in result.expectations] == [True, False, True, True, False, True, False]


def test_each_column_is_read_once(judge_table: JudgeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where an expectation compares it with another."""
    read: list[str] = []
    original = checks.TypedView.read

    def note(self: checks.TypedView, names: tuple[str, ...]) -> pa.Table:
        read.extend(names)
        return original(self, names)

    monkeypatch.setattr(checks.TypedView, "read", note)
    judge_table(
        WHOLE,
        expect("table_row_count_to_equal", value=4),
        expect("column_values_to_be_between", column="x0", min_value=0),
        expect("column_values_to_be_unique", column="x0"),
        expect("column_pair_values_to_be_equal", column_A="x0", column_B="x1"),
        expect("column_max_to_be_between", column="x2", max_value=3),
    )
    assert sorted(read) == ["x0", "x1", "x2"]


def test_frames_are_forgotten_group_by_group(
    judge_table: JudgeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory follows one group, not the table: a frame that was judged is gone."""
    frames: list[weakref.ref[pd.DataFrame]] = []
    n_alive: list[int] = []
    original = checks._make_frame

    def note(*args: Any) -> pd.DataFrame:
        n_alive.append(sum(frame() is not None for frame in frames))
        made = original(*args)
        frames.append(weakref.ref(made))
        return made

    monkeypatch.setattr(checks, "_make_frame", note)
    monkeypatch.setattr(checks, "MAX_VALUES", 4)
    judge_table(
        WHOLE, *(expect("column_values_to_not_be_null", column=n) for n in ("x0", "x1", "x2"))
    )
    assert n_alive == [0, 0, 0]


def test_nothing_is_hashed(judge_table: JudgeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dataset's digest is the fingerprint, and Great Expectations' own is back afterwards."""
    from great_expectations.execution_engine import pandas_execution_engine as engine

    def refuse(_frame: pd.DataFrame) -> str:
        raise AssertionError("hashed")

    monkeypatch.setattr(engine, "hash_pandas_dataframe", refuse)
    judgement = judge_table(TABLE, MEAN)
    fingerprint = judgement.judged.meta["batch_markers"]["pandas_data_fingerprint"]
    assert len(fingerprint) == 64
    assert engine.hash_pandas_dataframe is refuse


def test_conditions_see_the_columns_they_mention(judge_table: JudgeTable) -> None:
    """One of the two rows of kind a has an x below 0.7."""
    condition = {
        "type": "comparison",
        "column": {"name": "kind"},
        "operator": "==",
        "parameter": "a",
    }
    result = judge_table(
        TABLE,
        expect("column_values_to_be_between", column="x", min_value=0.7, row_condition=condition),
        expect("table_row_count_to_equal", value=2, row_condition=condition),
    ).result
    assert [e.success for e in result.expectations] == [False, True]
    assert result.expectations[0].unexpected_count == 1


DAYS = pa.table(
    {"day": pa.array([datetime.date(1500, 1, 1), datetime.date(2020, 5, 5), datetime.date(2300, 1, 1), None])}
)  # fmt: skip


@pytest.mark.parametrize(
    ("expectation", "n_unexpected"),
    [
        (expect("column_values_to_be_between", column="day", min_value="1900-01-01"), 1),
        (expect("column_values_to_be_between", column="day", max_value="2020-05-05T00:00:00"), 1),
        (expect("column_values_to_be_in_set", column="day", value_set=["2020-05-05"]), 2),
        (expect("column_values_to_not_be_in_set", column="day", value_set=["2300-01-01"]), 1),
        (expect("column_values_to_be_unique", column="day"), 0),
    ],
)
def test_dates_far_off_are_judged(
    judge_table: JudgeTable, expectation: dict[str, Any], n_unexpected: int
) -> None:
    """Before 1677 and after 2262, where nanoseconds end; bounds are written as in the data."""
    judgement = judge_table(DAYS, expectation)
    (found,) = judgement.result.expectations
    assert found.unexpected_count == n_unexpected, found.found
    json.dumps(judgement.result.to_json(), allow_nan=False)
    assert "day" in render_data_docs(judgement.judged, judgement.result, "days")


def test_the_latest_date_is_judged(judge_table: JudgeTable) -> None:
    """A figure of the column, compared with a date."""
    result = judge_table(
        DAYS,
        expect("column_max_to_be_between", column="day", max_value="2200-01-01"),
        expect("column_max_to_be_between", column="day", max_value="2300-01-01"),
    ).result
    assert [e.success for e in result.expectations] == [False, True]
    assert result.expectations[0].found.startswith("2300-01-01")


HOSTILE = pa.table({"x": ["a" * 50 + "b", "a" * 50 + "b\n", "aaa", None]})


@pytest.mark.parametrize(
    ("expectation", "n_unexpected"),
    [
        (expect("column_values_to_match_regex", column="x", regex="^(a+)+$"), 2),
        (expect("column_values_to_not_match_regex", column="x", regex="^(a+)+$"), 1),
        (expect("column_values_to_match_regex_list", column="x", regex_list=["^(a+)+$", "b"]), 0),
        (expect("column_values_to_match_regex_list", column="x", regex_list=["^a", "b"], match_on="all"), 1),
        (expect("column_values_to_not_match_regex_list", column="x", regex_list=["^(a+)+$", "z"]), 1),
    ],
)  # fmt: skip
def test_a_regex_that_backtracks_takes_no_time(
    judge_table: JudgeTable, expectation: dict[str, Any], n_unexpected: int
) -> None:
    """Python's matching would take 2**50 steps, and pandas falls back on it where a line breaks."""
    import great_expectations  # noqa: F401 - its import takes seconds

    began = time.process_time()
    (found,) = judge_table(HOSTILE, expectation).result.expectations
    assert time.process_time() - began < 3.0
    assert found.unexpected_count == n_unexpected
    assert found.success is (n_unexpected == 0)


def test_mostly_leaves_some_regex_failures_out(judge_table: JudgeTable) -> None:
    """One of three texts matches: a third, of those that are there."""
    share = {"column": "x", "regex": "^aaa$"}
    result = judge_table(
        HOSTILE,
        expect("column_values_to_match_regex", mostly=0.3, **share),
        expect("column_values_to_match_regex", mostly=0.4, **share),
    ).result
    assert [e.success for e in result.expectations] == [True, False]
    assert result.expectations[1].unexpected_percent == pytest.approx(200 / 3)


def test_infinities_and_empty_columns_are_judged(judge_table: JudgeTable) -> None:
    """An infinite value is out of every range; where nothing is, nothing is wrong but the mean."""
    table = pa.table(
        {"x": [1.0, float("inf"), None], "none": pa.nulls(3, pa.float64()), "no": pa.nulls(3)}
    )
    judgement = judge_table(
        table,
        expect("column_values_to_be_between", column="x", min_value=0, max_value=9),
        expect("column_mean_to_be_between", column="x", max_value=9),
        expect("column_values_to_be_between", column="none", min_value=0, max_value=9),
        expect("column_mean_to_be_between", column="none", max_value=9),
        expect("column_values_to_be_in_set", column="no", value_set=["a"]),
        expect("column_values_to_match_regex", column="no", regex="a"),
        expect("column_values_to_not_be_null", column="no"),
    )  # fmt: skip
    found = [e.success for e in judgement.result.expectations]
    assert found == [False, False, True, False, True, True, False]
    json.dumps(judgement.result.to_json(), allow_nan=False)
    assert "inf" in render_data_docs(judgement.judged, judgement.result, "x")


@pytest.mark.parametrize("is_collision", [False, True])
def test_repeated_texts_are_found_by_hash_and_compared(
    judge_table: JudgeTable, monkeypatch: pytest.MonkeyPatch, is_collision: bool
) -> None:
    """Texts whose hashes collide are different all the same; missing ones repeat nothing."""
    if is_collision:
        monkeypatch.setattr(
            rows, "_hash_texts", lambda column: np.zeros(len(column), dtype=np.uint64)
        )
    table = pa.table({"id": ["a", "b", "a", None, None, "", "\0", "a\0"]})
    unique = expect("column_values_to_be_unique", column="id")
    (found,) = judge_table(table, unique).result.expectations
    assert (found.unexpected_count, found.unexpected_percent) == (2, pytest.approx(200 / 6))
    assert found.found == "2 of 8 rows otherwise (33.3 %), such as a"
    (found,) = judge_table(table.slice(1, 4), unique).result.expectations
    assert found.success

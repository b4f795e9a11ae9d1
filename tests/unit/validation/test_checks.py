"""Great Expectations' verdicts in the house's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.validation.checks import ValidationResult, run_suite, summarise, to_plain
from tasks.validation.docs import render_data_docs
from tasks.validation.suites import read_suite

FRAME = pd.DataFrame({"label": [0, 1, 12], "x": [0.5, 1.0, 9.5], "kind": ["a", "a", "b"]})


def expect(type_: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{type_}", "kwargs": kwargs, "severity": severity}


def judge(
    folder: Path, *expectations: dict[str, Any], frame: pd.DataFrame = FRAME
) -> tuple[ValidationResult, str]:
    path = folder / "x_raw.json"
    path.write_text(json.dumps({"name": "x_raw", "expectations": expectations}))
    suite = read_suite(path)
    judged = run_suite(frame, suite)
    result = summarise(judged, suite, frame)
    return result, render_data_docs(judged, result, "x: raw data")


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
    tmp_path: Path,
    expectations: list[dict[str, Any]],
    success: bool,
    critical: list[str],
    warnings: list[str],
) -> None:
    """Failed expectations are critical failures, warnings or for information only."""
    result, _ = judge(tmp_path, *expectations)
    assert result.success is success
    assert [e.column for e in result.critical_failures] == critical
    assert [e.column for e in result.warnings] == warnings


def test_a_failure_is_told_in_words_and_figures(tmp_path: Path) -> None:
    """One of three labels is 12: a third."""
    result, _ = judge(tmp_path, LABELS)
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
    tmp_path: Path, expectation: dict[str, Any], found: str
) -> None:
    """Counts, figures, sets, missing columns and what cannot be judged at all."""
    result, _ = judge(tmp_path, expectation)
    assert result.expectations[0].found.startswith(found)


def test_results_keep_the_order_of_the_suite(tmp_path: Path) -> None:
    """Great Expectations returns another one."""
    result, _ = judge(tmp_path, RANGE, COUNT, LABELS, MEAN)
    assert [e.type for e in result.expectations] == [
        e["type"] for e in (RANGE, COUNT, LABELS, MEAN)
    ]


def test_a_result_is_json(tmp_path: Path) -> None:
    """NumPy's numbers are gone, and the counts are beside the list."""
    result, _ = judge(tmp_path, LABELS, RANGE, MEAN)
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
def test_data_docs_escape_text_from_the_data(tmp_path: Path) -> None:
    """A value that is markup is shown as text, and the page asks no server for anything."""
    evil = "<img src=x onerror=alert(1)> ${x} $$ </script><script>alert(2)</script>"
    frame = pd.DataFrame({"kind": ["a", evil], "<b>": [1, 2], "x": [1.0, 5.0]})
    kl = expect(
        "column_kl_divergence_to_be_less_than",
        column="kind",
        partition_object={"values": ["a", evil], "weights": [0.5, 0.5]},
        threshold=0.1,
    )
    _, page = judge(
        tmp_path,
        expect("column_values_to_be_in_set", column="kind", value_set=["a", "<i>"]),
        expect("table_columns_to_match_set", column_set=["kind"]),
        expect("column_values_to_be_unique", column="<u>"),
        kl,
        frame=frame,
    )
    assert "&lt;img src=x onerror" in page
    for markup in ("<img", "<script", "<b>", "<i>", "<u>", "&amp;lt;", 'href="http', 'src="'):
        assert markup not in page
    assert "Content-Security-Policy" in page
    assert "site-packages" not in page  # no paths of this machine in tracebacks

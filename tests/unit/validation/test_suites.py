"""Suites from JSON files, every mistake refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import SuiteError
from tasks.validation.suites import read_suite

COUNT = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}

CONDITION = {"type": "comparison", "column": {"name": "y"}, "operator": "==", "parameter": 1}
SCHEMA = {
    "type": "expect_column_values_to_match_json_schema",
    "kwargs": {"column": "x", "json_schema": {"type": "string", "pattern": "(a+)+$"}},
}


def match(suffix: str = "", **kwargs: Any) -> dict[str, Any]:
    name = "expect_column_values_to_match_regex" + (f"_{suffix}" if suffix else "")
    return {"type": name, "kwargs": {"column": "x", **kwargs}}


def write(folder: Path, document: Any) -> Path:
    path = folder / "x_raw.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_a_suite_keeps_its_expectations_and_severities(tmp_path: Path) -> None:
    """What is not said to be a warning is critical."""
    document = {
        "name": "x_raw",
        "expectations": [COUNT, {**COUNT, "severity": "warning", "kwargs": {"max_value": 9}}],
    }
    suite = read_suite(write(tmp_path, document))
    assert suite.name == "x_raw"
    assert [e.severity.value for e in suite.expectations] == ["critical", "warning"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", r"x_raw\.json cannot be read"),
        ([], r"is \[\]"),
        ({}, "has the name None"),
        ({"name": "y_raw", "expectations": [COUNT]}, "'y_raw'.*\n.*'x_raw', as the file is called"),
        ({"name": "x_raw", "expectations": []}, "promises nothing"),
        ({"name": "x_raw", "expectation": [COUNT]}, "'expectation'.\nExpected: 'expectations'"),
        (
            {"name": "x_raw", "expectations": [COUNT, {**COUNT, "type": "expect_column_values_to_be_unik"}]},
            "expectation 2: unknown type .*\n.*'expect_column_values_to_be_unique', perhaps",
        ),
        ({"name": "x_raw", "expectations": [{"kwargs": {}}]}, "expectation 1: unknown type None"),
        ({"name": "x_raw", "expectations": [{**COUNT, "severity": "warn"}]}, "severity 'warn'"),
        ({"name": "x_raw", "expectations": [{**COUNT, "kwarg": {}}]}, "'kwarg'.\nExpected: 'kwargs'"),
        ({"name": "x_raw", "expectations": [{**COUNT, "kwargs": {"min": 1}}]}, "cannot take .*min"),
        ({"name": "x_raw", "expectations": [match(regex="(?<=a)b")]}, r"'\(\?<=a\)b' cannot be used: .*\n.*RE2 knows"),
        ({"name": "x_raw", "expectations": [match(regex=r"(a)\1")]}, "cannot be used: invalid escape"),
        ({"name": "x_raw", "expectations": [match(regex="[")]}, "cannot be used: missing \\]"),
        ({"name": "x_raw", "expectations": [match(regex="((a{900}){900}){900}")]}, "cannot be used"),
        ({"name": "x_raw", "expectations": [match("list", regex_list=["a", "a(?!b)"])]}, "'a[^b]*b[^']*' cannot be used"),
        ({"name": "x_raw", "expectations": [match(regex="a", row_condition=CONDITION)]}, "'row_condition' beside a regex"),
        ({"name": "x_raw", "expectations": [SCHEMA]}, "a JSON Schema with 'pattern'"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused(tmp_path: Path, document: Any, message: str) -> None:
    """Great Expectations would skip some of these, and the gate would let more through."""
    with pytest.raises(SuiteError, match=message):
        read_suite(write(tmp_path, document))


def test_a_missing_suite_names_the_nearest(tmp_path: Path) -> None:
    """The error says which file there is."""
    write(tmp_path, {})
    with pytest.raises(SuiteError, match=r"no suite .*\n.*'x_raw', perhaps"):
        read_suite(tmp_path / "x_rav.json")

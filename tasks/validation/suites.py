"""Suites of expectations: JSON files that people review, read into Great Expectations' own objects.

Used by ``step.py``; every mistake in a file is refused, because Great Expectations skips what it does not know.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import SuiteError, nearest

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

SUITE_KEYS = frozenset({"name", "expectations", "meta", "notes", "id"})
EXPECTATION_KEYS = frozenset({"type", "kwargs", "meta", "notes", "severity", "id", "description"})
SEVERITIES = ("critical", "warning", "info")


def read_suite(path: Path) -> ExpectationSuite:
    """Read a suite.

    Parameters
    ----------
    path : Path
        ``{"name": ..., "expectations": [{"type", "kwargs", "severity", "meta"}]}``; the name is
        the file's, ``severity`` is critical (the default), warning or info.

    Returns
    -------
    great_expectations.ExpectationSuite

    Raises
    ------
    SuiteError
        When the file is missing or not JSON, promises nothing, or holds an expectation that
        Great Expectations does not know or cannot use.
    """
    hint = f"correct {path}"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        siblings = [p.stem for p in path.parent.glob("*.json")]
        raise SuiteError(
            f"There is no suite {path}.",
            expected=nearest(path.stem, siblings),
            hint="write it, or name another at 'expectations' in the workflow file",
        ) from error
    except (OSError, ValueError) as error:
        raise SuiteError(
            f"The suite {path} cannot be read: {error}", expected="JSON in UTF-8", hint=hint
        ) from error
    _check_keys(document, SUITE_KEYS, f"The suite {path}", hint)
    if document.get("name") != path.stem:
        raise SuiteError(
            f"The suite {path} has the name {document.get('name')!r}.",
            expected=f"{path.stem!r}, as the file is called",
            hint=hint,
        )
    items = document.get("expectations")
    if not isinstance(items, list) or not items:
        raise SuiteError(
            f"The suite {path} promises nothing.",
            expected="a list of expectations, at least one",
            hint="a first one: expect_table_row_count_to_be_between with a min_value",
        )
    import great_expectations as gx

    expectations = [
        _build_expectation(item, f"The suite {path}, expectation {i}", hint)
        for i, item in enumerate(items, start=1)
    ]
    try:
        return gx.ExpectationSuite(name=path.stem, expectations=expectations)
    except Exception as error:  # two that are the same, for one
        raise SuiteError(f"The suite {path}: {error}", hint=hint) from error


def _build_expectation(item: Any, where: str, hint: str) -> Expectation:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    _check_keys(item, EXPECTATION_KEYS, where, hint)
    known = list_registered_expectation_implementations()
    if item.get("type") not in known:
        raise SuiteError(
            f"{where}: unknown type {item.get('type')!r}.",
            expected=nearest(str(item.get("type")), known)
            if item.get("type")
            else "a type such as 'expect_column_values_to_not_be_null'",
            hint=hint,
        )
    if item.get("severity", SEVERITIES[0]) not in SEVERITIES:
        raise SuiteError(
            f"{where}: unknown severity {item['severity']!r}.",
            expected=", ".join(SEVERITIES),
            hint=hint,
        )
    try:
        return ExpectationConfiguration(**{"kwargs": {}, **item}).to_domain_obj()
    except Exception as error:  # GX raises pydantic v1's errors and several of its own
        raise SuiteError(
            f"{where}: {item['type']} cannot take {json.dumps(item.get('kwargs', {}))}: {error}",
            expected="the arguments of that expectation",
            hint=hint,
        ) from error


def _check_keys(value: Any, known: frozenset[str], where: str, hint: str) -> None:
    if not isinstance(value, dict):
        raise SuiteError(f"{where} is {value!r}.", expected="a JSON object", hint=hint)
    for key in value:
        if key not in known:
            raise SuiteError(
                f"{where}: unknown key {key!r}.", expected=nearest(key, known), hint=hint
            )

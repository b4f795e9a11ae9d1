"""Suites of expectations: JSON files that people review, read into Great Expectations' own objects.

Used by ``step.py``; every mistake in a file is refused, because Great Expectations skips what it does not know.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tasks.errors import SuiteError, nearest
from tasks.validation.quarantine import check_mark
from tasks.validation.regexes import REGEX_TYPES, explain_refusal, list_regexes

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

SUITE_KEYS = frozenset({"name", "expectations", "meta", "notes", "id"})
EXPECTATION_KEYS = frozenset({"type", "kwargs", "meta", "notes", "severity", "id", "description"})
SEVERITIES = ("critical", "warning", "info")


def read_suite(path: Path, *, stage: Literal["raw", "clean"] = "raw") -> ExpectationSuite:
    """Read a suite.

    Parameters
    ----------
    path : Path
        ``{"name": ..., "expectations": [{"type", "kwargs", "severity", "meta"}]}``; the name is
        the file's, ``severity`` is critical (the default), warning or info; an expectation with
        ``"meta": {"quarantine": true}`` sends the rows that break it to quarantine.
    stage : {"raw", "clean"}, default "raw"
        Which data it is for: only raw data can be sent to quarantine.

    Returns
    -------
    great_expectations.ExpectationSuite

    Raises
    ------
    SuiteError
        When the file is missing or not JSON, promises nothing, or holds an expectation that
        Great Expectations does not know or cannot use, a mark it cannot have, or a regex that RE2
        does not know.
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
        _build_expectation(item, stage, f"The suite {path}, expectation {i}", hint)
        for i, item in enumerate(items, start=1)
    ]
    try:
        return gx.ExpectationSuite(name=path.stem, expectations=expectations)
    except Exception as error:  # two that are the same, for one
        raise SuiteError(f"The suite {path}: {error}", hint=hint) from error


def _build_expectation(item: Any, stage: str, where: str, hint: str) -> Expectation:
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
        built = ExpectationConfiguration(**{"kwargs": {}, **item}).to_domain_obj()
    except Exception as error:  # GX raises pydantic v1's errors and several of its own
        raise SuiteError(
            f"{where}: {item['type']} cannot take {json.dumps(item.get('kwargs', {}))}: {error}",
            expected="the arguments of that expectation",
            hint=hint,
        ) from error
    _check_patterns(built.configuration, where, hint)
    check_mark(built.configuration, stage, where, hint)
    return built


def _check_patterns(configuration: Any, where: str, hint: str) -> None:
    """Refuse patterns that could take for ever on some text."""
    if configuration.type in REGEX_TYPES:
        for pattern in list_regexes(configuration.kwargs):
            reason = explain_refusal(pattern)
            if reason is not None:
                raise SuiteError(
                    f"{where}: the regex {pattern!r} cannot be used: {reason}.",
                    expected="a pattern that RE2 knows: without lookaround and backreferences, "
                    r"and with \z for the end of the text",
                    hint=hint,
                )
        if configuration.kwargs.get("row_condition"):
            raise SuiteError(
                f"{where}: 'row_condition' beside a regex.",
                expected="a regex that holds for all rows",
                hint=hint,
            )
    elif '"pattern' in json.dumps(configuration.kwargs.get("json_schema", ""), default=str):
        raise SuiteError(
            f"{where}: a JSON Schema with 'pattern' or 'patternProperties'.",
            expected="a schema without patterns: Python's regexes can take for ever on some texts",
            hint="check the pattern by expect_column_values_to_match_regex",
        )


def _check_keys(value: Any, known: frozenset[str], where: str, hint: str) -> None:
    if not isinstance(value, dict):
        raise SuiteError(f"{where} is {value!r}.", expected="a JSON object", hint=hint)
    for key in value:
        if key not in known:
            raise SuiteError(
                f"{where}: unknown key {key!r}.", expected=nearest(key, known), hint=hint
            )

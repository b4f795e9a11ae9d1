"""Judge a dataset by a suite, group of columns by group of columns.

Pure but for Great Expectations' own in-memory context, a new one for each judging: contexts on disk
rewrite their files and collide when tasks run side by side.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tasks.validation.grouping import Group, group_expectations
from tasks.validation.quarantine import REJECTED_SCHEMA, Rejections
from tasks.validation.regexes import REGEX_TYPES
from tasks.validation.results import (
    ValidationResult,
    find_exception,
    is_marked,
    summarise,
    to_plain,
)
from tasks.validation.rows import UNIQUE, find_failing_rows, find_missing, to_moment
from tasks.validation.shortcuts import forget_frame, take_shortcuts
from tasks.validation.view import TypedView

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import ExpectationSuite
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.expectations.expectation import Expectation

N_PARTIAL = 20  # unexpected values that are kept as examples
# Values of a group of columns; a column with more is judged alone. Great Expectations copies the whole
# frame for each column that has a missing value.
MAX_VALUES = 500_000
# Values that are read into memory together, a quarter of a gigabyte of numbers.
MAX_VALUES_READ = 32_000_000
# Arguments that hold values of the column; in a suite, dates among them are text.
_VALUE_KEYS = ("min_value", "max_value", "value_set")


@dataclass(frozen=True)
class Judgement:
    """What a suite says of a dataset.

    Parameters
    ----------
    result : ValidationResult
        In the house's words.
    judged : ExpectationSuiteValidationResult
        Great Expectations' own, for the Data Docs; results in the order of the suite.
    rejected : pyarrow.Table
        Rows for the quarantine: see :meth:`tasks.validation.quarantine.Rejections.to_table`.
    n_by_expectation : Counter of str
        Rows that each expectation sends there.
    """

    result: ValidationResult
    judged: ExpectationSuiteValidationResult
    rejected: pa.Table = field(default_factory=REJECTED_SCHEMA.empty_table)
    n_by_expectation: Counter[str] = field(default_factory=Counter)

    @property
    def rejected_fraction(self) -> float:
        """Share of the rows that go to quarantine."""
        return self.rejected.num_rows / self.result.n_rows if self.result.n_rows else 0.0


def judge(view: TypedView, suite: ExpectationSuite) -> Judgement:
    """Let Great Expectations judge a dataset.

    Parameters
    ----------
    view : TypedView
    suite : great_expectations.ExpectationSuite
        From :func:`tasks.validation.suites.read_suite`.

    Returns
    -------
    Judgement

    Raises
    ------
    NocturneError
        When rows for the quarantine are counted otherwise than by Great Expectations.

    Notes
    -----
    In memory at once: the columns that are read together, at most :data:`MAX_VALUES_READ` values or
    one group; and those of one group, which is one column where the rows are many, as pandas'.
    """
    rejections = Rejections()
    by_place: dict[int, ExpectationValidationResult] = {}
    places = {_identify(e.configuration): i for i, e in enumerate(suite.expectations)}
    meta: dict[str, Any] = {}
    definition = _define_batch(suite.name)
    groups = group_expectations(
        suite.expectations,
        view.column_names,
        max_columns=max(1, MAX_VALUES // max(1, view.n_rows)),
    )
    with take_shortcuts(view.dataset.sha256):
        for together in _read_together(groups, view.n_rows):
            names = dict.fromkeys(name for group in together for name in group.columns)
            table = view.read(list(names)) if names else pa.table({})
            for group in together:
                some = table.select(list(group.columns))
                results, meta = _judge_group(view, group, some, definition, meta, rejections)
                for expectation, result in zip(group.expectations, results, strict=True):
                    by_place[places[_identify(expectation.configuration)]] = result
    ordered = [by_place[i] for i in range(len(by_place))]
    rejected = rejections.to_table()
    return Judgement(
        result=summarise(
            ordered,
            suite=suite.name,
            n_rows=view.n_rows,
            columns=view.column_names,
            n_quarantined=rejected.num_rows,
        ),
        judged=_gather(ordered, suite.name, meta),
        rejected=rejected,
        n_by_expectation=rejections.n_by_expectation,
    )


def _read_together(groups: Sequence[Group], n_rows: int) -> Iterator[list[Group]]:
    """Bring neighbours together whose columns fit into memory: they are read in one go."""
    together: list[Group] = []
    n_columns = 0
    for group in groups:
        n_columns += len(group.columns)
        if together and n_columns * n_rows > MAX_VALUES_READ:
            yield together
            together, n_columns = [], len(group.columns)
        together.append(group)
    if together:
        yield together


def _define_batch(name: str) -> Any:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset(name)
    return asset.add_batch_definition_whole_dataframe("all")


def _judge_group(
    view: TypedView,
    group: Group,
    table: pa.Table,
    definition: Any,
    meta: dict[str, Any],
    rejections: Rejections,
) -> tuple[list[ExpectationValidationResult], dict[str, Any]]:
    """Judge the expectations of one group, in their order."""
    ours = [e for e in group.expectations if _is_ours(e, table)]
    theirs = [e for e in group.expectations if not _is_ours(e, table)]
    results = {id(e): _judge_by_rows(e, table) for e in ours}
    if theirs:
        frame = _make_frame(view, group, table)
        judged = _ask_great_expectations(definition, frame, theirs, table.schema)
        meta = dict(judged.meta)
        found = {_identify(r.expectation_config): r for r in judged.results}
        for expectation in theirs:
            asked = _adapt_dates(expectation, table.schema)
            result = found[_identify(asked.configuration)]
            if asked is not expectation:
                result.expectation_config = expectation.configuration  # as the suite has it
            results[id(expectation)] = result
    for expectation in group.expectations:
        result = results[id(expectation)]
        if is_marked(expectation) and not find_exception(result.exception_info):
            n_unexpected = (result.result or {}).get("unexpected_count") or 0
            rejections.add(expectation.configuration, table, n_unexpected)
    return [results[id(e)] for e in group.expectations], meta


def _is_ours(expectation: Expectation, table: pa.Table) -> bool:
    """Whether we judge: regexes, for the time they may take, and repeated texts, for the memory."""
    configuration = expectation.configuration
    kwargs = configuration.kwargs
    if kwargs.get("column") not in table.schema.names or kwargs.get("row_condition"):
        return False
    is_text = pa.types.is_string(table.schema.field(kwargs["column"]).type)
    return configuration.type in REGEX_TYPES or (configuration.type == UNIQUE and is_text)


def _make_frame(view: TypedView, group: Group, table: pa.Table) -> pd.DataFrame:
    import pandas as pd

    frame: pd.DataFrame = table.to_pandas()
    if not group.is_whole_table:
        return frame
    # Names and rows without data: one zero that is everywhere.
    zeros = np.broadcast_to(np.int8(0), (view.n_rows, len(view.column_names)))
    whole = pd.DataFrame(zeros, columns=pd.Index(view.column_names, dtype=object), copy=False)
    for column in frame.columns:
        whole[column] = frame[column]
    return whole


def _ask_great_expectations(
    definition: Any, frame: pd.DataFrame, expectations: Sequence[Expectation], schema: pa.Schema
) -> ExpectationSuiteValidationResult:
    import great_expectations as gx

    adapted = [_adapt_dates(e, schema) for e in expectations]
    batch = definition.get_batch({"dataframe": frame})
    # Not COMPLETE: lists of all unexpected rows cost 25 s when half of a million rows is bad. And not
    # SUMMARY, which takes twice as long as BASIC to count the examples.
    result_format = {"result_format": "BASIC", "partial_unexpected_count": N_PARTIAL}
    try:
        return batch.validate(
            gx.ExpectationSuite(name=definition.data_asset.name, expectations=adapted),
            result_format=result_format,
        )
    finally:
        forget_frame(batch)


def _adapt_dates(expectation: Expectation, schema: pa.Schema) -> Expectation:
    """Turn the dates among the arguments into moments where the column holds such; else the same object."""
    kwargs = expectation.configuration.kwargs
    column = kwargs.get("column")
    if column not in schema.names or not pa.types.is_timestamp(schema.field(column).type):
        return expectation
    changed: dict[str, Any] = {}
    for key in _VALUE_KEYS:
        value = kwargs.get(key)
        if isinstance(value, list | tuple | set):
            changed[key] = [to_moment(v) for v in value]
        elif value is not None:
            changed[key] = to_moment(value)
    return expectation.copy(update=changed) if changed else expectation


def _judge_by_rows(expectation: Expectation, table: pa.Table) -> ExpectationValidationResult:
    """Judge by our own mask and report as Great Expectations does."""
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    configuration = expectation.configuration
    column = table[configuration.kwargs["column"]]
    is_wrong = find_failing_rows(configuration.type, configuration.kwargs, table)
    n_rows, n_missing, n_wrong = len(column), int(find_missing(column).sum()), int(is_wrong.sum())
    n_there = n_rows - n_missing
    examples = column.take(pa.array(np.flatnonzero(is_wrong)[:N_PARTIAL])).to_pylist()
    percent = n_wrong / n_there * 100 if n_there else None
    return ExpectationValidationResult(
        success=not n_there or (n_there - n_wrong) / n_there >= configuration.kwargs.get("mostly", 1),
        expectation_config=configuration,
        result={
            "element_count": n_rows,
            "unexpected_count": n_wrong,
            "unexpected_percent": percent,
            "partial_unexpected_list": examples,
            "missing_count": n_missing,
            "missing_percent": n_missing / n_rows * 100 if n_rows else None,
            "unexpected_percent_total": n_wrong / n_rows * 100 if n_rows else None,
            "unexpected_percent_nonmissing": percent,
            "partial_unexpected_counts": [
                {"value": value, "count": n} for value, n in Counter(examples).most_common()
            ],
        },
        exception_info={"raised_exception": False, "exception_traceback": None, "exception_message": None},
        meta={},
    )  # fmt: skip


def _gather(
    results: list[ExpectationValidationResult], name: str, meta: dict[str, Any]
) -> ExpectationSuiteValidationResult:
    from great_expectations.core import RunIdentifier
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
    )

    n_held = sum(bool(result.success) for result in results)
    return ExpectationSuiteValidationResult(
        success=n_held == len(results),
        results=results,
        suite_name=name,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": n_held,
            "unsuccessful_expectations": len(results) - n_held,
            "success_percent": n_held / len(results) * 100 if results else None,
        },
        meta={"run_id": RunIdentifier(run_name=name), **meta},
    )


def _identify(configuration: Any) -> tuple[str, str]:
    kwargs = {k: v for k, v in configuration.kwargs.items() if k != "batch_id"}
    return configuration.type, json.dumps(to_plain(kwargs), sort_keys=True)

"""What became of a suite, in the house's words: promised, found, and what it means for the night.

Pure; between Great Expectations' own results and the step, the Data Docs and the command line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import nearest
from tasks.validation.grouping import list_named_columns

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

N_EXAMPLES = 5  # unexpected values that are named
MAX_EXAMPLE_CHARACTERS = 60
_NOT_NULL = "expect_column_values_to_not_be_null"


@dataclass(frozen=True)
class ExpectationResult:
    """What became of one expectation.

    Parameters
    ----------
    type : str
        Great Expectations' name of it.
    column : str or None
        None when it is about the whole table.
    severity : str
        critical, warning or info.
    success : bool
    promised, found : str
        In words.
    observed : object
        The figure or values observed, JSON-able; None where rows are counted.
    unexpected_count : int or None
        Rows that do not hold; None where the whole column is judged.
    unexpected_percent : float or None
        Their share, 0 to 100.
    is_quarantining : bool, default False
        Whether the rows that do not hold go to quarantine, so that a failure stops nothing.
    """

    type: str
    column: str | None
    severity: str
    success: bool
    promised: str
    found: str
    observed: Any
    unexpected_count: int | None
    unexpected_percent: float | None
    is_quarantining: bool = False

    @property
    def in_words(self) -> str:
        """Column, promise and finding in one line."""
        column = to_line(self.column) if self.column else "the table"
        return f"{column}: promised {self.promised}; found {self.found}"


@dataclass(frozen=True)
class ValidationResult:
    """What became of a suite.

    Parameters
    ----------
    suite : str
        Its name.
    n_rows : int
        Rows that were looked at.
    expectations : tuple of ExpectationResult
        In the order of the suite.
    n_quarantined : int, default 0
        Rows that break an expectation that sends rows to quarantine, each counted once.
    """

    suite: str
    n_rows: int
    expectations: tuple[ExpectationResult, ...]
    n_quarantined: int = 0

    @property
    def success(self) -> bool:
        """Whether every expectation held."""
        return all(e.success for e in self.expectations)

    @property
    def critical_failures(self) -> tuple[ExpectationResult, ...]:
        """Failed expectations that stop the night."""
        return self._list_failures("critical")

    @property
    def warnings(self) -> tuple[ExpectationResult, ...]:
        """Failed expectations that are shown and do not stop the night."""
        return self._list_failures("warning")

    def to_json(self) -> dict[str, Any]:
        """Make a JSON-able mapping."""
        return {
            "suite": self.suite,
            "success": self.success,
            "n_rows": self.n_rows,
            "n_expectations": len(self.expectations),
            "n_failed": sum(not e.success for e in self.expectations),
            "n_critical_failures": len(self.critical_failures),
            "n_warnings": len(self.warnings),
            "n_quarantined": self.n_quarantined,
            "expectations": [asdict(e) for e in self.expectations],
        }

    def _list_failures(self, severity: str) -> tuple[ExpectationResult, ...]:
        return tuple(
            e
            for e in self.expectations
            if not e.success and not e.is_quarantining and e.severity == severity
        )


def summarise(
    results: Sequence[ExpectationValidationResult],
    *,
    suite: str,
    n_rows: int,
    columns: Sequence[str],
    n_quarantined: int = 0,
) -> ValidationResult:
    """Say in the house's words what Great Expectations found.

    Parameters
    ----------
    results : sequence of ExpectationValidationResult
        In the order of the suite.
    suite : str
        Its name.
    n_rows : int
        Rows that were judged.
    columns : sequence of str
        Columns that there are.
    n_quarantined : int, default 0
        Rows that go to quarantine.

    Returns
    -------
    ValidationResult
    """
    return ValidationResult(
        suite=suite,
        n_rows=n_rows,
        expectations=tuple(_summarise_one(result, columns) for result in results),
        n_quarantined=n_quarantined,
    )


def to_plain(value: Any) -> Any:
    """Turn what Great Expectations reports into plain JSON values.

    Parameters
    ----------
    value : object
        NumPy scalars become Python's; NaN, infinities and what JSON does not know become text.

    Returns
    -------
    object
    """
    if isinstance(value, dict):
        return {str(to_plain(k)): to_plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [to_plain(v) for v in value]
    if hasattr(value, "item") and callable(value.item):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)


def to_line(text: str) -> str:
    r"""Write what stands in the data so that it shows as one line and nothing else.

    A log line or a terminal would obey a line break, an escape sequence or a change of the
    direction of writing.

    Examples
    --------
    >>> to_line("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_marked(configuration: Any) -> bool:
    """Whether an expectation (or its configuration) is marked to send failing rows to quarantine."""
    return bool((configuration.meta or {}).get("quarantine"))


def find_exception(info: Any) -> str | None:
    """Message of the exception that GX caught; it nests them by metric when there are several."""
    if not isinstance(info, dict):
        return None
    if info.get("exception_message"):
        return str(info["exception_message"])
    return next(filter(None, (find_exception(v) for v in info.values())), None)


def say_promise(configuration: Any) -> str:
    """Say an expectation in words, with its arguments but without its column."""
    arguments = ", ".join(
        f"{name} {json.dumps(to_plain(value), ensure_ascii=False)}"
        for name, value in configuration.kwargs.items()
        if name not in {"column", "batch_id"}
    )
    words = configuration.type.removeprefix("expect_").replace("_", " ")
    words = words.removeprefix("table ").removeprefix("column ")
    return f"{words} ({arguments})" if arguments else words


def _summarise_one(
    result: ExpectationValidationResult, columns: Sequence[str]
) -> ExpectationResult:
    configuration = result.expectation_config
    if configuration is None:  # GX's types allow it; its validations always set it
        raise ValueError("A validation result without its expectation.")
    found = to_plain(result.result)
    column = configuration.kwargs.get("column")
    n_unexpected = found.get("unexpected_count")
    percent = found.get("unexpected_percent")
    return ExpectationResult(
        type=configuration.type,
        column=column,
        severity=configuration.severity.value,
        success=bool(result.success),
        promised=to_line(say_promise(configuration)),
        found=to_line(_say_finding(result, found, column, columns)),
        observed=found.get("observed_value"),
        unexpected_count=n_unexpected if percent is not None else None,
        unexpected_percent=percent,
        # One that could not be judged names no rows: it fails by its severity.
        is_quarantining=is_marked(configuration) and (percent is not None or bool(result.success)),
    )


def _say_finding(
    result: ExpectationValidationResult,
    found: dict[str, Any],
    column: str | None,
    columns: Sequence[str],
) -> str:
    for name in list_named_columns(result.expectation_config):
        if name not in columns:
            which = "such column" if name == column else f"column {name!r}"
            return f"no {which}; {nearest(name, columns)}"
    raised = find_exception(result.exception_info)
    if raised:
        return f"it could not be judged: {raised}"
    if found.get("unexpected_percent") is not None:
        count, total = found["unexpected_count"], found["element_count"]
        if not count:
            return f"it holds for all {total} rows"
        text = f"{count} of {total} rows otherwise ({found['unexpected_percent']:.3g} %)"
        # Of missing values there is no example to give but NaN.
        is_about_missing = getattr(result.expectation_config, "type", None) == _NOT_NULL
        examples = [] if is_about_missing else found.get("partial_unexpected_list") or []
        return text + _say_examples(examples)
    observed = found.get("observed_value")
    if observed is None:
        missing = ", ".join(map(str, found.get("partial_missing_list") or []))
        unexpected = _say_examples(found.get("partial_unexpected_list") or [])
        if missing:
            return f"no {missing}"
        return f"others{unexpected}" if unexpected else "it holds"
    details = found.get("details")
    mismatched = details.get("mismatched") if isinstance(details, dict) else None
    if isinstance(mismatched, dict) and mismatched:  # a set of columns; of a list GX tells a list
        return "; ".join(f"{kind}: {', '.join(map(str, n))}" for kind, n in mismatched.items() if n)
    return f"{observed:.6g}" if isinstance(observed, float) else str(observed)


def _say_examples(values: list[Any]) -> str:
    examples = list(dict.fromkeys(str(v)[:MAX_EXAMPLE_CHARACTERS] for v in values))[:N_EXAMPLES]
    return f", such as {', '.join(examples)}" if examples else ""

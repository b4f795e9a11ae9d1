"""Regular expressions of a suite, matched by RE2: linear in the text, whatever the pattern.

Great Expectations matches by pandas, which falls back on Python's ``re`` for some patterns and texts
(a line break is enough), and there ``(a+)+$`` takes years; so the suites' regexes are judged here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MATCH = "expect_column_values_to_match_regex"
NOT_MATCH = "expect_column_values_to_not_match_regex"
MATCH_LIST = "expect_column_values_to_match_regex_list"
NOT_MATCH_LIST = "expect_column_values_to_not_match_regex_list"
REGEX_TYPES = frozenset({MATCH, NOT_MATCH, MATCH_LIST, NOT_MATCH_LIST})


def list_regexes(kwargs: dict[str, object]) -> list[str]:
    """List the patterns among an expectation's arguments."""
    several = kwargs.get("regex_list")
    patterns = several if isinstance(several, list | tuple) else [kwargs.get("regex")]
    return [str(pattern) for pattern in patterns if pattern is not None]


def explain_refusal(pattern: str) -> str | None:
    """Say why RE2 cannot match a pattern; None where it can.

    Examples
    --------
    >>> explain_refusal("^[A-Z]{3}$")
    >>> explain_refusal("(?=a)b")
    'invalid perl operator: (?='
    """
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        return str(error).removeprefix("Invalid regular expression: ")
    return None


def find_mismatches(
    type_: str, kwargs: dict[str, object], text: pa.ChunkedArray
) -> npt.NDArray[np.bool_]:
    """Tell which texts break one of the regex expectations.

    Parameters
    ----------
    type_ : str
        One of :data:`REGEX_TYPES`.
    kwargs : dict
        The expectation's arguments.
    text : pyarrow.ChunkedArray of string, length n_rows

    Returns
    -------
    ndarray of shape (n_rows,), bool
        False where the text is missing.
    """
    found = [
        np.asarray(pc.fill_null(pc.match_substring_regex(text, pattern), False))
        for pattern in list_regexes(kwargs)
    ]
    needs_all = type_ == MATCH_LIST and kwargs.get("match_on") == "all"
    matches = np.logical_and.reduce(found) if needs_all else np.logical_or.reduce(found)
    is_wrong = matches if type_ in {NOT_MATCH, NOT_MATCH_LIST} else ~matches
    result: npt.NDArray[np.bool_] = is_wrong & np.asarray(text.is_valid())
    return result

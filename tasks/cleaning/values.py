"""The target of a regression: from whatever it came as to a number.

Pure; a value that is no finite number is reported with what stood there.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tasks.errors import CleaningError
from tasks.preparation.frame import Column, find_kind
from tasks.preparation.preparation import MISSING, NOT_FINITE
from tasks.preparation.transformer import Problem
from tasks.preparation.transformers.convert_number import NOT_A_NUMBER, ConvertToNumber


def to_values(column: Column, name: str) -> tuple[pa.Array, tuple[Problem, ...]]:
    """Turn a target column into numbers.

    Parameters
    ----------
    column : Column of length n_rows
        Numbers, or text that holds numbers (from a CSV file).
    name : str
        The target's name.

    Returns
    -------
    values : pyarrow.DoubleArray of length n_rows
        Null where there is no usable number.
    problems : tuple of Problem
        Rows without a number, or with an infinite one.

    Raises
    ------
    CleaningError
        When the column holds dates or tensors.
    """
    kind = find_kind(column)
    if kind not in {"number", "text"}:
        raise CleaningError(
            f"The target {name!r} holds {kind}s.",
            expected="numbers",
            hint="name another column at 'columns.target' in the workflow file",
        )
    problems: list[Problem] = []
    is_wrong = np.zeros(len(column), dtype=bool)
    if kind == "text":
        numbers, is_wrong = ConvertToNumber([name]).convert(column)
        wrong = np.flatnonzero(is_wrong)
        found = column.take(pa.array(wrong)).to_pylist()
        problems.append(Problem(name, NOT_A_NUMBER, wrong, found))
    else:
        numbers = column
    values = np.asarray(numbers, dtype=np.float64)
    infinite = np.flatnonzero(np.isinf(values))
    problems.append(Problem(name, NOT_FINITE, infinite, values[infinite].tolist()))
    problems.append(Problem(name, MISSING, np.flatnonzero(np.isnan(values) & ~is_wrong)))
    return pa.array(values, mask=~np.isfinite(values)), tuple(p for p in problems if len(p.rows))

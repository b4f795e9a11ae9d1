"""The target: from whatever it came as to a class, a whole number or a text.

Pure; a value that is no class is missing and reported with what stood there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import CleaningError
from tasks.preparation.frame import Column, find_kind
from tasks.preparation.transformer import Problem

NOT_A_CLASS = "not a class"
NOT_IN_SET = "not in columns.classes"
MISSING = "missing"


def to_classes(
    column: Column, name: str, classes: Sequence[int | str] | None = None
) -> tuple[pa.Array, tuple[Problem, ...]]:
    """Turn a target column into classes.

    Parameters
    ----------
    column : Column of length n_rows
        Text, or numbers (booleans are 0 and 1).
    name : str
        The target's name.
    classes : sequence of int or of str, optional
        The set of classes; by default every value is one.

    Returns
    -------
    classes : pyarrow.Int64Array or pyarrow.StringArray of length n_rows
        Whole numbers where the column holds numbers; text where it came as text: digits in a CSV
        file stay text, so that one new label never changes the type of all.
    problems : tuple of Problem
        Rows without a class, with a number that is not whole, or with a class outside the set.

    Raises
    ------
    CleaningError
        When the column holds dates or tensors.
    """
    kind = find_kind(column)
    found: pa.Array
    if kind == "text":
        found = column
        problems = [Problem(name, MISSING, np.flatnonzero(found.is_null()))]
    elif kind == "number":
        is_missing = np.isnan(column)
        is_whole = np.isfinite(column) & (column == np.floor(column))
        is_whole &= np.abs(np.where(is_whole, column, 0)) < 2.0**63
        found = pa.array(np.where(is_whole, column, 0).astype(np.int64), mask=~is_whole)
        wrong = np.flatnonzero(~is_whole & ~is_missing)
        problems = [
            Problem(name, NOT_A_CLASS, wrong, np.asarray(column)[wrong].tolist()),
            Problem(name, MISSING, np.flatnonzero(is_missing)),
        ]
    else:
        raise CleaningError(
            f"The target {name!r} holds {kind}s.",
            expected="text or whole numbers: a class",
            hint="name another column at 'columns.target' in the workflow file",
        )
    if classes is not None:
        # As text, because a CSV file has the digit 7 where the workflow file has the number.
        known = pa.array([str(c) for c in classes], pa.string())
        is_known = pc.is_in(found.cast(pa.string()), value_set=known)
        others = np.flatnonzero(pc.and_(found.is_valid(), pc.invert(is_known)))
        problems.append(Problem(name, NOT_IN_SET, others, found.take(pa.array(others)).to_pylist()))
    return found, tuple(p for p in problems if len(p.rows))

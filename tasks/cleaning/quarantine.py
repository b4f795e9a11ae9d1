"""The quarantine: rows that cannot be used, each with its reason, its source and its line.

Pure; the checks of this stage report problems, and this module turns them into the quarantine's rows.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import Dataset
from tasks.dataset.columns import (
    ID_COLUMN,
    LINE_COLUMN,
    QUARANTINE_SCHEMA,
    SOURCE_COLUMN,
)
from tasks.preparation.transformer import Problem

UNPARSED_KIND = "line does not parse"
MAX_VALUE_CHARACTERS = 200  # of a value that a reason names; the row has the whole


@dataclass(frozen=True)
class Rejection:
    """The rows of a batch that go to quarantine.

    Parameters
    ----------
    is_rejected : ndarray of shape (n_rows,), bool
    reasons : tuple of str
        One for each rejected row, in their order: all its problems with their values.
    n_by_kind : mapping of str to int
        Rejected rows by column and kind of their first problem; adds up to their number.
    """

    is_rejected: npt.NDArray[np.bool_]
    reasons: tuple[str, ...]
    n_by_kind: Mapping[str, int]


def reject_rows(problems: Iterable[Problem], n_rows: int) -> Rejection:
    """Bring the problems of a batch together, row by row.

    Parameters
    ----------
    problems : iterable of Problem
        In the order in which they are told; of several in one column and row the first counts.
    n_rows : int
        Rows of the batch.

    Returns
    -------
    Rejection
    """
    by_row: dict[int, dict[str, tuple[str, str]]] = {}
    for problem in problems:
        kind = f"{problem.column}: {problem.kind}"
        values = problem.values if problem.values is not None else [None] * len(problem.rows)
        for row, value in zip(problem.rows.tolist(), values, strict=True):
            text = kind if value is None else f"{kind}: {str(value)[:MAX_VALUE_CHARACTERS]!r}"
            by_row.setdefault(row, {}).setdefault(problem.column, (kind, text))
    rows = sorted(by_row)
    is_rejected = np.zeros(n_rows, dtype=bool)
    is_rejected[rows] = True
    told = [list(by_row[row].values()) for row in rows]
    return Rejection(
        is_rejected=is_rejected,
        reasons=tuple("; ".join(text for _, text in problems) for problems in told),
        n_by_kind=Counter(problems[0][0] for problems in told),
    )


def shape_quarantine(rows: pa.RecordBatch, reasons: Sequence[str]) -> pa.RecordBatch:
    """Give rejected rows the columns of the quarantine.

    Parameters
    ----------
    rows : pyarrow.RecordBatch with n_rows rows
        Of the raw dataset, as they came.
    reasons : sequence of n_rows str

    Returns
    -------
    pyarrow.RecordBatch with :data:`QUARANTINE_SCHEMA`
        ``row`` holds the other scalar columns as JSON; tensors are left out, the raw dataset has
        them.
    """
    own = {ID_COLUMN, SOURCE_COLUMN, LINE_COLUMN}
    others = [
        f.name
        for f in rows.schema
        if f.name not in own and not isinstance(f.type, pa.FixedShapeTensorType)
    ]
    texts = [
        json.dumps({k: _to_json(v) for k, v in row.items()}, ensure_ascii=False)
        for row in rows.select(others).to_pylist()
    ]
    return pa.RecordBatch.from_arrays(
        [
            rows.column(ID_COLUMN),
            rows.column(SOURCE_COLUMN),
            rows.column(LINE_COLUMN),
            pa.array(reasons, pa.string()),
            pa.array(texts, pa.string()),
        ],
        schema=QUARANTINE_SCHEMA,
    )


def find_raw_rows(
    raw: Dataset, reasons: Mapping[int, str]
) -> Iterator[tuple[pa.RecordBatch, list[str]]]:
    """Find rows as they came, by their places.

    Parameters
    ----------
    raw : Dataset
    reasons : mapping of int to str
        By place in the dataset, from 0.

    Yields
    ------
    rows : pyarrow.RecordBatch
        Their scalar columns, in the dataset's order.
    reasons : list of str
    """
    if not reasons:
        return
    places = np.array(sorted(reasons), dtype=np.int64)
    scalars = [f.name for f in raw.schema if not isinstance(f.type, pa.FixedShapeTensorType)]
    first = 0
    for batch in raw.batches(scalars):
        last = first + batch.num_rows
        here = places[np.searchsorted(places, first) : np.searchsorted(places, last)]
        if len(here):
            yield batch.take(pa.array(here - first)), [reasons[int(p)] for p in here]
        first = last


def _to_json(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no NaN
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)

"""Slices of the hold-out: the values of a raw column, by which everybody is scored apart.

Pure functions of ``tasks.evaluation``. What people ask about are the values as they arrived (a city, an
age), and not what cleaning made of them for the models.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import Dataset
from tasks.evaluation.rows import read_rows
from tasks.preparation.build import build_typing
from tasks.preparation.frame import Column, Frame, find_missing, read_column
from tasks.workflow import Workflow

OTHER, MISSING = "other", "missing"
MAX_VALUES = 50  # of a column of texts; the rarest beyond them are counted together
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Slice:
    """The judged rows by the values of one column.

    Parameters
    ----------
    column : str
    values : tuple of str
        Of numbers and dates in their order, of texts the most frequent first; ``other`` and
        ``missing`` at the end. Only values that a hold-out row has.
    codes : ndarray of shape (n_rows,), int64
        The place of each judged row's value in ``values``; -1 for a validation row with another one.
    """

    column: str
    values: tuple[str, ...]
    codes: npt.NDArray[np.int64]


def read_slices(
    raw: Dataset, ids: pa.ChunkedArray, is_holdout: npt.NDArray[np.bool_], workflow: Workflow
) -> tuple[Slice, ...]:
    """Read the columns of ``evaluation.slices`` for the judged rows, and cut them.

    Parameters
    ----------
    raw : Dataset
    ids : pyarrow.ChunkedArray of shape (n_rows,)
        The judged rows, without repetition.
    is_holdout : ndarray of shape (n_rows,), bool
    workflow : Workflow

    Returns
    -------
    tuple of Slice

    Raises
    ------
    EvaluationError
        When a judged row is not among the raw ones.
    """
    names = workflow.evaluation.slices
    if not names:
        return ()
    rows = read_rows(raw, ids, names)
    frame: Frame = {name: read_column(rows[name], name) for name in names}
    for transformer in build_typing(workflow):
        frame = transformer.transform(frame).frame
    return tuple(cut_column(name, frame[name], is_holdout) for name in names)


def cut_column(name: str, column: Column, is_holdout: npt.NDArray[np.bool_]) -> Slice:
    """Cut the judged rows by the values of a column.

    Parameters
    ----------
    name : str
    column : Column of length n_rows
        Texts are cut by their values, numbers and dates into quarters of the hold-out; one with up to
        four different numbers by these.
    is_holdout : ndarray of shape (n_rows,), bool

    Returns
    -------
    Slice

    Examples
    --------
    >>> ages = np.array([20.0, 31.0, 42.0, 53.0, 64.0, np.nan])
    >>> cut_column("age", ages, np.ones(6, dtype=bool)).values
    ('up to 31', '31 to 42', '42 to 53', 'above 53', 'missing')
    """
    is_known = ~find_missing(column)
    if isinstance(column, np.ndarray):
        is_known &= np.isfinite(column.astype(np.float64))
        codes, labels = _cut_numbers(column, is_known, is_holdout & is_known)
    else:
        codes, labels = _cut_texts(column, is_holdout & is_known)
    codes = np.where(is_known, codes, len(labels))
    return _drop_empty(name, codes, [*labels, MISSING], is_holdout)


def _cut_numbers(
    column: npt.NDArray[Any],
    is_known: npt.NDArray[np.bool_],
    is_measured: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Find every row's quarter; the labels name the quarters' ends, which belong to the lower one."""
    measured = column[is_measured]
    if not len(measured):
        return np.zeros(len(column), dtype=np.int64), [OTHER]
    values = np.unique(measured)
    if len(values) <= len(QUARTILES) + 1:
        codes = np.searchsorted(values, column)
        is_among = is_known & (values[np.minimum(codes, len(values) - 1)] == column)
        return np.where(is_among, codes, len(values)), [*_say_values(values), OTHER]
    # Values that occur, so that a date stays one; a value at which two quarters meet is one end.
    ends = np.unique(np.quantile(measured, QUARTILES, method="inverted_cdf"))
    said = _say_values(ends)
    between = [f"{low} to {high}" for low, high in itertools.pairwise(said)]
    return np.searchsorted(ends, column), [f"up to {said[0]}", *between, f"above {said[-1]}"]


def _cut_texts(
    column: pa.Array, is_measured: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], list[str]]:
    texts = np.asarray(column.fill_null(""), dtype=object)
    values, counts = np.unique(texts[is_measured], return_counts=True)
    kept = values[np.argsort(-counts, kind="stable")][:MAX_VALUES].tolist()
    # What the data themselves call "other" or "missing" is counted with the rest.
    labels = [value for value in kept if value not in {OTHER, MISSING}]
    places = {value: place for place, value in enumerate(labels)}
    places[MISSING] = len(labels) + 1
    codes = [places.get(text, len(labels)) for text in texts]
    return np.array(codes, dtype=np.int64), [*labels, OTHER]


def _drop_empty(
    name: str, codes: npt.NDArray[np.int64], labels: list[str], is_holdout: npt.NDArray[np.bool_]
) -> Slice:
    is_kept = np.bincount(codes[is_holdout], minlength=len(labels)) > 0
    places = np.where(is_kept, np.cumsum(is_kept) - 1, -1)
    values = tuple(label for label, kept in zip(labels, is_kept, strict=True) if kept)
    return Slice(name, values, places[codes])


def _say_values(values: npt.NDArray[Any]) -> list[str]:
    """Write numbers and dates as short as tells them apart."""
    if np.issubdtype(values.dtype, np.datetime64):
        days = [str(day) for day in values.astype("M8[D]")]
        return days if len(set(days)) == len(days) else [str(t) for t in values.astype("M8[s]")]
    short = [f"{v:,.0f}" if v == round(v) else f"{v:,.6g}" for v in values.tolist()]
    return short if len(set(short)) == len(short) else [repr(v) for v in values.tolist()]

"""A series over time, from the clean rows: its values, what was filled in, and where steps are missing.

Pure module of the reporting stage; ``charts/series.py`` draws it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.dataset.columns import SPLIT_COLUMN

Times: TypeAlias = npt.NDArray[np.datetime64]

WAS_MISSING = "_was_missing"  # ends the name of an indicator that cleaning added
MAX_FEATURES = 6  # with a chart of their own
MAX_ROWS = 4_000  # points of a line: a chart of 500 pixels shows no more
REGULAR_FRACTION = 0.8  # of the steps as long as the median: then a longer one is a gap
LONG_STEP = 1.5  # times the median step; half a step is left for calendars (28 to 31 days)


@dataclass(frozen=True)
class Series:
    """One feature over time.

    Parameters
    ----------
    name : str
        The feature.
    rows : DataFrame
        Columns ``time`` (datetime64[us], rising), ``value``, ``split``, ``is_filled``.
    n_rows : int
        Rows there are, of which ``rows`` may be a part.
    """

    name: str
    rows: pd.DataFrame
    n_rows: int


def collect_series(
    batches: Iterable[pa.RecordBatch], *, time: str, feature: str, n_rows: int, gaps: pd.DataFrame
) -> Series:
    """Collect one feature over time; of a long series the extremes, so that memory has a bound.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Clean rows with the columns of :func:`list_series_columns`.
    time, feature : str
        Names of the columns.
    n_rows : int
        Rows there are in all batches.
    gaps : DataFrame
        As :func:`tasks.reporting.cleaned.tabulate_gaps` makes it.

    Returns
    -------
    Series
        About 4,000 rows at most.
    """
    indicator = f"{feature}{WAS_MISSING}"
    parts = []
    for batch in batches:
        times = batch[time].to_numpy(zero_copy_only=False).astype("datetime64[us]")
        is_filled = mark_gaps(times, gaps)
        if indicator in batch.schema.names:
            is_filled |= batch[indicator].to_numpy(zero_copy_only=False) > 0
        rows = pd.DataFrame(
            {
                "time": times,
                "value": batch[feature].to_numpy(zero_copy_only=False),
                "split": batch[SPLIT_COLUMN].to_pandas(),
                "is_filled": is_filled,
            }
        )
        if n_rows > MAX_ROWS:
            rows = thin_series(rows, max(1, MAX_ROWS * len(rows) // (3 * n_rows)))
        parts.append(rows)
    if not parts:
        return Series(feature, pd.DataFrame(columns=["time", "value", "split", "is_filled"]), 0)
    collected = pd.concat(parts, ignore_index=True)
    return Series(feature, collected.sort_values("time", ignore_index=True), n_rows)


def list_features(schema: pa.Schema, time: str) -> list[str]:
    """List the features of clean rows that have a chart over time; none where the time is no date."""
    if time not in schema.names or not pa.types.is_timestamp(schema.field(time).type):
        return []
    numbers = [field.name for field in schema if pa.types.is_floating(field.type)]
    return [name for name in numbers if not name.endswith(WAS_MISSING)][:MAX_FEATURES]


def list_series_columns(schema: pa.Schema, time: str, feature: str) -> list[str]:
    """List the columns that :func:`collect_series` reads."""
    indicator = f"{feature}{WAS_MISSING}"
    has_indicator = indicator in schema.names
    return [time, feature, SPLIT_COLUMN, *([indicator] if has_indicator else [])]


def mark_gaps(times: Times, gaps: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Say which times lie in a gap of the report: rows that arrived with nothing, or not at all.

    Parameters
    ----------
    times : ndarray of shape (n_rows,), datetime64[us]
    gaps : DataFrame
        As :func:`tasks.reporting.cleaned.tabulate_gaps` makes it; one whose times cannot be read is passed over.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
    """
    is_in_gap = np.zeros(len(times), dtype=bool)
    for first, last in zip(gaps["first"], gaps["last"], strict=True):
        try:
            begin, end = np.datetime64(first, "us"), np.datetime64(last, "us")
        except ValueError:
            continue
        is_in_gap |= (times >= begin) & (times <= end)
    return is_in_gap


def find_open_gaps(times: Times) -> list[int]:
    """Find the places of a regular series after which steps are missing.

    Parameters
    ----------
    times : ndarray of shape (n_rows,), datetime64, rising

    Returns
    -------
    list of int
        Places ``i`` with more than 1.5 median steps between ``times[i]`` and ``times[i + 1]``; none
        where fewer than four fifths of the steps are alike, for then there is no step to miss.

    Examples
    --------
    >>> days = np.array([1, 2, 3, 4, 5, 6, 9, 10], "datetime64[D]")
    >>> find_open_gaps(days)
    [5]
    """
    microseconds: npt.NDArray[np.int64] = times.astype("datetime64[us]").astype(np.int64)
    steps: npt.NDArray[np.int64] = microseconds[1:] - microseconds[:-1]
    if not len(steps):
        return []
    median = float(np.median(steps))
    is_alike = np.abs(steps - median) <= (LONG_STEP - 1) * median
    if median <= 0 or is_alike.mean() < REGULAR_FRACTION:
        return []
    return [int(i) for i in np.flatnonzero(steps > LONG_STEP * median)]


def thin_series(rows: pd.DataFrame, n_buckets: int) -> pd.DataFrame:
    """Keep the extremes: of every bucket of rows that with the least and with the greatest value.

    Parameters
    ----------
    rows : DataFrame
        With ``value`` and ``is_filled``; of every bucket one filled row stays too.
    n_buckets : int

    Returns
    -------
    DataFrame
        At most three rows per bucket, in their order.
    """
    if len(rows) <= 3 * n_buckets:
        return rows
    buckets = np.arange(len(rows)) * n_buckets // len(rows)
    numbered = rows.reset_index(drop=True)
    grouped = numbered["value"].groupby(buckets)
    filled = numbered.index[numbered["is_filled"]].to_numpy()
    _, first = np.unique(buckets[filled], return_index=True)
    kept = np.unique(np.concatenate([grouped.idxmin(), grouped.idxmax(), filled[first]]))
    return rows.iloc[kept.astype(np.int64)]

"""A series in order of time: gaps filled from their neighbours, and a regular grid.

Transformers of ``tasks.preparation`` that need all rows at once; the grid itself is in
``tasks.preparation.time_grid``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import CleaningError, nearest
from tasks.preparation.frame import (
    Column,
    Frame,
    Kind,
    count_rows,
    find_kind,
    find_missing,
    take_rows,
)
from tasks.preparation.new_columns import (
    WAS_MISSING,
    add_columns,
    check_new_names,
    make_indicators,
)
from tasks.preparation.time_grid import find_gaps, make_grid
from tasks.preparation.transformer import (
    Problem,
    Transformed,
    Transformer,
    check_fit_columns,
    count_change,
    list_columns,
)

__all__ = ["FillInTime", "RegularGrid", "find_gaps"]

Filling: TypeAlias = Literal["interpolate", "forward_fill"]

WITHOUT_TIME = "missing time"
STEPS_ADDED = "steps added"
ROWS_AVERAGED = "rows averaged into a step"

_ID = "id"  # Nocturne's own column: rows that the grid adds get one too
_WHAT = {"interpolate": "interpolated in time", "forward_fill": "filled forward in time"}


class FillInTime(Transformer):
    """Fill missing values from the neighbours in time.

    Parameters
    ----------
    columns : sequence of str, optional
        By default every column of numbers that is there when fitting; ``forward_fill`` can be named
        columns of text and dates too.
    time : str
        The column of times.
    by : {"interpolate", "forward_fill"}
        On the line between the values before and after, by time and not by row; or the value before.
    max_gap : int, optional
        The longest run of missing rows that is filled; longer ones stay missing whole.
    indicator : bool
        Add ``<column>_was_missing`` of 0 and 1, at the end, for those of the columns that had
        missing values among the training rows.

    Attributes
    ----------
    columns_ : list of str
    indicators_ : list of str
        Columns with an indicator.

    Notes
    -----
    Rows may come in any order and go out in that order; of rows at the same time the one that comes
    first is the earlier. Nothing is extrapolated: what is missing before the first value, and for
    ``interpolate`` after the last one, stays missing. So does what is missing in a row without a
    time, which is nobody's neighbour.

    Examples
    --------
    >>> frame = {
    ...     "day": np.array(["2024-01-01", "2024-01-02", "2024-01-05"], "M8[us]"),
    ...     "ppm": np.array([10.0, np.nan, 14.0]),
    ... }
    >>> FillInTime(time="day").fit(frame).transform(frame).frame["ppm"].tolist()
    [10.0, 11.0, 14.0]
    """

    KEY = "fill_in_time"
    LEARNED = ("columns_", "indicators_")
    IN_TIME_ORDER = True

    columns_: Sequence[str]
    indicators_: Sequence[str]

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        time: str = "time",
        by: Filling = "interpolate",
        max_gap: int | None = None,
        indicator: bool = False,
    ) -> None:
        self.columns = columns
        self.time = time
        self.by = by
        self.max_gap = max_gap
        self.indicator = indicator

    @property
    def _kinds(self) -> tuple[Kind, ...]:
        return ("number",) if self.by == "interpolate" else ("number", "text", "date")

    def _fit(self, frame: Frame) -> None:
        """Choose the columns; see :class:`Transformer`.

        Raises
        ------
        CleaningError
            When a column or the time is not there or has another kind, or an indicator's name is
            taken.
        """
        _check_time(frame, self.time, self.KEY)
        check_fit_columns(frame, self.columns, self.KEY)
        kinds: tuple[Kind, ...] = ("number",) if self.columns is None else self._kinds
        self.columns_ = list_columns(frame, self.columns, kinds, self.KEY)
        self.indicators_ = [
            name for name in self.columns_ if self.indicator and find_missing(frame[name]).any()
        ]
        check_new_names(frame, [name + WAS_MISSING for name in self.indicators_], self.KEY)

    def _transform(self, frame: Frame) -> Transformed:
        """Fill; see :class:`Transformer`."""
        times = _check_time(frame, self.time, self.KEY)
        # NaT is sorted to the end, so that the rows with a time are the first of the order.
        order = np.argsort(times, kind="stable")[: np.count_nonzero(~np.isnat(times))]
        result = dict(frame)
        changes: Counter[tuple[str, str]] = Counter()
        missing: dict[str, npt.NDArray[np.bool_]] = {}
        for name in list_columns(frame, self.columns_, self._kinds, self.KEY):
            missing[name] = find_missing(frame[name])
            if not missing[name].any():
                continue
            rows, before, after = self._find_neighbours(missing[name][order])
            rows, before, after = order[rows], order[before], order[after]
            if not len(rows):
                continue
            count_change(changes, name, _WHAT[self.by], len(rows))
            result[name] = (
                _interpolate(frame[name], times, rows, before, after)
                if self.by == "interpolate"
                else _copy_rows(frame[name], rows, before)
            )
        indicators = make_indicators(missing, self.indicators_)
        return Transformed(add_columns(result, indicators, self.KEY), changes=changes)

    def _find_neighbours(
        self, is_missing: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Find what can be filled: its places in order of time, and those of the values around it."""
        n_rows = len(is_missing)
        places = np.arange(n_rows)
        before = np.maximum.accumulate(np.where(is_missing, -1, places))
        after = np.minimum.accumulate(np.where(is_missing, n_rows, places)[::-1])[::-1]
        can_fill = is_missing & (before >= 0)
        if self.by == "interpolate":
            can_fill &= after < n_rows
        if self.max_gap is not None:
            can_fill &= after - before - 1 <= self.max_gap
        rows = np.flatnonzero(can_fill)
        return rows, before[rows], np.minimum(after[rows], n_rows - 1)


class RegularGrid(Transformer):
    """Bring a series on a regular time grid, in order of time.

    Parameters
    ----------
    time : str
        The column of times.
    every : str
        The step: a number with min, h, d, w or mo. Steps of months begin with the month of the
        earliest time, others with the earliest time itself.

    Notes
    -----
    Rows of one step become one: numbers are averaged over those that are there, of everything else
    the first that is there is taken. A step without a row becomes a row of missing values. A column
    of text named ``id`` keeps the first id of a step, and is the step's time in ISO 8601 where a
    step was added. Rows without a time have no step: they stand at the end, unchanged, with a
    problem.

    Two changes are counted under the column of times: ``steps added``, and ``rows averaged into a
    step``, the rows that went into another one; so rows in + added = rows out + averaged.

    Examples
    --------
    >>> frame = {
    ...     "at": np.array(["2024-01-01T00:10", "2024-01-01T00:40", "2024-01-01T02:10"], "M8[us]"),
    ...     "load": np.array([1.0, 2.0, 7.0]),
    ... }
    >>> transformed = RegularGrid("at", every="1h").transform(frame)
    >>> transformed.frame["load"].tolist(), dict(transformed.changes)
    ([1.5, nan, 7.0], {('at', 'steps added'): 1, ('at', 'rows averaged into a step'): 1})
    """

    KEY = "regular_grid"
    IN_TIME_ORDER = True

    def __init__(self, time: str, every: str) -> None:
        self.time = time
        self.every = every

    def _transform(self, frame: Frame) -> Transformed:
        """Make the grid; see :class:`Transformer`.

        Raises
        ------
        CleaningError
            When there is no column of times, or the grid would be too long.
        """
        times = _check_time(frame, self.time, self.KEY)
        order = np.argsort(times, kind="stable")
        n_timed = int(np.count_nonzero(~np.isnat(times)))
        if not n_timed:
            return Transformed(dict(frame), self._tell_timeless(np.arange(len(times))))
        placed, timeless = take_rows(frame, order[:n_timed]), take_rows(frame, order[n_timed:])
        grid = make_grid(placed[self.time], self.every)
        steps = grid.find_steps(placed[self.time])
        step_times = grid.compute_times(np.arange(grid.n_steps))
        is_occupied = np.zeros(grid.n_steps, dtype=bool)
        is_occupied[steps] = True
        result: Frame = {
            name: _reduce_to_steps(column, steps, grid.n_steps) for name, column in placed.items()
        }
        result[self.time] = step_times
        if _ID in result and find_kind(result[_ID]) == "text":
            is_added = pa.array(~is_occupied)
            result[_ID] = pc.if_else(is_added, _write_iso(step_times), result[_ID])
        if len(times) > n_timed:
            result = {name: _concat(result[name], timeless[name]) for name in result}
        changes: Counter[tuple[str, str]] = Counter()
        n_occupied = int(np.count_nonzero(is_occupied))
        count_change(changes, self.time, STEPS_ADDED, grid.n_steps - n_occupied)
        count_change(changes, self.time, ROWS_AVERAGED, n_timed - n_occupied)
        n_rows = count_rows(result)
        return Transformed(result, self._tell_timeless(np.arange(grid.n_steps, n_rows)), changes)

    def _tell_timeless(self, rows: npt.NDArray[np.int64]) -> tuple[Problem, ...]:
        return (Problem(self.time, WITHOUT_TIME, rows),) if len(rows) else ()


def _check_time(frame: Frame, time: str, step: str) -> npt.NDArray[np.datetime64]:
    """Check that there is a column of times, without which there is no order."""
    if time not in frame:
        raise CleaningError(
            f"The cleaning step {step!r} works in order of the column {time!r}, which is not there.",
            expected=nearest(time, list(frame)),
            hint="correct 'columns.time', and take the calendar from it only in a later step",
        )
    list_columns(frame, [time], ("date",), step)
    return np.asarray(frame[time])


def _interpolate(
    column: npt.NDArray[np.float64],
    times: npt.NDArray[np.datetime64],
    rows: npt.NDArray[np.int64],
    before: npt.NDArray[np.int64],
    after: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    elapsed = (times[rows] - times[before]).astype(np.float64)
    whole = (times[after] - times[before]).astype(np.float64)
    # Neighbours at one time: the value before.
    share = np.divide(elapsed, whole, out=np.zeros_like(elapsed), where=whole > 0.0)
    filled = column.copy()
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite value is told after all steps
        filled[rows] = column[before] + share * (column[after] - column[before])
    return filled


def _copy_rows(
    column: Column, rows: npt.NDArray[np.int64], sources: npt.NDArray[np.int64]
) -> Column:
    """Give rows the values of others."""
    places = np.arange(len(column))
    places[rows] = sources
    return column[places] if isinstance(column, np.ndarray) else column.take(pa.array(places))


def _reduce_to_steps(column: Column, steps: npt.NDArray[np.int64], n_steps: int) -> Column:
    """One value for each step.

    Parameters
    ----------
    column : Column of length n_rows
    steps : ndarray of shape (n_rows,), int64
        In ascending order.
    n_steps : int

    Returns
    -------
    Column of length n_steps
    """
    is_there = ~find_missing(column)
    rows = np.flatnonzero(is_there)
    found, starts, counts = np.unique(steps[is_there], return_index=True, return_counts=True)
    if find_kind(column) == "number":
        means = np.full(n_steps, np.nan)
        if len(rows):
            with np.errstate(over="ignore", invalid="ignore"):  # infinities are told afterwards
                means[found] = np.add.reduceat(column[rows], starts) / counts
        return means
    firsts = rows[starts]
    if isinstance(column, np.ndarray):
        dates = np.full(n_steps, np.datetime64("NaT", "us"))
        dates[found] = column[firsts]
        return dates
    places = np.zeros(n_steps, np.int64)
    places[found] = firsts
    is_empty = np.ones(n_steps, dtype=bool)
    is_empty[found] = False
    return column.take(pa.array(places, mask=is_empty))


def _write_iso(times: npt.NDArray[np.datetime64]) -> pa.StringArray:
    is_whole = (times == times.astype("M8[s]")).all()
    return pa.array(np.datetime_as_string(times, unit="s" if is_whole else "us"), pa.string())


def _concat(first: Any, second: Any) -> Column:
    if isinstance(first, np.ndarray):
        return np.concatenate([first, second])
    return pa.concat_arrays([first, second])

"""The latest window of a series, and the times of the steps ahead of it.

Pure; a champion that forecasts is asked about one window, as it would be when it is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.errors import ScoringError
from tasks.preparation.frame import Frame, find_kind, take_rows
from tasks.preparation.time_grid import make_grid
from tasks.preparation.transformer import Transformer
from tasks.preparation.transformers.series import RegularGrid
from tasks.preparation.windows import ForecastShape
from tasks.scoring.inputs import InputView

_SECOND = np.timedelta64(1_000_000, "us")


@dataclass(frozen=True)
class LatestWindow:
    """What the forecast looks back on, and the steps that it is of.

    Parameters
    ----------
    values : ndarray of shape (1, window, n_raw_columns), float64
        Raw values; times in seconds since 1970, UTC; NaN where nothing was measured.
    ahead : ndarray of shape (horizon,), datetime64[us]
    """

    values: npt.NDArray[np.float64]
    ahead: npt.NDArray[np.datetime64]


def cut_latest_window(
    rows: pa.Table, view: InputView, columns: Sequence[str], shape: ForecastShape
) -> LatestWindow:
    """Cut the latest window out of raw rows.

    Parameters
    ----------
    rows : pyarrow.Table
        With ``columns`` and the time, in any order.
    view : InputView
        Gives the columns their types.
    columns : sequence of str
        That the champion reads, in order.
    shape : ForecastShape
        The champion's.

    Returns
    -------
    LatestWindow
        On the champion's grid where it has one; else of the rows as they follow each other, the
        steps ahead at the median distance of the window's.

    Raises
    ------
    ScoringError
        When there are fewer steps than the window has, or a column holds no numbers.
    """
    times = view.read_times(rows, shape.time)
    numbers = view.read(rows)
    needed = [name for name in columns if name != shape.time]
    for name in needed:
        if name not in numbers or find_kind(numbers[name]) != "number":
            raise ScoringError(
                f"The raw column {name!r} holds no numbers.",
                expected="numbers, of which windows are made",
                hint=f"add 'convert: {{columns: [{name}], to: number}}' to 'cleaning'",
            )
    timed: Frame = {shape.time: times, **{name: numbers[name] for name in needed}}
    _, firsts = np.unique(times, return_index=True)  # rising; of rows at one time the first
    frame = take_rows(timed, firsts[~np.isnat(times[firsts])])
    if shape.every is not None and len(frame[shape.time]):
        every_row = take_rows(timed, np.flatnonzero(~np.isnat(times)))
        grid: Transformer = RegularGrid(shape.time, shape.every)
        frame = grid.transform(every_row).frame
    n_steps = len(frame[shape.time])
    if n_steps < shape.window:
        raise ScoringError(
            f"There are {n_steps} steps of the series to look back on.",
            expected=f"at least {shape.window}, the champion's window",
            hint="let 'scoring.source' in the workflow file give earlier rows too",
        )
    latest = take_rows(frame, np.arange(n_steps - shape.window, n_steps))
    window_times = np.asarray(latest[shape.time], dtype="M8[us]")
    seconds = np.asarray((window_times - np.datetime64(0, "us")) / _SECOND, dtype=np.float64)
    values = [seconds if name == shape.time else np.asarray(latest[name]) for name in columns]
    return LatestWindow(np.stack(values, axis=1)[np.newaxis], _go_on(window_times, shape))


def _go_on(times: npt.NDArray[np.datetime64], shape: ForecastShape) -> npt.NDArray[np.datetime64]:
    if shape.every is not None:
        grid = make_grid(times, shape.every)
        return grid.compute_times(grid.n_steps - 1 + np.arange(1, shape.horizon + 1))
    step = np.median(np.diff(times).astype(np.int64)) if len(times) > 1 else 0
    ahead = np.arange(1, shape.horizon + 1) * int(step)
    return np.asarray(times[-1] + ahead.astype("m8[us]"))

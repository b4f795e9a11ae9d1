"""Windows of raw values to windows of clean features, each cleaned as the training rows were.

Used by the predictor, with which it travels inside the registered model, and by evaluation, which
asks beforehand which windows can be forecast.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.errors import CleaningError, ModelError
from tasks.preparation import Preparation
from tasks.preparation.frame import Frame, count_rows, take_rows
from tasks.preparation.preparation import find_unusable
from tasks.preparation.time_grid import make_grid
from tasks.preparation.transformer import Problem, Transformer
from tasks.preparation.transformers.series import FillInTime, RegularGrid
from tasks.preparation.windows import ForecastShape

_MICROSECONDS = 1e6
_LONGEST = 2**62  # microseconds that windows take when they are laid end to end
_LATEST_SECONDS = 253_402_300_800.0  # the year 10000: a time beyond is a slip, and missing


@dataclass(frozen=True)
class CleanWindows:
    """Windows as a network reads them.

    Parameters
    ----------
    inputs : ndarray of shape (n_windows, window, n_features), float32
        NaN in windows that cannot be used.
    is_usable : ndarray of shape (n_windows,), bool
        False where a step would have gone to quarantine in training.
    problem : str or None
        What is wrong with the first window that cannot be used.
    """

    inputs: npt.NDArray[np.float32]
    is_usable: npt.NDArray[np.bool_]
    problem: str | None

    def refuse(self) -> None:
        """Refuse windows that cannot be used.

        Raises
        ------
        CleaningError
            Naming the first of them, its step and column.
        """
        if self.problem is not None:
            raise CleaningError(
                f"Window {int(np.flatnonzero(~self.is_usable)[0])} cannot be forecast: {self.problem}.",
                expected="windows such as the model was trained on; what is missing in a window can "
                "only be filled from the window itself",
                hint="leave such windows out, or let a cleaning step impute the column and retrain",
            )


def clean_windows(preparation: Preparation, windows: npt.NDArray[np.float64]) -> CleanWindows:
    """Clean each window by itself.

    Parameters
    ----------
    preparation : Preparation
        Of a forecast.
    windows : ndarray of shape (n_windows, window, n_raw_columns), float64
        Raw values in the order of :attr:`Preparation.columns`; times in seconds since 1970, UTC;
        NaN where there is none.

    Returns
    -------
    CleanWindows

    Raises
    ------
    ModelError
        When the windows have another shape, or the preparation is not of a forecast.

    Notes
    -----
    The rows of all windows are cleaned at once. Steps in order of time would look from one window
    into the next: a grid is left out where the times are those of a grid already, and what could
    only be filled from a neighbouring window stays missing. Windows whose times are no grid, or not
    in order, are cleaned one by one.
    """
    shape = _check(preparation, windows)
    n_windows = len(windows)
    frame = _to_frame(preparation, shape, windows.reshape(-1, windows.shape[2]))
    raw = frame
    is_ragged = np.zeros(n_windows, dtype=bool)
    problems: list[Problem] = []
    for transformer in preparation.transformers:
        if transformer.needs_all_rows:
            is_ragged |= _find_ragged(transformer, frame, n_windows, shape.window)
        if isinstance(transformer, FillInTime):
            frame = _fill(transformer, frame, n_windows, shape.window)
        elif not isinstance(transformer, RegularGrid):
            transformed = transformer.transform(frame)
            frame = transformed.frame
            problems += transformed.problems
    problems += find_unusable(frame, preparation.features)
    stacked = _stack(frame, preparation.features)
    inputs = stacked.reshape(n_windows, shape.window, len(preparation.features))
    is_bad = _find_bad(problems, n_windows, shape.window) & ~is_ragged
    reasons = {}
    if is_bad.any():
        first = int(np.argmax(is_bad))
        reasons[first] = _tell(problems, first, shape.window)
    for i in np.flatnonzero(is_ragged).tolist():
        rows = take_rows(raw, np.arange(i * shape.window, (i + 1) * shape.window))
        cleaned, reason = _clean_alone(preparation, rows, shape.window)
        if reason is not None:
            is_bad[i] = True
            reasons[i] = reason
        else:
            inputs[i] = cleaned
    inputs[is_bad] = np.nan
    return CleanWindows(inputs, ~is_bad, reasons[min(reasons)] if reasons else None)


def _check(preparation: Preparation, windows: npt.NDArray[np.float64]) -> ForecastShape:
    shape = preparation.forecast
    if shape is None:
        raise ModelError(
            f"A model of {preparation.kind} was given windows of a series.",
            expected="a model of a forecast",
            hint="give it rows",
        )
    expected = (shape.window, len(preparation.columns))
    if windows.ndim != 3 or windows.shape[1:] != expected:
        raise ModelError(
            f"The model was given an array of the shape {windows.shape}.",
            expected=f"(n_windows, {expected[0]}, {expected[1]}): {shape.window} steps of "
            f"{', '.join(preparation.columns)}",
            hint="cut windows of that length, with these columns in this order",
        )
    return shape


def _to_frame(
    preparation: Preparation, shape: ForecastShape, rows: npt.NDArray[np.float64]
) -> Frame:
    frame: Frame = {}
    for i, name in enumerate(preparation.columns):
        column = np.array(rows[:, i], dtype=np.float64)
        frame[name] = _to_times(column) if name == shape.time else column
    return frame


def _to_times(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.datetime64]:
    is_time = np.abs(seconds) < _LATEST_SECONDS  # false for NaN
    counts = np.rint(np.where(is_time, seconds, 0.0) * _MICROSECONDS).astype(np.int64)
    times = counts.astype("M8[us]")
    times[~is_time] = np.datetime64("NaT")
    return times


def _find_ragged(
    transformer: Transformer, frame: Frame, n_windows: int, window: int
) -> npt.NDArray[np.bool_]:
    """Find the windows that a step in order of time must look at one by one."""
    if isinstance(transformer, RegularGrid):
        times = np.asarray(frame[transformer.time]).reshape(n_windows, window)
        return ~_is_on_grid(times, transformer.every)
    if isinstance(transformer, FillInTime):
        times = np.asarray(frame[transformer.time]).reshape(n_windows, window)
        is_rising = (np.diff(times, axis=1) >= np.timedelta64(0)).all(axis=1)  # false for NaT
        return np.asarray(~is_rising | np.isnat(times[:, 0]))
    return np.ones(n_windows, dtype=bool)


def _fill(transformer: FillInTime, frame: Frame, n_windows: int, window: int) -> Frame:
    """Fill what is missing from the same window; windows that are ragged come out with anything."""
    times = np.asarray(frame[transformer.time]).reshape(n_windows, window)
    elapsed = (times - times[:, :1]).astype(np.int64)
    elapsed[(elapsed < 0).any(axis=1)] = np.arange(window)  # NaT is the least integer
    # One window after the other in time, each with its distances, and with a step at its end that
    # is known: no gap of one goes on in the next.
    elapsed = np.concatenate([elapsed, elapsed[:, -1:] + 1], axis=1)
    distance = int(elapsed.max(initial=0)) + 1
    columns = {n: frame[n].reshape(n_windows, window) for n in transformer.columns_ if n in frame}
    known = np.zeros((n_windows, 1))
    padded = {name: np.concatenate([values, known], axis=1) for name, values in columns.items()}
    n_at_once = max(1, _LONGEST // distance)
    parts: list[Frame] = []
    for first in range(0, max(1, n_windows), n_at_once):
        rows = slice(first, first + n_at_once)
        apart = elapsed[rows] + distance * np.arange(len(elapsed[rows]))[:, np.newaxis]
        part: Frame = {name: values[rows].reshape(-1) for name, values in padded.items()}
        part[transformer.time] = apart.reshape(-1).astype("M8[us]")
        parts.append(transformer.transform(part).frame)
    result = dict(frame)
    for name in parts[0]:
        if name == transformer.time:
            continue
        filled = np.concatenate([np.asarray(part[name]) for part in parts])
        filled = filled.reshape(n_windows, window + 1)[:, :-1]
        if name in columns:
            filled = np.where(_find_beyond(np.isnan(columns[name]), transformer), np.nan, filled)
        result[name] = filled.reshape(-1)
    return result


def _find_beyond(
    is_missing: npt.NDArray[np.bool_], transformer: FillInTime
) -> npt.NDArray[np.bool_]:
    """Find what lies before a window's first value, or, where that is needed, after its last one."""
    is_known = ~is_missing
    is_beyond = ~np.maximum.accumulate(is_known, axis=1)
    if transformer.by == "interpolate":
        is_beyond |= ~np.maximum.accumulate(is_known[:, ::-1], axis=1)[:, ::-1]
    return is_beyond


def _is_on_grid(times: npt.NDArray[np.datetime64], every: str) -> npt.NDArray[np.bool_]:
    if not times.size:
        return np.ones(len(times), dtype=bool)
    grid = make_grid(np.array(["1970-01-01"], dtype="M8[us]"), every)  # for its step and unit alone
    counts = times.astype(f"M8[{grid.unit}]")
    is_timed = ~np.isnat(times).any(axis=1)
    steps = np.diff(counts.astype(np.int64), axis=1)
    return np.asarray(is_timed & (steps == grid.step).all(axis=1))


def _clean_alone(
    preparation: Preparation, frame: Frame, window: int
) -> tuple[npt.NDArray[np.float32] | None, str | None]:
    problems: list[Problem] = []
    for transformer in preparation.transformers:
        transformed = transformer.transform(frame)
        frame = transformed.frame
        problems += transformed.problems
    if count_rows(frame) != window:
        return None, f"its times make {count_rows(frame)} steps of the grid and not {window}"
    problems += find_unusable(frame, preparation.features)
    if _find_bad(problems, 1, window).any():
        return None, _tell(problems, 0, window)
    return _stack(frame, preparation.features), None


def _stack(frame: Frame, features: Iterable[str]) -> npt.NDArray[np.float32]:
    return np.stack([np.asarray(frame[name], dtype=np.float32) for name in features], axis=1)


def _find_bad(problems: Iterable[Problem], n_windows: int, window: int) -> npt.NDArray[np.bool_]:
    is_bad = np.zeros(n_windows, dtype=bool)
    for problem in problems:
        is_bad[problem.rows // window] = True
    return is_bad


def _tell(problems: Iterable[Problem], at: int, window: int) -> str:
    """Tell the first problem of a window that has one."""
    found = ((p, p.rows[p.rows // window == at] % window) for p in problems)
    problem, steps = next(pair for pair in found if len(pair[1]))
    return f"step {steps[0]}, {problem.column}: {problem.kind}"

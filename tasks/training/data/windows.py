"""The windows of one part of a series: one array of its steps, and the places where windows begin.

Read from the dataset container by ``parts.load_part``. A window is copied out of the series when a
batch needs it and never before, so memory does not grow with the number or the length of windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import Dataset
from tasks.dataset.columns import SPLIT_COLUMN
from tasks.errors import TrainingError
from tasks.preparation import Preparation
from tasks.preparation.windows import ForecastShape, find_starts
from tasks.training.data.array_builder import ArrayBuilder
from tasks.training.data.rows import BATCH_BYTES, check_finite, count_share, slice_in_chunks


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a series with what follows them.

    Parameters
    ----------
    series : ndarray of shape (n_steps, n_features), float32
        In order of time: the steps of the part, and before them those its first windows look back on.
    starts : ndarray of shape (n_windows,), int64
        The windows' first steps, rising.
    window, horizon : int
        Steps looked back on, and steps ahead.
    columns : ndarray of shape (n_columns,), int64
        Places of the features that are forecast.
    is_own : ndarray of shape (n_steps,), bool
        Whether a step is of the part itself.
    """

    series: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int64]
    window: int
    horizon: int
    columns: npt.NDArray[np.int64]
    is_own: npt.NDArray[np.bool_]

    @property
    def n_rows(self) -> int:
        """Windows in this part."""
        return len(self.starts)

    def take(self, places: npt.NDArray[np.integer[Any]] | slice) -> tuple[Any, Any]:
        """Copy some windows and what follows them out of the series.

        Parameters
        ----------
        places : ndarray of shape (n_places,), int, or slice
            Of :attr:`starts`.

        Returns
        -------
        inputs : ndarray of shape (n_places, window, n_features), float32
        targets : ndarray of shape (n_places, horizon, n_columns), float32
        """
        starts = self.starts[places]
        inputs = self._windows[starts]
        targets = self._horizons[starts + self.window]
        if self._has_all_columns:
            return inputs, targets
        return inputs, targets[:, :, self.columns]

    def iterate_inputs(self) -> Iterator[npt.NDArray[np.float32]]:
        """Give the steps of the part itself, each once, as arrays of shape (n_some_steps, n_features)."""
        for piece in slice_in_chunks(len(self.series), 4 * self.series.shape[1], BATCH_BYTES):
            yield self.series[piece][self.is_own[piece]]

    @cached_property
    def _windows(self) -> npt.NDArray[np.float32]:
        return _view_windows(self.series, self.window)

    @cached_property
    def _horizons(self) -> npt.NDArray[np.float32]:
        return _view_windows(self.series, self.horizon)

    @cached_property
    def _has_all_columns(self) -> bool:
        return bool(np.array_equal(self.columns, np.arange(self.series.shape[1])))


def read_windows(
    dataset: Dataset,
    preparation: Preparation,
    part: str,
    *,
    share: float = 1.0,
    scratch: Path | None = None,
) -> Windows:
    """Read the series and find the windows whose whole horizon lies in one part of the split.

    Parameters and errors as for :func:`tasks.training.data.parts.load_part`.
    """
    shape = preparation.forecast
    if shape is None:
        raise ValueError("windows are cut for forecasts alone")
    times, is_own = _read_times(dataset, shape.time, part)
    order = None if (np.diff(times) > np.timedelta64(0)).all() else times.argsort(kind="stable")
    if order is not None:
        times, is_own = times[order], is_own[order]
    starts = find_starts(times, is_own, shape)
    if not len(starts) and part == "train":
        raise _refuse_short_series(int(is_own.sum()), shape)
    # The latest: what a service that had begun later would know.
    starts = starts[len(starts) - count_share(len(starts), share) :]
    first, last = _find_bounds(starts, is_own, shape, is_whole=share >= 1.0)
    series = _read_series(dataset, preparation, part, order, (first, last), scratch)
    return Windows(
        series=series,
        starts=starts - first,
        window=shape.window,
        horizon=shape.horizon,
        columns=np.array([preparation.features.index(name) for name in shape.columns], np.int64),
        is_own=is_own[first:last],
    )


def _view_windows(series: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.float32]:
    """View every stretch of a series: an array of shape (n_steps - length + 1, length, n_features)."""
    if len(series) < length:
        return np.empty((0, length, series.shape[1]), dtype=np.float32)
    views = np.lib.stride_tricks.sliding_window_view(series, length, axis=0)
    return views.swapaxes(1, 2)


def _read_times(
    dataset: Dataset, column: str, part: str
) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.bool_]]:
    table = dataset.table([column, SPLIT_COLUMN])  # two scalars a row
    times = table[column].cast(pa.timestamp("us")).to_numpy()
    return times, np.asarray(table[SPLIT_COLUMN].to_numpy() == part, dtype=bool)


def _find_bounds(
    starts: npt.NDArray[np.int64],
    is_own: npt.NDArray[np.bool_],
    shape: ForecastShape,
    *,
    is_whole: bool,
) -> tuple[int, int]:
    """Find the first step that is needed and the one after the last."""
    if not len(starts):
        return 0, 0
    first, last = int(starts[0]), int(starts[-1]) + shape.n_steps
    if is_whole:  # own steps at a gap stand in no window, and count in the statistics all the same
        own = np.flatnonzero(is_own)
        first, last = min(first, int(own[0])), max(last, int(own[-1]) + 1)
    return first, last


def _read_series(
    dataset: Dataset,
    preparation: Preparation,
    part: str,
    order: npt.NDArray[np.int64] | None,
    bounds: tuple[int, int],
    scratch: Path | None,
) -> npt.NDArray[Any]:
    """Read the steps within the bounds, as an array of shape (n_steps, n_features) in order of time."""
    first, last = bounds
    n_features = len(preparation.features)
    file = scratch / f"{part}-series.npy" if scratch else None
    is_needed = np.zeros(dataset.n_rows, dtype=bool)
    is_needed[slice(first, last) if order is None else order[first:last]] = True
    builder = ArrayBuilder(last - first, (n_features,), file)
    columns = preparation.clean_columns
    n_seen = 0
    for batch in dataset.batches(columns, batch_size=max(1, BATCH_BYTES // (8 * n_features))):
        needed = is_needed[n_seen : n_seen + batch.num_rows]
        n_seen += batch.num_rows
        if not needed.any():
            continue
        steps = preparation.inputs(batch.filter(pa.array(needed)))
        check_finite(steps, columns, part)
        builder.append(steps)
    series = builder.finish()
    if order is None or not len(series):
        return series
    # From the order of the file to that of time, piece by piece.
    place_in_file = np.cumsum(is_needed) - 1
    builder = ArrayBuilder(last - first, (n_features,), file)
    for piece in slice_in_chunks(len(series), series[0].nbytes, BATCH_BYTES):
        builder.append(series[place_in_file[order[first:last][piece]]])
    return builder.finish()


def _refuse_short_series(n_steps: int, shape: ForecastShape) -> TrainingError:
    stretch = "in a row " if n_steps >= shape.n_steps else ""
    return TrainingError(
        f"The series has {n_steps} steps to train on, and no window with its horizon fits into them.",
        expected=f"at least {shape.n_steps} steps {stretch}without a gap: a window of {shape.window} "
        f"and a horizon of {shape.horizon}",
        hint="make 'predict.window' or 'predict.horizon' smaller, or let 'regular_grid' and 'impute' "
        "fill the gaps",
    )

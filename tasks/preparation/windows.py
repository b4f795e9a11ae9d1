"""Windows of a series: where they may begin, so that all their steps follow each other.

Ground module with NumPy alone: training cuts windows out of clean rows, evaluation out of raw ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.errors import CleaningError
from tasks.preparation.time_grid import make_grid


@dataclass(frozen=True)
class ForecastShape:
    """What a forecast looks back on, and how far ahead.

    Parameters
    ----------
    time : str
        The column of times.
    columns : tuple of str
        Features that are forecast, a part of the preparation's.
    window, horizon : int
        Steps looked back on, and steps ahead.
    season : int or None
        Steps after which the series repeats itself.
    every : str or None
        The step of the regular grid, such as ``7d``; None where rows follow each other as they are.
    """

    time: str
    columns: tuple[str, ...]
    window: int
    horizon: int
    season: int | None = None
    every: str | None = None

    @property
    def n_steps(self) -> int:
        """Steps of a window and its horizon together."""
        return self.window + self.horizon


def find_starts(
    times: npt.NDArray[np.datetime64], is_target: npt.NDArray[np.bool_], shape: ForecastShape
) -> npt.NDArray[np.int64]:
    """Find the rows at which a window begins whose whole horizon lies in one part of the split.

    Parameters
    ----------
    times : ndarray of shape (n_rows,), datetime64[us]
        Rising.
    is_target : ndarray of shape (n_rows,), bool
        Whether a row is of the part. The window itself may reach back into the parts before it.
    shape : ForecastShape

    Returns
    -------
    ndarray of shape (n_windows,), int64
        Places of the windows' first rows, rising. Window and horizon together never span a gap of
        the grid.

    Raises
    ------
    CleaningError
        When two rows have the same time.

    Examples
    --------
    >>> times = np.arange("2024-01-01", "2024-01-09", dtype="M8[D]").astype("M8[us]")
    >>> shape = ForecastShape("time", ("x",), window=3, horizon=2)
    >>> find_starts(times, np.arange(8) >= 4, shape).tolist()
    [1, 2, 3]
    """
    n_rows = len(times)
    if n_rows > 1 and (np.diff(times) <= np.timedelta64(0)).any():
        at = times[1:][np.diff(times) <= np.timedelta64(0)][0]
        raise CleaningError(
            f"The series has more than one row at {at}.",
            expected="one row for each time",
            hint="add 'regular_grid' to 'cleaning', which averages them, or 'drop_duplicates' by "
            f"{shape.time!r}",
        )
    n_windows = n_rows - shape.n_steps + 1
    if n_windows <= 0:
        return np.empty(0, dtype=np.int64)
    is_joined = np.ones(n_rows, dtype=np.int64)  # to the row before
    if shape.every is not None:
        is_joined[1:] = np.diff(make_grid(times, shape.every).find_steps(times)) == 1
    is_joined[0] = 1
    starts = np.arange(n_windows)
    joined = np.concatenate([[0], np.cumsum(is_joined)])
    inside = joined[starts + shape.n_steps] - joined[starts + 1] == shape.n_steps - 1
    targets = np.concatenate([[0], np.cumsum(is_target)])
    ahead = targets[starts + shape.n_steps] - targets[starts + shape.window] == shape.horizon
    return np.flatnonzero(inside & ahead)

"""A regular grid of times, and the gaps of a series on it.

Pure functions on times; the grid transformer and the gap report use them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.errors import CleaningError

# A series is in memory as a whole: this many steps of ten columns are 800 MB. A year-old slip of a
# date, the year 1 in data by the minute, would ask for a billion.
MAX_STEPS = 10_000_000
_MAX_MICROSECONDS = 2**63 - 1
_MICROSECONDS = {
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 7 * 86_400_000_000,
}


@dataclass(frozen=True)
class Gap:
    """Neighbouring steps of a grid that no row falls into.

    Parameters
    ----------
    first, last : numpy.datetime64[us]
        The first and the last of the missing steps.
    n_steps : int
        How many they are.
    """

    first: np.datetime64
    last: np.datetime64
    n_steps: int


@dataclass(frozen=True)
class TimeGrid:
    """Times at equal distances, or at the beginnings of months.

    Parameters
    ----------
    origin : int
        Microseconds, or months, from 1970 to the first step.
    step : int
        Microseconds, or months, from one step to the next.
    unit : {"us", "M"}
    n_steps : int
    """

    origin: int
    step: int
    unit: str
    n_steps: int

    def find_steps(self, times: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
        """Find the step that each time falls into.

        Parameters
        ----------
        times : ndarray of shape (n_rows,), datetime64[us]
            None missing, and within the grid.

        Returns
        -------
        ndarray of shape (n_rows,), int64
            From 0 to n_steps - 1.
        """
        counts = times.astype(f"M8[{self.unit}]").astype(np.int64)
        return (counts - self.origin) // self.step

    def compute_times(self, steps: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
        """Compute the times at which steps begin.

        Returns
        -------
        ndarray of the shape of ``steps``, datetime64[us]
        """
        counts = self.origin + np.asarray(steps, np.int64) * self.step
        return counts.astype(f"M8[{self.unit}]").astype("M8[us]")


def make_grid(times: npt.NDArray[np.datetime64], every: str) -> TimeGrid:
    """Make the grid that times lie on.

    Parameters
    ----------
    times : ndarray of shape (n_rows,), datetime64[us]
        At least one, none missing, in any order.
    every : str
        The step: a number with min, h, d, w or mo. Steps of months begin with the month of the
        earliest time, others with the earliest time itself.

    Returns
    -------
    TimeGrid

    Raises
    ------
    CleaningError
        When the grid would have more than :data:`MAX_STEPS`.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,18})(min|h|d|w|mo)", every)
    if match is None:
        raise CleaningError(
            f"The time grid's step is {every!r}.",
            expected="a number with min, h, d, w or mo, such as '1h' or '7d'",
            hint="correct 'every' of 'regular_grid' in the workflow file",
        )
    unit = "M" if match[2] == "mo" else "us"
    # Python's integers: the distance of two times in microseconds need not fit 64 bits.
    step = min(int(match[1]) * _MICROSECONDS.get(match[2], 1), _MAX_MICROSECONDS)
    earliest, latest = times.min(), times.max()
    first, last = (int(t.astype(f"M8[{unit}]").astype(np.int64)) for t in (earliest, latest))
    n_steps = (last - first) // step + 1
    if n_steps > MAX_STEPS or last - first > _MAX_MICROSECONDS:
        raise CleaningError(
            f"A time grid with a step of {every} from {earliest} to {latest} "
            f"would have {n_steps:,} steps.",
            expected=f"at most {MAX_STEPS:,}",
            hint="look for slips among the earliest and the latest dates in the source, or take a "
            "coarser 'every'",
        )
    return TimeGrid(first, step, unit, n_steps)


def find_gaps(times: npt.NDArray[np.datetime64], every: str) -> tuple[Gap, ...]:
    """Find the gaps of a series.

    Parameters
    ----------
    times : ndarray of shape (n_rows,), datetime64[us]
        In any order; missing ones are left out.
    every : str
        The step, see :func:`make_grid`.

    Returns
    -------
    tuple of Gap
        In order of time.

    Raises
    ------
    CleaningError
        When the grid would have more than :data:`MAX_STEPS`.

    Examples
    --------
    >>> times = np.array(["2024-01-01", "2024-01-02", "2024-01-06"], "M8[us]")
    >>> [(str(gap.first)[:10], str(gap.last)[:10], gap.n_steps) for gap in find_gaps(times, "1d")]
    [('2024-01-03', '2024-01-05', 3)]
    """
    known = times[~np.isnat(times)]
    if not len(known):
        return ()
    grid = make_grid(known, every)
    steps = np.unique(grid.find_steps(known))
    before = np.flatnonzero(np.diff(steps) > 1)
    firsts, lasts = steps[before] + 1, steps[before + 1] - 1
    return tuple(
        Gap(first, last, int(n))
        for first, last, n in zip(
            grid.compute_times(firsts), grid.compute_times(lasts), lasts - firsts + 1, strict=True
        )
    )

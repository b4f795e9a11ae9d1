"""Where windows begin: never across a gap, and with a horizon in one part alone."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.errors import CleaningError
from tasks.preparation.windows import ForecastShape, find_starts

SHAPE = ForecastShape("time", ("x",), window=3, horizon=2)
DAYS = np.arange("2024-01-01", "2024-01-13", dtype="M8[D]").astype("M8[us]")


def test_every_stretch_of_a_gapless_series_is_a_window() -> None:
    """Twelve steps hold eight windows of three with two after them."""
    starts = find_starts(DAYS, np.ones(12, dtype=bool), SHAPE)
    assert starts.tolist() == list(range(8))


def test_the_horizon_lies_in_its_part_and_the_window_may_reach_back() -> None:
    """Steps 6 to 8 are of the part: the horizons 6-7 and 7-8 fit, whose windows begin three before."""
    is_target = (np.arange(12) >= 6) & (np.arange(12) <= 8)
    assert find_starts(DAYS, is_target, SHAPE).tolist() == [3, 4]


def test_no_window_spans_a_gap_of_the_grid() -> None:
    """Without the sixth day the windows 1-5 and 7-11 and 8-12 are left of the daily series."""
    times = np.delete(DAYS, 5)
    daily = ForecastShape("time", ("x",), window=3, horizon=2, every="1d")
    assert find_starts(times, np.ones(11, dtype=bool), daily).tolist() == [0, 5, 6]


def test_without_a_grid_rows_follow_each_other_as_they_are() -> None:
    """Working days have a weekend between them and no gap."""
    times = np.delete(DAYS, 5)
    assert len(find_starts(times, np.ones(11, dtype=bool), SHAPE)) == 7


@pytest.mark.parametrize("n_steps", [0, 1, 4])
def test_a_series_that_is_too_short_has_no_window(n_steps: int) -> None:
    """Whoever asked for windows says so."""
    is_target = np.ones(n_steps, dtype=bool)
    assert find_starts(DAYS[:n_steps], is_target, SHAPE).tolist() == []


def test_two_rows_at_one_time_are_refused() -> None:
    """Which of them comes first nobody knows."""
    times = np.concatenate([DAYS[:6], DAYS[5:]])
    with pytest.raises(CleaningError, match=r"(?s)more than one row at 2024-01-06.*regular_grid"):
        find_starts(times, np.ones(13, dtype=bool), SHAPE)

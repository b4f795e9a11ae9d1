"""The regular grid, and the gaps on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.errors import CleaningError
from tasks.preparation.time_grid import MAX_STEPS, find_gaps, make_grid


def at(*texts: Any) -> Any:
    return np.array(texts, "M8[us]")


def describe(gaps: Any) -> Any:
    return [(str(g.first)[:16], str(g.last)[:16], g.n_steps) for g in gaps]


def test_gaps_are_found_in_any_order_of_the_times() -> None:
    """First and last missing step, and how many; times that are missing are left out."""
    times = at("2024-01-09", "NaT", "2024-01-01", "2024-01-02", "2024-01-05", "2024-01-09T23:00")
    assert describe(find_gaps(times, "1d")) == [
        ("2024-01-03T00:00", "2024-01-04T00:00", 2),
        ("2024-01-06T00:00", "2024-01-08T00:00", 3),
    ]


@pytest.mark.parametrize(
    "times", [at(), at("NaT"), at("2024-01-01"), at("2024-01-01", "2024-01-02")]
)
def test_a_whole_series_has_no_gap(times: Any) -> None:
    """Nor does an empty one."""
    assert find_gaps(times, "1d") == ()


def test_months_are_of_their_own_lengths() -> None:
    """February, in a leap year, is one step like the others; the day in the month does not count."""
    times = at("1968-01-31", "1968-04-02", "1968-05-30")
    assert describe(find_gaps(times, "1mo")) == [("1968-02-01T00:00", "1968-03-01T00:00", 2)]


@pytest.mark.parametrize(
    ("every", "second"),
    [("5min", "1969-12-31T23:55"), ("2h", "1970-01-01T01:50"), ("1d", "1970-01-01T23:50"),
     ("2w", "1970-01-14T23:50"), ("3mo", "1970-03-01")],
)  # fmt: skip
def test_steps_begin_with_the_earliest_time_and_those_of_months_with_its_month(
    every: str, second: Any
) -> None:
    """Across 1970, where numbers of microseconds change their sign."""
    earliest = "1969-12-31T23:50"
    grid = make_grid(at(earliest, second, "1970-06-01"), every)
    assert grid.find_steps(at(earliest, second)).tolist() == [0, 1]
    assert grid.compute_times(np.array([1])).tolist() == at(second).tolist()
    just_before = at(second) - np.timedelta64(1, "us")
    assert grid.find_steps(just_before).tolist() == [0]


def test_after_2262_too() -> None:
    """Microseconds reach further than nanoseconds."""
    assert describe(find_gaps(at("2400-01-01", "2400-01-03"), "1d")) == [
        ("2400-01-02T00:00", "2400-01-02T00:00", 1)
    ]


@pytest.mark.parametrize("latest", ["2024-01-01", "9999-12-31"])
def test_a_grid_of_too_many_steps_is_refused(latest: Any) -> None:
    """A slip of a date, such as the year 1 in data by the minute."""
    with pytest.raises(CleaningError, match=r"0001-01-01(.|\n)*10,000,000"):
        make_grid(at("0001-01-01", latest), "1min")


def test_the_longest_grid_is_allowed() -> None:
    """Exactly the bound is, one more is not."""
    first = np.datetime64("2000-01-01", "us")
    last = first + np.timedelta64(MAX_STEPS - 1, "m")
    assert make_grid(np.array([first, last]), "1min").n_steps == MAX_STEPS
    with pytest.raises(CleaningError, match="10,000,001"):
        make_grid(np.array([first, last + np.timedelta64(1, "m")]), "1min")


def test_times_further_apart_than_64_bits_tell_are_refused() -> None:
    """Their distance would overflow."""
    times = np.array([-(2**63) + 1, 2**63 - 1], "M8[us]")
    with pytest.raises(CleaningError, match="would have"):
        make_grid(times, "999999999999999999w")


def test_a_step_longer_than_the_series_is_one_step() -> None:
    """However long."""
    grid = make_grid(at("2000-01-01", "2024-01-01"), "999999999999999999w")
    assert grid.n_steps == 1


@pytest.mark.parametrize(
    "every", ["", "0h", "1y", "h", "1 h", "-1d", "1d\n", "1.5h", "9" * 40 + "d"]
)
def test_an_unknown_step_is_refused(every: str) -> None:
    """The error says what one looks like."""
    with pytest.raises(CleaningError, match="'1h' or '7d'"):
        make_grid(at("2024-01-01"), every)

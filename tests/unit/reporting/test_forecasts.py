"""Windows of a series with their times, and errors by step and by column."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.reporting.documents import NightDocuments
from tasks.reporting.forecasts import (
    MEASURED,
    average_column_errors,
    choose_windows,
    collect_windows,
    find_earlier_start,
    find_step_times,
    list_column_errors,
    tabulate_horizon,
)

MONTHS = np.arange("2001-01", "2002-07", dtype="M8[M]").astype("M8[us]")


@pytest.mark.parametrize(
    ("n_windows", "horizon", "places"),
    [(100, 10, [10, 54, 99]), (20, 10, [0, 9, 19]), (1, 5, [0]), (0, 5, [])],
)
def test_windows_are_spread_over_the_hold_out(
    n_windows: int, horizon: int, places: list[int]
) -> None:
    """By their place, with room before the first where there is any."""
    assert choose_windows(n_windows, horizon) == places


def test_steps_ahead_have_the_times_of_the_series() -> None:
    """Months are of different lengths, and none is a gap."""
    found = find_step_times(MONTHS, MONTHS[1], 3)
    assert found.astype("M8[D]").astype(str).tolist() == ["2001-02-01", "2001-03-01", "2001-04-01"]


def test_times_go_on_by_the_median_step_where_they_are_not_known() -> None:
    """Behind a gap, and behind the end of the series."""
    days = np.arange("2001-01-01", "2001-01-11", dtype="M8[D]").astype("M8[us]")
    with_gap = np.delete(days, [4, 5])
    assert (find_step_times(with_gap, days[2], 4) == days[2:6]).all()
    assert str(find_step_times(days, days[9], 2)[1])[:10] == "2001-01-11"
    assert len(find_step_times(days[:1], days[0], 3)) == 3


def test_what_came_before_is_known_without_a_gap_alone() -> None:
    """Two steps earlier a window begins that ends here, unless the series begins or is broken there."""
    days = np.arange("2001-01-01", "2001-01-11", dtype="M8[D]").astype("M8[us]")
    assert find_earlier_start(days, days[4], 2) == days[2]
    assert find_earlier_start(days, days[1], 2) is None
    assert find_earlier_start(np.delete(days, [3, 4]), days[5], 2) is None


def test_windows_are_collected_step_by_step() -> None:
    """What came before, what came, and each model's forecast."""
    days = np.arange("2001-01-01", "2001-01-11", dtype="M8[D]").astype("M8[us]")
    values = {
        MEASURED: np.array([[5.0, 6.0], [8.0, 9.0]]),
        "net": np.array([[5.5, 6.5], [0.0, 0.0]]),
    }
    found = collect_windows(days, days[[4, 7]], values, {days[4]: np.array([3.0, 4.0])}, "x").rows
    first = found[(found["window"] == 1) & (found["model"] == MEASURED)]
    assert first["value"].tolist() == [3, 4, 5, 6]
    assert first["is_ahead"].tolist() == [False, False, True, True]
    assert (first["time"].to_numpy() == days[2:6]).all()
    second = found[found["window"] == 2]
    assert second["is_ahead"].all()
    assert second["value"].tolist() == [8, 9, 0, 0]


def test_errors_by_step_are_tidy(forecast_night: NightDocuments) -> None:
    """One row per model and step; what could not be measured is missing."""
    found = tabulate_horizon(forecast_night.scores or {})
    assert len(found) == 8
    assert found[found["model"] == "lstm"]["mse"].tolist() == [0.2, 0.6]
    assert set(found[found["model"] == "lstm"]["role"]) == {"challenger"}
    scores = {**(forecast_night.scores or {})}
    scores["horizon"] = {"columns": ["x"], "models": {"lstm": {"mse": [None, 0.5], "mae": []}}}
    assert np.isnan(tabulate_horizon(scores)["mse"].iloc[0])
    assert tabulate_horizon({**scores, "horizon": None}).empty


def test_errors_of_columns_are_in_their_own_units(forecast_night: NightDocuments) -> None:
    """The first column's errors are ten times the second's; the best baseline's mean stands beside."""
    scores = forecast_night.scores or {}
    assert average_column_errors(scores, "lstm").tolist() == pytest.approx([4.0, 0.4])
    found = list_column_errors(scores)
    assert found is not None
    assert (found["challenger"], found["baseline"], found["n_steps"]) == ("lstm", "line", 2)
    first = found["rows"][0]
    assert (first["column"], first["first"], first["last"]) == ("co2", 2.0, 6.0)
    assert (first["mean"], first["baseline"]) == pytest.approx((4.0, 3.0))


def test_steps_that_were_never_measured_do_not_count() -> None:
    """The mean is that of the steps that are known; of none there is none."""
    errors = {"m": {"mae": [[1.0, None], [None, None], [3.0, None]], "mse": []}}
    found = average_column_errors({"horizon": {"models": errors}}, "m")
    assert found[0] == 2.0
    assert np.isnan(found[1])


def test_other_kinds_have_no_errors_by_column(night: NightDocuments) -> None:
    """Classes have no horizon."""
    assert list_column_errors(night.scores or {}) is None

"""The latest window of a series, and the steps ahead of it."""

from __future__ import annotations

import numpy as np
import pytest
from series_support import make_days, make_series_workflow

from tasks.errors import ScoringError
from tasks.preparation.windows import ForecastShape
from tasks.scoring.inputs import InputView
from tasks.scoring.windows import cut_latest_window

PLAIN = ForecastShape("time", ("flow",), window=3, horizon=2)
DAILY = ForecastShape("time", ("flow",), window=3, horizon=2, every="1d")
MONTHLY = ForecastShape("time", ("flow",), window=2, horizon=2, every="1mo")
FLOW = [str(float(i)) for i in range(6)]


def cut(rows, shape, columns=("flow", "time")):
    view = InputView(make_series_workflow(), columns)
    return cut_latest_window(rows, view, columns, shape)


def days(window) -> list[str]:
    return [str(time)[:10] for time in window.ahead]


def test_the_latest_rows_and_the_days_after_them() -> None:
    """In any order of the rows; times are seconds since 1970, as a served model is given them."""
    rows = make_days(FLOW).take([5, 0, 3, 1, 4, 2])
    window = cut(rows, PLAIN)
    assert window.values.shape == (1, 3, 2)
    assert window.values[0, :, 0].tolist() == [3.0, 4.0, 5.0]
    assert window.values[0, 0, 1] == np.datetime64("2024-01-04", "s").astype(int)
    assert days(window) == ["2024-01-07", "2024-01-08"]


def test_on_a_grid_a_step_that_was_not_measured_is_missing() -> None:
    """The model fills it as in training, or refuses the window."""
    window = cut(make_days(FLOW, without=(4,)), DAILY)
    np.testing.assert_array_equal(window.values[0, :, 0], [3.0, np.nan, 5.0])
    assert days(window) == ["2024-01-07", "2024-01-08"]


def test_without_a_grid_rows_follow_each_other() -> None:
    """A row that is missing makes no step; the steps ahead have the median distance."""
    window = cut(make_days(FLOW, without=(1,)), ForecastShape("time", ("flow",), 4, 1))
    assert window.values[0, :, 0].tolist() == [2.0, 3.0, 4.0, 5.0]
    assert days(window) == ["2024-01-07"]


def test_months_go_on_as_months() -> None:
    """The steps after December and January are the first days of February and March."""
    rows = make_days([str(float(i)) for i in range(31 + 29 + 31)])
    window = cut(rows, MONTHLY)
    assert days(window) == ["2024-04-01", "2024-05-01"]


def test_too_short_a_series_says_how_much_is_needed() -> None:
    """A source of new rows alone has no past."""
    with pytest.raises(
        ScoringError, match=r"There are 2 steps(.|\n)*at least 3(.|\n)*earlier rows"
    ):
        cut(make_days(FLOW[:2]), PLAIN)


def test_rows_without_a_time_are_no_steps() -> None:
    """A slip in a date does not end up at the end of the series."""
    rows = make_days(FLOW)
    times = rows["time"].to_pylist()
    times[5] = "soon"
    window = cut(rows.set_column(rows.schema.get_field_index("time"), "time", [times]), PLAIN)
    assert window.values[0, :, 0].tolist() == [2.0, 3.0, 4.0]

"""Errors by the steps ahead, and forecasts beside what came."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from report_support import get_title

from tasks.reporting import charts
from tasks.reporting.documents import NightDocuments
from tasks.reporting.forecasts import tabulate_horizon
from tasks.reporting.style import ACCENT, QUIET


def make_errors(**models: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (step, name, "challenger" if name == "net" else "baseline", name, value)
            for name, values in models.items()
            for step, value in enumerate(values, start=1)
        ],
        columns=["step", "model", "role", "label", "mse"],
    )


def test_every_model_is_a_line_over_the_steps_ahead(forecast_night: NightDocuments) -> None:
    """The challenger and the best baseline stand out, and come first in the legend."""
    data = tabulate_horizon(forecast_night.scores or {})
    ax = charts.plot_horizon(data, "lstm", "line")
    lines = ax.get_lines()
    assert [line.get_label() for line in lines] == [
        "lstm (challenger)",
        "line",
        "last_value",
        "gru",
    ]
    assert lines[0].get_xdata().tolist() == [1, 2]
    assert lines[0].get_ydata().tolist() == [0.2, 0.6]
    assert [line.get_color() for line in lines[:2]] == [ACCENT, QUIET]
    assert lines[0].get_linewidth() > lines[2].get_linewidth()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("steps ahead", "MSE (standardised)")
    assert get_title(ax) == (
        "lstm: error grows from 0.200 one step ahead to 0.600 at step 2; line is always better"
    )


@pytest.mark.parametrize(
    ("net", "line", "message"),
    [
        ([1.0, 2.0, 3.0], [2.0, 2.5, 3.5], "grows from 1.000 one step ahead to 3.000 at step 3, always below line"),
        ([1.0, 2.0, 3.0], [2.0, 1.5, 2.5], "grows from 1.000 one step ahead to 3.000 at step 3; line is better at 2 of 3 steps"),
        ([3.0, 2.0, 1.0], [4.0, 4.0, 4.0], "goes from 3.000 one step ahead to 1.000 at step 3, always below line"),
    ],
)  # fmt: skip
def test_the_message_says_where_the_baseline_is_better(
    net: list[float], line: list[float], message: str
) -> None:
    """Also where it is better at some of the steps alone."""
    ax = charts.plot_horizon(make_errors(net=net, line=line), "net", "line")
    assert get_title(ax) == f"net: error {message}"


def test_one_step_ahead_is_no_growth() -> None:
    """A horizon of one has one error."""
    ax = charts.plot_horizon(make_errors(net=[0.5], line=[0.4]), "net", "line")
    assert get_title(ax) == "net has an MSE of 0.500 one step ahead; line is better"


def test_a_network_without_errors_is_said_to_have_none() -> None:
    """A diverged network forecasts nothing."""
    nan = float("nan")
    ax = charts.plot_horizon(make_errors(net=[nan, nan], line=[0.4, 0.5]), "net", "line")
    assert get_title(ax) == "net has no error by step ahead"


def test_of_many_models_the_best_have_a_line() -> None:
    """Eight of twelve, the challenger among them although it is the worst."""
    data = make_errors(net=[99.0, 99.0], **{f"b{i}": [float(i), float(i)] for i in range(11)})
    labels = [line.get_label() for line in charts.plot_horizon(data, "net", "b0").get_lines()]
    assert labels == ["net", *(f"b{i}" for i in range(7))]


def test_a_window_shows_what_came_before_and_after(forecast_night: NightDocuments) -> None:
    """What was measured goes on into the horizon, where the forecasts lie beside it."""
    windows = forecast_night.forecasts
    assert windows is not None
    (ax,) = charts.plot_forecasts(windows.rows, "co2", "lstm", "line", (4.0, 3.0))
    measured, lstm, line, begin = ax.get_lines()
    assert measured.get_label() == "what came"
    np.testing.assert_array_equal(measured.get_ydata(), [1.0, 2.0, 3.0, np.nan])
    assert lstm.get_ydata().tolist() == [3.5, 4.0]
    assert line.get_ydata().tolist() == [3.0, 4.0]
    assert begin.get_xdata()[0] == lstm.get_xdata()[0]
    # The second step was never measured: the first alone counts.
    assert ax.get_title(loc="left") == "from 2001-01-15; off by: lstm 0.500, line 0.000"
    assert ax.get_ylabel() == "co2"
    assert get_title(ax) == "co2: lstm is off by 4.000 on average, line by 3.000"


def test_windows_stand_below_each_other(forecast_night: NightDocuments) -> None:
    """One panel each, and without a baseline its line and its words are left out."""
    windows = forecast_night.forecasts
    assert windows is not None
    rows = pd.concat([windows.rows, windows.rows.assign(window=2)])
    first, second = charts.plot_forecasts(rows[rows["model"] != "line"], "co2", "lstm")
    assert len(first.get_lines()) == 3
    assert first.get_position().y0 > second.get_position().y0
    assert get_title(first) == "co2: forecasts and what came"

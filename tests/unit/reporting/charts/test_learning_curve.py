"""The learning curve, and what it says about more data."""

from __future__ import annotations

import pandas as pd
import pytest
from report_support import get_title, get_words

from tasks.reporting import charts
from tasks.reporting.charts.learning_curve import say_outlook
from tasks.reporting.documents import NightDocuments
from tasks.reporting.training import tabulate_learning_curve


def make_curve(*validation: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n_rows": [100 * 2**i for i in range(len(validation))],
            "part": "validation",
            "value": validation,
        }
    )


def test_scores_stand_over_their_numbers_of_rows(forecast_night: NightDocuments) -> None:
    """Both parts over a logarithmic axis whose ticks are the numbers of rows themselves."""
    data = tabulate_learning_curve(forecast_night.learning_curve or {})
    ax = charts.plot_learning_curve(data, "mae", "lstm", 20, noun="window")
    training, validation = ax.get_lines()
    assert training.get_xdata().tolist() == [50, 100]
    assert training.get_ydata().tolist() == [0.1, 0.15]
    assert validation.get_ydata().tolist() == [0.5, 0.35]
    assert ax.get_xscale() == "log"
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["50", "100"]
    assert get_words(ax) == ["0.500", "0.350"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "training windows (logarithmic)",
        "MAE (standardised)",
    )
    assert get_title(ax) == (
        "lstm: more data would probably help; from 50 to 100 windows validation MAE fell from 0.500 "
        "to 0.350"
    )


@pytest.mark.parametrize(
    ("measure", "values", "n_validation", "begins"),
    [
        ("mae", (0.5, 0.4), None, "more data would probably help"),  # a fifth of the error goes
        ("mae", (0.5, 0.48), None, "more data would help a little"),  # a twenty-fifth
        ("mae", (0.5, 0.495), None, "more data of this kind would hardly help"),  # a hundredth
        ("mae", (0.4, 0.5), None, "more data of this kind would hardly help"),
        ("accuracy", (0.9, 0.95), None, "more data would probably help"),
        ("accuracy", (0.9, 0.95), 1000, "more data would probably help"),
        ("accuracy", (0.9, 0.95), 80, "more data would probably help"),  # four rows
        ("accuracy", (0.9, 0.95), 60, "more data may or may not help"),  # three
        # Of 900 rows the standard error is a point: nine rows.
        ("accuracy", (0.895, 0.9), 900, "more data may or may not help"),
        ("accuracy", (0.9, 0.9), None, "more data of this kind would hardly help"),
        ("accuracy", (1.0, 1.0), None, "no validation error is left for more data to lower"),
        ("mae", (0.5,), None, "without a second point nobody can say"),
        ("mae", (), None, "without validation rows nobody can say"),
        ("mae", (0.5, float("nan")), None, "without a second point nobody can say"),
    ],
)
def test_the_last_step_says_whether_more_data_would_help(
    measure: str, values: tuple[float, ...], n_validation: int | None, begins: str
) -> None:
    """By the share of the validation error that a doubling takes away, and by what chance may do."""
    assert say_outlook(make_curve(*values), measure, n_validation).startswith(begins)


def test_a_longer_step_is_reckoned_by_doublings() -> None:
    """From 100 to 1,600 rows are four doublings: 0.5 to 0.4 is 5.4 % for each."""
    data = make_curve(0.5, 0.4).assign(n_rows=[100, 1600])
    assert say_outlook(data, "mae").startswith("more data would help a little")


def test_what_did_not_change_is_said_to_have_stayed() -> None:
    """Nothing rose or fell."""
    assert say_outlook(make_curve(0.5, 0.5), "mae").endswith(
        "from 100 to 200 rows validation MAE stayed at 0.500"
    )


def test_close_numbers_of_rows_share_a_tick() -> None:
    """Their words would lie on each other; the last is always there."""
    data = make_curve(0.5, 0.4, 0.3, 0.2).assign(n_rows=[10, 900, 950, 1000])
    ax = charts.plot_learning_curve(data, "mae", "m")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["10", "1,000"]


def test_without_validation_rows_training_is_drawn() -> None:
    """One line, and a message that claims nothing."""
    ax = charts.plot_learning_curve(make_curve(0.9, 0.8).assign(part="training"), "accuracy", "m")
    assert len(ax.get_lines()) == 1
    assert "nobody can say" in get_title(ax)

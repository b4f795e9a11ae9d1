"""The chart of calibration says in its title what it shows."""

from __future__ import annotations

import pandas as pd
import pytest
from report_support import get_title

from tasks.reporting.charts import plot_calibration


def make_bins(*bins: tuple[float, float, int]) -> pd.DataFrame:
    """Bins of confidence, accuracy and rows."""
    return pd.DataFrame(list(bins), columns=["confidence", "accuracy", "n_rows"])


@pytest.mark.parametrize(
    ("bins", "title"),
    [
        (make_bins((0.9, 0.8, 900), (0.6, 0.5, 100)), "cnn is surer than it is right: on average 87.0 % sure and 77.0 % right"),
        (make_bins((0.9, 0.99, 1000)), "cnn is more often right than it says: on average 90.0 % sure and 99.0 % right"),
        (make_bins((0.9, 0.91, 100)), "cnn is about as sure as it is right: off by 1.0 % on average"),
        (make_bins((0.999, 1.0, 330)), "cnn is about as sure as it is right: off by 0.1 % on average"),
    ],
)  # fmt: skip
def test_the_title_tells_too_sure_from_chance(bins: pd.DataFrame, title: str) -> None:
    """A difference within two standard errors is called none."""
    found = get_title(plot_calibration(bins, "cnn")).replace("\N{NO-BREAK SPACE}", " ")
    assert found == title


def test_a_dot_stands_at_what_was_said_and_what_came() -> None:
    """In per cent, the larger the more rows; the axes end at a hundred."""
    ax = plot_calibration(make_bins((0.6, 0.5, 3), (0.95, 0.9, 97)), "cnn")
    (dots,) = [c for c in ax.collections if len(c.get_offsets()) == 2 and len(c.get_paths()) == 1]
    assert dots.get_offsets().tolist() == [[60.0, 50.0], [95.0, 90.0]]
    few, many = dots.get_sizes()
    assert many > 5 * few
    assert max(ax.get_xticks()) == 100
    assert max(ax.get_yticks()) == 100

"""Predicted against true numbers, and how far off they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from report_support import get_title, get_words

from tasks.reporting import charts
from tasks.reporting.charts.numbers import MAX_DOTS
from tasks.reporting.documents import NightDocuments
from tasks.reporting.numbers import PredictedNumbers, tabulate_errors


@pytest.fixture
def numbers(number_night: NightDocuments) -> PredictedNumbers:
    assert number_night.numbers is not None
    return number_night.numbers


def test_every_row_is_a_dot_over_its_true_number(numbers: PredictedNumbers) -> None:
    """A right prediction lies on the diagonal, which spans both axes alike."""
    ax = charts.plot_predicted(numbers.rows, "mlp", "price")
    dots = np.asarray(ax.collections[0].get_offsets())
    np.testing.assert_array_equal(dots, numbers.rows[["true", "predicted"]])
    (diagonal,) = ax.get_lines()
    limits = tuple(diagonal.get_xdata())
    assert limits == tuple(diagonal.get_ydata()) == ax.get_xlim() == ax.get_ylim()
    assert ax.get_xlabel() == "true price (200 hold-out rows)"
    assert get_words(ax) == ["predicted = true"]
    # Half of the rows are 1 too high, the others 3.
    assert get_title(ax) == (
        "mlp: half of the predictions are off by less than 2.000, one in twenty by more than 3.000"
    )


def test_many_rows_are_counted_in_cells(numbers: PredictedNumbers) -> None:
    """Every row is counted once, and the scale of colours says how many lie in a cell."""
    rows = pd.concat([numbers.rows] * 10, ignore_index=True)
    assert len(rows) > MAX_DOTS
    ax = charts.plot_predicted(rows, "mlp", "price", n_rows=90_000)
    assert ax.collections[0].get_array().sum() == 2000
    figure = ax.get_figure(root=True)
    assert figure is not None
    assert figure.axes[1].get_ylabel() == "rows in a cell"
    assert ax.get_xlabel() == "true price (2,000 of 90,000 hold-out rows)"
    assert "half of the predictions" in get_title(ax)


@pytest.mark.parametrize("n_rows", [0, 3])
def test_predictions_that_are_no_numbers_are_not_drawn(
    numbers: PredictedNumbers, n_rows: int
) -> None:
    """A diverged network has nothing to show, and nothing fails."""
    rows = numbers.rows.head(n_rows).assign(predicted=float("nan"))
    ax = charts.plot_predicted(rows, "mlp", "price")
    assert not ax.collections
    assert get_title(ax) == "mlp has no prediction that is a number"
    errors = tabulate_errors(PredictedNumbers(rows, n_rows, "price", None))
    assert get_title(charts.plot_errors(errors, "mlp", "price")).startswith("mlp has no prediction")


def test_errors_are_counted_and_a_lean_is_said(numbers: PredictedNumbers) -> None:
    """100 rows are 1 too high and 100 are 3; the baseline's errors of 9 lie outside the range."""
    ax = charts.plot_errors(tabulate_errors(numbers), "mlp", "price", "trees")
    heights = np.array([bar.get_height() for bar in ax.containers[0]])
    assert sorted(heights[heights > 0]) == [100, 100]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted minus true price", "hold-out rows")
    assert ax.get_legend_handles_labels()[1] == ["mlp", "trees"]
    assert get_title(ax) == "mlp leans to one side: it predicts 2.000 too high on average"


def test_errors_on_both_sides_are_no_lean() -> None:
    """A mean error of 0.1 with a standard deviation of 1 over 100 rows is within chance."""
    errors = pd.DataFrame({"predicted": np.tile([1.1, -0.9], 50)})
    ax = charts.plot_errors(errors, "mlp", "price")
    assert get_title(ax) == "mlp leans to neither side: its mean error of 0.100 is within chance"


def test_a_few_wild_errors_do_not_flatten_the_rest() -> None:
    """Two of a thousand lie far off: they are counted in words, and the bins keep their width."""
    errors = pd.DataFrame({"predicted": [*np.linspace(-1, 1, 998), 1e6, -1e6]})
    ax = charts.plot_errors(errors, "mlp", "price")
    assert max(bar.get_x() for bar in ax.containers[0]) < 1
    (words,) = get_words(ax)
    n_beyond = int(words.removesuffix(" further off"))
    assert sum(bar.get_height() for bar in ax.containers[0]) == 1000 - n_beyond
    assert 2 <= n_beyond <= 12

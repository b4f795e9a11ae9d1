"""What each column is worth, and where in an image the challenger looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from report_support import get_title, get_words

from tasks.reporting import charts
from tasks.reporting.charts.explained import AGAINST, FOR
from tasks.reporting.explained import Explained, tabulate_saliency
from tasks.reporting.style import ACCENT, QUIET


def make_rows(n_columns: int = 3) -> pd.DataFrame:
    means = [0.3, 0.05, -0.01, *[0.0] * (n_columns - 3)]
    return pd.DataFrame(
        {
            "column": [f"c{i}" for i in range(n_columns)],
            "mean": means,
            "sd": 0.01,
            "is_told": [mean > 0.02 for mean in means],
        }
    )


def test_bars_are_the_costs_with_their_deviations() -> None:
    """In points of accuracy, most on top; what is not told from chance stands back."""
    ax = charts.plot_importance(make_rows(), "accuracy", n_repeats=5)
    bars = ax.containers[-1]
    assert [bar.get_width() for bar in bars] == pytest.approx([30, 5, -1])
    assert [bar.get_facecolor()[:3] for bar in bars] == [
        to_rgb(ACCENT),
        to_rgb(ACCENT),
        to_rgb(QUIET),
    ]
    (whiskers,) = ax.containers[0].lines[2]
    assert whiskers.get_segments()[0][:, 0] == pytest.approx([29, 31])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["c0", "c1", "c2"]
    assert ax.get_xlabel() == "accuracy falls by (points), mean of 5 shuffles"
    assert get_title(ax) == (
        "c0 matters most: shuffled, accuracy falls by 30.0 points; 1 of 3 columns is not told from "
        "chance"
    )


def test_errors_rise_in_their_own_unit() -> None:
    """The axis and the message turn round."""
    ax = charts.plot_importance(make_rows().head(2), "rmse", is_error=True)
    assert ax.get_xlabel() == "RMSE rises by, mean of 1 shuffle"
    assert get_title(ax) == "c0 matters most: shuffled, RMSE rises by 0.300"


def test_of_many_columns_twenty_have_a_bar() -> None:
    """The message counts all of them."""
    ax = charts.plot_importance(make_rows(50), "r2")
    assert len(ax.containers[-1]) == 20
    assert "48 of 50 columns are not told from chance" in get_title(ax)


def test_a_model_that_needs_no_column_is_told() -> None:
    """None is named as the most important then."""
    title = get_title(charts.plot_importance(make_rows().assign(is_told=False), "accuracy"))
    assert title == "None of 3 columns matters more than chance when it is shuffled alone"


def draw(explained: Explained) -> object:
    rows = tabulate_saliency(explained)
    places = rows["place"].to_numpy()
    assert explained.images is not None
    assert explained.attributions is not None
    return charts.plot_saliency(
        rows, explained.images[places], explained.attributions[places], "cnn"
    )


def test_attributions_lie_over_their_pictures(saliency: Explained) -> None:
    """A picture and its overlay each, right ones first; what says nothing is clear."""
    ax = draw(saliency)
    *pictures, scale = ax.images
    assert len(pictures) == 6
    overlay = np.asarray(pictures[1].get_array())
    assert overlay.shape == (4, 4, 4)
    assert overlay[1, 1, :3].tolist() == list(to_rgb(FOR))
    assert overlay[2, 2, :3].tolist() == list(to_rgb(AGAINST))
    assert overlay[0, 0, 3] == 0.0
    # Half as strong in the picture's own scale, whose end is its 99th percentile.
    assert 0 < overlay[2, 2, 3] < overlay[1, 1, 3] == 0.92
    assert np.asarray(scale.get_array())[0, :, 3].argmin() in (63, 64)
    words = get_words(ax)
    assert words[:5] == ["right:", "is ant", "said ant, 90.0 %", "is cow", "said cow, 90.0 %"]
    assert words[5:8] == ["wrong:", "is bee", "said ant, 90.0 %"]
    assert words[-3:] == ["against", "no weight", "for its answer"]


def test_a_picture_under_attributions_is_grey_and_pale(saliency: Explained) -> None:
    """Of three channels the mean is shown: no hue of the picture is taken for an attribution."""
    assert saliency.images is not None
    coloured = saliency.images * np.array([1, 0, 0], dtype=np.uint8)
    picture = np.asarray(draw(replace(saliency, images=coloured)).images[0].get_array())
    assert picture.shape == (4, 4)
    assert (picture.min(), picture.max()) == pytest.approx((0.6, 1.0))


def test_attributions_of_nothing_are_drawn_clear(saliency: Explained) -> None:
    """A constant network explains nothing, and nothing fails."""
    ax = draw(replace(saliency, attributions=np.zeros((3, 4, 4), np.float32)))
    assert np.asarray(ax.images[1].get_array())[..., 3].max() == 0.0


def test_a_challenger_without_mistakes_has_one_line(saliency: Explained) -> None:
    """There is then no word about wrong ones."""
    assert saliency.images is not None
    rows = tabulate_saliency(saliency)
    ax = charts.plot_saliency(rows[:2], saliency.images[1:], np.zeros((2, 4, 4)), "cnn")
    assert "wrong:" not in get_words(ax)

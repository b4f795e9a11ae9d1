"""Chart of calibration: how often a classifier is right, against how sure it was.

Pure module of the reporting stage; the data come from the evaluation's scores.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tasks.reporting.style import (
    ACCENT,
    MUTED,
    WIDTH,
    new_axes,
    say_count,
    say_percent,
    set_headline,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

MIN_DOT, MAX_DOT = 18.0, 260.0  # points squared, of one row and of all
FEW_ROWS = 10  # a bin with fewer is drawn pale: its accuracy is chance
WIDEST_START = 90.0  # per cent: of a model that is sure of everything, no hair is split


@styled
def plot_calibration(data: pd.DataFrame, model: str, ax: Axes | None = None) -> Axes:
    """Dots at the confidence and the accuracy of each bin of rows, with the line of a perfect model.

    Parameters
    ----------
    data : DataFrame with at least one row
        Columns ``confidence`` and ``accuracy``, means of a bin from 0 to 1, and ``n_rows``, above 0.
    model : str
        Whose probabilities these are.
    ax : Axes, optional

    Returns
    -------
    Axes

    References
    ----------
    Niculescu-Mizil, A. and Caruana, R. (2005). Predicting good probabilities with supervised learning.
    ICML, 625-632. https://doi.org/10.1145/1102351.1102430
    """
    from matplotlib.colors import to_rgba

    ax = new_axes(ax, WIDTH, 4.0)
    sure, right, n_rows = data[["confidence", "accuracy", "n_rows"]].to_numpy(dtype=np.float64).T
    sure, right = 100 * sure, 100 * right
    low = max(0.0, min(sure.min() - 5, WIDEST_START))
    ax.plot([low, 100], [low, 100], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    ax.vlines(sure, sure, right, color=ACCENT, linewidth=1.4, alpha=0.5, zorder=2)
    ax.scatter(
        sure,
        right,
        s=MIN_DOT + (MAX_DOT - MIN_DOT) * n_rows / n_rows.sum(),
        c=[to_rgba(ACCENT, 0.4 if n < FEW_ROWS else 1.0) for n in n_rows],
        clip_on=False,
        zorder=3,
    )
    _cut_axis(ax.xaxis, low)
    _cut_axis(ax.yaxis, max(0.0, min(right.min() - 5, low)))
    ax.grid(visible=True, axis="both")
    ax.set_xlabel(f"how sure it was (%), {say_count(int(n_rows.sum()), 'hold-out row')}")
    ax.set_ylabel("how often it was right (%)")
    set_headline(ax, _say_calibration(data, model))
    return ax


def _cut_axis(axis: Axis, low: float) -> None:
    """Let an axis of percentages end a little beyond 100, and its ticks at 100."""
    from matplotlib.ticker import MaxNLocator

    pad = 0.04 * (100 - low)
    axis.set_view_interval(low - pad, 100 + pad, ignore=True)
    ticks = MaxNLocator(nbins=6, steps=[1, 2, 5, 10]).tick_values(low, 100)
    axis.set_ticks([tick for tick in ticks if low <= tick <= 100])


def _say_calibration(data: pd.DataFrame, model: str) -> str:
    confidence, accuracy, n_rows = (
        data[["confidence", "accuracy", "n_rows"]].to_numpy(dtype=np.float64).T
    )
    shares = n_rows / n_rows.sum()
    sure, right = float(shares @ confidence), float(shares @ accuracy)
    error = float(shares @ np.abs(accuracy - confidence))
    name, on_average = (
        shorten(model, 26),
        f"{say_percent(sure)} sure and {say_percent(right)} right",
    )
    # A difference within two standard errors may be chance; of a perfect accuracy there is none.
    variance = max(right * (1 - right), sure * (1 - sure), 0.0)
    deviation = math.sqrt(variance / n_rows.sum())
    if abs(sure - right) <= 2 * deviation:
        return f"{name} is about as sure as it is right: off by {say_percent(error)} on average"
    more = "surer than it is right" if sure > right else "more often right than it says"
    return f"{name} is {more}: on average {on_average}"

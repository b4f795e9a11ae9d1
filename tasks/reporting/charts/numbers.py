"""Charts of a regression: predicted against true numbers, and how far off the predictions are.

Pure module of the reporting stage; the data come from the evaluation's predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.reporting.numbers import is_biased
from tasks.reporting.style import (
    ACCENT,
    MUTED,
    QUIET,
    SEQUENCE,
    WIDTH,
    WRONG,
    new_axes,
    say_count,
    say_number,
    set_headline,
    set_legend,
    shorten,
    styled,
    tick_numbers,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MAX_DOTS = 1_500  # past that dots hide each other, and cells are counted instead
N_CELLS = 36  # along the axis
N_BINS = 40
SHOWN_PERCENTILES = (0.5, 99.5)  # of the errors; the few beyond would flatten the rest


@styled
def plot_predicted(
    data: pd.DataFrame, model: str, target: str, n_rows: int | None = None, ax: Axes | None = None
) -> Axes:
    """Scatter, or cells coloured by their rows: predicted against true numbers, with the diagonal.

    Parameters
    ----------
    data : DataFrame
        Columns ``true`` and ``predicted``; rows without both are left out.
    model, target : str
        Who predicts what.
    n_rows : int, optional
        Hold-out rows there are, where the data are a part of them.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = new_axes(ax, WIDTH, 4.4)
    known = data[np.isfinite(data["true"]) & np.isfinite(data["predicted"])]
    # Before the scale of colours, which is an axes of its own, joins the figure.
    set_headline(ax, _say_spread(known, model))
    if len(known):
        both = known[["true", "predicted"]].to_numpy(dtype=np.float64)
        low, high = float(both.min()), float(both.max())
        pad = 0.03 * (high - low) or 0.5
        limits = (low - pad, high + pad)
        _draw_pairs(ax, known, limits)
        ax.plot(limits, limits, color=WRONG, linewidth=1.2, linestyle=(0, (4, 3)), zorder=3)
        ax.annotate(
            "predicted = true",
            (high, high),
            (-6, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=WRONG,
            fontsize=9,
        )
        ax.set_xlim(limits)
        ax.set_ylim(limits)
    ax.set_aspect("equal")
    ax.grid(visible=True, axis="both")
    ax.xaxis.set_major_formatter(tick_numbers)
    ax.yaxis.set_major_formatter(tick_numbers)
    shown = _say_rows(len(data), n_rows)
    ax.set_xlabel(f"true {shorten(target, 26)} ({shown})")
    ax.set_ylabel(f"predicted {shorten(target, 26)}")
    return ax


@styled
def plot_errors(
    data: pd.DataFrame,
    model: str,
    target: str,
    baseline: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Histogram: how far the predictions are off, with the best baseline's as an outline.

    Parameters
    ----------
    data : DataFrame
        Columns ``predicted`` and, with a baseline, ``baseline``: predicted minus true.
    model, target : str
    baseline : str, optional
        Its name.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = new_axes(ax)
    errors = data["predicted"].to_numpy(dtype=np.float64)
    errors = errors[np.isfinite(errors)]
    others = np.empty(0)
    if baseline is not None and "baseline" in data:
        others = data["baseline"].to_numpy(dtype=np.float64)
        others = others[np.isfinite(others)]
    if len(errors):
        # The model's own range: a poor baseline must not squeeze it into one bar.
        low, high = np.percentile(errors, SHOWN_PERCENTILES)
        reach = float(max(abs(low), abs(high))) or 0.5
        bins = np.linspace(-reach, reach, N_BINS + 1).tolist()
        ax.hist(errors, bins=bins, color=ACCENT, alpha=0.85, label=shorten(model, 26))
        if len(others):
            ax.hist(
                others,
                bins=bins,
                histtype="step",
                edgecolor=QUIET,
                linewidth=1.8,
                label=shorten(str(baseline), 26),
            )
        ax.axvline(0, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        n_beyond = int((np.abs(errors) > reach).sum())
        if n_beyond:
            ax.annotate(
                f"{n_beyond:,} further off",
                (0.99, 0.97),
                xycoords="axes fraction",
                ha="right",
                va="top",
                color=MUTED,
                fontsize=9,
            )
        set_legend(ax)
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.xaxis.set_major_formatter(tick_numbers)
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlabel(f"predicted minus true {shorten(target, 26)}")
    ax.set_ylabel("hold-out rows")
    set_headline(ax, _say_bias(data["predicted"], model))
    return ax


def _draw_pairs(ax: Axes, known: pd.DataFrame, limits: tuple[float, float]) -> None:
    if len(known) <= MAX_DOTS:
        size = 16 if len(known) <= 300 else 7
        ax.scatter(
            known["true"],
            known["predicted"],
            s=size,
            c=ACCENT,
            alpha=0.55,
            lw=0,
            rasterized=len(known) > 300,
        )
        return
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    cells = ax.hexbin(
        known["true"],
        known["predicted"],
        gridsize=N_CELLS,
        extent=(*limits, *limits),
        mincnt=1,
        norm=LogNorm(),
        cmap=LinearSegmentedColormap.from_list("nocturne", list(SEQUENCE[1:])),
        linewidths=0.2,
    )
    figure = ax.get_figure(root=True)
    if figure is not None:
        bar = figure.colorbar(cells, ax=ax, shrink=0.8, pad=0.02, format="{x:,.0f}")
        bar.ax.minorticks_off()
        bar.set_label("rows in a cell")
        bar.outline.set_visible(False)


def _say_rows(n_shown: int, n_rows: int | None) -> str:
    if n_rows is None or n_rows <= n_shown:
        return say_count(n_shown, "hold-out row")
    return f"{n_shown:,} of {say_count(n_rows, 'hold-out row')}"


def _say_spread(known: pd.DataFrame, model: str) -> str:
    if known.empty:
        return f"{shorten(model, 26)} has no prediction that is a number"
    off = np.abs(known["predicted"] - known["true"])
    half, most = (float(v) for v in np.percentile(off, (50, 95)))
    return (
        f"{shorten(model, 26)}: half of the predictions are off by less than {say_number(half)}, "
        f"one in twenty by more than {say_number(most)}"
    )


def _say_bias(errors: pd.Series[float], model: str) -> str:
    known = errors[np.isfinite(errors)]
    name = shorten(model, 26)
    if known.empty:
        return f"{name} has no prediction that is a number"
    mean = float(known.mean())
    if not is_biased(known):
        return (
            f"{name} leans to neither side: its mean error of {say_number(mean)} is within chance"
        )
    side = "high" if mean > 0 else "low"
    return f"{name} leans to one side: it predicts {say_number(abs(mean))} too {side} on average"

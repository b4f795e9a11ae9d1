"""Charts of mining: the map of the data, how much its components explain, how k was chosen.

Pure module of the reporting stage; the data come from mining's folder of clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.reporting.style import (
    ACCENT,
    HALO,
    HEIGHT,
    INK,
    PALETTE,
    QUIET,
    WIDTH,
    count_on,
    new_axes,
    say_count,
    say_percent,
    set_headline,
    set_legend,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MAX_GROUPS = 20  # groups with a colour and a label on the map; the rest is grey
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
ENOUGH_VARIANCE = 0.9


@styled
def plot_map(
    data: pd.DataFrame,
    by: str,
    explained: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Scatter: rows on their first two principal components, coloured and labelled by group.

    Parameters
    ----------
    data : DataFrame
        Columns ``pc1``, ``pc2`` (standard deviations of the standardised inputs) and ``by``.
    by : {"class", "cluster"}
    explained : (float, float), optional
        Shares of the variance along the two axes, 0 to 1.
    ax : Axes, optional

    Returns
    -------
    Axes
        The points are one picture also in SVG: thousands of marks would make a file of megabytes.
    """
    import matplotlib.patheffects as effects

    ax = new_axes(ax, WIDTH, 4.3)
    groups = list(data[by].value_counts(sort=True).index)
    named = sorted(groups[:MAX_GROUPS], key=_order)
    size = float(np.clip(9000 / max(len(data), 1), 5, 26))
    other = data[~data[by].isin(named)]
    if len(other):
        ax.scatter(other["pc1"], other["pc2"], s=size, c=QUIET, alpha=0.4, lw=0, rasterized=True)
    for i, group in enumerate(named):
        points = data[data[by] == group]
        ax.scatter(
            points["pc1"],
            points["pc2"],
            s=size,
            color=PALETTE[i % len(PALETTE)],
            marker=MARKERS[(i // len(PALETTE)) % len(MARKERS)],
            alpha=0.62,
            lw=0,
            label=str(group),
            rasterized=True,
        )
    for i, group in enumerate(named):
        # The name stands where the group is densest on both axes: colour is not the only key.
        centre = data[data[by] == group][["pc1", "pc2"]].median()
        ax.annotate(
            shorten(group, 16),
            (centre["pc1"], centre["pc2"]),
            ha="center",
            va="center",
            fontsize=11,
            fontweight="bold",
            color=PALETTE[i % len(PALETTE)],
            path_effects=[effects.withStroke(linewidth=3.5, foreground=HALO)],
        )
    share = [f" ({say_percent(s)} of the variance)" for s in explained] if explained else ["", ""]
    ax.set_xlabel(f"component 1{share[0]}")
    ax.set_ylabel(f"component 2{share[1]}")
    ax.grid(visible=True, axis="both")
    what = "classes" if by == "class" else "clusters"
    together = f", which hold {say_percent(sum(explained))} of the variance" if explained else ""
    set_headline(ax, f"The {len(groups)} {what} on the first two components{together}")
    return ax


@styled
def plot_explained_variance(data: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Line: share of the variance that the first components hold together.

    Parameters
    ----------
    data : DataFrame
        Columns ``component`` (from 1), ``ratio``, ``cumulative`` (0 to 1).
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = new_axes(ax, WIDTH, HEIGHT)
    ax.bar(
        data["component"],
        data["ratio"] * 100,
        0.8,
        color=ACCENT,
        alpha=0.35,
        label="each component",
    )
    marker = "o" if len(data) <= 25 else None
    ax.plot(
        data["component"],
        data["cumulative"] * 100,
        color=ACCENT,
        marker=marker,
        markersize=4.5,
        label="together with those before",
    )
    ax.set_ylim(0, 104)
    ax.set_xlabel("principal components")
    ax.set_ylabel("share of the variance (%)")
    count_on(ax.xaxis)
    set_legend(ax)
    total = float(data["cumulative"].iloc[-1])
    enough = data[data["cumulative"] >= ENOUGH_VARIANCE]
    n_components = say_count(len(data), "component")
    set_headline(
        ax,
        f"{n_components} hold {say_percent(total)} of the variance"
        if enough.empty
        else f"{say_count(int(enough['component'].iloc[0]), 'component')} of {len(data)} "
        f"hold {say_percent(ENOUGH_VARIANCE)} of the variance, all {say_percent(total)}",
    )
    return ax


@styled
def plot_silhouette_curve(data: pd.DataFrame, k: int, ax: Axes | None = None) -> Axes:
    """Line: mean silhouette against the number of clusters, the chosen one marked.

    Parameters
    ----------
    data : DataFrame
        Columns ``k`` and ``silhouette`` (-1 to 1).
    k : int
        The chosen number.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = new_axes(ax, WIDTH, HEIGHT)
    ax.plot(data["k"], data["silhouette"], color=ACCENT, marker="o", markersize=5)
    chosen = data[data["k"] == k].iloc[0]
    ax.plot(
        chosen["k"],
        chosen["silhouette"],
        "o",
        markersize=13,
        markerfacecolor="none",
        markeredgecolor=PALETTE[1],
        markeredgewidth=2.2,
    )
    ax.annotate(
        f"k = {k}",
        (chosen["k"], chosen["silhouette"]),
        (0, 12),
        textcoords="offset points",
        ha="center",
        color=INK,
        fontweight="bold",
    )
    ax.margins(y=0.28)
    ax.set_xlabel("number of clusters k")
    ax.set_ylabel("mean silhouette (-1 to 1)")
    count_on(ax.xaxis)
    strength = float(chosen["silhouette"])
    # Kaufman and Rousseeuw, "Finding Groups in Data", 1990, table 4 of chapter 2.
    limits = ((0.25, "no substantial"), (0.5, "weak"), (0.7, "reasonable"), (1.0, "strong"))
    words = next(word for limit, word in limits if strength <= limit)
    set_headline(
        ax, f"{k} clusters have the best mean silhouette, {strength:.2f}: {words} group structure"
    )
    return ax


def _order(name: object) -> tuple[int, float, str]:
    """Numbers by size, names by alphabet."""
    return (0, float(name), "") if isinstance(name, int | float) else (1, 0.0, str(name))

"""Charts around a decision tree: how its size was chosen, and which inputs it rests on.

Pure module of the reporting stage; the data come from mining's folder of the tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tasks.reporting.style import (
    ACCENT,
    HEIGHT,
    MUTED,
    PALETTE,
    SEQUENCE,
    TRAINING,
    VALIDATION,
    WIDTH,
    count_on,
    new_axes,
    new_figure,
    say_count,
    say_percent,
    set_figure_headline,
    set_headline,
    set_legend,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MAX_BARS = 15
MANY_LEAVES = 24  # past that the axis counts doublings


@styled
def plot_tree_sizes(data: pd.DataFrame, n_leaves: int, score: str, ax: Axes | None = None) -> Axes:
    """Lines: score against the tree's leaves in training and cross-validation, the chosen size marked.

    Parameters
    ----------
    data : DataFrame
        Columns ``n_leaves``, ``mean``, ``standard_error``, ``training``, ``limit`` (the least mean that
        is as good as the best, the same in all rows).
    n_leaves : int
        The chosen size, one of the data's.
    score : {"accuracy", "r2"}
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    factor = 100.0 if score == "accuracy" else 1.0
    ax = new_axes(ax, WIDTH, HEIGHT)
    marker = "o" if len(data) <= 25 else None
    ax.plot(
        data["n_leaves"],
        data["training"] * factor,
        color=TRAINING,
        linestyle=(0, (4, 2)),
        linewidth=1.6,
        label="training rows",
    )
    ax.errorbar(
        data["n_leaves"],
        data["mean"] * factor,
        yerr=data["standard_error"] * factor,
        color=VALIDATION,
        ecolor=VALIDATION,
        elinewidth=1.1,
        capsize=2.5,
        marker=marker,
        markersize=4.5,
        label="cross-validation",
    )
    ax.axhline(
        float(data["limit"].iloc[0]) * factor,
        color=MUTED,
        linewidth=1,
        linestyle=(0, (1, 2)),
        label="as good as the best",
    )
    chosen = data[data["n_leaves"] == n_leaves].iloc[0]
    ax.plot(
        n_leaves,
        chosen["mean"] * factor,
        "o",
        markersize=13,
        markerfacecolor="none",
        markeredgecolor=PALETTE[3],
        markeredgewidth=2.2,
        zorder=5,
    )
    if data["n_leaves"].max() > MANY_LEAVES:
        from matplotlib.ticker import FuncFormatter, NullLocator

        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        count_on(ax.xaxis)
    ax.set_xlabel("leaves of the tree")
    ax.set_ylabel("accuracy (%)" if score == "accuracy" else "R\N{SUPERSCRIPT TWO}")
    set_legend(ax)
    mean = float(chosen["mean"])
    reached = (
        f"{say_percent(mean)} accuracy"
        if score == "accuracy"
        else f"R\N{SUPERSCRIPT TWO} {mean:.2f}"
    )
    best = data.sort_values("mean", ascending=False, kind="stable").iloc[0]
    leaves = say_count(n_leaves, "leaf", "leaves")
    verb = "reaches" if n_leaves == 1 else "reach"
    set_headline(
        ax,
        f"{leaves} {verb} {reached} in cross-validation, the best of all sizes"
        if float(best["mean"]) <= mean
        else f"{leaves} {verb} {reached} in cross-validation, as good within chance as "
        f"{int(best['n_leaves']):,}",
    )
    return ax


@styled
def plot_importances(
    data: pd.DataFrame, score: str, axes: tuple[Axes, Axes] | None = None
) -> tuple[Axes, Axes]:
    """Bars: what the tree's inputs are worth, by impurity and by permutation side by side.

    Parameters
    ----------
    data : DataFrame
        Columns ``name``, ``impurity`` (share, 0 to 1), ``permutation`` (what shuffling costs, in the
        score; may be missing) and ``permutation_std``; most important first, at most 15 are drawn.
    score : {"accuracy", "r2"}
    axes : (Axes, Axes), optional
        Beside each other, with one y axis.

    Returns
    -------
    (Axes, Axes)
    """
    rows = data.head(MAX_BARS)
    if axes is None:
        figure = new_figure(WIDTH, 1.3 + 0.29 * len(rows))
        left, right = figure.subplots(1, 2, sharey=True)
    else:
        left, right = axes
    places = np.arange(len(rows))
    left.barh(places, rows["impurity"] * 100, 0.62, color=ACCENT)
    factor = 100.0 if score == "accuracy" else 1.0
    right.barh(
        places,
        rows["permutation"].astype(float).fillna(0.0) * factor,
        0.62,
        xerr=rows["permutation_std"].astype(float).fillna(0.0) * factor,
        color=PALETTE[2],
        error_kw={"ecolor": MUTED, "elinewidth": 1.2},
    )
    left.set_yticks(places, [shorten(name, 18) for name in rows["name"]])
    left.set_ylim(len(rows) - 0.4, -0.6)
    left.set_xlabel("impurity lowered\n(% of all)")
    unit = "points of accuracy" if score == "accuracy" else "R\N{SUPERSCRIPT TWO}"
    right.set_xlabel(f"lost when shuffled\n({unit})")
    for panel in (left, right):
        panel.grid(visible=True, axis="x")
        panel.grid(visible=False, axis="y")
        panel.locator_params(axis="x", nbins=4)
    set_figure_headline(_get_figure(left), _say_lead(data))
    return left, right


@styled
def plot_importance_map(image: npt.NDArray[Any], ax: Axes | None = None) -> Axes:
    """Picture: how much of the impurity each pixel lowers.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        Shares, 0 to 1; pixels that the tree does not ask about are 0 and left empty.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    from matplotlib.colors import LinearSegmentedColormap

    ax = new_axes(ax, WIDTH, 3.9)
    height, width = image.shape
    picture = ax.imshow(
        np.ma.masked_equal(image * 100, 0),
        cmap=LinearSegmentedColormap.from_list("nocturne", list(SEQUENCE)),
        vmin=0,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
    ax.grid(visible=False)
    for spine in ax.spines.values():  # where the picture ends: most of it may be empty
        spine.set(visible=True, color=MUTED, linewidth=0.8)
    count_on(ax.xaxis)
    count_on(ax.yaxis)
    ax.set_xlabel("column of the pixel")
    ax.set_ylabel("row of the pixel")
    bar = _get_figure(ax).colorbar(picture, ax=ax, shrink=0.85, pad=0.03)
    bar.set_label("impurity lowered (% of all)")
    bar.outline.set_visible(False)
    n_used = int(np.count_nonzero(image))
    y, x = np.unravel_index(int(image.argmax()), image.shape)
    set_figure_headline(
        _get_figure(ax),
        f"The tree looks at {n_used:,} of {image.size:,} pixels, most at pixel {y}, {x}"
        if n_used
        else f"The tree looks at none of {image.size:,} pixels",
    )
    return ax


def _say_lead(data: pd.DataFrame) -> str:
    used = data[data["impurity"] > 0]
    if used.empty:
        return "The tree asks about no input"
    first = used.iloc[0]
    said = f"{shorten(first['name'], 30)} lowers {say_percent(float(first['impurity']))} of the impurity"
    known = used.dropna(subset=["permutation"])
    if known.empty:
        return said
    top = known.sort_values("permutation", ascending=False, kind="stable").iloc[0]
    if top["name"] == first["name"]:
        return f"{said}, and costs most when shuffled"
    return f"{said}; {shorten(top['name'], 30)} costs most when shuffled"


def _get_figure(ax: Axes) -> Any:
    return ax.get_figure(root=True)

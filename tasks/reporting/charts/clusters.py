"""Charts of the clusters: the map, how their number was chosen, and what sets them apart.

Pure module of the reporting stage; the data come from mining's folder of clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.reporting.charts.components import DIVERGING, plot_map
from tasks.reporting.style import (
    ACCENT,
    HEIGHT,
    INK,
    PALETTE,
    QUIET,
    WIDTH,
    count_on,
    new_axes,
    say_percent,
    set_headline,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

NOISE = -1  # the number of rows that belong to no cluster
MAX_HEAT_INPUTS, MAX_HEAT_CLUSTERS = 15, 10  # what a reader takes in
MAX_SHADE = 2.0  # standard deviations from which on a cell has the fullest colour


@styled
def plot_cluster_map(
    data: pd.DataFrame,
    explained: tuple[float, float] | None = None,
    n_clusters: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Scatter: rows on their first two principal components, coloured by cluster, noise in grey.

    Parameters
    ----------
    data : DataFrame
        Columns ``pc1``, ``pc2`` (standard deviations of the standardised inputs) and ``cluster``, of
        which -1 is noise.
    explained : (float, float), optional
        Shares of the variance along the two axes, 0 to 1.
    n_clusters : int, optional
        Clusters in all, where these rows may miss some.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = plot_map(data[data["cluster"] != NOISE], "cluster", explained, ax)
    n_shown = data.loc[data["cluster"] != NOISE, "cluster"].nunique()
    if n_clusters is not None and n_shown < n_clusters:
        together = (
            f", which hold {say_percent(sum(explained))} of the variance" if explained else ""
        )
        set_headline(
            ax, f"{n_shown} of {n_clusters} clusters on the first two components{together}"
        )
    noise = data[data["cluster"] == NOISE]
    if len(noise):
        ax.scatter(
            noise["pc1"], noise["pc2"], s=6, c=QUIET, alpha=0.45, lw=0, zorder=0.5, rasterized=True
        )
    return ax


@styled
def plot_silhouette_curve(data: pd.DataFrame, k: int, ax: Axes | None = None) -> Axes:
    """Line: mean silhouette against the number of clusters, the chosen one marked.

    Parameters
    ----------
    data : DataFrame
        Columns ``k`` and ``silhouette`` (-1 to 1; missing where it is not defined).
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
    ax.margins(x=0.08, y=0.28)
    ax.set_xlabel("number of clusters k")
    ax.set_ylabel("mean silhouette (-1 to 1)")
    count_on(ax.xaxis)
    set_headline(
        ax, f"{k} clusters have the best mean silhouette: {float(chosen['silhouette']):.2f}"
    )
    return ax


@styled
def plot_cluster_differences(data: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Heat map: how far each cluster's mean lies from that of all rows, input by input.

    Parameters
    ----------
    data : DataFrame
        Columns ``cluster`` (its number), ``n_rows``, ``input`` (unique), ``label`` (its name for
        people) and ``difference`` (standard deviations). Of many, the largest clusters are shown,
        and the inputs that set them apart most, the most telling first.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    import seaborn as sns
    from matplotlib.colors import LinearSegmentedColormap

    sizes = data.drop_duplicates("cluster").sort_values("n_rows", ascending=False, kind="stable")
    clusters = sorted(sizes["cluster"].tolist()[:MAX_HEAT_CLUSTERS])
    inputs = data.drop_duplicates("input")
    table = data.pivot_table(index="input", columns="cluster", values="difference", sort=False)
    table = table.loc[inputs["input"].tolist(), clusters]
    most = np.argsort(-table.abs().max(axis=1).to_numpy(), kind="stable")[:MAX_HEAT_INPUTS]
    values = table.to_numpy(dtype=np.float64)[most]
    labels = inputs["label"].iloc[most].tolist()
    ax = new_axes(ax, WIDTH, 1.5 + 0.3 * len(labels))
    sns.heatmap(
        values,
        ax=ax,
        cmap=LinearSegmentedColormap.from_list("nocturne_diverging", list(DIVERGING)),
        vmin=-MAX_SHADE,
        vmax=MAX_SHADE,
        annot=np.vectorize(_say_difference, otypes=[object])(values),
        fmt="",
        annot_kws={"fontsize": 8.5 if len(clusters) <= 6 else 7.2},
        linewidths=0,
        cbar=False,
    )
    ax.set_xticks(np.arange(len(clusters)) + 0.5, [str(c) for c in clusters], rotation=0)
    names = [shorten(label, 34) for label in labels]
    ax.set_yticks(np.arange(len(names)) + 0.5, names, rotation=0, fontsize=8.5)
    is_cut = len(clusters) < len(sizes)
    largest = f"the {len(clusters)} largest of {len(sizes)} clusters" if is_cut else "cluster"
    ax.set_xlabel(f"{largest}\n(standard deviations from the mean)", fontsize=9)
    n_inputs = len(inputs)
    ax.set_ylabel(
        f"the {len(names)} most telling of {n_inputs:,} inputs" if len(names) < n_inputs else ""
    )
    ax.grid(visible=False)
    row, column = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    set_headline(
        ax,
        f"Cluster {clusters[column]} stands out most, by {shorten(labels[row], 48)}: "
        f"{_say_difference(values[row, column])} standard deviations",
    )
    return ax


def _say_difference(value: float) -> str:
    """One decimal with a sign; what rounds to nothing is left out."""
    text = f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")
    return "" if text[1:] == "0.0" else text

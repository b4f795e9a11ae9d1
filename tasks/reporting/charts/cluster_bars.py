"""Charts with a line for each cluster: how large they are, and how stable.

Pure module of the reporting stage; the data come from mining's folder of clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.reporting.style import (
    INK,
    MUTED,
    PALETTE,
    QUIET,
    WIDTH,
    count_on,
    new_axes,
    say_count,
    say_list,
    say_percent,
    set_headline,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MAX_BARS = 20  # clusters with a bar of their own; as many have a colour on the map
# C. Hennig's reading of a cluster's mean Jaccard similarity on resamples.
STABLE = 0.75
_BAR = 0.4  # of a bar's place; the rest is its name's
STABILITY_BANDS = (
    (0.0, 0.6, "not stable"),
    (0.6, 0.75, "doubtful"),
    (0.75, 0.85, "stable"),
    (0.85, 1.0, "highly stable"),
)


@styled
def plot_cluster_sizes(data: pd.DataFrame, n_noise: int = 0, ax: Axes | None = None) -> Axes:
    """Bars: training rows of each cluster, and of noise.

    Parameters
    ----------
    data : DataFrame
        Columns ``cluster`` (its number), ``name`` and ``n_rows``; of more than 20 the largest are
        shown, and the others together.
    n_noise : int, default 0
        Rows that belong to no cluster.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    total = int(data["n_rows"].sum()) + n_noise
    ordered = data.sort_values(["n_rows", "cluster"], ascending=[False, True], kind="stable")
    colours = _colour(data["cluster"].tolist())
    shown = ordered if len(ordered) <= MAX_BARS else ordered.iloc[: MAX_BARS - 1]
    bars = [
        (_label(row["cluster"], row["name"]), int(row["n_rows"]), colours[row["cluster"]])
        for row in shown.to_dict("records")
    ]
    if len(shown) < len(ordered):
        rest = ordered.iloc[len(shown) :]
        bars.append((f"{len(rest):,} other clusters", int(rest["n_rows"].sum()), QUIET))
    if n_noise:
        bars.append(("noise: in no cluster", n_noise, QUIET))
    ax = new_axes(ax, WIDTH, 1.4 + 0.44 * len(bars))
    labels, sizes, hues = zip(*bars, strict=True)
    ax.barh(range(len(bars)), sizes, _BAR, color=hues)
    _write_labels(ax, labels)
    for place, size in enumerate(sizes):
        ax.annotate(
            f"{size:,} ({say_percent(size / total)})",
            (size, place),
            (5, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=9,
        )
    ax.set_xlim(0, max(sizes) * 1.3)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    count_on(ax.xaxis)
    ax.locator_params(axis="x", nbins=5)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("training rows")
    largest, least = ordered.iloc[0], ordered.iloc[-1]
    noise = f", and {say_percent(n_noise / total)} of the rows are noise" if n_noise else ""
    set_headline(
        ax,
        f"{say_count(len(data), 'cluster')}: the largest holds "
        f"{say_percent(largest['n_rows'] / total)} of {say_count(total, 'row')}, the smallest "
        f"{say_percent(least['n_rows'] / total)}{noise}",
    )
    return ax


@styled
def plot_stability(data: pd.DataFrame, n_bootstraps: int, ax: Axes | None = None) -> Axes:
    """Dots: how alike each cluster comes out when the rows are drawn again.

    Parameters
    ----------
    data : DataFrame
        Columns ``cluster`` (its number), ``name``, ``n_rows`` and ``stability`` (mean Jaccard
        similarity, 0 to 1; missing where no resample held the cluster). Of more than 20 the largest.
    n_bootstraps : int
        Resamples.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    known = data[data["stability"].notna()]
    ordered = known.sort_values(["n_rows", "cluster"], ascending=[False, True], kind="stable")
    shown = ordered.iloc[:MAX_BARS]
    colours = _colour(data["cluster"].tolist())
    ax = new_axes(ax, WIDTH, 1.6 + 0.44 * len(shown))
    for i, (low, high, word) in enumerate(STABILITY_BANDS):
        ax.axvspan(low, high, color=QUIET, alpha=0.05 + 0.055 * i, lw=0, zorder=0)
        ax.annotate(
            word,
            ((low + high) / 2, 1),
            (0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=MUTED,
            fontsize=8,
        )
    for place, row in enumerate(shown.to_dict("records")):
        colour = colours[row["cluster"]]
        ax.plot([0, row["stability"]], [place, place], color=colour, linewidth=1.6, alpha=0.45)
        ax.plot(row["stability"], place, "o", color=colour, markersize=8, clip_on=False)
    _write_labels(ax, [_label(row["cluster"], row["name"]) for row in shown.to_dict("records")])
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.25, 0.5, 0.6, 0.75, 0.85, 1], ["0", "", "", "0.6", "0.75", "0.85", "1"])
    ax.grid(visible=False)
    ax.set_xlabel(f"mean Jaccard similarity on {say_count(n_bootstraps, 'resample')}")
    weak = sorted(known[known["stability"] < STABLE]["cluster"].tolist())
    n_stable = len(known) - len(weak)
    again = "when the rows are drawn again"
    if not weak:
        all_of_them = {1: "The cluster is", 2: "Both clusters are"}.get(
            len(known), f"All {len(known)} clusters are"
        )
        message = f"{all_of_them} stable {again}"
    else:
        message = (
            f"{n_stable} of {say_count(len(known), 'cluster')} {'is' if n_stable == 1 else 'are'} "
            f"stable {again}; {say_list(weak)} {'is' if len(weak) == 1 else 'are'} not"
        )
    unknown = sorted(data[data["stability"].isna()]["cluster"].tolist())
    if unknown:
        message += f"; {say_list(unknown)} {'was' if len(unknown) == 1 else 'were'} in no resample"
    set_headline(ax, message)
    return ax


def _colour(clusters: Sequence[int]) -> dict[int, str]:
    """Colour clusters as the map does."""
    return {cluster: PALETTE[i % len(PALETTE)] for i, cluster in enumerate(sorted(clusters))}


def _label(number: int, name: str) -> str:
    """Name a cluster with its number, once."""
    plain = name.removeprefix(f"cluster {number}").lstrip(", ")
    return shorten(f"{number}: {plain}" if plain else f"cluster {number}", 68)


def _write_labels(ax: Axes, labels: Sequence[str]) -> None:
    """Write each name above its bar: names are long, and beside the bars would leave them no room."""
    for place, label in enumerate(labels):
        ax.annotate(
            label,
            (0, place - _BAR / 2),
            (1, 2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="bottom",
            color=INK,
            fontsize=8.8,
        )
    ax.set_yticks([])
    ax.set_ylim(len(labels) - 0.7, -0.85)

"""Charts of the principal components: the map of the data, what the components hold and what they are made of.

Pure module of the reporting stage; the data come from mining's folder of components.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tasks.reporting.style import (
    ACCENT,
    HALO,
    HEIGHT,
    INK,
    MUTED,
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
    shorten_middle,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MAX_GROUPS = 20  # groups with a colour and a label on the map; the rest is grey
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
ENOUGH_VARIANCE = 0.9
MAX_NUMBERED = 25  # components with a mark of their own
MAX_HEAT_INPUTS, MAX_HEAT_COMPONENTS = 20, 6  # what a reader takes in
MAX_PICTURES = 8  # two rows
# Against, nothing, with: blue and orange are told apart by colour-blind eyes too. The middle is no
# part of the ink that a dark page swaps, so that cells keep their contrast with the numbers on them.
DIVERGING = (PALETTE[1], "#f3d3b3", "#f1f3f5", "#b5d3ea", PALETTE[0])
_N_COLUMNS, _GAP, _TEXT = 4, 0.14, 0.46  # of the gallery, in picture widths


@styled
def plot_map(
    data: pd.DataFrame,
    by: str | None = None,
    explained: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Scatter: rows on their first two principal components, coloured and labelled by group if any.

    Parameters
    ----------
    data : DataFrame
        Columns ``pc1``, ``pc2`` (standard deviations of the standardised inputs) and ``by``.
    by : {"class", "cluster"} or None
        None for rows without groups.
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
    size = float(np.clip(9000 / max(len(data), 1), 5, 26))
    groups = [] if by is None else list(data[by].value_counts(sort=True).index)
    named = sorted(groups[:MAX_GROUPS], key=_order)
    other = data if by is None else data[~data[by].isin(named)]
    if len(other):
        colour, alpha = (ACCENT, 0.5) if by is None else (QUIET, 0.4)
        ax.scatter(other["pc1"], other["pc2"], s=size, c=colour, alpha=alpha, lw=0, rasterized=True)
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
    what = say_count(len(data), "row")
    if by is not None:
        nouns = ("class", "classes") if by == "class" else ("cluster", "clusters")
        what = "The " + say_count(len(groups), *nouns)
    together = f", which hold {say_percent(sum(explained))} of the variance" if explained else ""
    set_headline(ax, f"{what} on the first two components{together}")
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
    marker = "o" if len(data) <= MAX_NUMBERED else None
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
    n_enough = None if enough.empty else int(enough["component"].iloc[0])
    if n_enough is None or len(data) == 1:
        said = f"{_say_holding(len(data))} {say_percent(total)} of the variance"
    else:
        said = (
            f"{_say_holding(n_enough, len(data))} {say_percent(ENOUGH_VARIANCE)} of the variance, "
            f"all {say_percent(total)}"
        )
    set_headline(ax, said)
    return ax


@styled
def plot_loadings(data: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Heat map: which inputs of a table each of the first components follows.

    Parameters
    ----------
    data : DataFrame
        Columns ``component`` (from 1), ``input`` (unique), ``label`` (its name for people) and
        ``correlation`` (-1 to 1). Of many, the first components and the inputs that they follow
        most closely are shown.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    import seaborn as sns
    from matplotlib.colors import LinearSegmentedColormap

    inputs = data.drop_duplicates("input")
    names, labels = inputs["input"].tolist(), inputs["label"].tolist()
    table = data.pivot_table(index="input", columns="component", values="correlation").loc[names]
    values = table.to_numpy(dtype=np.float64)[:, :MAX_HEAT_COMPONENTS]
    closeness = np.abs(values)
    closest = np.argsort(-closeness.max(axis=1), kind="stable")[:MAX_HEAT_INPUTS]
    # Beside each other stand the inputs that follow the same component, the closest on top.
    shown = closest[np.argsort(closeness[closest].argmax(axis=1), kind="stable")]
    ax = new_axes(ax, WIDTH, 1.5 + 0.27 * len(shown))
    sns.heatmap(
        values[shown],
        ax=ax,
        cmap=LinearSegmentedColormap.from_list("nocturne_diverging", list(DIVERGING)),
        vmin=-1,
        vmax=1,
        annot=np.vectorize(_say_correlation)(values[shown]),
        fmt="",
        annot_kws={"fontsize": 8.5},
        linewidths=0,
        cbar=False,
    )
    ax.set_xticks(np.arange(values.shape[1]) + 0.5, [str(k + 1) for k in range(values.shape[1])])
    ax.set_yticks(
        np.arange(len(shown)) + 0.5, [shorten_middle(labels[i]) for i in shown], rotation=0
    )
    ax.set_xlabel("component (cells: correlation, -1 to 1)")
    is_cut = len(shown) < len(names)
    ax.set_ylabel(f"the {len(shown)} closest of {len(names):,} inputs" if is_cut else "")
    ax.grid(visible=False)
    first = shorten(labels[int(closeness[:, 0].argmax())], 30)
    set_headline(ax, f"Component 1 follows {first} most closely")
    return ax


@styled
def plot_component_images(
    data: pd.DataFrame, images: npt.NDArray[Any], ax: Axes | None = None
) -> Axes:
    """Small pictures: the first components of images, as weights of their pixels.

    Parameters
    ----------
    data : DataFrame
        Columns ``component`` (from 1) and ``ratio`` (0 to 1); one row per image, of which the first
        :data:`MAX_PICTURES` are shown.
    images : ndarray of shape (n_components, height, width, channels)
        Weights. Of three channels they are shown as a colour about grey, of other numbers their
        mean in orange (below 0) and blue (above 0); each picture has a scale of its own.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    from matplotlib.colors import LinearSegmentedColormap

    cmap = LinearSegmentedColormap.from_list("nocturne_diverging", list(DIVERGING))
    shown = list(zip(data.to_dict("records"), images, strict=True))[:MAX_PICTURES]
    n_rows = -(-len(shown) // _N_COLUMNS)
    ax = new_axes(ax, WIDTH, 0.5 + 1.72 * n_rows)
    for i, (row, image) in enumerate(shown):
        x, y = (i % _N_COLUMNS) * (1 + _GAP), (i // _N_COLUMNS) * (1 + _GAP + _TEXT)
        weights = image if image.shape[-1] == 3 else image.mean(axis=-1)
        half = 0.5 * weights / max(float(np.abs(weights).max()), 1e-12) + 0.5
        ax.imshow(half, cmap=cmap, vmin=0, vmax=1, extent=(x, x + 1, y + 1, y))
        text: dict[str, Any] = {"ha": "left", "va": "top", "fontsize": 8.2}
        ax.text(x, y + 1.05, f"component {row['component']}", color=INK, fontweight="bold", **text)
        ax.text(x, y + 1.25, say_percent(row["ratio"]), color=MUTED, **text)
    ax.set_xlim(0, _N_COLUMNS * (1 + _GAP) - _GAP)
    ax.set_ylim(n_rows * (1 + _GAP + _TEXT) - _GAP, 0)
    ax.set_aspect("equal")
    ax.set_axis_off()
    together = say_percent(min(1.0, float(data["ratio"].iloc[: len(shown)].sum())))
    first = (
        f"The first {len(shown)} of {len(data)} components hold"
        if len(shown) < len(data)
        else _say_holding(len(data))
    )
    set_headline(ax, f"{first} {together} of the variance")
    return ax


def _say_holding(n: int, n_all: int | None = None) -> str:
    """Begin a sentence on what components hold."""
    of = "" if n_all is None else f" of {n_all}"
    return f"{say_count(n, 'component')}{of} {'holds' if n == 1 else 'hold'}"


def _say_correlation(value: float) -> str:
    """Two decimals with a sign; what rounds to nothing is left out."""
    text = f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
    return "" if text[1:] == "0.00" else text


def _order(name: object) -> tuple[int, float, str]:
    """Numbers by size, names by alphabet."""
    return (0, float(name), "") if isinstance(name, int | float) else (1, 0.0, str(name))

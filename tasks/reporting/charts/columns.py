"""Chart of the missing values of each column, by how they came to be.

Pure module of the reporting stage; the data come from cleaning's report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.reporting.cleaned import HOLES
from tasks.reporting.style import (
    INK,
    PALETTE,
    QUIET,
    WIDTH,
    WRONG,
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

MAX_BARS = 20  # columns with a bar of their own; past that their names cannot be read
HOLE_COLOURS = dict(zip(HOLES, (QUIET, PALETTE[1], WRONG), strict=True))


@styled
def plot_missing_values(
    data: pd.DataFrame, n_rows: int, n_columns: int, ax: Axes | None = None
) -> Axes:
    """Bars: missing values of each column, stacked by how they came to be.

    Parameters
    ----------
    data : DataFrame
        Columns ``column``, ``kind`` and ``n_rows``; columns in the order in which they are shown, of
        which the first 20 are.
    n_rows : int
        Rows that came in.
    n_columns : int
        Columns there are, with those that miss nothing.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    counts = data.pivot_table(
        index="column", columns="kind", values="n_rows", aggfunc="sum", sort=False, fill_value=0
    )
    n_with_holes = len(counts)
    top, n_top = counts.index[0], int(counts.iloc[0].sum())
    counts = counts.head(MAX_BARS)
    ax = new_axes(ax, WIDTH, 1.7 + 0.32 * len(counts))
    places = range(len(counts))
    start = counts.iloc[:, 0] * 0
    for kind in HOLES:
        if kind not in counts.columns or not data.loc[data["kind"] == kind, "n_rows"].any():
            continue
        n_kind = int(data.loc[data["kind"] == kind, "n_rows"].sum())
        ax.barh(
            places,
            counts[kind].to_numpy(),
            0.66,
            start.to_numpy(),
            color=HOLE_COLOURS[kind],
            label=f"{kind} ({n_kind:,})",
        )
        start = start + counts[kind]
    for place, n in zip(places, start, strict=True):
        ax.annotate(
            f"{int(n):,}",
            (float(n), place),
            (5, 0),
            textcoords="offset points",
            va="center",
            color=INK,
        )
    ax.set_yticks(places, [shorten(name) for name in counts.index])
    ax.invert_yaxis()
    ax.margins(x=0.14)
    ax.set_xlabel("values")
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    count_on(ax.xaxis)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    set_legend(ax)
    values = say_count(int(data["n_rows"].sum()), "value")
    share = f" ({say_percent(n_top / n_rows)} of the rows)" if n_rows else ""
    if n_with_holes == 1:
        message = f"Only {shorten(top)} misses values: {values}{share}"
    else:
        of_all = f" of {n_columns:,}" if n_columns > n_with_holes else ""
        message = f"{n_with_holes:,}{of_all} columns miss {values}, most {shorten(top)}{share}"
    set_headline(ax, message)
    return ax

"""Charts of drift: how far each column has moved, and how one was distributed then and is now.

Pure module of the reporting stage; the data come from a scoring's ``drift.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.reporting.style import (
    ACCENT,
    GRID,
    INK,
    MUTED,
    QUIET,
    WIDTH,
    WRONG,
    new_axes,
    say_count,
    say_number,
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

MAX_BARS = 20  # columns with a bar of their own; past that their names cannot be read
LONGEST_BAR = (
    5.0  # times the limit: values that were never seen before would leave the others no room
)
MAX_BINS = 23  # the most that a profile has
THEN, NOW = QUIET, ACCENT


@styled
def plot_drift(data: pd.DataFrame, limit: float, ax: Axes | None = None) -> Axes:
    """Bars: the population stability index of every column, with the limit and what chance gives.

    Parameters
    ----------
    data : DataFrame
        Columns ``name``, ``part`` (input, prediction), ``psi``, ``chance_psi``, ``is_drifting``, in
        the order in which they are shown, of which the first 20 are.
    limit : float
        Above which a column drifts, where chance does not go as far.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    shown = data.head(MAX_BARS).reset_index(drop=True)
    ax = new_axes(ax, WIDTH, 1.9 + 0.34 * len(shown))
    colours = [WRONG if drifts else ACCENT for drifts in shown["is_drifting"]]
    greatest = max(float(shown["psi"].max()), float(shown["chance_psi"].max()), limit)
    end = min(greatest, LONGEST_BAR * limit)
    ax.barh(range(len(shown)), shown["psi"].clip(upper=end), 0.62, color=colours)
    for place, row in enumerate(shown.to_dict("records")):
        ax.plot(
            [min(row["chance_psi"], end)] * 2,
            [place - 0.36, place + 0.36],
            color=MUTED,
            linewidth=1.6,
            label="the most that chance gives" if not place else None,
        )
        ax.annotate(
            say_number(row["psi"]) + (", cut off" if row["psi"] > end else ""),
            (end, place),  # in a column of their own: beside the bars they would hide the marks
            (6, 0),
            textcoords="offset points",
            va="center",
            color=INK,
        )
    ax.axvline(limit, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), label=f"limit {limit:g}")
    names = [
        shorten(n) + (" (said)" if part == "prediction" else "")
        for n, part in zip(shown["name"], shown["part"], strict=True)
    ]
    ax.set_yticks(range(len(shown)), names)
    ax.invert_yaxis()
    ax.set_xlim(0.0, end)
    ax.set_xlabel("population stability index")
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    set_legend(ax)
    set_headline(ax, _say_drift(data))
    return ax


@styled
def plot_distribution(
    data: pd.DataFrame, name: str, *, is_said: bool = False, ax: Axes | None = None
) -> Axes:
    """Pairs of bars: the shares of a column's bins among the training rows and among the new ones.

    Parameters
    ----------
    data : DataFrame
        Columns ``label``, ``then``, ``now``: a row per bin, shares from 0 to 1.
    name : str
        The column.
    is_said : bool, default False
        Whether it is what the champion said, and not what it was given.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    is_there = (data["then"] > 0) | (data["now"] > 0)
    shown = data[is_there].head(MAX_BINS).reset_index(drop=True)
    ax = new_axes(ax, WIDTH, 1.9 + 0.42 * len(shown))
    places = np.arange(len(shown))
    height = 0.38
    then = "validation and hold-out rows" if is_said else "training rows"
    ax.barh(places - height / 2, shown["then"] * 100, height, color=THEN, label=then)
    ax.barh(places + height / 2, shown["now"] * 100, height, color=NOW, label="new rows")
    ax.set_yticks(places, [shorten_middle(label, 24) for label in shown["label"]])
    ax.invert_yaxis()
    ax.set_xlabel("% of the rows")
    ax.grid(visible=True, axis="x", color=GRID)
    ax.grid(visible=False, axis="y")
    set_legend(ax)
    set_headline(ax, _say_shift(shown, name))
    return ax


def _say_drift(data: pd.DataFrame) -> str:
    drifting = data[data["is_drifting"]]
    if drifting.empty:
        return f"None of {say_count(len(data), 'column')} has drifted"
    first = shorten(drifting.iloc[0]["name"])
    if len(drifting) == 1:
        return f"{first} has drifted, alone of {say_count(len(data), 'column')}"
    return f"{len(drifting)} of {len(data)} columns have drifted, {first} most"


def _say_shift(shown: pd.DataFrame, name: str) -> str:
    row = shown.iloc[int((shown["now"] - shown["then"]).abs().to_numpy().argmax())]
    return (
        f"{shorten(name)}: {shorten_middle(row['label'], 24)} went from {say_percent(row['then'])} "
        f"to {say_percent(row['now'])} of the rows"
    )

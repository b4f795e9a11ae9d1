"""The gate's chart: how much better the challenger is, how sure that is, and where it lost.

Pure module of the reporting stage; the data come from the gate's decision and the evaluation's groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.reporting.style import (
    ACCENT,
    INK,
    MUTED,
    QUIET,
    WIDTH,
    WRONG,
    new_axes,
    set_headline,
    shorten,
    styled,
    tick_numbers,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

OVERALL = "all"  # the kind of the row that is about the whole hold-out
MARGIN = 0.16  # of the axis, so that a number beside an end stays inside


@styled
def plot_gate(data: pd.DataFrame, message: str, axis: str, ax: Axes | None = None) -> Axes:
    """Dots right and left of the champion: the gain with its interval, then classes and slices.

    Parameters
    ----------
    data : DataFrame
        Columns ``kind`` (:data:`OVERALL`, ``class`` or ``slice``), ``label``, ``value`` (positive
        where the challenger is better), ``low``, ``high`` (NaN where there is no interval), ``limit``
        (what ``value``, and where there is an interval ``low``, must not fall short of; NaN for none)
        and ``passed``. From top to bottom.
    message, axis : str
        The title, and what the axis says.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = new_axes(ax, WIDTH, 1.7 + 0.36 * len(data))
    ax.axvline(0.0, color=MUTED, linewidth=1.3, zorder=1)
    for place, row in enumerate(data.to_dict("records")):
        is_overall = row["kind"] == OVERALL
        colour = WRONG if not row["passed"] else ACCENT if is_overall else QUIET
        has_interval = bool(np.isfinite([row["low"], row["high"]]).all())
        if has_interval:
            ends = [row["low"], row["high"]]
            ax.plot(ends, [place, place], color=colour, linewidth=6, alpha=0.35)
        ax.plot(row["value"], place, "o", color=colour, markersize=10 if is_overall else 7)
        if np.isfinite(row["limit"]) and (row["limit"] or not is_overall):
            # A stroke at the row's own limit; of a least gain of 0 the champion's line is one.
            stroke = [place - 0.32, place + 0.32]
            ax.plot([row["limit"]] * 2, stroke, color=INK, linewidth=1.6, linestyle=(0, (2, 1)))
        # Beside the end that is further from the champion's line, so that the two never cross.
        is_left = row["value"] < 0
        end = row["low" if is_left else "high"] if has_interval else row["value"]
        ax.annotate(
            f"{row['value']:+.3g}" if row["value"] else "0",
            (end, place),
            (-9 if is_left else 9, 0),
            textcoords="offset points",
            ha="right" if is_left else "left",
            va="center",
            color=INK,
            fontsize=9.5,
            fontweight="bold" if is_overall else "normal",
        )
    ax.set_yticks(range(len(data)), [shorten(label, 34) for label in data["label"]])
    ax.set_ylim(len(data) - 0.5, -0.6)
    ax.margins(x=MARGIN)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    ax.locator_params(axis="x", nbins=6)
    ax.xaxis.set_major_formatter(tick_numbers)
    ax.set_xlabel(axis)
    set_headline(ax, message)
    return ax

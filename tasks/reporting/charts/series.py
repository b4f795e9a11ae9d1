"""Chart of a series over time: its gaps, what was filled in, and the parts of the split.

Pure module of the reporting stage; the data come from the clean rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tasks.reporting.charts.rows import SPLIT_COLOURS, SPLIT_NAMES
from tasks.reporting.series import find_open_gaps
from tasks.reporting.style import (
    HEIGHT,
    INK,
    WIDTH,
    WRONG,
    new_axes,
    say_count,
    set_headline,
    set_legend,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MAX_RUNS = 12  # stretches of one part that are shaded; parts by a hash change with every row
MAX_SHADED_GAPS = 200  # more would be a picture of stripes
# matplotlib counts days from the year 1 to 9999; what lies beyond cannot be drawn.
FIRST, LAST = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31", "us")


@styled
def plot_series(
    data: pd.DataFrame, name: str, n_rows: int | None = None, ax: Axes | None = None
) -> Axes:
    """Line: a feature over time, broken at gaps, with filled-in values marked and parts shaded.

    Parameters
    ----------
    data : DataFrame
        Columns ``time`` (datetime64, rising), ``value``, ``split`` and ``is_filled``.
    name : str
        The feature.
    n_rows : int, optional
        Rows there are, where the data are a part of them.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    ax = new_axes(ax, WIDTH, HEIGHT + 0.4)
    shown = data[(data["time"] >= FIRST) & (data["time"] <= LAST)]
    times = shown["time"].to_numpy().astype("datetime64[us]")
    values = shown["value"].to_numpy(dtype=np.float64)
    is_whole = n_rows is None or n_rows == len(data)
    # Of a thinned series the steps say nothing.
    gaps = find_open_gaps(times) if is_whole else []
    _shade_parts(ax, times, shown["split"].to_numpy())
    if len(gaps) <= MAX_SHADED_GAPS:
        for place, i in enumerate(gaps):
            label = say_count(len(gaps), "gap") if not place else None
            ax.axvspan(times[i], times[i + 1], color=WRONG, alpha=0.3, lw=0, label=label)
    # A NaN between two points breaks the line there.
    after = np.asarray(gaps, dtype=np.int64) + 1
    ax.plot(
        np.insert(times, after, times[after - 1]),
        np.insert(values, after, np.nan),
        color=INK,
        linewidth=1.1,
    )
    is_filled = shown["is_filled"].to_numpy(dtype=bool)
    if is_filled.any():
        ax.plot(
            times[is_filled],
            values[is_filled],
            "o",
            color=WRONG,
            markersize=3.2,
            label=f"filled in ({int(is_filled.sum()):,})" if is_whole else "filled in",
        )
    locator = AutoDateLocator(minticks=3, maxticks=7)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.margins(x=0.0)
    ax.set_ylabel(f"{shorten(name)}, as cleaned")
    if ax.get_legend_handles_labels()[0]:
        set_legend(ax)
    set_headline(ax, _say(name, data, times, n_rows or len(data), is_filled, gaps, is_whole))
    return ax


def _shade_parts(ax: Axes, times: npt.NDArray[np.datetime64], split: npt.NDArray[Any]) -> None:
    """Shade each stretch of one part, up to where the next one begins."""
    if not len(split):
        return
    starts = [0, *(np.flatnonzero(split[1:] != split[:-1]) + 1).tolist()]
    if len(starts) > MAX_RUNS:
        return
    named: set[str] = set()
    for start, end in zip(starts, [*starts[1:], len(times) - 1], strict=True):
        part = str(split[start])
        if part in SPLIT_COLOURS:
            label = None if part in named else SPLIT_NAMES[part]
            ax.axvspan(
                times[start], times[end], color=SPLIT_COLOURS[part], alpha=0.17, lw=0, label=label
            )
            named.add(part)


def _say(
    name: str,
    data: pd.DataFrame,
    times: npt.NDArray[np.datetime64],
    n_rows: int,
    is_filled: npt.NDArray[np.bool_],
    gaps: list[int],
    is_whole: bool,
) -> str:
    if not len(times):
        return f"{shorten(name)}: no time that can be drawn"
    first, last = (str(t)[:10] for t in (times[0], times[-1]))
    notes = [f"{int(is_filled.sum()):,} filled in"] if is_filled.any() and is_whole else []
    notes += [f"{say_count(len(gaps), 'gap')} left open"] if gaps else []
    n_hidden = len(data) - len(times)
    notes += [f"{n_hidden:,} out of the years 1 to 9999"] if n_hidden else []
    ending = f": {' and '.join(notes)}" if notes else ""
    return f"{shorten(name)}: {say_count(n_rows, 'step')} from {first} to {last}{ending}"

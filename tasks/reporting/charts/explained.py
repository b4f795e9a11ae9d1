"""Charts of the interpretation: what each column is worth, and where in an image the network looks.

Pure module of the reporting stage; the data come from the step ``interpret``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tasks.reporting.charts.pictures import show_picture
from tasks.reporting.style import (
    ACCENT,
    INK,
    MUTED,
    PALETTE,
    QUIET,
    WIDTH,
    new_axes,
    say_count,
    say_metric,
    say_number,
    say_percent,
    set_headline,
    shorten,
    shorten_middle,
    styled,
    tick_numbers,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MAX_BARS = 20
FOR, AGAINST = PALETTE[1], PALETTE[0]  # what speaks for the class that was named, and against it
STRONG_PERCENTILE = 99.0  # of the attributions of a picture: from there the colour is full
DARKEST = 0.6  # shade of grey that a picture's least value has under its attributions
_GAP, _TEXT, _HEAD = 0.1, 0.44, 0.3  # in picture widths: between pictures, below one, over a line
_BAR = 0.62  # of the colour scale's height, in picture widths


@styled
def plot_importance(
    data: pd.DataFrame,
    metric: str,
    *,
    is_error: bool = False,
    n_repeats: int = 1,
    ax: Axes | None = None,
) -> Axes:
    """Bars with whiskers: how much worse the model gets when a column is shuffled.

    Parameters
    ----------
    data : DataFrame
        Columns ``column``, ``mean``, ``sd`` and ``is_told`` (whether it is told from chance), most
        important first; 20 are drawn.
    metric : str
        What gets worse.
    is_error : bool, default False
        Whether worse means greater.
    n_repeats : int, default 1
        Shuffles of each column, of which the whiskers are the standard deviation.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    rows = data.head(MAX_BARS)
    ax = new_axes(ax, WIDTH, 1.5 + 0.3 * max(len(rows), 2))
    factor = 100.0 if metric == "accuracy" else 1.0
    places = range(len(rows))
    ax.barh(
        places,
        rows["mean"] * factor,
        0.62,
        xerr=rows["sd"].fillna(0.0) * factor,
        color=[ACCENT if told else QUIET for told in rows["is_told"]],
        error_kw={"ecolor": INK, "elinewidth": 1.2, "capsize": 2.5},
    )
    ax.axvline(0, color=MUTED, linewidth=1)
    ax.set_yticks(places, [shorten_middle(name, 24) for name in rows["column"]])
    ax.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    ax.locator_params(axis="x", nbins=6)
    ax.xaxis.set_major_formatter(tick_numbers)
    unit = " (points)" if metric == "accuracy" else ""
    verb = "rises" if is_error else "falls"
    ax.set_xlabel(
        f"{say_metric(metric)} {verb} by{unit}, mean of {say_count(n_repeats, 'shuffle')}"
    )
    set_headline(ax, _say_importance(data, metric, is_error=is_error))
    return ax


@styled
def plot_saliency(
    data: pd.DataFrame,
    images: npt.NDArray[Any],
    attributions: npt.NDArray[Any],
    model: str,
    ax: Axes | None = None,
) -> Axes:
    """Pictures: what speaks for the class that was named and what against it, right ones above wrong ones.

    Parameters
    ----------
    data : DataFrame
        Columns ``target``, ``predicted``, ``confidence`` (0 to 1) and ``is_wrong``; one row per image.
    images : ndarray of shape (n_images, height, width, 1 or 3)
    attributions : ndarray of shape (n_images, height, width)
        Share of the named class's probability that each pixel adds; below 0 it takes away.
    model : str
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    groups = [(word, data.index[data["is_wrong"].astype(bool) == wrong].tolist())
              for word, wrong in (("right", False), ("wrong", True))]  # fmt: skip
    groups = [(word, places) for word, places in groups if places]
    n_columns = max([3, *(len(places) for _, places in groups)])
    width = n_columns * (1 + _GAP) - _GAP
    line = _HEAD + 1 + _TEXT
    height = len(groups) * line + _BAR
    ax = new_axes(ax, WIDTH, 0.55 + (WIDTH - 0.2) / width * height)
    for i, (word, places) in enumerate(groups):
        y = i * line
        ax.text(0, y + _HEAD - 0.06, f"{word}:", color=MUTED, va="bottom", fontsize=9)
        for j, place in enumerate(places):
            row = data.loc[place]
            x = j * (1 + _GAP)
            # Grey and pale, so that no hue or shade of the picture is taken for an attribution.
            pale = images[place].astype(np.float32).mean(axis=-1, keepdims=True)
            show_picture(ax, pale, x, y + _HEAD, darkest=DARKEST)
            _overlay(ax, attributions[place], x, y + _HEAD)
            text: dict[str, Any] = {"ha": "left", "va": "top", "fontsize": 8.2}
            ax.text(x, y + _HEAD + 1.04, f"is {shorten(row['target'], 14)}", color=INK, fontweight="bold", **text)  # fmt: skip
            said = f"said {shorten(row['predicted'], 9)}, {say_percent(float(row['confidence']))}"
            ax.text(x, y + _HEAD + 1.22, said, color=MUTED, **text)
    _draw_scale(ax, width, len(groups) * line)
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_aspect("equal")
    ax.set_axis_off()
    set_headline(
        ax, f"Where {shorten(model, 26)} looks: what speaks for its answer, and what against"
    )
    return ax


def _overlay(ax: Axes, attribution: npt.NDArray[Any], x: float, y: float) -> None:
    """Lay a picture's attributions over it: the colour says for or against, its strength how much."""
    from matplotlib.colors import to_rgb

    strength = np.abs(attribution.astype(np.float64))
    most = float(np.percentile(strength, STRONG_PERCENTILE)) or float(strength.max()) or 1.0
    overlay = np.empty((*attribution.shape, 4))
    overlay[..., :3] = np.where(
        attribution[..., np.newaxis] >= 0, np.array(to_rgb(FOR)), np.array(to_rgb(AGAINST))
    )
    overlay[..., 3] = np.clip(strength / most, 0, 1) * 0.92
    height, width = (n / max(attribution.shape) for n in attribution.shape)
    x, y = x + (1 - width) / 2, y + (1 - height) / 2
    ax.imshow(overlay, extent=(x, x + width, y + height, y))


def _draw_scale(ax: Axes, width: float, y: float) -> None:
    """Explain the colours: full at both ends, none in the middle."""
    from matplotlib.colors import to_rgb

    n_steps = 128
    position = np.linspace(-1, 1, n_steps)
    scale = np.empty((1, n_steps, 4))
    scale[0, :, :3] = np.where(
        position[:, np.newaxis] >= 0, np.array(to_rgb(FOR)), np.array(to_rgb(AGAINST))
    )
    scale[0, :, 3] = np.abs(position) * 0.92
    left, right = 0.22 * width, 0.78 * width
    ax.imshow(scale, extent=(left, right, y + 0.24, y + 0.1), aspect="auto")
    text: dict[str, Any] = {"color": MUTED, "fontsize": 8.5, "va": "top"}
    ax.text(left, y + 0.3, "against", ha="left", **text)
    ax.text((left + right) / 2, y + 0.3, "no weight", ha="center", **text)
    ax.text(right, y + 0.3, "for its answer", ha="right", **text)


def _say_importance(data: pd.DataFrame, metric: str, *, is_error: bool) -> str:
    n_told = int(data["is_told"].sum())
    columns = say_count(len(data), "column")
    if not n_told:
        return f"None of {columns} matters more than chance when it is shuffled alone"
    first = data[data["is_told"]].iloc[0]
    cost = float(first["mean"])
    said = f"{100 * cost:.1f} points" if metric == "accuracy" else say_number(cost)
    verb = "rises" if is_error else "falls"
    lead = f"{shorten(first['column'], 30)} matters most: shuffled, {say_metric(metric)} {verb} by {said}"
    n_rest = len(data) - n_told
    if not n_rest:
        return lead
    return f"{lead}; {n_rest:,} of {columns} {'is' if n_rest == 1 else 'are'} not told from chance"

"""Pictures: the cluster's centres as images, and the images that the challenger got wrong.

Pure module of the reporting stage; images come as arrays of any unit and are shown from least to most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tasks.reporting.style import (
    INK,
    MUTED,
    new_axes,
    say_count,
    say_percent,
    set_headline,
    shorten,
    styled,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

N_COLUMNS = 4
_GAP = 0.14  # between pictures, in picture widths
_TEXT = 0.46  # under a picture, for two lines


@styled
def plot_cluster_centres(
    data: pd.DataFrame, images: npt.NDArray[Any], ax: Axes | None = None
) -> Axes:
    """Small pictures: the mean image of each cluster.

    Parameters
    ----------
    data : DataFrame
        Columns ``cluster``, ``n_rows``, ``most_frequent_class``, ``purity``; one row per image.
    images : ndarray of shape (n_clusters, height, width, 1 or 3)
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    total = int(data["n_rows"].sum())
    lines = [
        (
            f"cluster {row['cluster']}: {say_percent(row['n_rows'] / total)}",
            f"{say_percent(row['purity'])} are {shorten(row['most_frequent_class'], 8)}"
            if row["most_frequent_class"] is not None and row["purity"] is not None
            else say_count(row["n_rows"], "row"),
        )
        for row in data.to_dict("records")
    ]
    ax = _plot_gallery(images, lines, ax)
    set_headline(ax, f"The mean picture of each of {say_count(len(data), 'cluster')}")
    return ax


@styled
def plot_mistakes(
    data: pd.DataFrame, images: npt.NDArray[Any], model: str, n_wrong: int, ax: Axes | None = None
) -> Axes:
    """Pictures: the hold-out images that the model got wrong, most confident first.

    Parameters
    ----------
    data : DataFrame
        Columns ``id``, ``true``, ``predicted``, ``confidence`` (0 to 1); one row per image.
    images : ndarray of shape (n_images, height, width, 1 or 3)
    model : str
    n_wrong : int
        Mistakes in all, of which these are the worst.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    lines = [
        (
            f"is {shorten(row['true'], 14)}",
            f"said {shorten(row['predicted'], 9)}, {say_percent(row['confidence'])}",
        )
        for row in data.to_dict("records")
    ]
    ax = _plot_gallery(images, lines, ax)
    wrong = f"{shorten(model)} gets {say_count(n_wrong, 'hold-out image')} wrong"
    shown = f", these {len(data)} with the most confidence" if n_wrong > len(data) else ""
    set_headline(ax, wrong + shown)
    return ax


def _plot_gallery(
    images: npt.NDArray[Any], lines: Sequence[tuple[str, str]], ax: Axes | None
) -> Axes:
    n_images = len(images)
    n_columns = min(N_COLUMNS, max(n_images, 3))
    n_rows = -(-n_images // n_columns)
    ax = new_axes(ax, 1.3 * n_columns, 0.5 + 1.86 * n_rows)
    is_colour = images.shape[-1] == 3
    for i, (image, (first, second)) in enumerate(zip(images, lines, strict=True)):
        x = (i % n_columns) * (1 + _GAP)
        y = (i // n_columns) * (1 + _GAP + _TEXT)
        low, high = float(image.min()), float(image.max())
        shown = (image.astype(np.float32) - low) / max(high - low, 1e-9)
        ax.imshow(
            shown if is_colour else shown[..., 0],
            cmap="gray",
            vmin=0,
            vmax=1,
            extent=(x, x + 1, y + 1, y),
        )
        text: dict[str, Any] = {"ha": "left", "va": "top", "fontsize": 8.2}
        ax.text(x, y + 1.05, first, color=INK, fontweight="bold", **text)
        ax.text(x, y + 1.25, second, color=MUTED, **text)
    ax.set_xlim(0, n_columns * (1 + _GAP) - _GAP)
    ax.set_ylim(n_rows * (1 + _GAP + _TEXT) - _GAP, 0)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax

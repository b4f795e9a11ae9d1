"""Pictures: the clusters of images with their members, and the images that the challenger got wrong.

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
    WIDTH,
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
# Of the pictures of clusters, in picture widths: a line with its name, between pictures, between kinds.
_NAME, _STEP, _BLOCK_GAP = 0.42, 1.08, 0.34
_LINE = 1 + _NAME + 0.14


@styled
def plot_cluster_pictures(
    data: pd.DataFrame,
    centres: npt.NDArray[Any],
    typical: npt.NDArray[Any],
    border: npt.NDArray[Any],
    n_clusters: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Small pictures: of each cluster the mean, typical members, and members at its border.

    Parameters
    ----------
    data : DataFrame
        Columns ``cluster`` (its number), ``name``, ``n_rows``, ``n_typical`` and ``n_border`` (how many
        of the pictures are the cluster's); one row per cluster.
    centres : ndarray of shape (n_clusters, height, width, channels)
        Of three channels they are shown in colour, of other numbers the first.
    typical, border : ndarray of shape (n_pictures, height, width, channels)
        Cluster by cluster.
    n_clusters : int, optional
        Clusters in all, where these are the largest of them.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    rows = data.to_dict("records")
    most = max((max(row["n_typical"], row["n_border"]) for row in rows), default=1) or 1
    starts = (0.0, 1 + _BLOCK_GAP, 1 + 2 * _BLOCK_GAP + most * _STEP)
    width = starts[2] + most * _STEP
    height = len(rows) * _LINE
    ax = new_axes(ax, WIDTH, 0.75 + (WIDTH - 0.25) / width * height)
    text: dict[str, Any] = {"ha": "left", "fontsize": 8.2}
    for start, word in zip(starts, ("mean", "typical", "at the border"), strict=True):
        ax.text(start, -0.1, word, color=MUTED, va="bottom", **text)
    n_typical = n_border = 0
    for i, (row, centre) in enumerate(zip(rows, centres, strict=True)):
        y = i * _LINE
        members = (
            centre[np.newaxis],
            typical[n_typical : n_typical + row["n_typical"]],
            border[n_border : n_border + row["n_border"]],
        )
        n_typical, n_border = n_typical + row["n_typical"], n_border + row["n_border"]
        for start, images in zip(starts, members, strict=True):
            for j, image in enumerate(images):
                show_picture(ax, image, start + j * _STEP, y + _NAME)
        name = f"{shorten(row['name'], 48)}: {say_count(row['n_rows'], 'row')}"
        ax.text(0, y + _NAME - 0.07, name, color=INK, fontweight="bold", va="bottom", **text)
    ax.set_xlim(0, width)
    ax.set_ylim(height, -_NAME)
    ax.set_aspect("equal")
    ax.set_axis_off()
    what = say_count(len(rows), "cluster")
    if n_clusters is not None and n_clusters > len(rows):
        what = f"The {len(rows)} largest of {n_clusters:,} clusters"
    set_headline(ax, f"{what}: what is typical, and what nearly belongs elsewhere")
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
    for i, (image, (first, second)) in enumerate(zip(images, lines, strict=True)):
        x = (i % n_columns) * (1 + _GAP)
        y = (i // n_columns) * (1 + _GAP + _TEXT)
        show_picture(ax, image, x, y)
        text: dict[str, Any] = {"ha": "left", "va": "top", "fontsize": 8.2}
        ax.text(x, y + 1.05, first, color=INK, fontweight="bold", **text)
        ax.text(x, y + 1.25, second, color=MUTED, **text)
    ax.set_xlim(0, n_columns * (1 + _GAP) - _GAP)
    ax.set_ylim(n_rows * (1 + _GAP + _TEXT) - _GAP, 0)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def show_picture(
    ax: Axes, image: npt.NDArray[Any], x: float, y: float, *, darkest: float = 0.0
) -> None:
    """Draw one picture into a square of width 1, from its least value to its most.

    Parameters
    ----------
    ax : Axes
    image : ndarray of shape (height, width, channels)
        Of three channels in colour, of other numbers the first.
    x, y : float
        The square's upper left corner; y grows downwards.
    darkest : float, default 0.0
        Shade that the least value is given, from 0 (black) to 1 (white).
    """
    height, width = (n / max(image.shape[:2]) for n in image.shape[:2])
    x, y = x + (1 - width) / 2, y + (1 - height) / 2
    low, high = float(image.min()), float(image.max())
    shown = (image.astype(np.float32) - low) / max(high - low, 1e-9) * (1 - darkest) + darkest
    ax.imshow(
        shown if image.shape[-1] == 3 else shown[..., 0],
        cmap="gray",
        vmin=0,
        vmax=1,
        extent=(x, x + width, y + height, y),
    )

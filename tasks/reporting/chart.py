"""A drawn chart and what is said about it.

Pure module of the reporting stage; made by the catalogue, saved by ``tasks.reporting.figures``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd

from tasks.reporting.style import get_headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Section = Literal[
    "decision",
    "scores",
    "training",
    "interpretation",
    "data",
    "pca",
    "clusters",
    "rules",
    "tree",
    "drift",
]


@dataclass(frozen=True)
class Chart:
    """A drawn chart and what is said about it.

    Parameters
    ----------
    name : str
        Stem of its files.
    section : Section
        Where the report shows it.
    figure : Figure
    data : DataFrame
        What is drawn, row by row.
    caption : str
        How to read it.
    alt : str
        What it shows, for someone who does not see it; the title is put before it.
    source : str, optional
        Name of the handoff that it is drawn from: its picture stands in that step's MLflow run too.
    """

    name: str
    section: Section
    figure: Figure
    data: pd.DataFrame
    caption: str
    alt: str
    source: str | None = None

    @property
    def title(self) -> str:
        """The chart's message."""
        return get_headline(self.figure)


def get_figure(ax: Axes) -> Figure:
    """Figure that axes stand on.

    Raises
    ------
    ValueError
        When they were removed from it.
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("These axes were removed from their figure.")
    return figure

"""What a kind of mining hands to the stage's step, beside the files it wrote.

Pure module of the mining stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Found:
    """What was found, in one line and in figures.

    Parameters
    ----------
    sentence : str
        For the log and for the note of the MLflow run: ``7 clusters of 1,150 rows, silhouette 0.18``.
    params : mapping of str to object
        What was chosen, for MLflow.
    metrics : mapping of str to float
        Figures for MLflow, without those that are not defined.
    """

    sentence: str
    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Earlier:
    """What the same kind of mining found in the latest night before this one.

    Parameters
    ----------
    date : str
        That night's date, ISO 8601.
    folder : Path
        The files it wrote; another version of Nocturne may have written others.
    """

    date: str
    folder: Path

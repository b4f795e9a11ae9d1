"""Why the challenger says what it says: what each column is worth to it, and where in an image it looks.

Pure tables of the reporting stage, and their reader; ``charts/explained.py`` draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.reporting.mining.findings import read_json

Document = Mapping[str, Any]

DOCUMENT_FILE, PICTURES_FILE = "interpretation.json", "saliency.npz"
MAX_PICTURES = 4  # right ones, and as many wrong ones: a line of pictures each
CHANCE_DEVIATIONS = (
    2.0  # a column counts whose mean lies more than so many sd of its shuffles above 0
)


@dataclass(frozen=True)
class Explained:
    """The interpretation of one night.

    Parameters
    ----------
    document : mapping
        The document ``interpretation.json``.
    images : ndarray of shape (n_images, height, width, channels), or None
    attributions : ndarray of shape (n_images, height, width), or None
        What each pixel adds to the probability of the class that was named.
    """

    document: Document
    images: npt.NDArray[Any] | None = None
    attributions: npt.NDArray[np.float32] | None = None


def read_explained(folder: Path) -> Explained:
    """Read the folder of the interpretation."""
    document = read_json(folder / DOCUMENT_FILE)
    if not document.get("saliency") or not (folder / PICTURES_FILE).is_file():
        return Explained(document)
    with np.load(folder / PICTURES_FILE, allow_pickle=False) as arrays:
        return Explained(document, arrays["images"], arrays["attributions"])


def tabulate_importance(document: Document) -> pd.DataFrame:
    """Tabulate what shuffling each column costs, most first: ``column``, ``mean``, ``sd``, ``is_told``.

    ``is_told`` says whether the cost is told from chance.
    """
    rows = pd.DataFrame(
        (document.get("importance") or {}).get("rows") or [], columns=["column", "mean", "sd"]
    ).astype({"mean": float, "sd": float})
    rows["is_told"] = (rows["mean"] > CHANCE_DEVIATIONS * rows["sd"]) & (rows["mean"] > 0)
    return rows.sort_values("mean", ascending=False, kind="stable", ignore_index=True)


def tabulate_saliency(explained: Explained) -> pd.DataFrame:
    """Images to show: ``place`` (in the arrays), ``id``, ``target``, ``predicted``, ``confidence``, ``is_wrong``.

    A few that the challenger got right, then as many that it got wrong, in the document's order.
    """
    columns = ["id", "target", "predicted", "confidence", "is_wrong"]
    saliency = explained.document.get("saliency") or {}
    rows = pd.DataFrame(saliency.get("images") or [], columns=columns)
    rows.insert(0, "place", range(len(rows)))
    is_wrong = rows["is_wrong"].astype(bool)
    shown = [rows[~is_wrong].head(MAX_PICTURES), rows[is_wrong].head(MAX_PICTURES)]
    return pd.concat(shown, ignore_index=True)

"""Two saved networks compared: their weights bit for bit, and their answers to the same rows.

Pure but for reading the files; called by ``tasks.reproduction.repeat``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.dataset import Dataset
from tasks.models.predictor import load_network
from tasks.preparation import Preparation
from tasks.training.data.parts import PartName, load_part

MAX_COMPARED_ROWS = (
    2048  # predicted with both networks; enough to see a difference, and seconds at most
)
BATCH_SIZE = 512
_MEASURED_PARTS: tuple[PartName, ...] = ("holdout", "validation", "train")


@dataclass(frozen=True)
class Weights:
    """How two networks' weights compare.

    Parameters
    ----------
    n_weights : int
        Numbers in the registered network.
    n_different : int
        Of them, those that are not the same bit for bit; all where the layers differ.
    largest_difference : float or None
        Largest absolute difference; None where the layers differ.
    """

    n_weights: int
    n_different: int
    largest_difference: float | None


@dataclass(frozen=True)
class Predictions:
    """How two networks' answers to the same rows compare.

    Parameters
    ----------
    part : {"holdout", "validation", "train"}
        The part of the split that the rows are from.
    n_rows : int
    largest_difference : float
        Largest absolute difference of two outputs: probabilities, or values in the data's units.
    relative_difference : float
        The same, as a share of the largest absolute output.
    """

    part: str
    n_rows: int
    largest_difference: float
    relative_difference: float


def compare_weights(registered: Path, repeated: Path) -> Weights:
    """Compare the weights of two saved networks.

    Parameters
    ----------
    registered, repeated : Path
        ``network.keras`` files.
    """
    then, now = (load_network(file).get_weights() for file in (registered, repeated))
    n_weights = sum(array.size for array in then)
    if [array.shape for array in then] != [array.shape for array in now]:
        return Weights(n_weights, n_weights, None)
    pairs = [(np.asarray(a), np.asarray(b, dtype=a.dtype)) for a, b in zip(then, now, strict=True)]
    n_different = sum(_count_different(a, b) for a, b in pairs)
    differences = (
        np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)), initial=0.0) for a, b in pairs
    )
    return Weights(n_weights, n_different, float(max(differences, default=0.0)))


def compare_predictions(
    registered: Path, repeated: Path, dataset: Dataset, preparation: Preparation
) -> Predictions | None:
    """Compare the answers of two saved networks to rows that they were not trained on, if there are any.

    Parameters
    ----------
    registered, repeated : Path
        ``network.keras`` files.
    dataset : Dataset
        Clean rows.
    preparation : Preparation

    Returns
    -------
    Predictions or None
        Of at most :data:`MAX_COMPARED_ROWS` rows, or windows of a series; None without any.
    """
    for name in _MEASURED_PARTS:
        part = load_part(dataset, preparation, name)
        if not part.n_rows:
            continue
        inputs, _ = part.take(slice(0, min(part.n_rows, MAX_COMPARED_ROWS)))
        then, now = (
            np.asarray(
                load_network(file).predict(inputs, batch_size=BATCH_SIZE, verbose=0),
                dtype=np.float64,
            )
            for file in (registered, repeated)
        )
        largest = float(np.max(np.abs(then - now), initial=0.0))
        scale = float(np.max(np.abs(then), initial=0.0))
        return Predictions(name, len(inputs), largest, largest / scale if scale else largest)
    return None


def _count_different(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> int:
    # Bit for bit: -0.0 is not 0.0, and a NaN is itself.
    bits = [np.ascontiguousarray(x).reshape(-1, 1).view(np.uint8) for x in (a, b)]
    return int(np.any(bits[0] != bits[1], axis=1).sum())

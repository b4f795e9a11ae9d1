"""The rows of one part of the split, as the two arrays that models are fitted on.

Read from the dataset container by ``parts.load_part``. Images stay uint8 (47 MB for MNIST); a batch
becomes float32 inside the network.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from tasks.dataset import Dataset
from tasks.dataset.columns import SPLIT_COLUMN
from tasks.errors import TrainingError
from tasks.preparation import Preparation
from tasks.training.data.array_builder import ArrayBuilder

BATCH_BYTES = 32 * 1024 * 1024  # bound on what is read beside the arrays themselves


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table or images, as arrays.

    Parameters
    ----------
    inputs : ndarray of shape (n_rows, *input_shape), uint8 or float32
        Images keep their own dtype.
    targets : ndarray of shape (n_rows,), int64, or (n_rows, 1), float32
        Each row's class, as its place in :attr:`Preparation.classes`; or its number.
    """

    inputs: npt.NDArray[Any]
    targets: npt.NDArray[Any]

    @property
    def n_rows(self) -> int:
        """Rows in this part."""
        return len(self.targets)

    def take(self, places: npt.NDArray[np.integer[Any]] | slice) -> tuple[Any, Any]:
        """Give the inputs and targets at some places, as arrays of shape (n_places, ...)."""
        return self.inputs[places], self.targets[places]

    def iterate_inputs(self) -> Iterator[npt.NDArray[Any]]:
        """Give what the first layer of a network is adapted on: all inputs, as one array or several."""
        yield self.inputs


def read_rows(
    dataset: Dataset,
    preparation: Preparation,
    part: str,
    *,
    share: float = 1.0,
    seed: int = 0,
    scratch: Path | None = None,
) -> Rows:
    """Read the rows of one part of the split, in the order of the dataset.

    Parameters and errors as for :func:`tasks.training.data.parts.load_part`.
    """
    in_part = pc.field(SPLIT_COLUMN) == part
    n_in_part = sum(b.num_rows for b in dataset.batches([SPLIT_COLUMN], where=in_part))
    is_chosen = choose_rows(n_in_part, share, seed)
    n_rows = int(is_chosen.sum())
    shape = preparation.input_shape
    inputs = ArrayBuilder(n_rows, shape, scratch / f"{part}-inputs.npy" if scratch else None)
    is_of_classes = preparation.kind == "classification"
    targets = (
        np.empty(n_rows, dtype=np.int64) if is_of_classes else np.empty((n_rows, 1), np.float32)
    )
    columns = [*preparation.clean_columns, str(preparation.target)]
    batch_size = max(1, BATCH_BYTES // (8 * math.prod(shape)))
    n_seen = n_taken = 0
    for batch in dataset.batches(columns, where=in_part, batch_size=batch_size):
        chosen = is_chosen[n_seen : n_seen + batch.num_rows]
        rows, found = preparation.inputs(batch), preparation.read_targets(batch)
        if not chosen.all():
            rows, found = rows[chosen], found[chosen]
        check_finite(rows, preparation.clean_columns, part)
        check_finite(found, [str(preparation.target)], part)
        inputs.append(rows)
        targets[n_taken : n_taken + len(found)] = found
        n_seen += batch.num_rows
        n_taken += len(found)
    return Rows(inputs.finish(), targets)


def choose_rows(n_rows: int, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Choose a random share of rows; what a share chooses, every larger one chooses too.

    Parameters
    ----------
    n_rows : int
    share : float
        In (0, 1]; rounded up to whole rows.
    seed : int

    Returns
    -------
    ndarray of shape (n_rows,), bool

    Examples
    --------
    >>> half, most = choose_rows(10, 0.5, seed=1), choose_rows(10, 0.8, seed=1)
    >>> int(half.sum()), int(most.sum()), bool(most[half].all())
    (5, 8, True)
    """
    if share >= 1.0:
        return np.ones(n_rows, dtype=bool)
    is_chosen = np.zeros(n_rows, dtype=bool)
    is_chosen[np.random.default_rng(seed).permutation(n_rows)[: count_share(n_rows, share)]] = True
    return is_chosen


def count_share(n_rows: int, share: float) -> int:
    """Count the rows of a share, rounded up."""
    # 0.1 * 30 is 3.0000000000000004 in floating point, and still three rows.
    return min(n_rows, math.ceil(round(share * n_rows, 6)))


def check_finite(values: npt.NDArray[Any], columns: list[str], part: str) -> None:
    """Refuse missing and infinite values, which one batch would spread to every weight.

    Parameters
    ----------
    values : ndarray of shape (n_rows, ...)
        With a last axis of ``len(columns)`` where there are several columns.
    columns : list of str
    part : str
        For the message.

    Raises
    ------
    TrainingError
        Names the first column with such a value, and how many there are.
    """
    if values.dtype.kind != "f":
        return
    is_bad = ~np.isfinite(values)
    if not is_bad.any():
        return
    by_column = is_bad.reshape(-1, len(columns)).sum(axis=0)
    worst = int(np.flatnonzero(by_column)[0])
    raise TrainingError(
        f"The column {columns[worst]!r} of the {part} rows holds {by_column[worst]} values that are "
        "missing or infinite.",
        expected="clean rows with a finite number in every feature and target",
        hint="run the cleaning step again, with an imputation for this column",
    )


def slice_in_chunks(n_rows: int, row_bytes: int, chunk_bytes: int) -> Iterator[slice]:
    """Cut rows into slices of at most so many bytes, and at least one row."""
    step = max(1, chunk_bytes // max(1, row_bytes))
    yield from (slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step))

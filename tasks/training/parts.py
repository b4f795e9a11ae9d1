"""The rows of one part of the split, as the two arrays that models are fitted on.

Read from the dataset container by ``trainer`` and ``baseline``. Images stay uint8 (47 MB for MNIST);
a batch becomes float32 inside the network. Plain arrays are what Keras batches and shuffles with the
least code: a ``PyDataset`` over the same arrays was not measurably faster or slower on MNIST.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from tasks.dataset import Dataset
from tasks.dataset.columns import SPLIT_COLUMN
from tasks.preparation import Preparation

BATCH_BYTES = 32 * 1024 * 1024  # bound on what is read beside the arrays themselves


@dataclass(frozen=True)
class Part:
    """Rows as arrays.

    Parameters
    ----------
    inputs : ndarray of shape (n_rows, *input_shape), uint8 or float32
    codes : ndarray of shape (n_rows,), int64
        Each row's class, as its place in :attr:`Preparation.classes`.
    """

    inputs: npt.NDArray[Any]
    codes: npt.NDArray[np.int64]

    @property
    def n_rows(self) -> int:
        """Rows in this part."""
        return len(self.codes)


def load_part(dataset: Dataset, preparation: Preparation, part: str) -> Part:
    """Read the rows of one part of the split into memory.

    Parameters
    ----------
    dataset : Dataset
        Clean rows with the columns of the preparation, its target and ``split``.
    preparation : Preparation
    part : {"train", "validation", "holdout"}

    Returns
    -------
    Part
        In the order of the dataset. Held in memory as a whole, once.

    Raises
    ------
    DatasetError, CleaningError
        When a column is missing, or a class is unknown to the preparation.
    """
    in_part = pc.field(SPLIT_COLUMN) == part
    n_rows = sum(b.num_rows for b in dataset.batches([SPLIT_COLUMN], where=in_part))
    columns = [*preparation.clean_columns, str(preparation.target)]
    codes = np.empty(n_rows, dtype=np.int64)
    inputs: npt.NDArray[Any] = np.empty((0, *preparation.input_shape), dtype=np.float32)
    start = 0
    batch_size = max(1, BATCH_BYTES // (8 * int(np.prod(preparation.input_shape))))
    for batch in dataset.batches(columns, where=in_part, batch_size=batch_size):
        rows = preparation.inputs(batch)
        if start == 0:
            inputs = np.empty((n_rows, *rows.shape[1:]), dtype=rows.dtype)
        end = start + batch.num_rows
        inputs[start:end] = rows
        codes[start:end] = preparation.encode(batch[str(preparation.target)])
        start = end
    return Part(inputs, codes)

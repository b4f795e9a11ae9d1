"""The rows of one part of the split as arrays, in bounded memory: inputs, and what is decided of them.

Used by the step of ``mining.tree``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset.reader import ROWS_PER_BATCH
from tasks.errors import CleaningError, MiningError
from tasks.mining.rows import TRAIN, MiningRows
from tasks.mining.tree.target import Target, restore_numbers

# What the tree is grown on lies in memory as float32: all of MNIST's 60,000 training images are 179 MiB.
MAX_FIT_BYTES = 256 * 2**20
BATCH_BYTES = 32 * 2**20  # of float32 that are read at once: of MNIST 10,699 images


@dataclass(frozen=True)
class InputReader:
    """Reads which columns are asked about, and what is decided.

    Parameters
    ----------
    rows : MiningRows
    columns : tuple of str
        Clean columns.
    target : Target
    """

    rows: MiningRows
    columns: tuple[str, ...]
    target: Target

    @property
    def n_inputs(self) -> int:
        """Values that a row has as input."""
        return len(self.rows.list_input_names(self.columns))

    @property
    def batch_rows(self) -> int:
        """Rows that are read at once."""
        return max(1, min(ROWS_PER_BATCH, BATCH_BYTES // (4 * max(1, self.n_inputs))))

    @property
    def max_rows(self) -> int:
        """Rows that may lie in memory at once."""
        return max(1, MAX_FIT_BYTES // (4 * max(1, self.n_inputs)))

    @property
    def wanted(self) -> list[str]:
        """Columns that are read."""
        return [*self.columns, self.target.name]

    def to_arrays(self, rows: pa.Table | pa.RecordBatch) -> tuple[Any, Any]:
        """Give the inputs, and codes of classes or numbers in their own unit."""
        X = self.rows.to_inputs(rows, self.columns)
        if self.target.original is not None:
            return X, restore_numbers(np.asarray(rows[self.target.name]), self.target.original)
        try:
            return X, self.rows.preparation.encode(rows[self.target.name])
        except CleaningError as error:
            raise MiningError(
                f"The target {self.target.name!r} has rows without a known class: {error.what}",
                expected=error.expected,
                hint="send rows without a class to quarantine under 'cleaning'",
            ) from error

    def sample(self, max_rows: int, seed: int, part: str = TRAIN) -> tuple[Any, Any]:
        """Draw at most so many rows of one part, in their order; only they lie in memory."""
        n_rows = self.rows.n_by_part[part]
        wanted = draw_places(n_rows, max_rows, seed)
        X = np.empty((len(wanted), self.n_inputs), dtype=np.float32)
        targets, n_seen = [np.zeros(0, dtype=np.int64)], 0
        for batch in self.rows.batches(self.wanted, part=part, batch_rows=self.batch_rows):
            first, last = np.searchsorted(wanted, [n_seen, n_seen + batch.num_rows])
            drawn = batch.take(pa.array(wanted[first:last] - n_seen))
            X[first:last], y = self.to_arrays(drawn)
            targets.append(y)
            n_seen += batch.num_rows
        return X, np.concatenate(targets)

    def batches(self, part: str) -> Iterator[tuple[Any, Any]]:
        """Read all rows of one part."""
        for batch in self.rows.batches(self.wanted, part=part, batch_rows=self.batch_rows):
            yield self.to_arrays(batch)


def clip_inputs(X: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Make what float32 cannot hold its largest number: it is still on the same side of a question."""
    if np.isnan(X).any():
        raise MiningError(
            f"{int(np.isnan(X).any(axis=1).sum())} of {len(X)} rows to be scored hold a missing value.",
            expected="numbers in every input",
            hint="impute the values or send these rows to quarantine under 'cleaning'",
        )
    return np.nan_to_num(X, copy=False)


def draw_places(n_rows: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw positions of at most ``most`` rows without repetition, in order."""
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, size=most, replace=False))

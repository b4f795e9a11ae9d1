"""The rows between the two passes of the cleaning, on disk, with the digests of all in memory.

Used by ``step.py``; an Arrow file in the step's scratch folder, which is removed when the step ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.cleaning.duplicates import Digests


class Scratch:
    """Settled rows: written once, then read as often as needed.

    Parameters
    ----------
    path : Path
        The Arrow file.

    Notes
    -----
    Memory: 8 bytes a row and digest, and a batch at a time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_rows = 0
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._lengths: list[int] = []
        self._digests: list[tuple[Digests, ...]] = []

    def append(self, rows: pa.RecordBatch, digests: tuple[Digests, ...]) -> None:
        """Add a batch and its digests."""
        if self._writer is None:
            self._writer = pa.ipc.new_file(self.path, rows.schema)
        self._writer.write_batch(rows)
        self._lengths.append(rows.num_rows)
        self._digests.append(digests)
        self.n_rows += rows.num_rows

    def close(self) -> None:
        """End the writing."""
        if self._writer is not None:
            self._writer.close()

    def take_digests(self) -> tuple[Digests, ...]:
        """Give the digests of all rows, one array for each kind, and forget them."""
        # Filled part by part, each forgotten then, so that they are not there twice.
        n_kinds = len(self._digests[0])
        kinds = tuple(np.empty(self.n_rows, dtype=np.uint64) for _ in range(n_kinds))
        start = 0
        for length in self._lengths:
            for kind, part in zip(kinds, self._digests.pop(0), strict=True):
                kind[start : start + length] = part
            start += length
        return kinds

    def batches(
        self,
        is_kept: npt.NDArray[np.bool_] | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.bool_]]]:
        """Stream the rows.

        Parameters
        ----------
        is_kept : ndarray of shape (n_rows,), bool, optional
            Of all rows; by default all. Batches without such a row are not read.
        columns : sequence of str, optional
            What is read; by default everything.

        Yields
        ------
        rows : pyarrow.RecordBatch
        is_kept : ndarray of bool
            The part of ``is_kept`` that belongs to them.
        """
        mask = np.ones(self.n_rows, dtype=bool) if is_kept is None else is_kept
        start = 0
        # Not memory-mapped: mapped pages would count as this process's memory.
        with pa.OSFile(str(self.path)) as file:
            reader = pa.ipc.open_file(file)
            if columns is not None:
                places = [reader.schema.get_field_index(name) for name in columns]
                options = pa.ipc.IpcReadOptions(included_fields=places)
                reader = pa.ipc.open_file(file, options=options)
            for i, length in enumerate(self._lengths):
                here = mask[start : start + length]
                start += length
                if not length or here.any():
                    yield reader.get_batch(i), here

"""An array that is filled from a stream: in memory, or in a mapped file where it would be too large.

Used by ``rows`` and ``windows``, so that the memory of a training does not grow with the rows.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

# Arrays up to this size are held in memory: MNIST twenty times over, and no page faults in training.
MAX_ARRAY_BYTES = 1024**3


class ArrayBuilder:
    """Takes rows in order, as they stream past, and gives them back as one array.

    Parameters
    ----------
    n_rows : int
        Rows that will come, in all.
    row_shape : tuple of int
        Shape of one row; the dtype is that of the first rows.
    file : Path or None
        Where the array goes when it has more than :data:`MAX_ARRAY_BYTES`; None holds it in memory
        whatever its size. The file appears when all rows have come, so that one of the same name
        that is still mapped stays as it was.

    Examples
    --------
    >>> builder = ArrayBuilder(3, (), None)
    >>> builder.append(np.array([1, 2]))
    >>> builder.append(np.array([3]))
    >>> builder.finish().tolist()
    [1, 2, 3]
    """

    def __init__(self, n_rows: int, row_shape: tuple[int, ...], file: Path | None) -> None:
        self._shape = (n_rows, *row_shape)
        self._file = file
        self._n_filled = 0
        self._array: npt.NDArray[Any] | None = None
        self._stream: IO[bytes] | None = None

    def append(self, rows: npt.NDArray[Any]) -> None:
        """Add the next rows, an array of shape (n_new, *row_shape)."""
        if self._array is None and self._stream is None:
            self._begin(rows.dtype)
        end = self._n_filled + len(rows)
        if self._stream is not None:
            self._stream.write(np.ascontiguousarray(rows).data)
        elif self._array is not None:
            self._array[self._n_filled : end] = rows
        self._n_filled = end

    def finish(self) -> npt.NDArray[Any]:
        """Give the array: its own, or a read-only view of the mapped file."""
        if self._n_filled != self._shape[0]:
            raise ValueError(f"{self._n_filled} of {self._shape[0]} rows have come")
        if self._stream is not None and self._file is not None:
            self._stream.close()
            _partial_name(self._file).replace(self._file)
            # A plain view: np.memmap looks for its file again at every slice.
            return np.asarray(np.load(self._file, mmap_mode="r"))
        return self._array if self._array is not None else np.empty(self._shape, np.float32)

    def _begin(self, dtype: np.dtype[Any]) -> None:
        if self._file is None or math.prod(self._shape) * dtype.itemsize <= MAX_ARRAY_BYTES:
            self._array = np.empty(self._shape, dtype=dtype)
            return
        # Written, not mapped, while it grows: dirty pages would count as this process's memory.
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._stream = _partial_name(self._file).open("wb")
        header = {
            "descr": np.lib.format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": self._shape,
        }
        np.lib.format.write_array_header_1_0(self._stream, header)


def _partial_name(file: Path) -> Path:
    return file.with_name(file.name + ".partial")

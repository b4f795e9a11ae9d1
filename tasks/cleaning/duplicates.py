"""Duplicates: rows that repeat an earlier row in the columns that are compared, images included.

Pure; works batch by batch and remembers a digest of each distinct row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import tensor_column_to_array

DIGEST_BYTES = 16  # two of 10**9 different rows share one with a chance of about 10**-21


class SeenRows:
    """Remembers the rows that passed, by a BLAKE2b digest of their content.

    Parameters
    ----------
    columns : sequence of str
        What is compared; without missing values.

    Notes
    -----
    Memory: about 100 bytes per distinct row (1 GB for 10 million), whatever the rows' size.

    Examples
    --------
    >>> seen = SeenRows(["x"])
    >>> seen.find_first(pa.record_batch({"x": [1, 2, 1]})).tolist()
    [True, True, False]
    >>> seen.find_first(pa.record_batch({"x": [2, 3]})).tolist()
    [False, True]
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._digests: set[bytes] = set()

    def find_first(self, rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Tell the rows that are new from those that repeat one of this or an earlier batch.

        Parameters
        ----------
        rows : pyarrow.RecordBatch with n_rows rows

        Returns
        -------
        ndarray of shape (n_rows,), bool
            True at the first of equal rows.
        """
        is_first = np.zeros(rows.num_rows, dtype=bool)
        for i, digest in enumerate(digest_rows(rows, self.columns)):
            if digest not in self._digests:
                self._digests.add(digest)
                is_first[i] = True
        return is_first


def digest_rows(rows: pa.RecordBatch, columns: Sequence[str]) -> list[bytes]:
    """Digest the content of some columns, row by row.

    Parameters
    ----------
    rows : pyarrow.RecordBatch with n_rows rows
    columns : sequence of str
        Numbers, text or tensors, without missing values.

    Returns
    -------
    list of n_rows bytes, each of :data:`DIGEST_BYTES`
        Equal for equal content; 0.0 and -0.0 are equal.
    """
    if not rows.num_rows:
        return []
    parts = [_to_bytes(rows.column(name)) for name in columns]
    matrix = np.ascontiguousarray(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1))
    width = matrix.shape[1]
    content = matrix.data.cast("B")
    return [
        _digest(content[start : start + width]) for start in range(0, rows.num_rows * width, width)
    ]


def _to_bytes(column: pa.Array) -> npt.NDArray[np.uint8]:
    """Content as a matrix of bytes, of a fixed width per row."""
    if pa.types.is_string(column.type):
        encoded = column.dictionary_encode()
        digests = b"".join(_digest(text.encode()) for text in encoded.dictionary.to_pylist())
        distinct = np.frombuffer(digests, dtype=np.uint8).reshape(-1, DIGEST_BYTES)
        return np.asarray(distinct[np.asarray(encoded.indices)])
    is_tensor = isinstance(column.type, pa.FixedShapeTensorType)
    values: npt.NDArray[Any] = tensor_column_to_array(column) if is_tensor else np.asarray(column)
    if np.issubdtype(values.dtype, np.floating):
        values = values + 0.0  # -0.0 becomes 0.0
    flat = np.ascontiguousarray(values).reshape(len(column), -1)
    return np.asarray(flat.view(np.uint8))


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()

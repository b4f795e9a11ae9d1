"""The bytes of a column of text, seen by NumPy without a copy: whole columns are told clean in a millisecond.

Ground module with NumPy and pyarrow alone: it travels inside the registered model.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_LAST_CONTROL_OR_SPACE = 0x20
_FIRST_BEYOND_ASCII = 0x80


def view_bytes(column: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """View the bytes of texts.

    Parameters
    ----------
    column : pyarrow.StringArray of length n_rows

    Returns
    -------
    starts : ndarray of shape (n_rows + 1,), int32
        Where each text begins in ``data``, and where the last ends. A missing one has no bytes that
        mean anything.
    data : ndarray of uint8
        UTF-8, from the first text's begin to the last one's end.
    """
    _, offsets, content = column.buffers()
    if not len(column) or offsets is None:
        return np.zeros(1, dtype=np.int32), np.zeros(0, dtype=np.uint8)
    every = np.frombuffer(offsets, dtype=np.int32)
    starts = every[column.offset : column.offset + len(column) + 1]
    if content is None:
        return starts - starts[0], np.zeros(0, dtype=np.uint8)
    data = np.frombuffer(content, dtype=np.uint8)[starts[0] : starts[-1]]
    return starts - starts[0], data


def to_objects(column: pa.StringArray) -> npt.NDArray[np.object_]:
    """Make a bytes object of each text, for pandas' hashing.

    That takes a third of the time of ``str`` objects, which would be encoded again, and gives the
    same hashes.

    Returns
    -------
    ndarray of shape (n_rows,), object
        None where a text is missing.
    """
    return np.asarray(column.cast(pa.binary()).to_numpy(zero_copy_only=False), dtype=object)


def is_ascii(data: npt.NDArray[np.uint8]) -> bool:
    """Whether there is no byte beyond ASCII."""
    return not len(data) or bool(data.max() < _FIRST_BEYOND_ASCII)


def has_space(data: npt.NDArray[np.uint8]) -> bool:
    """Whether ASCII bytes hold a space or a control sign, such as a tab."""
    return bool(len(data)) and bool(data.min() <= _LAST_CONTROL_OR_SPACE)


def find_rows(
    starts: npt.NDArray[np.int32], is_wanted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Find the texts that hold one of some bytes.

    Parameters
    ----------
    starts : ndarray of shape (n_rows + 1,), int32
        As :func:`view_bytes` gives them.
    is_wanted : ndarray of shape (n_bytes,), bool
        By place in its ``data``.

    Returns
    -------
    ndarray of int64
        Their places, ascending, each once.

    Examples
    --------
    >>> starts, data = view_bytes(pa.array(["a", "xx", None, "bx"]))
    >>> find_rows(starts, data == ord("x")).tolist()
    [1, 3]
    """
    rows = np.searchsorted(starts, np.flatnonzero(is_wanted), side="right") - 1
    return np.asarray(rows[np.diff(rows, prepend=-1) != 0], dtype=np.int64)

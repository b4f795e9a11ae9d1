"""Duplicates: rows that repeat another row in the columns that are compared, images included.

Pure. Rows are digested batch by batch; the digests of all rows tell afterwards which ones repeat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import tensor_column_to_array
from tasks.preparation.frame import Column, Frame, find_kind
from tasks.preparation.text_bytes import to_objects

# SipHash keys of 16 bytes. All rows are digested with the first: 64 bits, which two of 10**7
# different rows share with a chance of 3 in a million. Rows that share them are digested again with
# the second, so that a row is lost by chance once in 10**24 nights.
FIRST_KEY, SECOND_KEY = "nocturne-first-1", "nocturne-second2"
_ROWS_LOOKED_AT = 256
_MISSING = np.uint64(0x5851F42D4C957F2D)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd: a multiplication loses nothing

Digests = npt.NDArray[np.uint64]


def digest_rows(
    frame: Frame,
    columns: Sequence[str],
    key: str = FIRST_KEY,
    known: Mapping[str, Digests] | None = None,
) -> Digests:
    """Digest the content of some columns, row by row.

    Parameters
    ----------
    frame : Frame with n_rows rows
    columns : sequence of str
    key : str
        Another key gives other digests.
    known : mapping of str to ndarray of shape (n_rows,), uint64, optional
        What this function gave for one of the columns alone: it is not computed again.

    Returns
    -------
    ndarray of shape (n_rows,), uint64
        Equal for equal content; 0.0 and -0.0 are equal, and so are two missing values.

    Notes
    -----
    Text by SipHash-2-4 and numbers by the finaliser of SplitMix64, both as in
    ``pandas.util.hash_array``; tensors by BLAKE2b. Memory: 8 bytes a row, whatever the rows' size.

    References
    ----------
    J.-P. Aumasson, D. J. Bernstein, SipHash: a fast short-input PRF, INDOCRYPT 2012.
    https://doi.org/10.1007/978-3-642-34931-7_28
    """
    digests: Digests | None = None
    for name in columns:
        column = (known or {}).get(name)
        column = _digest_column(frame[name], key) if column is None else column
        digests = column if digests is None else digests * _FACTOR + column
    return digests if digests is not None else np.zeros(0, dtype=np.uint64)


def hash_text(column: pa.StringArray, key: str) -> npt.NDArray[np.uint64]:
    """Hash texts with SipHash-2-4.

    Parameters
    ----------
    column : pyarrow.StringArray of length n_rows
    key : str
        16 ASCII characters.

    Returns
    -------
    ndarray of shape (n_rows,), uint64
        A fixed number where the text is missing.
    """
    from pandas.util import hash_array

    first = column.slice(0, _ROWS_LOOKED_AT)
    if not column.null_count and pc.count_distinct(first).as_py() > len(first) // 2:
        return np.asarray(hash_array(to_objects(column), hash_key=key, categorize=False), np.uint64)
    encoded = column.dictionary_encode()  # texts that repeat, such as categories: each once
    distinct = to_objects(encoded.dictionary)
    hashes = hash_array(distinct, hash_key=key, categorize=False)
    if not column.null_count:
        return np.asarray(hashes[np.asarray(encoded.indices)], dtype=np.uint64)
    places = np.asarray(encoded.indices.fill_null(len(distinct)))
    return np.asarray(np.append(hashes, _MISSING)[places], dtype=np.uint64)


def find_candidates(digests: Digests) -> npt.NDArray[np.bool_]:
    """Tell the rows that share their digest with another one.

    Parameters
    ----------
    digests : ndarray of shape (n_rows,), uint64
        Of all rows.

    Returns
    -------
    ndarray of shape (n_rows,), bool
    """
    import pandas as pd

    return np.array(pd.Series(digests).duplicated(keep=False))


def find_repeats(
    first: Digests, second: Digests, keep: Literal["first", "last"] = "first"
) -> npt.NDArray[np.bool_]:
    """Tell the rows that repeat another one.

    Parameters
    ----------
    first, second : ndarray of shape (n_rows,), uint64
        Digests with both keys, of the candidates in their order.
    keep : {"first", "last"}
        Which of equal rows is none.

    Returns
    -------
    ndarray of shape (n_rows,), bool

    Examples
    --------
    >>> frame = {"x": np.array([1.0, 2.0, 1.0])}
    >>> both = digest_rows(frame, ["x"]), digest_rows(frame, ["x"], SECOND_KEY)
    >>> find_repeats(*both).tolist(), find_repeats(*both, "last").tolist()
    ([False, False, True], [True, False, False])
    """
    import pandas as pd

    return np.array(pd.DataFrame({"first": first, "second": second}).duplicated(keep=keep))


def _digest_column(column: Column, key: str) -> Digests:
    kind = find_kind(column)
    if kind == "tensor":
        return _digest_tensors(column, key)
    if kind == "text":
        return hash_text(column, key)
    from pandas.util import hash_array

    hashes = np.asarray(hash_array(column), dtype=np.uint64)
    return hashes if key == FIRST_KEY else np.asarray(hash_array(hashes), dtype=np.uint64)


def _digest_tensors(column: pa.Array, key: str) -> Digests:
    digests = np.full(len(column), _MISSING, dtype=np.uint64)
    is_there = np.asarray(column.is_valid())
    tensors = tensor_column_to_array(column.filter(pa.array(is_there)))
    if not len(tensors):
        return digests
    if np.issubdtype(tensors.dtype, np.floating):
        tensors = tensors + 0.0  # -0.0 becomes 0.0
    flat = np.ascontiguousarray(tensors).reshape(len(tensors), -1)
    content, width = flat.view(np.uint8).data.cast("B"), flat.nbytes // len(flat)
    found = b"".join(
        hashlib.blake2b(content[start : start + width], digest_size=8, key=key.encode()).digest()
        for start in range(0, len(content), width)
    )
    digests[is_there] = np.frombuffer(found, dtype="<u8")
    return digests

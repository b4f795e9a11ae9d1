"""The split: which rows train, choose and judge, following from each row's id alone.

Pure; a row keeps its part from night to night and on every machine, so that tomorrow's training
rows never hold yesterday's hold-out.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.cleaning.quarantine import Problem
from tasks.dataset.columns import SPLIT_COLUMN
from tasks.workflow import HashSplit, SourceSplit

TRAIN, VALIDATION, HOLDOUT = "train", "validation", "holdout"
PARTS = (TRAIN, VALIDATION, HOLDOUT)
NOT_A_PART = f"none of {', '.join(PARTS)}"


def hash_ids(ids: pa.Array, key: str) -> npt.NDArray[np.float64]:
    """Turn ids into fractions that look drawn at random and are always the same.

    Parameters
    ----------
    ids : pyarrow.StringArray of length n_rows
        Without missing values.
    key : str
        The workflow's name, so that workflows do not share their splits; at most 64 bytes.

    Returns
    -------
    ndarray of shape (n_rows,), float64, in [0, 1)

    Notes
    -----
    The first 53 bits of BLAKE2b keyed with ``key``, over the id in UTF-8, divided by 2**53: every
    float of that grid is exact, so a fraction never rounds up to 1.

    References
    ----------
    J.-P. Aumasson et al., BLAKE2: simpler, smaller, fast as MD5, ACNS 2013.
    https://doi.org/10.1007/978-3-642-38980-1_8
    """
    keyed = key.encode()
    digests = b"".join(
        hashlib.blake2b(text.encode(), digest_size=8, key=keyed).digest()
        for text in ids.to_pylist()
    )
    bits = np.frombuffer(digests, dtype=">u8").astype(np.uint64) >> np.uint64(11)
    return bits.astype(np.float64) / 2.0**53


def split_by_hash(ids: pa.Array, split: HashSplit, key: str) -> pa.Array:
    """Give every row a part by its hash.

    Parameters
    ----------
    ids : pyarrow.StringArray of length n_rows
    split : HashSplit
        Shares of the hold-out and of the validation rows.
    key : str
        The workflow's name.

    Returns
    -------
    pyarrow.StringArray of length n_rows
        ``holdout`` where the fraction is below ``split.holdout``, ``validation`` in the next
        ``split.validation``, else ``train``. The hold-out comes first so that it stays when the
        validation share is changed.
    """
    fractions = hash_ids(ids, key)
    is_holdout = fractions < split.holdout
    is_validation = ~is_holdout & (fractions < split.holdout + split.validation)
    return _name_parts(is_holdout, is_validation)


def split_by_source(
    ids: pa.Array, given: pa.Array, split: SourceSplit, key: str
) -> tuple[pa.Array, tuple[Problem, ...]]:
    """Keep the source's own split, and take validation rows out of its training rows by hash.

    Parameters
    ----------
    ids : pyarrow.StringArray of length n_rows
    given : pyarrow.StringArray of length n_rows
        train, validation or holdout.
    split : SourceSplit
        ``validation`` is a share of the training rows.
    key : str
        The workflow's name.

    Returns
    -------
    parts : pyarrow.StringArray of length n_rows
    problems : tuple of Problem
        Rows for which the source says something else, or nothing.
    """
    said = np.asarray(given.fill_null(""), dtype=object)
    is_validation = (said == TRAIN) & (hash_ids(ids, key) < split.validation)
    parts = _name_parts(said == HOLDOUT, is_validation | (said == VALIDATION))
    wrong = np.flatnonzero(~np.isin(said, PARTS))
    if not len(wrong):
        return parts, ()
    return parts, (Problem(SPLIT_COLUMN, NOT_A_PART, wrong, said[wrong].tolist()),)


def _name_parts(
    is_holdout: npt.NDArray[np.bool_], is_validation: npt.NDArray[np.bool_]
) -> pa.Array:
    codes = np.where(is_holdout, 2, np.where(is_validation, 1, 0)).astype(np.int8)
    return pa.DictionaryArray.from_arrays(codes, list(PARTS)).dictionary_decode()

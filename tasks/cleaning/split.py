"""The split: which rows train, choose and judge, following from each row's id alone.

Pure; a row keeps its part from night to night and on every machine, so that tomorrow's training
rows never hold yesterday's hold-out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset.columns import SPLIT_COLUMN
from tasks.preparation.transformer import Problem
from tasks.workflow import HashSplit, SourceSplit, TimeSplit

TRAIN, VALIDATION, HOLDOUT = "train", "validation", "holdout"
PARTS = (TRAIN, VALIDATION, HOLDOUT)
NOT_A_PART = f"none of {', '.join(PARTS)}"


def hash_ids(digests: npt.NDArray[np.uint64], key: str) -> npt.NDArray[np.uint64]:
    """Hash ids, so that they look drawn at random and are the same every night.

    Parameters
    ----------
    digests : ndarray of shape (n_rows,), uint64
        The ids' SipHash (:func:`tasks.cleaning.duplicates.digest_rows`), computed once for all
        that is done by id.
    key : str
        The workflow's name, so that workflows do not share their splits.

    Returns
    -------
    ndarray of shape (n_rows,), uint64

    Notes
    -----
    The digest, exclusive-or the first 64 bits of the BLAKE2b digest of ``key``, through the
    finaliser of SplitMix64 (``pandas.util.hash_array``).
    """
    from pandas.util import hash_array

    salt = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
    return np.asarray(hash_array(digests ^ np.uint64(salt)), dtype=np.uint64)


def to_fractions(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Turn hashes into fractions in [0, 1).

    The first 53 bits divided by 2**53: every float of that grid is exact, so a fraction never
    rounds up to 1.
    """
    return (hashes >> np.uint64(11)).astype(np.float64) / 2.0**53


def to_folds(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Turn hashes into numbers for cross-fitting, from the bits that the split uses least."""
    return (hashes & np.uint64(0xFFFFFFFF)).astype(np.int64)


def split_by_hash(hashes: npt.NDArray[np.uint64], split: HashSplit) -> pa.Array:
    """Give every row a part by its hash.

    Parameters
    ----------
    hashes : ndarray of shape (n_rows,), uint64
        As :func:`hash_ids` makes them.
    split : HashSplit
        Shares of the hold-out and of the validation rows.

    Returns
    -------
    pyarrow.StringArray of length n_rows
        ``holdout`` where the fraction is below ``split.holdout``, ``validation`` in the next
        ``split.validation``, else ``train``. The hold-out comes first so that it stays when the
        validation share is changed.
    """
    fractions = to_fractions(hashes)
    is_holdout = fractions < split.holdout
    is_validation = ~is_holdout & (fractions < split.holdout + split.validation)
    return _name_parts(is_holdout, is_validation)


def split_by_source(
    hashes: npt.NDArray[np.uint64], given: pa.Array, split: SourceSplit
) -> tuple[pa.Array, tuple[Problem, ...]]:
    """Keep the source's own split, and take validation rows out of its training rows by hash.

    Parameters
    ----------
    hashes : ndarray of shape (n_rows,), uint64
        As :func:`hash_ids` makes them.
    given : pyarrow.StringArray of length n_rows
        train, validation or holdout.
    split : SourceSplit
        ``validation`` is a share of the training rows.

    Returns
    -------
    parts : pyarrow.StringArray of length n_rows
    problems : tuple of Problem
        Rows for which the source says something else, or nothing.
    """
    said = np.asarray(given.fill_null(""), dtype=object)
    is_validation = (said == TRAIN) & (to_fractions(hashes) < split.validation)
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


@dataclass(frozen=True)
class TimeBounds:
    """From when on a series' rows validate and judge; earlier rows train.

    Parameters
    ----------
    validation_from, holdout_from : numpy.datetime64
        In microseconds; the first time of each part.
    """

    validation_from: np.datetime64
    holdout_from: np.datetime64

    def name_parts(self, times: npt.NDArray[np.datetime64]) -> pa.Array:
        """Give every time its part.

        Parameters
        ----------
        times : ndarray of shape (n_rows,), datetime64[us]
            Without missing values.

        Returns
        -------
        pyarrow.StringArray of length n_rows
        """
        is_holdout = times >= self.holdout_from
        return _name_parts(is_holdout, ~is_holdout & (times >= self.validation_from))


def split_by_time(times: npt.NDArray[np.datetime64], split: TimeSplit) -> TimeBounds:
    """Find the times that part a series.

    Parameters
    ----------
    times : ndarray of shape (n_rows,), datetime64[us]
        Of all rows, without missing values, at least one.
    split : TimeSplit

    Returns
    -------
    TimeBounds
        The latest ``split.holdout`` of the rows judge, the ``split.validation`` before them
        validate; rows of one time are never parted.

    Examples
    --------
    >>> days = np.datetime64("2026-01-01", "us") + np.arange(10) * np.timedelta64(1, "D")
    >>> split = TimeSplit(by="time", validation=0.1, holdout=0.2)
    >>> split_by_time(days, split).name_parts(days).to_pylist()[6:]
    ['train', 'validation', 'holdout', 'holdout']
    """
    ordered = np.sort(times)
    n_rows = len(ordered)
    n_holdout = max(1, round(n_rows * split.holdout))
    n_validation = max(1, round(n_rows * split.validation)) if split.validation else 0
    holdout_from = ordered[n_rows - n_holdout]
    validation_from = ordered[max(0, n_rows - n_holdout - n_validation)]
    return TimeBounds(validation_from, holdout_from)

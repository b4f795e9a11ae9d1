"""The bootstrap: sums over a hold-out, drawn again and again with replacement.

Pure functions of ``tasks.metrics``. What is resampled are sums, so that a draw costs no more than
there are rows or blocks, and all draws are made at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

N_BOOTSTRAP = 1000  # enough for a 95 % interval to two digits (Efron and Tibshirani 1993, ch. 13)
INTERVAL_PERCENTILES = (2.5, 97.5)

# Rows are drawn in at most so many groups: a thousand draws of a million rows would take minutes.
MAX_GROUPS = 2000
# Fewer blocks say nothing about chance: a short hold-out gets shorter ones.
MIN_BLOCKS = 5


def resample_rows(sums: Floats, seed: int) -> Floats:
    """Draw rows with replacement, and add up what they bring.

    Parameters
    ----------
    sums : ndarray of shape (n_rows, n_sums)
        What each row adds to each sum.
    seed : int

    Returns
    -------
    ndarray of shape (N_BOOTSTRAP, n_sums)

    Notes
    -----
    More than :data:`MAX_GROUPS` rows are dealt at random into as many groups of nearly equal size,
    and groups are drawn in place of rows: the groups' sums are independent and of one distribution
    as the rows' are, so the totals spread as much.

    References
    ----------
    Efron, B. and Tibshirani, R. J. (1993). An Introduction to the Bootstrap. Chapman & Hall.
    """
    rng = np.random.default_rng(seed)
    groups, n_groups = group_rows(len(sums), rng)
    if n_groups < len(sums):
        sums = np.stack(
            [np.bincount(groups, column, minlength=n_groups) for column in sums.T], axis=1
        )
    counts = rng.multinomial(n_groups, np.full(n_groups, 1.0 / n_groups), size=N_BOOTSTRAP)
    with np.errstate(invalid="ignore"):  # not even draws without an infinite error have a sum then
        return np.asarray(counts @ sums)


def group_rows(n_rows: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], int]:
    """Deal rows into the groups that are drawn in their place.

    Parameters
    ----------
    n_rows : int
    rng : numpy.random.Generator

    Returns
    -------
    groups : ndarray of shape (n_rows,), int64
        The group of every row: up to :data:`MAX_GROUPS` rows each its own.
    n_groups : int
    """
    if n_rows <= MAX_GROUPS:
        return np.arange(n_rows), n_rows
    return rng.permutation(n_rows) % MAX_GROUPS, MAX_GROUPS


def resample_blocks(sums: Floats, length: int, seed: int) -> Floats:
    """Draw blocks of neighbours with replacement, and add up what they bring.

    For windows of a series: neighbours overlap and err alike, and drawn one by one they would make
    an interval far too narrow.

    Parameters
    ----------
    sums : ndarray of shape (n_windows, n_sums)
        What each window adds to each sum, in order of time.
    length : int
        Windows of a block; at most a :data:`MIN_BLOCKS`-th of them is taken.
    seed : int

    Returns
    -------
    ndarray of shape (N_BOOTSTRAP, n_sums)

    Notes
    -----
    The moving-block bootstrap: ``ceil(n_windows / length)`` blocks that begin anywhere.

    References
    ----------
    Künsch, H. R. (1989). The jackknife and the bootstrap for general stationary observations.
    Annals of Statistics 17(3), 1217-1241. https://doi.org/10.1214/aos/1176347265
    """
    n_windows = len(sums)
    length = max(1, min(length, n_windows // MIN_BLOCKS))
    before = np.concatenate([np.zeros((1, sums.shape[1])), np.cumsum(sums, axis=0)])
    with np.errstate(invalid="ignore"):  # nor do blocks behind one
        blocks = before[length:] - before[:-length]
    n_blocks = -(-n_windows // length)
    starts = np.random.default_rng(seed).integers(0, len(blocks), (N_BOOTSTRAP, n_blocks))
    return np.asarray(blocks[starts].sum(axis=1))


def to_interval(values: Floats) -> tuple[float, float]:
    """Cut the outer 5 % off drawn figures.

    Returns
    -------
    tuple of float
        The 2.5th and the 97.5th percentile; NaN where a figure is none.
    """
    low, high = np.percentile(values, INTERVAL_PERCENTILES)
    return float(low), float(high)

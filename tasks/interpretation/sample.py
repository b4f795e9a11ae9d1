"""The hold-out rows that are looked at: a bounded number of them, drawn by the seed.

Used by ``tables`` and ``series``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MAX_ROWS = 5_000  # leave an accuracy a standard error of at most 0.7 points
MIN_ROWS = 500  # also of very wide rows: fewer would leave one of 2 points and more


def draw_places(n_rows: int, n_wanted: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw rows without replacement.

    Parameters
    ----------
    n_rows : int
        How many there are.
    n_wanted : int
        How many to draw at most.
    seed : int

    Returns
    -------
    ndarray of shape (min(n_rows, n_wanted),), int64
        Their places, rising.

    Examples
    --------
    >>> draw_places(3, 5, seed=1).tolist()
    [0, 1, 2]
    """
    if n_rows <= n_wanted:
        return np.arange(n_rows)
    drawn = np.random.default_rng(seed).choice(n_rows, n_wanted, replace=False)
    return np.sort(drawn).astype(np.int64)


def bound_rows(n_columns: int, cells_per_row: int, n_repeats: int, max_cells: int) -> int:
    """How many rows every column can be shuffled of, so that the model reads a bounded number of cells.

    Parameters
    ----------
    n_columns : int
        Columns to shuffle, one after the other.
    cells_per_row : int
        Values that the model reads of a row.
    n_repeats : int
    max_cells : int

    Returns
    -------
    int
        From :data:`MIN_ROWS` to :data:`MAX_ROWS`.

    Examples
    --------
    >>> bound_rows(10, 10, 5, 500_000_000), bound_rows(400, 400, 5, 500_000_000)
    (5000, 625)
    """
    return min(MAX_ROWS, max(MIN_ROWS, max_cells // (n_columns * cells_per_row * n_repeats)))

"""How two ways to divide the same rows agree: clusters with classes, tonight with a resample.

Pure module of ``mining.clusters``; all is read from a table of counts, so rows may come batch by batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.integer[Any]]
Counts = npt.NDArray[np.int64]


def count_pairs(first: Ints, second: Ints, n_first: int, n_second: int) -> Counts:
    """Count rows by the groups they have in two divisions.

    Parameters
    ----------
    first, second : ndarray of int of shape (n_rows,)
        0 to n - 1, or -1 for no group.
    n_first, n_second : int

    Returns
    -------
    ndarray of int64 of shape (n_first + 1, n_second + 1)
        The last row and column count those of no group.

    Examples
    --------
    >>> count_pairs(np.array([0, 0, 1]), np.array([1, 1, -1]), n_first=2, n_second=2).tolist()
    [[0, 2, 0], [0, 0, 1], [0, 0, 0]]
    """
    width = n_second + 1
    # -1 becomes the last of each.
    cells = (first.astype(np.int64) % (n_first + 1)) * width + second.astype(np.int64) % width
    counted = np.bincount(cells, minlength=(n_first + 1) * width)
    return counted.reshape(n_first + 1, width).astype(np.int64)


def measure_purity(counts: Counts) -> float | None:
    """Share of the rows that belong to the most frequent class of their cluster.

    Parameters
    ----------
    counts : ndarray of int of shape (n_clusters, n_classes)
        Rows per cluster and class.

    Returns
    -------
    float or None
        1 when no cluster mixes classes; it grows with the number of clusters, so compare it at the
        same number only. None without rows.

    Examples
    --------
    >>> measure_purity(np.array([[9, 1], [0, 10]]))
    0.95
    """
    total = int(counts.sum())
    return float(counts.max(axis=1, initial=0).sum() / total) if total else None


def measure_rand_index(counts: Counts) -> float:
    r"""Measure how two divisions agree on which rows belong together, beyond chance.

    Parameters
    ----------
    counts : ndarray of int of shape (n_first, n_second)
        Rows by their groups in both.

    Returns
    -------
    float
        1 for the same division, about 0 for chance; it may be negative.

    Notes
    -----
    With :math:`n_{ij}` rows in both :math:`i` and :math:`j`, and :math:`P = \sum_i \binom{a_i}{2}`,
    :math:`Q = \sum_j \binom{b_j}{2}` over the groups' sizes,
    :math:`ARI = \bigl(\sum_{ij} \binom{n_{ij}}{2} - PQ / \binom{n}{2}\bigr) /
    \bigl(\tfrac{1}{2}(P + Q) - PQ / \binom{n}{2}\bigr)` [1]_. The same as scikit-learn's
    ``adjusted_rand_score``, which wants all rows at once.

    References
    ----------
    .. [1] L. Hubert, P. Arabie, "Comparing partitions", J. Classif. 2, 1985.
       https://doi.org/10.1007/BF01908075

    Examples
    --------
    >>> measure_rand_index(np.array([[2, 0], [0, 2]])), measure_rand_index(np.array([[1, 1], [1, 1]]))
    (1.0, -0.5)
    """

    def count_couples(sizes: Counts) -> int:
        return sum(n * (n - 1) // 2 for n in map(int, sizes.ravel()))  # millions of rows, squared

    together = count_couples(counts)
    first, second = count_couples(counts.sum(axis=1)), count_couples(counts.sum(axis=0))
    n_rows = int(counts.sum())
    all_couples = n_rows * (n_rows - 1) // 2
    # Whole numbers as long as possible: the sums of two nights are compared.
    expected = first * second
    most = (first + second) * all_couples - 2 * expected
    return 2 * (together * all_couples - expected) / most if most else 1.0

"""Groups in the rows: k-means, with the number of groups given or chosen by the silhouette.

Pure module of the mining stage: works on the scores of ``tasks.mining.components``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

# The silhouette compares every pair of rows: 3,000 rows are 9 million distances (0.1 s), and leave the
# mean a standard error of about 0.2 / sqrt(3000) = 0.004, finer than differences between k that matter.
MAX_SILHOUETTE_ROWS = 3_000
# Rows on which each k of a range is tried; the chosen k is then fitted on all rows given.
MAX_CHOICE_ROWS = 10_000
N_INIT_CHOICE = 3  # starts per tried k: the curve needs a fair fit, not the best one
N_INIT = 10  # starts of the final fit: k-means ends in local optima, the best of ten is kept
N_TYPICAL = 5  # members shown per cluster


@dataclass(frozen=True)
class ClusterResult:
    """What k-means found, with clusters numbered from the largest to the smallest.

    Parameters
    ----------
    k : int
        Number of clusters.
    centres : ndarray of shape (k, n_components)
    labels : ndarray of shape (n_rows,)
        Cluster of each row that was fitted, 0 to k - 1.
    sizes : ndarray of shape (k,)
        Rows per cluster, falling.
    silhouette : float
        Mean silhouette at the chosen k, -1 to 1, on a sample of at most 3,000 rows.
    curve : mapping of int to float
        Mean silhouette of every k that was tried; one entry when k was given.
    typical_rows : tuple of tuple of int
        Per cluster, positions of the rows nearest to its centre, nearest first.
    """

    k: int
    centres: Floats
    labels: Ints
    sizes: Ints
    silhouette: float
    curve: Mapping[int, float]
    typical_rows: tuple[tuple[int, ...], ...]

    def assign(self, scores: Floats) -> Ints:
        """Find the nearest centre of each row.

        Parameters
        ----------
        scores : ndarray of shape (n_rows, n_components)

        Returns
        -------
        ndarray of int of shape (n_rows,)
        """
        from sklearn.metrics import pairwise_distances_argmin

        return np.asarray(pairwise_distances_argmin(scores, self.centres))


def find_clusters(scores: Floats, *, k: int | tuple[int, int], seed: int) -> ClusterResult:
    r"""Group rows by k-means.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_components)
    k : int or (int, int)
        Number of clusters, or the range [least, most] from which the best mean silhouette chooses;
        of equals, the smallest. The range ends below the number of rows.
    seed : int

    Returns
    -------
    ClusterResult

    Raises
    ------
    MiningError
        When there are not more rows (or not more distinct rows) than clusters.

    Notes
    -----
    A row's silhouette is :math:`s = (b - a) / \max(a, b)`, where :math:`a` is its mean distance to
    its own cluster and :math:`b` to the nearest other one [1]_.

    References
    ----------
    .. [1] P. J. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of
       cluster analysis", J. Comput. Appl. Math. 20, 1987.
       https://doi.org/10.1016/0377-0427(87)90125-7
    """
    n_rows = len(scores)
    least, most = (k, k) if isinstance(k, int) else k
    if n_rows <= least:
        raise MiningError(
            f"There are {n_rows} training rows for {least} clusters.",
            expected=f"at least {least + 1} rows",
            hint="let more data arrive, or lower 'mining.clusters.k' in the workflow file",
        )
    rng = np.random.default_rng(seed)
    choice = scores[_draw(n_rows, MAX_CHOICE_ROWS, rng)]
    probe = _draw(len(choice), MAX_SILHOUETTE_ROWS, rng)
    curve: dict[int, float] = {}
    if most > least:
        for n_clusters in range(least, min(most, len(choice) - 1) + 1):
            labels, _ = _fit(choice, n_clusters, n_init=N_INIT_CHOICE, seed=seed)
            curve[n_clusters] = _mean_silhouette(choice[probe], labels[probe])
    chosen = max(curve, key=lambda n: (curve[n], -n)) if curve else least
    labels, centres = _fit(scores, chosen, n_init=N_INIT, seed=seed)
    labels, centres, sizes = _order_by_size(labels, centres)
    if (sizes == 0).any():
        raise MiningError(
            f"The {n_rows} training rows hold only {np.count_nonzero(sizes)} distinct points.",
            expected=f"at least {chosen}, as many as clusters",
            hint="lower 'mining.clusters.k' in the workflow file, or check the source for repeated rows",
        )
    rows = _draw(n_rows, MAX_SILHOUETTE_ROWS, rng)
    silhouette = _mean_silhouette(scores[rows], labels[rows])
    return ClusterResult(
        k=chosen,
        centres=centres,
        labels=labels,
        sizes=sizes,
        silhouette=silhouette,
        curve=curve or {chosen: silhouette},
        typical_rows=_find_typical(scores, labels, centres),
    )


def count_classes(labels: Ints, codes: Ints, *, k: int, n_classes: int) -> npt.NDArray[np.int64]:
    """Count the rows of each class in each cluster.

    Parameters
    ----------
    labels, codes : ndarray of int of shape (n_rows,)
        Cluster (0 to k - 1) and class code (0 to n_classes - 1) of each row.
    k, n_classes : int

    Returns
    -------
    ndarray of int64 of shape (k, n_classes)

    Examples
    --------
    >>> count_classes(np.array([0, 0, 1]), np.array([1, 1, 0]), k=2, n_classes=2).tolist()
    [[0, 2], [1, 0]]
    """
    cells = labels.astype(np.int64) * n_classes + codes
    return np.bincount(cells, minlength=k * n_classes).reshape(k, n_classes).astype(np.int64)


def measure_purity(counts: npt.NDArray[np.int64]) -> float:
    """Share of the rows that belong to the most frequent class of their cluster.

    Parameters
    ----------
    counts : ndarray of int of shape (k, n_classes)
        Rows per cluster and class.

    Returns
    -------
    float
        1 when no cluster mixes classes; it grows with k, so compare it at the same k only.

    Examples
    --------
    >>> measure_purity(np.array([[9, 1], [0, 10]]))
    0.95
    """
    return float(counts.max(axis=1).sum() / counts.sum())


def _draw(n_rows: int, most: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Positions of at most ``most`` rows, drawn without repetition, in order."""
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, size=most, replace=False))


def _fit(scores: Floats, k: int, *, n_init: int, seed: int) -> tuple[Ints, Floats]:
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Fewer distinct points than clusters: the caller says so with an error that helps.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(n_clusters=k, n_init=n_init, random_state=np.random.RandomState(seed))
        model.fit(scores)
    return np.asarray(model.labels_), np.asarray(model.cluster_centers_)


def _mean_silhouette(scores: Floats, labels: Ints) -> float:
    from sklearn.metrics import silhouette_score

    n_labels = len(np.unique(labels))
    if not 2 <= n_labels < len(labels):
        return 0.0  # the convention for clusters of one row, and nothing can be said of one cluster
    return float(silhouette_score(scores, labels))


def _order_by_size(labels: Ints, centres: Floats) -> tuple[Ints, Floats, Ints]:
    k = len(centres)
    sizes = np.bincount(labels, minlength=k)
    order = np.lexsort((np.arange(k), -sizes))
    place = np.empty(k, dtype=np.int64)
    place[order] = np.arange(k)
    return place[labels], centres[order], sizes[order]


def _find_typical(scores: Floats, labels: Ints, centres: Floats) -> tuple[tuple[int, ...], ...]:
    distances = np.linalg.norm(scores - centres[labels], axis=1)
    typical = []
    for cluster in range(len(centres)):
        members = np.flatnonzero(labels == cluster)
        nearest = members[np.argsort(distances[members], kind="stable")[:N_TYPICAL]]
        typical.append(tuple(int(i) for i in nearest))
    return tuple(typical)

"""Four algorithms that group rows, behind one interface: fitted on some rows, they assign all others.

Pure module of ``mining.clusters``: works on places as ``tasks.mining.clusters.space`` makes them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

NOISE = -1  # the label of rows that belong to no cluster, as scikit-learn has it
MAX_ITERATIONS = 100  # from a good start k-means needs some ten; groups without gaps need hundreds
# Added to the variances of a mixture's components, on inputs of variance 1: without it a component
# could shrink to a few equal rows, and columns that add up to 1 (one-hot) have no inverse.
REGULARISATION = 1e-3
# What a final fit takes beside the bound on bytes. A mixture takes fifty times the time of k-means
# (1.4 s for 100,000 rows of 10 inputs, 13 s for a million) and gains nothing past that many rows;
# HDBSCAN compares neighbours (10,000 rows 1.8 s, 30,000 5 s, 100,000 over a minute).
MAX_FIT_ROWS: Mapping[str, int] = {"gaussian_mixture": 100_000, "hdbscan": 10_000}
LEAF_ROWS = 32  # of the tree that finds the nearest of 10,000 rows: a third faster than SciPy's 16
MIN_CLUSTER_SHARE, LEAST_CLUSTER_ROWS = 0.01, 5  # what HDBSCAN calls a cluster by default


@dataclass(frozen=True)
class Assigned:
    """Which cluster each of some rows belongs to, and how clearly.

    Parameters
    ----------
    labels : ndarray of int of shape (n_rows,)
        0 to n_clusters - 1, or -1 for noise.
    distance : ndarray of shape (n_rows,)
        To the centre of the row's cluster: the smaller, the more typical the row.
    clarity : ndarray of shape (n_rows,)
        How much nearer the row's own cluster is than the next one, in the algorithm's own measure: the
        smaller, the nearer the row is to a border.
    """

    labels: Ints
    distance: Floats
    clarity: Floats


class Model(Protocol):
    """Clusters that were fitted."""

    @property
    def n_clusters(self) -> int:
        """How many clusters there are, without noise."""

    def assign(self, Z: Floats) -> Assigned:
        """Assign rows of shape (n_rows, n_dimensions)."""


@dataclass(frozen=True)
class Centres:
    """Clusters of k-means: a row belongs to the nearest centre.

    Parameters
    ----------
    centres : ndarray of shape (n_clusters, n_dimensions)
    """

    centres: Floats

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return len(self.centres)

    def assign(self, Z: Floats) -> Assigned:
        """Assign rows; their clarity is how much further the second nearest centre is."""
        from sklearn.metrics.pairwise import euclidean_distances

        distances = euclidean_distances(Z, self.centres)
        nearest = np.partition(distances, 1, axis=1)
        return Assigned(distances.argmin(axis=1), nearest[:, 0], nearest[:, 1] - nearest[:, 0])


@dataclass(frozen=True)
class Mixture:
    """Clusters of a Gaussian mixture: a row belongs to its most probable component.

    Parameters
    ----------
    model : sklearn.mixture.GaussianMixture
        Fitted.
    """

    model: Any

    @property
    def n_clusters(self) -> int:
        """How many components there are."""
        return int(self.model.n_components)

    def assign(self, Z: Floats) -> Assigned:
        """Assign rows; clarity is the probability, distance that of Mahalanobis."""
        rows = np.asarray(Z, dtype=np.float64)
        probabilities = self.model.predict_proba(rows)
        labels = probabilities.argmax(axis=1)
        distance = np.empty(len(rows))
        for cluster in range(self.n_clusters):
            is_member = labels == cluster
            offsets = rows[is_member] - self.model.means_[cluster]
            whitened = offsets @ self.model.precisions_cholesky_[cluster]
            distance[is_member] = np.linalg.norm(whitened, axis=1)
        return Assigned(labels, distance, probabilities.max(axis=1))


@dataclass(frozen=True)
class DenseRows:
    """Clusters of HDBSCAN: a further row belongs where the nearest fitted row does, noise included.

    Parameters
    ----------
    rows : ndarray of shape (n_fitted, n_dimensions)
    labels : ndarray of int of shape (n_fitted,)
        -1 for noise.
    probabilities : ndarray of shape (n_fitted,)
        How much a row belongs to its cluster, 0 to 1.
    tree : scipy.spatial.cKDTree
        Finds the nearest of the rows.
    """

    rows: Floats
    labels: Ints
    probabilities: Floats
    tree: Any

    @property
    def n_clusters(self) -> int:
        """How many clusters there are, without noise."""
        return int(self.labels.max()) + 1

    def assign(self, Z: Floats) -> Assigned:
        """Assign rows; clarity is the membership of the nearest fitted row."""
        _, nearest = self.tree.query(Z, workers=-1)  # on all cores, with the same result
        labels = self.labels[nearest]
        centres = np.stack(
            [self.rows[self.labels == c].mean(axis=0) for c in range(self.n_clusters)]
        )
        distance = np.linalg.norm(Z - centres[labels], axis=1)
        return Assigned(labels, distance, self.probabilities[nearest])


def fit_model(
    Z: Floats,
    *,
    by: str,
    k: int | None,
    min_cluster_size: int | None = None,
    seed: int,
    n_init: int = 1,
    start: Model | None = None,
) -> Model:
    """Fit one algorithm.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_dimensions)
    by : {"kmeans", "minibatch_kmeans", "gaussian_mixture", "hdbscan"}
    k : int or None
        Number of clusters; None for HDBSCAN, which finds it.
    min_cluster_size : int, optional
        For HDBSCAN.
    seed : int
    n_init : int, default 1
        Fits from different starts, of which the best is kept.
    start : Model, optional
        What the same algorithm found on fewer rows: this fit begins there, once.

    Returns
    -------
    Model

    Raises
    ------
    MiningError
        When HDBSCAN finds noise only, or a mixture cannot be fitted.

    References
    ----------
    D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    https://dl.acm.org/doi/10.5555/1283383.1283494

    R. J. G. B. Campello, D. Moulavi, A. Zimek, J. Sander, "Hierarchical density estimates for data
    clustering, visualization, and outlier detection", ACM TKDD 10, 2015.
    https://doi.org/10.1145/2733381
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # An end before the last digit stands is good enough for a group.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if by == "hdbscan":
            return _fit_hdbscan(Z, min_cluster_size or choose_min_cluster_size(len(Z)))
        if by == "gaussian_mixture":
            return _fit_mixture(Z, k, seed=seed, n_init=n_init, start=start)
        return _fit_centres(Z, by, k, seed=seed, n_init=n_init, start=start)


def choose_min_cluster_size(n_rows: int) -> int:
    """Choose what HDBSCAN calls a cluster: one in a hundred rows, at least 5.

    Examples
    --------
    >>> choose_min_cluster_size(10_000), choose_min_cluster_size(50)
    (100, 5)
    """
    return max(LEAST_CLUSTER_ROWS, round(MIN_CLUSTER_SHARE * n_rows))


def _fit_centres(
    Z: Floats, by: str, k: int | None, *, seed: int, n_init: int, start: Model | None
) -> Centres:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    fitting = KMeans if by == "kmeans" else MiniBatchKMeans
    given = (
        {"init": start.centres, "n_init": 1} if isinstance(start, Centres) else {"n_init": n_init}
    )
    random = np.random.RandomState(seed)
    model = fitting(n_clusters=k, max_iter=MAX_ITERATIONS, random_state=random, **given).fit(Z)
    return Centres(np.asarray(model.cluster_centers_))


def _fit_mixture(
    Z: Floats, k: int | None, *, seed: int, n_init: int, start: Model | None
) -> Mixture:
    from sklearn.mixture import GaussianMixture

    given: dict[str, Any] = {"n_init": n_init}
    if isinstance(start, Mixture):
        found = start.model
        given = {
            "weights_init": found.weights_,
            "means_init": found.means_,
            "precisions_init": found.precisions_,
        }
    model = GaussianMixture(
        k,
        reg_covar=REGULARISATION,
        max_iter=MAX_ITERATIONS,
        random_state=np.random.RandomState(seed),
        **given,
    )
    try:
        # In double precision: it inverts covariances.
        return Mixture(model.fit(np.asarray(Z, dtype=np.float64)))
    except (ValueError, np.linalg.LinAlgError) as error:
        raise MiningError(
            f"A mixture of {k} Gaussians cannot be fitted to {len(Z)} rows: {error}",
            expected="rows that spread in every direction",
            hint="lower 'k' or 'pca' under 'mining.clusters' in the workflow file, or set 'by: kmeans'",
        ) from error


def _fit_hdbscan(Z: Floats, min_cluster_size: int) -> DenseRows:
    from scipy.spatial import cKDTree
    from sklearn.cluster import HDBSCAN

    if min_cluster_size > len(Z):
        raise MiningError(
            f"No cluster of {min_cluster_size} rows can be found in {len(Z)} training rows.",
            expected=f"a least size of at most {len(Z)}",
            hint="lower 'mining.clusters.min_cluster_size' in the workflow file",
        )
    model = HDBSCAN(min_cluster_size=min_cluster_size, copy=True).fit(Z)
    if model.labels_.max() < 0:
        raise MiningError(
            f"HDBSCAN calls all {len(Z)} rows noise: it finds no two groups of at least "
            f"{min_cluster_size} rows with fewer rows between them.",
            expected="groups that are denser than what lies between them",
            hint="lower 'mining.clusters.min_cluster_size' in the workflow file, or set 'by: kmeans', "
            "which gives every row to a cluster",
        )
    return DenseRows(Z, model.labels_, model.probabilities_, cKDTree(Z, leafsize=LEAF_ROWS))

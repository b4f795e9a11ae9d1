"""The search for clusters: how many, the fit on as many rows as are given, and how well they are apart.

Pure module of ``mining.clusters``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError
from tasks.mining.clusters.models import NOISE, Model, choose_min_cluster_size, fit_model

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

# The silhouette compares every pair of rows: 3,000 rows are 9 million distances (0.1 s), and leave the
# mean a standard error of about 0.2 / sqrt(3000) = 0.004, finer than differences between k that matter.
MAX_SILHOUETTE_ROWS = 3_000
# Rows on which each k of a range is tried; the chosen k is then fitted on all rows given.
MAX_CHOICE_ROWS = 10_000
N_INIT_CHOICE = 3  # starts per tried k: the curve needs a fair fit, not the best one
N_INIT = 10  # starts of the final fit: k-means ends in local optima, the best of ten is kept
DEFAULT_RANGE = (2, 10)
# L. Kaufman, P. J. Rousseeuw, "Finding Groups in Data", 1990, table 4 of chapter 2.
STRUCTURE_WORDS = ((0.7, "strong"), (0.5, "reasonable"), (0.25, "weak"))
NO_STRUCTURE = "no substantial"


@dataclass(frozen=True)
class Silhouette:
    """How well rows lie within their clusters.

    Parameters
    ----------
    mean : float or None
        -1 to 1; None where the rows that were looked at lie in one cluster.
    by_cluster : mapping of int to float
        Mean of each cluster's rows, by label.
    n_rows : int
        Rows that were looked at, without noise.
    """

    mean: float | None
    by_cluster: Mapping[int, float]
    n_rows: int


@dataclass(frozen=True)
class Search:
    """The clusters that were found.

    Parameters
    ----------
    model : Model
    curve : mapping of int to (float or None)
        Mean silhouette of every number of clusters that was tried; empty where it was not chosen.
    silhouette : Silhouette
        Of the final clusters.
    min_cluster_size : int or None
        What HDBSCAN called a cluster.
    n_rows_choice : int
        Rows on which the number was chosen and the final fit was started.
    """

    model: Model
    curve: Mapping[int, float | None]
    silhouette: Silhouette
    min_cluster_size: int | None
    n_rows_choice: int


def search_clusters(
    Z: Floats,
    *,
    by: str,
    k: int | tuple[int, int] | None,
    min_cluster_size: int | None = None,
    seed: int,
) -> Search:
    """Choose the number of clusters, and fit them.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_dimensions)
    by : {"kmeans", "minibatch_kmeans", "gaussian_mixture", "hdbscan"}
    k : int, (int, int) or None
        Number of clusters, or the range [least, most] from which the best mean silhouette chooses; of
        equals, the smallest. The range ends below the number of distinct rows. None for [2, 10].
    min_cluster_size : int, optional
        For HDBSCAN, which finds the number itself.
    seed : int

    Returns
    -------
    Search

    Raises
    ------
    MiningError
        When there are not more rows, or fewer distinct rows, than clusters, or the algorithm fails.
    """
    rng = np.random.default_rng(seed)
    sample = Z[draw(len(Z), MAX_CHOICE_ROWS, rng)]
    curve: dict[int, float | None] = {}
    if by == "hdbscan":
        min_cluster_size = min_cluster_size or choose_min_cluster_size(len(Z))
        model = fit_model(Z, by=by, k=None, min_cluster_size=min_cluster_size, seed=seed)
    else:
        numbers = _list_numbers(sample, len(Z), DEFAULT_RANGE if k is None else k)
        probe = sample[draw(len(sample), MAX_SILHOUETTE_ROWS, rng)]
        if not isinstance(k, int):
            for number in numbers:
                tried = fit_model(sample, by=by, k=number, seed=seed, n_init=_count_starts(by))
                curve[number] = measure_silhouette(probe, tried.assign(probe).labels).mean
        chosen = max(curve, key=lambda n: (_or_least(curve[n]), -n)) if curve else numbers[0]
        n_init = _count_starts(by, final=True)
        model = fit_model(sample, by=by, k=chosen, seed=seed, n_init=n_init)
        if len(sample) < len(Z):
            model = fit_model(Z, by=by, k=chosen, seed=seed, start=model)
    probe = Z[draw(len(Z), MAX_SILHOUETTE_ROWS, rng)]
    return Search(
        model=model,
        curve=curve,
        silhouette=measure_silhouette(probe, model.assign(probe).labels),
        min_cluster_size=min_cluster_size,
        n_rows_choice=len(sample),
    )


def measure_silhouette(Z: Floats, labels: Ints) -> Silhouette:
    r"""Measure how much nearer rows are to their own cluster than to the next one.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_dimensions)
    labels : ndarray of int of shape (n_rows,)
        Rows of noise (-1) are left out.

    Returns
    -------
    Silhouette

    Notes
    -----
    A row's silhouette is :math:`s = (b - a) / \max(a, b)`, where :math:`a` is its mean distance to its
    own cluster and :math:`b` to the nearest other one [1]_; 0 for a row alone in its cluster.

    References
    ----------
    .. [1] P. J. Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of
       cluster analysis", J. Comput. Appl. Math. 20, 1987.
       https://doi.org/10.1016/0377-0427(87)90125-7

    Examples
    --------
    >>> Z = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> round(measure_silhouette(Z, np.array([0, 0, 1, 1])).mean, 4)  # a = 1, b = 10.5 or 9.5
    0.8997
    """
    from sklearn.metrics import silhouette_samples

    is_member = labels != NOISE
    members, rows = labels[is_member], Z[is_member]
    present = np.unique(members)
    if not 2 <= len(present) < len(members):
        return Silhouette(None, {}, len(members))
    values = silhouette_samples(rows, members)
    by_cluster = {int(c): float(values[members == c].mean()) for c in present}
    return Silhouette(float(values.mean()), by_cluster, len(members))


def say_structure(silhouette: float | None) -> str:
    """Say what a mean silhouette means for the groups' structure.

    Examples
    --------
    >>> say_structure(0.71), say_structure(0.51), say_structure(0.3), say_structure(0.25)
    ('strong', 'reasonable', 'weak', 'no substantial')
    """
    value = _or_least(silhouette)
    return next((word for least, word in STRUCTURE_WORDS if value > least), NO_STRUCTURE)


def draw(n_rows: int, most: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw positions of at most ``most`` rows without repetition, in order."""
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, size=most, replace=False))


def _list_numbers(sample: Floats, n_rows: int, k: int | tuple[int, int]) -> list[int]:
    """List the numbers of clusters that these rows can have."""
    least, most = (k, k) if isinstance(k, int) else k
    if n_rows <= least:
        raise MiningError(
            f"There are {n_rows} training rows for {least} clusters.",
            expected=f"at least {least + 1} rows",
            hint="let more data arrive, or lower 'mining.clusters.k' in the workflow file",
        )
    n_distinct = len(np.unique(sample, axis=0))
    if n_distinct < least:
        raise MiningError(
            f"The {len(sample)} training rows looked at hold only {n_distinct} distinct points.",
            expected=f"at least {least}, as many as clusters",
            hint="lower 'mining.clusters.k' in the workflow file, or check the source for repeated rows",
        )
    return list(range(least, min(most, n_distinct - 1) + 1)) or [least]


def refit(
    Z: Floats,
    *,
    by: str,
    k: int,
    min_cluster_size: int | None = None,
    share: float = 1.0,
    seed: int,
) -> Ints:
    """Fit other rows as :func:`search_clusters` fitted its own, with the number that it found.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_dimensions)
    by : str
    k : int
        Not for HDBSCAN, which looks for a number of its own.
    min_cluster_size : int, optional
        For HDBSCAN, among the rows of the search.
    share : float, default 1
        How many rows these are for each of the search.
    seed : int

    Returns
    -------
    ndarray of int of shape (n_rows,)
        Their labels.

    Raises
    ------
    MiningError
        When the algorithm fails.
    """
    least = None if min_cluster_size is None else max(2, round(min_cluster_size * share))
    number = None if by == "hdbscan" else k
    n_init = _count_starts(by)
    model = fit_model(Z, by=by, k=number, min_cluster_size=least, seed=seed, n_init=n_init)
    return model.assign(Z).labels


def _count_starts(by: str, *, final: bool = False) -> int:
    if by == "gaussian_mixture":  # it starts from k-means, which has chosen among its own
        return 2 if final else 1
    return N_INIT if final else N_INIT_CHOICE


def _or_least(silhouette: float | None) -> float:
    return -2.0 if silhouette is None else silhouette

"""What is counted over all training rows, batch by batch: sizes, means, classes, and telling members.

Pure module of ``mining.clusters``; what it holds grows by two bytes with each row, its label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.mining.clusters.agreement import Counts, count_pairs
from tasks.mining.clusters.models import NOISE, Assigned

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

N_MEMBERS = 4  # typical rows shown per cluster, and as many at its border
_LABEL_TYPE = np.int16  # of the labels that are kept for all rows


@dataclass(frozen=True)
class Members:
    """The first few rows of each cluster by some measure.

    Parameters
    ----------
    labels, positions : ndarray of int of shape (n_members,)
        Cluster of each, and its place among the training rows; by cluster, then by the measure.
    values : ndarray of shape (n_members,)
        The measure.
    """

    labels: Ints
    positions: Ints
    values: Floats

    @classmethod
    def none(cls) -> Members:
        """Hold no row."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))

    def merge(self, labels: Ints, positions: Ints, values: Floats, n_clusters: int) -> Members:
        """Take further rows, and keep the least of each cluster; of equals, the first."""
        # Most rows of a later batch are behind what is held already.
        limits = np.full(n_clusters, np.inf)
        full, counts = np.unique(self.labels, return_counts=True)
        for cluster in full[counts == N_MEMBERS]:
            limits[cluster] = self.values[self.labels == cluster].max()
        is_new = labels != NOISE
        is_new[is_new] = values[is_new] < limits[labels[is_new]]
        all_labels = np.concatenate([self.labels, labels[is_new]])
        all_positions = np.concatenate([self.positions, positions[is_new]])
        all_values = np.concatenate([self.values, values[is_new]])
        order = np.lexsort((all_positions, all_values, all_labels))
        sorted_labels = all_labels[order]
        # A row's rank is its place after the first of its cluster.
        starts = np.searchsorted(sorted_labels, sorted_labels, side="left")
        kept = order[np.arange(len(order)) - starts < N_MEMBERS]
        return Members(all_labels[kept], all_positions[kept], all_values[kept])

    def list_of(self, cluster: int) -> list[int]:
        """List the positions of one cluster's rows."""
        return [int(p) for p in self.positions[self.labels == cluster]]


class Tally:
    """Counts rows that were assigned to clusters.

    Parameters
    ----------
    n_clusters, n_inputs : int
    n_classes : int
        0 where rows have no class.
    center : ndarray of shape (n_inputs,)
        About the mean of the inputs; sums of squares are exact near it.

    Attributes
    ----------
    class_counts_ : ndarray of int64 of shape (n_clusters + 1, n_classes + 1)
        Rows by cluster and class; the last row is noise, the last column rows without a class.
    typical_, border_ : Members
        The rows nearest to their centre, and those least clearly in their cluster.

    Examples
    --------
    >>> tally = Tally(2, 1, n_classes=0, center=np.zeros(1))
    >>> tally.add(np.array([[1.0], [3.0], [9.0]]), Assigned(np.array([0, 0, 1]), np.ones(3), np.ones(3)))
    >>> tally.sizes.tolist(), tally.compute_means().ravel().tolist(), tally.n_rows
    ([2, 1], [2.0, 9.0], 3)
    """

    def __init__(self, n_clusters: int, n_inputs: int, *, n_classes: int, center: Floats) -> None:
        self.n_clusters = n_clusters
        self.n_classes = n_classes
        self.n_rows = 0
        self._center = np.asarray(center, dtype=np.float64)
        self._sums = np.zeros((n_clusters + 1, n_inputs))
        self._sum_of_squares = np.zeros(n_inputs)
        self._labels: list[npt.NDArray[Any]] = []
        self.class_counts_: Counts = np.zeros((n_clusters + 1, n_classes + 1), dtype=np.int64)
        self.typical_ = Members.none()
        self.border_ = Members.none()

    def add(self, X: Floats, assigned: Assigned, codes: Ints | None = None) -> None:
        """Count a batch.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_inputs)
        assigned : Assigned
        codes : ndarray of int of shape (n_rows,), optional
            The rows' classes.
        """
        labels = assigned.labels
        self.class_counts_ += count_pairs(
            labels,
            np.full(len(labels), -1) if codes is None else codes,
            self.n_clusters,
            self.n_classes,
        )
        offsets = X - self._center
        self._sum_of_squares += np.einsum("ij,ij->j", offsets, offsets)
        for cluster in range(-1, self.n_clusters):  # -1 is the last
            self._sums[cluster] += offsets[labels == cluster].sum(axis=0)
        positions = np.arange(self.n_rows, self.n_rows + len(labels))
        self.typical_ = self.typical_.merge(labels, positions, assigned.distance, self.n_clusters)
        self.border_ = self.border_.merge(labels, positions, assigned.clarity, self.n_clusters)
        kind = _LABEL_TYPE if self.n_clusters <= np.iinfo(_LABEL_TYPE).max else np.int32
        self._labels.append(labels.astype(kind))
        self.n_rows += len(labels)

    @property
    def labels(self) -> Ints:
        """Labels of all rows, in their order."""
        return np.concatenate(self._labels) if self._labels else np.empty(0, _LABEL_TYPE)

    @property
    def sizes(self) -> Counts:
        """Rows of each cluster."""
        return np.asarray(self.class_counts_.sum(axis=1)[:-1])

    @property
    def n_noise(self) -> int:
        """Rows that belong to no cluster."""
        return int(self.class_counts_[-1].sum())

    def compute_means(self) -> npt.NDArray[np.float64]:
        """Mean inputs of each cluster, shape (n_clusters, n_inputs); NaN of one without rows."""
        sizes = self.sizes[:, None]
        means = np.full(self._sums[:-1].shape, np.nan)
        np.divide(self._sums[:-1], sizes, out=means, where=sizes > 0)
        return means + self._center

    def compute_overall(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Mean and standard deviation of all rows, noise included, each of shape (n_inputs,)."""
        shift = self._sums.sum(axis=0) / max(self.n_rows, 1)
        variance = self._sum_of_squares / max(self.n_rows, 1) - shift**2
        return self._center + shift, np.sqrt(np.maximum(variance, 0.0))

"""Shares of the classes by category, smoothed, of all training rows and without each fold.

Used by the target encoding; pure functions on codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class TargetMeans:
    """Shares of the classes.

    Parameters
    ----------
    by_category : ndarray of shape (n_categories, n_outputs), float64
        Smoothed. Two classes have one output, the share of class 1; more have one each.
    overall : ndarray of shape (n_outputs,), float64
        Of all rows.
    """

    by_category: npt.NDArray[np.float64]
    overall: npt.NDArray[np.float64]


def compute_target_means(
    codes: npt.NDArray[np.int64],
    classes: npt.NDArray[np.int64],
    n_categories: int,
    folds: npt.NDArray[np.int64] | None,
    n_folds: int,
) -> tuple[TargetMeans, list[TargetMeans]]:
    r"""Compute smoothed shares of the classes by category.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,), int64
        The category's place, -1 for a row of none: it counts for the overall shares.
    classes : ndarray of shape (n_rows,), int64
        From 0 on.
    n_categories : int
    folds : ndarray of shape (n_rows,), int64, optional
        Taken modulo ``n_folds``; a negative number is a row of no fold.
    n_folds : int

    Returns
    -------
    everything : TargetMeans
        Of all rows.
    without_fold : list of n_folds TargetMeans
        Of the rows outside each fold; empty without ``folds``. Where a fold holds all rows, its
        figures are the overall ones of all rows.

    Notes
    -----
    Empirical Bayes, as in scikit-learn's ``TargetEncoder(smooth="auto")``: the category's share
    :math:`p_k` of :math:`n_k` rows and the overall share :math:`p` are mixed to
    :math:`\lambda p_k + (1 - \lambda) p` with
    :math:`\lambda = n_k p (1 - p) / (n_k p (1 - p) + p_k (1 - p_k))`, and to :math:`p` where that
    is nothing by nothing.

    References
    ----------
    Micci-Barreca (2001), https://doi.org/10.1145/507533.507538

    Examples
    --------
    >>> means, _ = compute_target_means(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2, None, 5)
    >>> means.by_category.round(4).tolist(), means.overall.tolist()
    ([[0.6], [1.0]], [0.75])
    """
    n_classes = int(classes.max()) + 1
    counts = _count(codes, classes, n_categories, n_classes)
    everything = _smooth(counts, None)
    if folds is None:
        return everything, []
    fold = np.where(folds >= 0, folds % n_folds, -1)
    without_fold = []
    for i in range(n_folds):
        is_in = fold == i
        inside = _count(codes[is_in], classes[is_in], n_categories, n_classes)
        without_fold.append(_smooth(counts - inside, everything.overall))
    return everything, without_fold


def _count(
    codes: npt.NDArray[np.int64],
    classes: npt.NDArray[np.int64],
    n_categories: int,
    n_classes: int,
) -> npt.NDArray[np.float64]:
    """Rows by category and class; those of no category stand in the last line."""
    cells = np.where(codes < 0, n_categories, codes) * n_classes + classes
    counts = np.bincount(cells, minlength=(n_categories + 1) * n_classes)
    return counts.reshape(n_categories + 1, n_classes).astype(np.float64)


def _smooth(
    counts: npt.NDArray[np.float64], without_rows: npt.NDArray[np.float64] | None
) -> TargetMeans:
    n_categories = len(counts) - 1
    of_classes = counts.sum(axis=0)
    n_rows = of_classes.sum()
    outputs = slice(1, None) if counts.shape[1] == 2 else slice(None)
    if n_rows == 0 and without_rows is not None:
        return TargetMeans(np.tile(without_rows, (n_categories, 1)), without_rows)
    overall = of_classes[outputs] / n_rows
    n_of_category = counts[:-1].sum(axis=1, keepdims=True)
    shares = counts[:-1, outputs] / np.maximum(n_of_category, 1.0)
    between = n_of_category * (overall * (1.0 - overall))
    within = shares * (1.0 - shares)
    total = between + within
    weight = np.divide(between, total, out=np.zeros_like(total), where=total > 0.0)
    smoothed = weight * shares + (1.0 - weight) * overall
    return TargetMeans(smoothed, overall)

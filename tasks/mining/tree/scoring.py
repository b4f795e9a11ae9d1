"""How well the tree decides rows that it has not seen, batch by batch.

Pure module of the mining stage; classes are scored by the code that scores the networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from tasks.metrics import (
    Metric,
    Scores,
    bootstrap_interval,
    compute_metric,
    count_confusion,
    score_predictions,
)

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassScores:
    """The scores of a classifier on one part of the split.

    Parameters
    ----------
    n_rows : int
    scores : Scores
    intervals : dict of str to (float, float)
        95 % bootstrap intervals, by metric.
    confusion : ndarray of int of shape (n_classes, n_classes)
        By true and predicted class.
    """

    n_rows: int
    scores: Scores
    intervals: dict[str, tuple[float, float]]
    confusion: Ints


@dataclass(frozen=True)
class NumberScores:
    """The scores of estimates of a number on one part of the split.

    Parameters
    ----------
    n_rows : int
    r2 : float or None
        Share of the variance that is explained; None where there is none.
    mae, rmse : float
        Mean absolute and root mean squared error, in the target's unit.
    """

    n_rows: int
    r2: float | None
    mae: float
    rmse: float


def score_classes(
    batches: Iterable[tuple[Ints, Floats]], n_classes: int, seed: int
) -> ClassScores | None:
    """Score class probabilities as ``tasks.metrics`` does, without holding all rows at once.

    Parameters
    ----------
    batches : iterable of (ndarray of shape (n,), ndarray of shape (n, n_classes))
        Codes of the true classes, and probabilities.
    n_classes : int
    seed : int
        Of the intervals.

    Returns
    -------
    ClassScores or None
        None without rows.
    """
    confusion = np.zeros((n_classes, n_classes), dtype=np.int64)
    losses = []
    for codes, probabilities in batches:
        if len(codes):
            confusion += count_confusion(codes, probabilities.argmax(axis=1), n_classes)
            losses.append(len(codes) * score_predictions(codes, probabilities, n_classes).log_loss)
    n_rows = int(confusion.sum())
    if not n_rows:
        return None
    # The interval depends on the rows through the counts of their pairs alone: in their order here.
    pairs = np.repeat(np.arange(n_classes * n_classes), confusion.ravel())
    target, predicted = np.divmod(pairs, n_classes)
    return ClassScores(
        n_rows=n_rows,
        scores=Scores(
            accuracy=compute_metric("accuracy", confusion),
            macro_f1=compute_metric("macro_f1", confusion),
            log_loss=math.fsum(losses) / n_rows,
        ),
        intervals={
            metric: bootstrap_interval(metric, target, predicted, n_classes, seed)
            for metric in get_args(Metric)
        },
        confusion=confusion,
    )


def score_numbers(batches: Iterable[tuple[Floats, Floats]], scale: float) -> NumberScores | None:
    r"""Score estimates of a number, without holding all rows at once.

    Parameters
    ----------
    batches : iterable of (ndarray of shape (n,), ndarray of shape (n,))
        True and estimated values, both as ``(y - mean) / scale`` with the figures of the training
        rows: sums near 0 keep their digits.
    scale : float

    Returns
    -------
    NumberScores or None
        None without rows.

    Notes
    -----
    :math:`R^2 = 1 - \sum (y - \hat y)^2 / \sum (y - \bar y)^2` with the mean of the rows scored.

    Examples
    --------
    >>> score_numbers([(np.array([0.0, 2.0]), np.array([0.0, 1.0]))], scale=10.0)
    NumberScores(n_rows=2, r2=0.5, mae=5.0, rmse=7.07...)
    """
    n_rows, absolute, squared, total, total_squared = 0, 0.0, 0.0, 0.0, 0.0
    for z, estimated in batches:
        n_rows += len(z)
        # A row far beyond all training rows makes a score infinite, which is then not told.
        with np.errstate(over="ignore"):
            absolute += float(np.abs(z - estimated).sum())
            squared += float(((z - estimated) ** 2).sum())
            total += float(z.sum())
            total_squared += float((z**2).sum())
    if not n_rows:
        return None
    spread = total_squared - total / n_rows * total
    # Less is what rounding leaves of rows that are all the same.
    has_spread = spread > 1e-12 * max(total_squared, 1e-300)
    return NumberScores(
        n_rows=n_rows,
        r2=1 - squared / spread if has_spread else None,
        mae=absolute / n_rows * scale,
        rmse=math.sqrt(squared / n_rows) * scale,
    )

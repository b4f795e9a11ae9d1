"""The figures of a classifier: accuracy, macro F1 and log loss.

Pure functions of ``tasks.metrics``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.errors import EvaluationError
from tasks.metrics.resampling import N_BOOTSTRAP, to_interval

Metric = Literal["accuracy", "macro_f1"]


@dataclass(frozen=True)
class Scores:
    """Accuracy and macro F1 (larger is better) and log loss (in nats; smaller is better)."""

    accuracy: float
    macro_f1: float
    log_loss: float


def score_predictions(
    target: npt.NDArray[np.int64], probabilities: npt.NDArray[Any], n_classes: int
) -> Scores:
    """Score class probabilities against the true classes.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        Codes of the true classes, 0 to n_classes - 1.
    probabilities : ndarray of shape (n_rows, n_classes)
    n_classes : int

    Returns
    -------
    Scores

    Raises
    ------
    EvaluationError
        When there are no rows, the shapes do not match, or a probability is not a number.
    """
    if probabilities.shape != (len(target), n_classes) or not len(target):
        raise EvaluationError(
            f"Predictions of shape {probabilities.shape} for {len(target)} rows.",
            expected=f"at least one row and {n_classes} classes",
            hint="check the split: the hold-out needs rows",
        )
    if not np.isfinite(probabilities).all():
        n_bad = int((~np.isfinite(probabilities)).any(axis=1).sum())
        raise EvaluationError(
            f"The model's probabilities are not numbers on {n_bad} of {len(target)} rows.",
            expected="finite probabilities",
            hint="its training diverged: lower the learning rate",
        )
    from sklearn.metrics import log_loss

    matrix = count_confusion(target, probabilities.argmax(axis=1), n_classes)
    return Scores(
        accuracy=compute_metric("accuracy", matrix),
        macro_f1=compute_metric("macro_f1", matrix),
        # float32 rows sum to 1 only to 1e-7, of which scikit-learn warns
        log_loss=float(log_loss(target, _normalise_rows(probabilities), labels=range(n_classes))),
    )


def count_confusion(
    target: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], n_classes: int
) -> npt.NDArray[np.int64]:
    """Count rows by true class (row) and predicted class (column).

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    Examples
    --------
    >>> count_confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    flat = np.bincount(target * n_classes + predicted, minlength=n_classes * n_classes)
    return flat.reshape(n_classes, n_classes).astype(np.int64)


def compute_metric(metric: Metric, confusion: npt.NDArray[np.int64]) -> float:
    """Compute accuracy, or the mean of F1 over the classes that occur, from a confusion matrix.

    Notes
    -----
    ``F1 = 2 TP / (2 TP + FP + FN)``; a class with neither true nor predicted rows is left out,
    as scikit-learn's ``f1_score(average="macro")`` does with the labels it finds.

    Examples
    --------
    >>> compute_metric("accuracy", np.array([[1, 1], [0, 2]]))
    0.75
    """
    hits = np.diag(confusion)
    if metric == "accuracy":
        return float(hits.sum() / confusion.sum())
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float((2 * hits[both > 0] / both[both > 0]).mean())


def bootstrap_interval(
    metric: Metric,
    target: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    n_classes: int,
    seed: int,
) -> tuple[float, float]:
    """Interval in which the metric lies for 95 % of resampled hold-outs.

    Parameters
    ----------
    metric : {"accuracy", "macro_f1"}
    target, predicted : ndarray of shape (n_rows,)
        Codes of the classes.
    n_classes : int
    seed : int

    Returns
    -------
    tuple of float
        The 2.5th and the 97.5th percentile.

    Notes
    -----
    Rows drawn with replacement only matter through the counts of each (true, predicted) pair, and
    those are multinomial: 1,000 draws of a confusion matrix in place of 1,000 draws of the rows.

    References
    ----------
    Efron, B. and Tibshirani, R. J. (1993). An Introduction to the Bootstrap. Chapman & Hall.
    """
    confusion = count_confusion(target, predicted, n_classes)
    shares = confusion.ravel() / confusion.sum()
    draws = np.random.default_rng(seed).multinomial(len(target), shares, size=N_BOOTSTRAP)
    values = [compute_metric(metric, draw.reshape(n_classes, n_classes)) for draw in draws]
    return to_interval(np.array(values))


def align_probabilities(
    probabilities: npt.NDArray[Any], known: Sequence[Any], wanted: Sequence[Any]
) -> npt.NDArray[np.float64]:
    """Reorder the columns of a model's probabilities to tonight's classes.

    A class that the model has never seen gets probability 0; one that is not asked for is dropped.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, len(known))
    known, wanted : sequence
        The model's classes and tonight's.

    Returns
    -------
    ndarray of shape (n_rows, len(wanted))
    """
    places = {str(name): i for i, name in enumerate(known)}
    aligned = np.zeros((len(probabilities), len(wanted)))
    for i, name in enumerate(wanted):
        if str(name) in places:
            aligned[:, i] = probabilities[:, places[str(name)]]
    return aligned


def _normalise_rows(probabilities: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    wide = np.clip(probabilities.astype(np.float64), np.finfo(np.float64).eps, None)
    return np.asarray(wide / wide.sum(axis=1, keepdims=True))

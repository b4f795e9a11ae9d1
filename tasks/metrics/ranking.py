"""Ranking and recall: figures of a classifier class by class.

Pure functions of ``tasks.metrics``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt


def compute_roc_auc(target: npt.NDArray[np.int64], probabilities: npt.NDArray[Any]) -> float:
    r"""Compute the area under the ROC curve.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        Codes of the true classes.
    probabilities : ndarray of shape (n_rows, n_classes)
        Finite.

    Returns
    -------
    float
        0.5 is chance, 1 perfect. Of two classes that of the second one, of more the mean over the
        classes, each against all others. A class that no row has, or every row, has no curve and is
        left out; NaN where none has one.

    Notes
    -----
    The chance that a row of the class gets a higher probability of it than a row of another class;
    equal ones count half (the Mann-Whitney statistic).

    References
    ----------
    Hanley, J. A. and McNeil, B. J. (1982). The meaning and use of the area under a receiver operating
    characteristic (ROC) curve. Radiology 143(1), 29-36. https://doi.org/10.1148/radiology.143.1.7063747

    Examples
    --------
    >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    >>> compute_roc_auc(np.array([0, 0, 1, 1]), probabilities)
    0.75
    """
    from sklearn.metrics import roc_auc_score

    n_classes = probabilities.shape[1]
    n_of = np.bincount(target, minlength=n_classes)
    codes = [1] if n_classes == 2 else range(n_classes)
    areas = [
        float(roc_auc_score(target == code, probabilities[:, code]))
        for code in codes
        if 0 < n_of[code] < len(target)
    ]
    return sum(areas) / len(areas) if areas else math.nan


def compute_recall(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Compute the share of each class's rows that were found.

    Parameters
    ----------
    confusion : ndarray of shape (n_classes, n_classes)
        Rows by true class (row) and predicted class (column).

    Returns
    -------
    ndarray of shape (n_classes,)
        NaN for a class that no row has.

    Examples
    --------
    >>> compute_recall(np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]])).tolist()
    [0.75, 1.0, nan]
    """
    n_rows = confusion.sum(axis=1)
    recall = np.full(len(confusion), np.nan)
    return np.asarray(np.divide(np.diag(confusion), n_rows, out=recall, where=n_rows > 0))

"""Calibration: whether a model that says 90 per cent is right in nine of ten cases.

Pure functions of ``tasks.metrics``, of the class that a model names and of its probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

N_BINS = 15  # as Guo et al. have it, and most papers since


@dataclass(frozen=True)
class Calibration:
    """Rows in bins by the probability of the class that was named.

    Parameters
    ----------
    n_rows : ndarray of shape (N_BINS,), int64
        Of the bins ``((i - 1) / N_BINS, i / N_BINS]``.
    confidence : ndarray of shape (N_BINS,)
        Mean probability of the class that was named; NaN in an empty bin.
    accuracy : ndarray of shape (N_BINS,)
        Share of the rows on which it was right; NaN in an empty bin.
    """

    n_rows: npt.NDArray[np.int64]
    confidence: Floats
    accuracy: Floats

    @property
    def error(self) -> float:
        r"""The expected calibration error, 0 to 1; smaller is better.

        Notes
        -----
        :math:`\mathrm{ECE} = \sum_b \frac{n_b}{n} |\mathrm{acc}_b - \mathrm{conf}_b|`
        """
        gaps = np.abs(self.accuracy - self.confidence)
        return float(np.where(self.n_rows > 0, self.n_rows * gaps, 0.0).sum() / self.n_rows.sum())


def measure_calibration(
    target: npt.NDArray[np.int64], probabilities: npt.NDArray[Any]
) -> Calibration:
    """Compare how sure a classifier is with how often it is right.

    Parameters
    ----------
    target : ndarray of shape (n_rows,)
        Codes of the true classes; at least one row.
    probabilities : ndarray of shape (n_rows, n_classes)
        Finite.

    Returns
    -------
    Calibration

    References
    ----------
    Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. (2017). On Calibration of Modern Neural Networks.
    ICML. https://proceedings.mlr.press/v70/guo17a.html

    Examples
    --------
    >>> sure = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]])
    >>> round(measure_calibration(np.array([0, 1, 1, 1]), sure).error, 3)
    0.3
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_right = probabilities.argmax(axis=1) == target
    # float32 probabilities may come to a little more than 1.
    bins = np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)
    n_rows = np.bincount(bins, minlength=N_BINS)
    return Calibration(
        n_rows,
        _divide(np.bincount(bins, confidence, minlength=N_BINS), n_rows),
        _divide(np.bincount(bins, is_right, minlength=N_BINS), n_rows),
    )


def _divide(sums: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> Floats:
    return np.asarray(np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0))

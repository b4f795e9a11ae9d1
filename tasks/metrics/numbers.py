"""The figures of predicted numbers: root mean squared error, mean absolute error and R2.

Pure functions of ``tasks.metrics``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.errors import EvaluationError
from tasks.metrics.resampling import resample_rows, to_interval

Floats = npt.NDArray[np.float64]
NumberMetric = Literal["rmse", "mae", "r2"]

# A spread below this share of the sum of squares is what rounding leaves of equal values.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class NumberScores:
    """Root mean squared and mean absolute error in the target's unit, and the share of the variance explained.

    Parameters
    ----------
    rmse, mae : float
        Smaller is better.
    r2 : float
        1 is perfect, 0 as good as the mean; NaN where the true values are all the same.
    """

    rmse: float
    mae: float
    r2: float


def score_values(target: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> NumberScores:
    r"""Score predicted numbers against the true ones.

    Parameters
    ----------
    target, predicted : ndarray of shape (n_rows,)
        In one unit.

    Returns
    -------
    NumberScores

    Raises
    ------
    EvaluationError
        When there are no rows, the shapes differ, or a prediction is not a number.

    Notes
    -----
    :math:`R^2 = 1 - \sum (y - \hat y)^2 / \sum (y - \bar y)^2` with the mean of the rows scored.

    Examples
    --------
    >>> score_values(np.array([1.0, 2.0, 6.0]), np.array([1.0, 4.0, 5.0]))
    NumberScores(rmse=1.29..., mae=1.0, r2=0.64...)
    """
    if target.shape != predicted.shape or target.ndim != 1 or not len(target):
        raise EvaluationError(
            f"Predictions of shape {predicted.shape} for targets of shape {target.shape}.",
            expected="one number for each of at least one row",
            hint="check the split: the hold-out needs rows",
        )
    if not np.isfinite(predicted).all():
        n_bad = int((~np.isfinite(predicted)).sum())
        raise EvaluationError(
            f"The model's predictions are not numbers on {n_bad} of {len(target)} rows.",
            expected="finite predictions",
            hint="its training diverged: lower the learning rate",
        )
    sums = list_sums(target, predicted).sum(axis=0, keepdims=True)
    rmse, mae, r2 = (float(compute_from_sums(metric, sums)[0]) for metric in ("rmse", "mae", "r2"))
    return NumberScores(rmse=rmse, mae=mae, r2=r2)


def bootstrap_number_interval(
    metric: NumberMetric, target: npt.NDArray[Any], predicted: npt.NDArray[Any], seed: int
) -> tuple[float, float]:
    """Interval in which the metric lies for 95 % of resampled hold-outs.

    Parameters
    ----------
    metric : {"rmse", "mae", "r2"}
    target, predicted : ndarray of shape (n_rows,)
        Finite.
    seed : int

    Returns
    -------
    tuple of float
        The 2.5th and the 97.5th percentile; NaN where draws have no R2.
    """
    draws = resample_rows(list_sums(target, predicted), seed)
    values = compute_from_sums(metric, draws)
    known = values[~np.isnan(values)]
    return to_interval(known) if len(known) else (math.nan, math.nan)


def list_sums(target: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> Floats:
    """List what each row adds to the sums that the figures are computed from.

    Returns
    -------
    ndarray of shape (n_rows, 5)
        1, the absolute and the squared error, the true value and its square around their mean.
    """
    y = np.asarray(target, dtype=np.float64)
    with np.errstate(over="ignore"):  # an error beyond all numbers makes the score infinite
        error = y - np.asarray(predicted, dtype=np.float64)
        centred = y - y.mean()  # else the squares of large values would swallow the spread
        return np.stack([np.ones_like(y), np.abs(error), error**2, centred, centred**2], axis=1)


def compute_from_sums(metric: NumberMetric, sums: Floats) -> Floats:
    """Compute a figure from sums over rows.

    Parameters
    ----------
    metric : {"rmse", "mae", "r2"}
    sums : ndarray of shape (n_draws, 5)
        Of :func:`list_sums`, over the rows of each draw.

    Returns
    -------
    ndarray of shape (n_draws,)
        NaN where a draw has no R2.
    """
    n_rows, absolute, squared, total, total_squared = sums.T
    if metric == "mae":
        return np.asarray(absolute / n_rows)
    if metric == "rmse":
        return np.asarray(np.sqrt(squared / n_rows))
    spread = total_squared - total**2 / n_rows
    has_spread = spread > _ROUNDING * np.maximum(total_squared, np.finfo(np.float64).tiny)
    share = np.divide(squared, spread, out=np.full_like(spread, np.nan), where=has_spread)
    return np.asarray(1.0 - share)

"""The figures of forecasts: squared and absolute error of standardised values, as papers report them.

Pure functions of ``tasks.metrics``. Values that were never measured are NaN in the target and count
for nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tasks.errors import EvaluationError
from tasks.metrics.resampling import resample_blocks, to_interval

Floats = npt.NDArray[np.float64]
ForecastMetric = Literal["mse", "mae"]


@dataclass(frozen=True)
class ForecastScores:
    """Mean squared and mean absolute error of standardised values; smaller is better."""

    mse: float
    mae: float


def score_forecasts(target: Floats, predicted: Floats, scale: Floats) -> ForecastScores:
    r"""Score forecasts against what came.

    Parameters
    ----------
    target, predicted : ndarray of shape (n_windows, horizon, n_columns)
        In the columns' own units; the target is NaN where nothing was measured.
    scale : ndarray of shape (n_columns,)
        Standard deviation of the training rows, in the same units.

    Returns
    -------
    ForecastScores

    Raises
    ------
    EvaluationError
        When there is no window, nothing was measured, the shapes differ, or a forecast is not a number.

    Notes
    -----
    :math:`\mathrm{MSE} = \frac{1}{N} \sum ((y - \hat y) / s)^2` over all windows, steps and columns
    that were measured; the training rows' mean cancels out.

    Examples
    --------
    >>> target = np.array([[[1.0], [np.nan]], [[5.0], [3.0]]])
    >>> score_forecasts(target, np.ones((2, 2, 1)), np.array([2.0]))
    ForecastScores(mse=1.66..., mae=1.0)
    """
    if target.shape != predicted.shape or target.ndim != 3 or not np.isfinite(target).any():
        raise EvaluationError(
            f"Forecasts of shape {predicted.shape} for targets of shape {target.shape}, of which "
            f"{int(np.isfinite(target).sum())} values were measured.",
            expected="(n_windows, horizon, n_columns), and at least one value that was measured",
            hint="check the split: each part must be longer than 'predict.horizon'",
        )
    if not np.isfinite(predicted).all():
        n_bad = int((~np.isfinite(predicted)).any(axis=(1, 2)).sum())
        raise EvaluationError(
            f"The model's forecasts are not numbers on {n_bad} of {len(target)} windows.",
            expected="finite forecasts",
            hint="its training diverged: lower the learning rate, or set 'clip_norm'",
        )
    n_values, squared, absolute = sum_errors(target, predicted, scale).sum(axis=0)
    return ForecastScores(mse=float(squared / n_values), mae=float(absolute / n_values))


def measure_naive_error(
    values: Floats, is_training: npt.NDArray[np.bool_], season: int | None = None
) -> Floats:
    r"""Measure how far off the naive forecast is on the training rows: the unit of the MASE.

    Parameters
    ----------
    values : ndarray of shape (n_steps, n_columns)
        Step by step, in the columns' own units; NaN where nothing was measured.
    is_training : ndarray of shape (n_steps,), bool
    season : int, optional
        Steps after which the series repeats itself: the value of one season ago is the forecast; by
        default the value of one step ago.

    Returns
    -------
    ndarray of shape (n_columns,)
        Mean absolute error; NaN where no training value has another one a season before it.

    Notes
    -----
    :math:`q = \frac{1}{N} \sum |y_t - y_{t-m}|` over the training steps with the season :math:`m`.

    Examples
    --------
    >>> values = np.array([[1.0], [3.0], [6.0], [np.nan], [99.0]])
    >>> measure_naive_error(values, np.array([True, True, True, True, False])).tolist()
    [2.5]
    """
    lag = season or 1
    both = is_training[lag:] & is_training[:-lag]
    differences = np.abs(values[lag:] - values[:-lag])[both]
    is_known = np.isfinite(differences)
    return _divide(np.where(is_known, differences, 0.0).sum(axis=0), is_known.sum(axis=0))


def compute_mase(target: Floats, predicted: Floats, naive_error: Floats) -> float:
    r"""Compute the mean absolute scaled error: how a forecast compares with the naive one.

    Parameters
    ----------
    target, predicted : ndarray of shape (n_windows, horizon, n_columns)
        As :func:`score_forecasts` takes them.
    naive_error : ndarray of shape (n_columns,)
        As :func:`measure_naive_error` gives it.

    Returns
    -------
    float
        Below 1 is better than the naive forecast of one step (or season) was on the training rows.
        NaN where no column has a naive error above 0; a column without one is left out.

    Notes
    -----
    :math:`\mathrm{MASE} = \frac{1}{N} \sum |y - \hat y| / q` over all windows, steps and columns that
    were measured.

    References
    ----------
    Hyndman, R. J. and Koehler, A. B. (2006). Another look at measures of forecast accuracy.
    International Journal of Forecasting 22(4), 679-688. https://doi.org/10.1016/j.ijforecast.2006.03.001

    Examples
    --------
    >>> target = np.array([[[1.0], [np.nan]], [[5.0], [3.0]]])
    >>> compute_mase(target, np.ones((2, 2, 1)), np.array([4.0]))
    0.5
    """
    has_scale = np.isfinite(naive_error) & (naive_error > 0)
    if not has_scale.any():
        return math.nan
    sums = sum_errors(target[..., has_scale], predicted[..., has_scale], naive_error[has_scale])
    n_values, _, absolute = sums.sum(axis=0)
    return float(absolute / n_values) if n_values else math.nan


def score_steps(target: Floats, predicted: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Score each step ahead by itself: how the error grows.

    Parameters
    ----------
    target, predicted, scale
        As :func:`score_forecasts` takes them.

    Returns
    -------
    mse : ndarray of shape (horizon,)
        Of standardised values, over all columns.
    mae : ndarray of shape (horizon, n_columns)
        In the columns' own units. Both are NaN where nothing was measured.
    """
    error = target - predicted
    is_known = np.isfinite(target)
    absolute = np.where(is_known, np.abs(error), 0.0).sum(axis=0)
    squared = np.where(is_known, (error / scale) ** 2, 0.0).sum(axis=(0, 2))
    return (
        _divide(squared, is_known.sum(axis=(0, 2))),
        _divide(absolute, is_known.sum(axis=0)),
    )


def bootstrap_forecast_interval(
    metric: ForecastMetric,
    target: Floats,
    predicted: Floats,
    scale: Floats,
    *,
    n_per_block: int,
    seed: int,
) -> tuple[float, float]:
    """Interval in which the metric lies for 95 % of resampled hold-outs.

    Parameters
    ----------
    metric : {"mse", "mae"}
    target, predicted, scale
        As :func:`score_forecasts` takes them, windows in order of time.
    n_per_block : int
        Windows that are drawn together: as many as share steps with each other.
    seed : int

    Returns
    -------
    tuple of float
        The 2.5th and the 97.5th percentile.
    """
    draws = resample_blocks(sum_errors(target, predicted, scale), n_per_block, seed)
    draws = draws[draws[:, 0] > 0]  # blocks in which nothing was measured have no error
    return to_interval(draws[:, 1 if metric == "mse" else 2] / draws[:, 0])


def sum_errors(target: Floats, predicted: Floats, scale: Floats) -> Floats:
    """Add up what each window brings to the scores.

    Returns
    -------
    ndarray of shape (n_windows, 3)
        Values that were measured, and the sums of their squared and absolute standardised errors.
    """
    with np.errstate(over="ignore"):  # an error beyond all numbers makes the score infinite
        error = (target - predicted) / scale
        is_known = np.isfinite(target)
        error = np.where(is_known, error, 0.0)
        return np.stack(
            [
                is_known.sum(axis=(1, 2)).astype(np.float64),
                np.einsum("ijk,ijk->i", error, error),
                np.abs(error).sum(axis=(1, 2)),
            ],
            axis=1,
        )


def _divide(sums: Floats, counts: npt.NDArray[np.int64]) -> Floats:
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return np.asarray(means)

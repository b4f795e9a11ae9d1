"""Baselines of series: the last value, the last season, and a linear autoregression.

Called by ``fit``; Keras and NumPy alone. Each is a Keras model with given weights.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from tasks.errors import TrainingError
from tasks.training.baselines.autoregression import solve_autoregression
from tasks.training.baselines.request import FitRequest
from tasks.training.baselines.result import BaselineResult, make_result
from tasks.training.data.rows import slice_in_chunks
from tasks.training.data.windows import Windows

if TYPE_CHECKING:
    import keras

CHUNK_BYTES = 32 * 1024**2  # of windows that are forecast at once


def fit_last_value(request: FitRequest[Windows]) -> BaselineResult:
    """Repeat the last value: a season of one step.

    Parameters
    ----------
    request : FitRequest of Windows

    Returns
    -------
    BaselineResult
    """
    return _fit_naive(request, season=1)


def fit_seasonal_naive(request: FitRequest[Windows]) -> BaselineResult:
    """Repeat the last season.

    Parameters
    ----------
    request : FitRequest of Windows
        Its ``season`` in steps, or that of the preparation's forecast where it is None.

    Returns
    -------
    BaselineResult

    Raises
    ------
    TrainingError
        When there is no season, or a window does not hold one.
    """
    forecast, name = request.preparation.forecast, request.name
    of_series = forecast.season if forecast is not None else None
    season = request.spec["season"] or of_series
    if season is None:
        raise TrainingError(
            f"The baseline {name!r} has no season to repeat.",
            expected="the number of steps after which the series repeats itself",
            hint="set 'predict.season' in the workflow file, or remove this baseline",
        )
    window = request.training.window
    if season > window:
        raise TrainingError(
            f"The baseline {name!r} repeats a season of {season} steps, and a window has {window}.",
            expected="a window of at least one season",
            hint="make 'predict.window' larger in the workflow file, or remove this baseline",
        )
    return _fit_naive(request, season)


def fit_linear_autoregression(request: FitRequest[Windows]) -> BaselineResult:
    """Fit a linear autoregression of every column, see :func:`solve_autoregression`.

    Parameters
    ----------
    request : FitRequest of Windows
        Its ``alpha`` is the weight of the squared coefficients.

    Returns
    -------
    BaselineResult
    """
    # Before the clock starts: to import Keras is not to fit.
    from tasks.models.forecasters import build_linear_forecaster

    training = request.training
    start = time.perf_counter()
    weights, intercepts = solve_autoregression(
        training, request.target_scale, request.spec["alpha"]
    )
    network = build_linear_forecaster(
        name=request.name,
        n_features=training.series.shape[1],
        columns=training.columns.tolist(),
        weights=weights,
        intercepts=intercepts,
    )
    return _finish(request, network, time.perf_counter() - start)


def _fit_naive(request: FitRequest[Windows], season: int) -> BaselineResult:
    # Before the clock starts: to import Keras is not to fit.
    from tasks.models.forecasters import build_naive_forecaster

    training = request.training
    start = time.perf_counter()
    network = build_naive_forecaster(
        name=request.name,
        window=training.window,
        n_features=training.series.shape[1],
        columns=training.columns.tolist(),
        horizon=training.horizon,
        season=season,
    )
    return _finish(request, network, time.perf_counter() - start)


def _finish(request: FitRequest[Windows], network: keras.Model, seconds: float) -> BaselineResult:
    n_parameters = int(network.count_params())
    return make_result(
        request,
        network,
        _score,
        is_converged=True,
        n_iterations=1 if n_parameters else 0,
        n_parameters=n_parameters,
        seconds=seconds,
    )


def _score(
    network: keras.Model, request: FitRequest[Windows], windows: Windows
) -> tuple[float, float]:
    """Give the mean squared and the mean absolute error of standardised values."""
    from keras import ops

    squared = absolute = 0.0
    row_bytes = 8 * (windows.window + windows.horizon) * windows.series.shape[1]
    for chunk in slice_in_chunks(windows.n_rows, row_bytes, CHUNK_BYTES):
        inputs, targets = windows.take(chunk)
        # Called as it is: to compile the model would take longer than to forecast all windows.
        forecasts = np.asarray(ops.convert_to_numpy(network(inputs)))
        errors = (forecasts - targets) / request.target_scale
        squared += float((errors**2).sum())
        absolute += float(np.abs(errors).sum())
    n_values = windows.n_rows * windows.horizon * len(windows.columns)
    return squared / n_values, absolute / n_values

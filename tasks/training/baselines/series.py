"""Baselines of series: the last value, the last season, and a linear autoregression.

Called by ``fit``; Keras and NumPy alone. Each is a Keras model with given weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tasks.errors import TrainingError
from tasks.preparation import Preparation
from tasks.training.baselines.autoregression import fit_autoregression
from tasks.training.baselines.result import BaselineResult
from tasks.training.data.rows import slice_in_chunks
from tasks.training.data.statistics import compute_statistics
from tasks.training.data.windows import Windows

if TYPE_CHECKING:
    import keras

Forecast = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]

CHUNK_BYTES = 32 * 1024**2  # of windows that are forecast at once


def fit_last_value(
    training: Windows,
    validation: Windows,
    preparation: Preparation,  # noqa: ARG001 - the windows say all
    spec: Mapping[str, Any],  # noqa: ARG001 - it has no settings
    *,
    name: str,
    seed: int,  # noqa: ARG001 - no chance is involved
) -> BaselineResult:
    """Repeat the last value.

    Parameters
    ----------
    training, validation : Windows
    preparation : Preparation
    spec : mapping
    name : str
        The model's name.
    seed : int

    Returns
    -------
    BaselineResult
    """
    return _finish(lambda: _build_naive(training, name, season=1), training, validation)


def fit_seasonal_naive(
    training: Windows,
    validation: Windows,
    preparation: Preparation,
    spec: Mapping[str, Any],
    *,
    name: str,
    seed: int,  # noqa: ARG001 - no chance is involved
) -> BaselineResult:
    """Repeat the last season.

    Parameters
    ----------
    training, validation : Windows
    preparation : Preparation
        Whose ``forecast.season`` counts where the baseline has none of its own.
    spec : mapping
        ``season`` in steps, or None.
    name : str
        For messages, and the model's name.
    seed : int

    Returns
    -------
    BaselineResult

    Raises
    ------
    TrainingError
        When there is no season, or a window does not hold one.
    """
    of_series = preparation.forecast.season if preparation.forecast is not None else None
    season = spec["season"] or of_series
    if season is None:
        raise TrainingError(
            f"The baseline {name!r} has no season to repeat.",
            expected="the number of steps after which the series repeats itself",
            hint="set 'predict.season' in the workflow file, or remove this baseline",
        )
    if season > training.window:
        raise TrainingError(
            f"The baseline {name!r} repeats a season of {season} steps, and a window has {training.window}.",
            expected="a window of at least one season",
            hint="make 'predict.window' larger in the workflow file, or remove this baseline",
        )
    return _finish(lambda: _build_naive(training, name, season), training, validation)


def fit_autoregression_of(
    training: Windows,
    validation: Windows,
    preparation: Preparation,  # noqa: ARG001 - the windows say all
    spec: Mapping[str, Any],
    *,
    name: str,
    seed: int,  # noqa: ARG001 - no chance is involved
) -> BaselineResult:
    """Fit a linear autoregression of every column, see :func:`fit_autoregression`.

    Parameters
    ----------
    training, validation : Windows
    preparation : Preparation
    spec : mapping
        ``alpha``.
    name : str
        The model's name.
    seed : int

    Returns
    -------
    BaselineResult
    """

    def build() -> keras.Model:
        from tasks.models.forecasters import build_linear_forecaster

        weights, intercepts = fit_autoregression(training, measure_scale(training), spec["alpha"])
        return build_linear_forecaster(
            name=name,
            n_features=training.series.shape[1],
            columns=training.columns.tolist(),
            weights=weights,
            intercepts=intercepts,
        )

    return _finish(build, training, validation)


def measure_scale(training: Windows) -> npt.NDArray[np.float64]:
    """Measure the columns' standard deviations over the training steps.

    Parameters
    ----------
    training : Windows

    Returns
    -------
    ndarray of shape (n_columns,)
        1 where a column is constant.
    """
    steps = (some[:, training.columns] for some in training.iterate_inputs())
    return np.sqrt(compute_statistics(steps).scaling_variance)


def _build_naive(training: Windows, name: str, season: int) -> keras.Model:
    from tasks.models.forecasters import build_naive_forecaster

    return build_naive_forecaster(
        name=name,
        window=training.window,
        n_features=training.series.shape[1],
        columns=training.columns.tolist(),
        horizon=training.horizon,
        season=season,
    )


def _finish(
    build: Callable[[], keras.Model], training: Windows, validation: Windows
) -> BaselineResult:
    from keras import ops  # before the clock starts: to import Keras is not to fit

    start = time.perf_counter()
    network = build()
    seconds = time.perf_counter() - start
    scale = measure_scale(training)
    n_parameters = int(network.count_params())

    def forecast(inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        # Called as it is: to compile the model would take longer than to forecast all windows.
        return np.asarray(ops.convert_to_numpy(network(inputs)))

    return BaselineResult(
        estimator=None,
        network=network,
        is_converged=True,
        n_iterations=1 if n_parameters else 0,
        n_parameters=n_parameters,
        metrics=_score(forecast, "train", training, scale)
        | _score(forecast, "validation", validation, scale),
        n_training_rows=training.n_rows,
        n_validation_rows=validation.n_rows,
        seconds=seconds,
    )


def _score(
    forecast: Forecast, part: str, windows: Windows, scale: npt.NDArray[np.float64]
) -> dict[str, float]:
    if not windows.n_rows:
        return {}
    squared = absolute = 0.0
    row_bytes = 8 * (windows.window + windows.horizon) * windows.series.shape[1]
    for chunk in slice_in_chunks(windows.n_rows, row_bytes, CHUNK_BYTES):
        inputs, targets = windows.take(chunk)
        errors = (forecast(inputs) - targets) / scale
        squared += float((errors**2).sum())
        absolute += float(np.abs(errors).sum())
    n_values = windows.n_rows * windows.horizon * len(windows.columns)
    return {f"{part}_loss": squared / n_values, f"{part}_mae": absolute / n_values}

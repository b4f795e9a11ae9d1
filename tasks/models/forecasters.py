"""Classical forecasts as Keras models with given weights: a naive one, and a linear one.

``tasks.training.baselines`` computes the weights; nothing is trained. Saved as ``network.keras`` like
a network, they are loaded, served and scored by the same code, on any backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

_DTYPE = "float32"  # whatever the policy of the network that was trained before


def build_naive_forecaster(
    *,
    name: str,
    window: int,
    n_features: int,
    columns: Sequence[int],
    horizon: int,
    season: int = 1,
) -> keras.Model:
    r"""Build a forecast that repeats the last season, or the last value.

    Parameters
    ----------
    name : str
        The model's name.
    window, horizon : int
        Steps looked back on, and steps ahead.
    n_features : int
        Columns of a window.
    columns : sequence of int
        Places of the features that are forecast.
    season : int, default 1
        Steps of a season, at most ``window``; 1 repeats the last value.

    Returns
    -------
    keras.Model
        Takes (n_windows, window, n_features) and gives (n_windows, horizon, n_columns), both in clean
        units. It has no weights.

    Raises
    ------
    ValueError
        When a window does not hold one season.

    Notes
    -----
    :math:`\hat y_{T+h} = y_{T+h-sk}` with the season :math:`s` and :math:`k = \lceil h / s \rceil`:
    what stood there in the latest season that is known [1]_.

    References
    ----------
    .. [1] R. J. Hyndman, G. Athanasopoulos, "Forecasting: principles and practice", 3rd edition,
       section 5.2. https://otexts.com/fpp3/simple-methods.html

    Examples
    --------
    >>> model = build_naive_forecaster(
    ...     name="naive", window=4, n_features=1, columns=[0], horizon=3, season=2
    ... )
    >>> model.predict_on_batch(np.array([[[1.0], [2.0], [3.0], [4.0]]])).ravel().tolist()
    [3.0, 4.0, 3.0]
    """
    if not 1 <= season <= window:
        raise ValueError(f"a season of {season} steps in a window of {window}")
    steps = np.arange(1, horizon + 1)
    places = window - 1 + steps - season * -(-steps // season)
    inputs = keras.Input((window, n_features), dtype=_DTYPE, name="windows")
    seen = _take_columns(inputs, columns)
    return keras.Model(inputs, keras.ops.take(seen, places.tolist(), axis=1), name=name)


def build_linear_forecaster(
    *,
    name: str,
    n_features: int,
    columns: Sequence[int],
    weights: npt.NDArray[np.floating[Any]],
    intercepts: npt.NDArray[np.floating[Any]],
) -> keras.Model:
    r"""Build a forecast whose every step is a linear function of its own column's window.

    Parameters
    ----------
    name : str
        The model's name.
    n_features : int
        Columns of a window.
    columns : sequence of int
        Places of the features that are forecast.
    weights : ndarray of shape (n_columns, window, horizon)
        Of the window's differences to its last value.
    intercepts : ndarray of shape (horizon, n_columns)
        In clean units.

    Returns
    -------
    keras.Model
        Takes (n_windows, window, n_features) and gives (n_windows, horizon, n_columns), both in clean
        units.

    Notes
    -----
    :math:`\hat y_{T+h} = y_T + b_h + \sum_{i=1}^{L} w_{ih} (y_{T-L+i} - y_T)` for every column by
    itself, with the window :math:`L`. The differences are taken first: of a series far from zero the
    sum would lose its digits in float32.

    Examples
    --------
    >>> drift = build_linear_forecaster(
    ...     name="drift", n_features=1, columns=[0],
    ...     weights=np.zeros((1, 2, 1)), intercepts=np.array([[0.5]]),
    ... )
    >>> drift.predict_on_batch(np.array([[[1.0], [2.0]]])).ravel().tolist()
    [2.5]
    """
    n_columns, window, horizon = weights.shape
    inputs = keras.Input((window, n_features), dtype=_DTYPE, name="windows")
    seen = _take_columns(inputs, columns)
    last = keras.ops.take(seen, [window - 1], axis=1)
    linear = keras.layers.EinsumDense(
        "nlc,clh->nhc",
        output_shape=(horizon, n_columns),
        bias_axes="hc",
        dtype=_DTYPE,
        name="autoregression",
    )
    outputs = keras.ops.add(linear(keras.ops.subtract(seen, last)), last)
    linear.set_weights([weights.astype(np.float32), intercepts.astype(np.float32)])
    return keras.Model(inputs, outputs, name=name)


def _take_columns(inputs: Any, columns: Sequence[int]) -> Any:
    places = [int(place) for place in columns]
    if places == list(range(inputs.shape[-1])):
        return inputs
    return keras.ops.take(inputs, places, axis=2)

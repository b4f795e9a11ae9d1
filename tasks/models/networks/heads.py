"""Heads: what a network puts out for classes, numbers and forecasts, and the units behind it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from tasks.models.networks.spec import FULL_PRECISION


def add_output_rescaling(
    network: keras.Model, *, mean: npt.NDArray[np.float64], scale: npt.NDArray[np.float64]
) -> keras.Model:
    """Put the clean units behind a network of standardised values, for keeps.

    Parameters
    ----------
    network : keras.Model
        Gives (n_rows, 1), or (n_rows, horizon, n_columns): standardised values.
    mean, scale : ndarray of shape (n_columns,)
        Mean and standard deviation of the training rows; (1,) of a single number.

    Returns
    -------
    keras.Model
        The same layers and weights, without optimizer, and ``y = scale z + mean`` behind them.

    Examples
    --------
    >>> z = keras.Input((1,))
    >>> network = keras.Model(z, z)
    >>> in_euros = add_output_rescaling(network, mean=np.array([50.0]), scale=np.array([10.0]))
    >>> in_euros.predict_on_batch(np.array([[2.0]])).tolist()
    [[70.0]]
    """
    units = keras.layers.Rescaling(
        scale=np.asarray(scale, dtype=np.float32),
        offset=np.asarray(mean, dtype=np.float32),
        dtype=FULL_PRECISION,
        name="units",
    )
    return keras.Model(network.input, units(network.output), name=network.name)


def _add_classes(hidden: Any, output_shape: tuple[int, ...]) -> Any:
    # Two classes need one number: the probability of the second, 1 less that of the first.
    if output_shape[0] == 2:
        return _add_output(1, hidden, activation="sigmoid")
    return _add_output(output_shape[0], hidden, activation="softmax")


def _add_numbers(hidden: Any, output_shape: tuple[int, ...]) -> Any:
    numbers = _add_output(math.prod(output_shape), hidden)
    if len(output_shape) == 1:
        return numbers
    return keras.layers.Reshape(output_shape, dtype=FULL_PRECISION, name="steps")(numbers)


def _add_output(n_units: int, hidden: Any, activation: str | None = None) -> Any:
    layer = keras.layers.Dense(n_units, activation=activation, dtype=FULL_PRECISION, name="output")
    return layer(hidden)


HEADS: dict[str, Callable[[Any, tuple[int, ...]], Any]] = {
    "classification": _add_classes,
    "regression": _add_numbers,
    "forecast": _add_numbers,
}

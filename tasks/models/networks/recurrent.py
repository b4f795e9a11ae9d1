"""Recurrent layers for windows of a series: simple cells, LSTM and GRU, and the way around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tasks.models.networks.spec import FULL_PRECISION, Spec

CELLS = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


def add_recurrent(spec: Spec, inputs: Any, precision: Any) -> Any:
    """Add the recurrent layers of a candidate.

    Parameters
    ----------
    spec : mapping
        ``kind`` is the cell; ``units`` holds the units of every layer, of which all but the last say
        something at every step; ``bidirectional`` reads the window in both directions, which doubles
        what a layer says; ``dropout`` is the share of it that training drops.
    inputs : KerasTensor of shape (n_rows, window, n_features)
    precision : keras.DTypePolicy

    Returns
    -------
    KerasTensor of shape (n_rows, n_units), or (n_rows, 2 n_units) of both directions

    Raises
    ------
    ValueError
        When the inputs are no windows.

    Notes
    -----
    The cells keep their own activations, tanh and sigmoid, whatever ``activation`` is set for the
    dense layers: others let the state grow without bound, and have no fast kernel on a card.
    """
    if len(inputs.shape) != 3:
        raise ValueError(
            f"the layer {spec['kind']}_1 needs windows of a series, not rows of the shape "
            f"{inputs.shape[1:]}"
        )
    hidden = inputs
    n_layers = len(spec["units"])
    for i, n_units in enumerate(spec["units"], start=1):
        name = f"{spec['kind']}_{i}"
        layer = CELLS[spec["kind"]](
            n_units, return_sequences=i < n_layers, dtype=precision, name=name
        )
        if spec.get("bidirectional"):
            layer = keras.layers.Bidirectional(
                layer, dtype=precision, name=f"{name}_both_directions"
            )
        hidden = layer(hidden)
        if spec.get("dropout"):
            hidden = keras.layers.Dropout(spec["dropout"], dtype=precision, name=f"{name}_dropout")(
                hidden
            )
    return hidden


def take_last_value(inputs: Any) -> tuple[Any, Any]:
    """Take the last step of a window out of all its steps.

    Parameters
    ----------
    inputs : KerasTensor of shape (n_rows, window, n_features)
        Standardised.

    Returns
    -------
    tuple of KerasTensor
        The window less its last step, of the same shape, and that step, (n_rows, 1, n_features).

    Raises
    ------
    ValueError
        When the inputs are no windows.
    """
    if len(inputs.shape) != 3:
        raise ValueError(
            f"only a window has a last value, not rows of the shape {inputs.shape[1:]}"
        )
    last = keras.layers.Cropping1D(
        (inputs.shape[1] - 1, 0), dtype=FULL_PRECISION, name="last_value"
    )(inputs)
    changes = keras.layers.Subtract(dtype=FULL_PRECISION, name="change_from_last_value")
    return changes([inputs, last]), last


def add_last_value(outputs: Any, last: Any, places: Sequence[int]) -> Any:
    """Add the last value of the forecast columns to every step of a forecast.

    Parameters
    ----------
    outputs : KerasTensor of shape (n_rows, horizon, n_columns)
    last : KerasTensor of shape (n_rows, 1, n_features)
    places : sequence of int
        Of the forecast columns among the features; empty for all, in order.

    Returns
    -------
    KerasTensor of shape (n_rows, horizon, n_columns)

    Raises
    ------
    ValueError
        When there is not one place for every column.
    """
    n_columns, n_features = outputs.shape[-1], last.shape[-1]
    places = list(places) or list(range(n_features))
    if len(places) != n_columns or not all(0 <= place < n_features for place in places):
        raise ValueError(f"{n_columns} columns cannot be forecast from the features {places}")
    if places != list(range(n_features)):
        last = keras.ops.take(last, places, axis=-1)
    return keras.layers.Add(dtype=FULL_PRECISION, name="forecast")([outputs, last])

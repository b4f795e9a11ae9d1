"""Dense layers: ``y = f(W x + b)``, with batch normalisation and dropout by setting."""

from __future__ import annotations

from typing import Any

import keras

from tasks.models.networks.spec import Spec


def add_dense_layers(spec: Spec, inputs: Any, precision: Any) -> Any:
    """Add the dense layers of a candidate.

    Parameters
    ----------
    spec : mapping
        ``dense`` holds the units of every layer, ``activation`` what follows it; with
        ``batch_normalization`` the sums are normalised over the batch before it (the layer then has no
        bias of its own: the shift of the normalisation is one); ``dropout`` is the share of the
        activated units that training drops.
    inputs : KerasTensor of shape (n_rows, n_inputs)
    precision : keras.DTypePolicy

    Returns
    -------
    KerasTensor of shape (n_rows, units of the last layer)
    """
    hidden = inputs
    for i, n_units in enumerate(spec["dense"], start=1):
        if spec.get("batch_normalization"):
            hidden = keras.layers.Dense(
                n_units, use_bias=False, dtype=precision, name=f"dense_{i}"
            )(hidden)
            hidden = normalise_batch(hidden, precision, f"dense_{i}")
            hidden = keras.layers.Activation(
                spec["activation"], dtype=precision, name=f"dense_{i}_activation"
            )(hidden)
        else:
            hidden = keras.layers.Dense(
                n_units, activation=spec["activation"], dtype=precision, name=f"dense_{i}"
            )(hidden)
        if spec.get("dropout"):
            hidden = keras.layers.Dropout(
                spec["dropout"], dtype=precision, name=f"dense_{i}_dropout"
            )(hidden)
    return hidden


def normalise_batch(inputs: Any, precision: Any, name: str) -> Any:
    """Add a batch normalisation over the last axis: units, or filters of an image.

    Parameters
    ----------
    inputs : KerasTensor of shape (n_rows, ..., n_units)
    precision : keras.DTypePolicy
    name : str
        Of the layer whose sums are normalised.

    Returns
    -------
    KerasTensor of the same shape
    """
    return keras.layers.BatchNormalization(dtype=precision, name=f"{name}_normalization")(inputs)

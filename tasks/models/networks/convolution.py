"""Convolution blocks: ``O(i,j) = sum_p sum_q K(p,q) I(i+p, j+q)``, an activation, a pooling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tasks.models.networks.dense import normalise_batch
from tasks.models.networks.spec import Spec

POOL_SIZE = 2  # pixels, in both directions
_POOLINGS = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}


def add_convolutions(spec: Spec, inputs: Any, precision: Any) -> Any:
    """Add the convolution blocks of a candidate.

    Parameters
    ----------
    spec : mapping
        ``convolutions`` holds the blocks (``filters``, ``kernel``, ``padding``, ``pool``); ``activation``
        and ``batch_normalization`` hold for all of them.
    inputs : KerasTensor of shape (n_rows, height, width, channels)
    precision : keras.DTypePolicy

    Returns
    -------
    KerasTensor of shape (n_rows, height, width, filters of the last block)

    Raises
    ------
    ValueError
        When the inputs are no images, a kernel is larger than its image, or too few pixels are left to
        pool.

    Notes
    -----
    A block computes convolution, activation, pooling. With batch normalisation it stands before the
    activation (the convolution then has no bias of its own), and both stand behind a max pooling: they
    normalise what goes on to the next block, for a quarter of the pixels. For an activation that only
    rises, behind or before a max pooling is the same. Average pooling changes places with no
    activation, and comes last.
    """
    if len(inputs.shape) != 4:
        raise ValueError(f"a cnn needs images, not rows of the shape {inputs.shape[1:]}")
    hidden = inputs
    for i, block in enumerate(spec["convolutions"], start=1):
        what = (
            f"convolution {i} ({block['kernel']}x{block['kernel']} on {hidden.shape[1:3]} pixels)"
        )
        if block["padding"] == "valid" and block["kernel"] > min(hidden.shape[1:3]):
            raise ValueError(f"{what} has a kernel larger than its image")
        hidden = _add_block(spec, block, hidden, precision, i, what)
    return hidden


def _add_block(
    spec: Spec, block: Mapping[str, Any], inputs: Any, precision: Any, number: int, what: str
) -> Any:
    name = f"convolution_{number}"
    if not spec.get("batch_normalization"):
        hidden = _convolve(block, inputs, precision, name, activation=spec["activation"])
        return _pool(block["pool"], hidden, precision, number, what)
    hidden = _convolve(block, inputs, precision, name, use_bias=False)
    if block["pool"] == "max":
        hidden = _pool("max", hidden, precision, number, what)
    hidden = normalise_batch(hidden, precision, name)
    hidden = keras.layers.Activation(
        spec["activation"], dtype=precision, name=f"{name}_activation"
    )(hidden)
    if block["pool"] == "max":
        return hidden
    return _pool(block["pool"], hidden, precision, number, what)


def _convolve(
    block: Mapping[str, Any], inputs: Any, precision: Any, name: str, **settings: Any
) -> Any:
    layer = keras.layers.Conv2D(
        block["filters"],
        block["kernel"],
        padding=block["padding"],
        dtype=precision,
        name=name,
        **settings,
    )
    return layer(inputs)


def _pool(pooling: str, inputs: Any, precision: Any, number: int, what: str) -> Any:
    if pooling == "none":
        return inputs
    if min(inputs.shape[1:3]) < POOL_SIZE:
        raise ValueError(f"{what} leaves {inputs.shape[1:3]} pixels, too few to pool")
    return _POOLINGS[pooling](POOL_SIZE, dtype=precision, name=f"pooling_{number}")(inputs)

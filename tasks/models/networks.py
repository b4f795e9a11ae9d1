"""Neural networks from a candidate's settings: normalisation, hidden layers by kind, softmax.

First stop of ``tasks.training.trainer``; Keras 3 only, without any backend's own operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras  # noqa: TID253 - whoever imports this file is about to build a network
import numpy as np
import numpy.typing as npt

from tasks.errors import TrainingError, nearest

POOL_SIZE = 2  # pixels, in both directions

Spec = Mapping[str, Any]
HiddenLayers = Callable[[Spec, Any], Any]


def build_network(
    spec: Spec,
    *,
    name: str,
    input_shape: tuple[int, ...],
    n_classes: int,
    mean: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    seed: int,
) -> keras.Model:
    """Build the network of one candidate, with initial weights drawn from the seed.

    Parameters
    ----------
    spec : mapping
        The candidate's settings, as in the workflow file; ``kind`` chooses the hidden layers.
    name : str
        The candidate's name, for messages and as the network's name.
    input_shape : tuple of int
        (height, width, channels) of an image, or (n_features,).
    n_classes : int
        Units of the softmax output, at least 2.
    mean, variance : ndarray of shape input_shape
        What the first layer subtracts, and the square of what it divides by; from
        :attr:`tasks.training.statistics.Statistics.mean` and ``.scaling_variance``.
    seed : int
        Seeds Python, NumPy and the backend, for the whole process.

    Returns
    -------
    keras.Model
        Takes (n_rows, *input_shape) of any numeric dtype, uint8 too, and gives (n_rows, n_classes)
        probabilities. Not compiled.

    Raises
    ------
    TrainingError
        When the kind is unknown, there are fewer than two classes, or the layers do not fit the input.

    Notes
    -----
    The normalisation computes ``z = (x - mean) / sqrt(variance)`` in float32 for every pixel or
    feature by itself. A convolution computes ``O(i,j) = sum_p sum_q K(p,q) I(i+p, j+q)``, a dense
    layer ``y = f(W x + b)``, the output ``softmax(z)_k = exp(z_k) / sum_j exp(z_j)``.
    """
    kind = str(spec.get("kind"))
    if kind not in _HIDDEN_LAYERS:
        raise TrainingError(
            f"The candidate {name!r} is of the kind {kind!r}.",
            expected=nearest(kind, _HIDDEN_LAYERS),
            hint="correct 'kind' in the workflow file",
        )
    if n_classes < 2:
        raise TrainingError(
            f"The candidate {name!r} has {n_classes} class(es) to tell apart.",
            expected="at least two classes among the training rows",
            hint="look at the target column of the clean data; more rows may be needed",
        )
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(input_shape, name="rows")
    try:
        hidden = keras.layers.Normalization(
            axis=tuple(range(1, len(input_shape) + 1)),
            mean=np.asarray(mean, dtype=np.float32),
            variance=np.asarray(variance, dtype=np.float32),
        )(inputs)
        hidden = _HIDDEN_LAYERS[kind](spec, hidden)
        outputs = keras.layers.Dense(n_classes, activation="softmax")(hidden)
    except ValueError as error:
        reason = next(line for line in [*str(error).splitlines(), "no reason given"] if line)
        raise TrainingError(
            f"The network of the candidate {name!r} cannot be built: {reason}",
            expected=f"layers that fit an input of the shape {input_shape}",
            hint="use smaller kernels, fewer poolings or 'padding: same'",
        ) from error
    return keras.Model(inputs, outputs, name=name)


def _build_mlp(spec: Spec, inputs: Any) -> Any:
    return _add_dense(spec, keras.layers.Flatten()(inputs))


def _build_cnn(spec: Spec, inputs: Any) -> Any:
    if len(inputs.shape) != 4:
        raise ValueError(f"a cnn needs images, not rows of the shape {inputs.shape[1:]}")
    hidden = inputs
    for i, block in enumerate(spec["convolutions"], start=1):
        what = (
            f"convolution {i} ({block['kernel']}x{block['kernel']} on {hidden.shape[1:3]} pixels)"
        )
        if block["padding"] == "valid" and block["kernel"] > min(hidden.shape[1:3]):
            raise ValueError(f"{what} has a kernel larger than its image")
        hidden = keras.layers.Conv2D(
            block["filters"],
            block["kernel"],
            padding=block["padding"],
            activation=spec["activation"],
        )(hidden)
        if block["pool"] == "none":
            continue
        if min(hidden.shape[1:3]) < POOL_SIZE:
            raise ValueError(f"{what} leaves {hidden.shape[1:3]} pixels, too few to pool")
        hidden = _POOLINGS[block["pool"]](POOL_SIZE)(hidden)
    return _add_dense(spec, keras.layers.Flatten()(hidden))


def _add_dense(spec: Spec, inputs: Any) -> Any:
    hidden = inputs
    for n_units in spec["dense"]:
        hidden = keras.layers.Dense(n_units, activation=spec["activation"])(hidden)
        if spec["dropout"]:
            hidden = keras.layers.Dropout(spec["dropout"])(hidden)
    return hidden


_POOLINGS = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
_HIDDEN_LAYERS: dict[str, HiddenLayers] = {"cnn": _build_cnn, "mlp": _build_mlp}

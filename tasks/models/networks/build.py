"""One network, from its input to its head.

Called by ``tasks.training.trainer``; the parts between are in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from tasks.errors import TrainingError, get_first_line, nearest
from tasks.models.networks.convolution import add_convolutions
from tasks.models.networks.dense import add_dense_layers
from tasks.models.networks.heads import HEADS
from tasks.models.networks.recurrent import CELLS, add_last_value, add_recurrent, take_last_value
from tasks.models.networks.spec import FULL_PRECISION, Spec

HiddenLayers = Callable[[Spec, Any, Any], Any]


def build_network(
    spec: Spec,
    *,
    name: str,
    kind: str,
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    mean: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    target_places: Sequence[int] = (),
    seed: int,
) -> keras.Model:
    """Build the network of one candidate, with initial weights drawn from the seed.

    Parameters
    ----------
    spec : mapping
        The candidate's settings, as in the workflow file; ``kind`` chooses the hidden layers: ``mlp``,
        ``cnn``, ``rnn``, ``lstm`` or ``gru``. A switch that is missing is off.
    name : str
        The candidate's name, for messages and as the network's name.
    kind : {"classification", "regression", "forecast"}
        What is predicted; it chooses the head.
    input_shape : tuple of int
        (height, width, channels) of an image, (n_features,) of a row, or (window, n_features).
    output_shape : tuple of int
        (n_classes,), (1,) of a number, or (horizon, n_columns).
    mean, variance : ndarray of shape input_shape, or of its last places: (n_features,) of a window
        What the first layer subtracts, and the square of what it divides by; from
        :attr:`tasks.training.data.statistics.Statistics.mean` and ``.scaling_variance``.
    target_places : sequence of int, optional
        Of a forecast: the places of the forecast columns among the features; by default all, in order.
    seed : int
        Seeds Python, NumPy and the backend, for the whole process.

    Returns
    -------
    keras.Model
        Not compiled. Takes (n_rows, *input_shape) of any numeric dtype, uint8 too, and gives float32:

        - of more than two classes their probabilities, (n_rows, n_classes);
        - of two classes the probability of the second, (n_rows, 1);
        - of a number its standardised value, (n_rows, 1);
        - of a forecast standardised values, (n_rows, horizon, n_columns).

        :func:`tasks.models.networks.add_output_rescaling` turns standardised values back.

    Raises
    ------
    TrainingError
        When the kind is unknown, there are fewer than two classes, or the layers do not fit the input.

    Notes
    -----
    The first layer computes ``z = (x - mean) / sqrt(variance)`` in float32, for every pixel or feature
    by itself, or for every feature of a window over all its steps. The layers between it and the head
    compute with the candidate's ``precision``; the normalisation, the head and the last value that
    ``from_last_value`` carries around them stay in float32. ``docs/mathematics.md`` has the equations.

    Examples
    --------
    >>> network = build_network(
    ...     {"kind": "mlp", "dense": (8,), "activation": "relu"},
    ...     name="small", kind="classification", input_shape=(5,), output_shape=(3,),
    ...     mean=np.zeros(5), variance=np.ones(5), seed=1,
    ... )
    >>> network.output_shape
    (None, 3)
    """
    layers = str(spec.get("kind"))
    if layers not in _HIDDEN_LAYERS:
        raise TrainingError(
            f"The candidate {name!r} is of the kind {layers!r}.",
            expected=nearest(layers, _HIDDEN_LAYERS),
            hint="correct 'kind' in the workflow file",
        )
    if kind not in HEADS:
        raise TrainingError(
            f"The candidate {name!r} is asked for {kind!r}.",
            expected=nearest(kind, HEADS),
            hint="correct 'predict.kind' in the workflow file",
        )
    if kind == "classification" and output_shape[0] < 2:
        raise TrainingError(
            f"The candidate {name!r} has {output_shape[0]} class(es) to tell apart.",
            expected="at least two classes among the training rows",
            hint="look at the target column of the clean data; more rows may be needed",
        )
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(input_shape, name="rows")
    try:
        precision = keras.DTypePolicy(spec.get("precision") or FULL_PRECISION)
        hidden = _normalise(inputs, mean, variance)
        last = None
        if kind == "forecast" and spec.get("from_last_value"):
            hidden, last = take_last_value(hidden)
        hidden = _HIDDEN_LAYERS[layers](spec, hidden, precision)
        outputs = HEADS[kind](hidden, output_shape)
        if last is not None:
            outputs = add_last_value(outputs, last, target_places)
    except ValueError as error:
        raise TrainingError(
            f"The network of the candidate {name!r} cannot be built: {get_first_line(error)}",
            expected=f"layers that fit an input of the shape {input_shape}",
            hint=_HINTS.get(layers, "correct the candidate's layers in the workflow file"),
        ) from error
    return keras.Model(inputs, outputs, name=name)


def _normalise(
    inputs: Any, mean: npt.NDArray[np.float64], variance: npt.NDArray[np.float64]
) -> Any:
    n_axes = len(inputs.shape)
    return keras.layers.Normalization(
        axis=tuple(range(n_axes - np.ndim(mean), n_axes)),
        mean=np.asarray(mean, dtype=np.float32),
        variance=np.asarray(variance, dtype=np.float32),
        dtype=FULL_PRECISION,
        name="normalization",
    )(inputs)


def _build_mlp(spec: Spec, hidden: Any, precision: Any) -> Any:
    flat = keras.layers.Flatten(dtype=precision, name="flatten")(hidden)
    return add_dense_layers(spec, flat, precision)


def _build_cnn(spec: Spec, hidden: Any, precision: Any) -> Any:
    images = add_convolutions(spec, hidden, precision)
    flat = keras.layers.Flatten(dtype=precision, name="flatten")(images)
    return add_dense_layers(spec, flat, precision)


def _build_recurrent(spec: Spec, hidden: Any, precision: Any) -> Any:
    return add_dense_layers(spec, add_recurrent(spec, hidden, precision), precision)


_HIDDEN_LAYERS: dict[str, HiddenLayers] = {
    "mlp": _build_mlp,
    "cnn": _build_cnn,
    **dict.fromkeys(CELLS, _build_recurrent),
}
_HINTS = {
    "cnn": "use smaller kernels, fewer poolings or 'padding: same'; of tables use 'kind: mlp'",
    **dict.fromkeys(CELLS, "forecast windows of a series, or use 'kind: mlp' or 'kind: cnn'"),
}

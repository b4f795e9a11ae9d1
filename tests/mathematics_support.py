"""The equations of docs/mathematics.md in plain NumPy, float64; networks are held against them.

Written from the equations and in their order, not for speed: every sum over a window is a loop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from tasks.models.networks import build_network

Array = npt.NDArray[Any]
Function = Callable[[Array], Array]


def build(spec: dict[str, Any], shape: tuple[int, ...], **changes: Any) -> keras.Model:
    """Build a network of three classes, or what ``changes`` say, on inputs that are not rescaled."""
    settings: dict[str, Any] = {
        "name": "tested",
        "kind": "classification",
        "input_shape": shape,
        "output_shape": (3,),
        "mean": np.zeros(shape),
        "variance": np.ones(shape),
        "seed": 1,
    }
    return build_network(spec, **(settings | changes))


def build_forecaster(spec: dict[str, Any], shape: tuple[int, int], **changes: Any) -> keras.Model:
    """Build a network that forecasts four steps of every feature."""
    n_features = shape[1]
    settings: dict[str, Any] = {
        "kind": "forecast",
        "output_shape": (4, n_features),
        "mean": np.zeros(n_features),
        "variance": np.ones(n_features),
    }
    return build(spec, shape, **(settings | changes))


def give_weights(network: keras.Model, seed: int = 5) -> list[Array]:
    """Draw all trainable weights, biases too: they start at zero, where a forgotten one hides."""
    rng = np.random.default_rng(seed)
    for weight in network.trainable_weights:
        weight.assign(rng.normal(0.0, 0.5, weight.shape).astype("float32"))
    return read_weights(network)


def read_weights(network: keras.Model) -> list[Array]:
    """Read the trainable weights, in float64."""
    return [
        np.asarray(keras.ops.convert_to_numpy(w.value), dtype="float64")
        for w in network.trainable_weights
    ]


def compute(network: keras.Model, x: Array, training: bool = False) -> Array:
    """Compute a network's output without compiling it, which would take longer than computing."""
    return np.asarray(keras.ops.convert_to_numpy(network(x, training=training)))


def sigmoid(a: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-a))


def relu(a: Array) -> Array:
    return np.maximum(a, 0.0)


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
ACTIVATIONS: dict[str, Function] = {
    "relu": relu,
    "elu": lambda a: np.where(a > 0, a, np.exp(np.minimum(a, 0)) - 1),
    "selu": lambda a: (
        _SELU_SCALE * np.where(a > 0, a, _SELU_ALPHA * (np.exp(np.minimum(a, 0)) - 1))
    ),
    "gelu": lambda a: a * 0.5 * (1 + np.vectorize(math.erf)(a / math.sqrt(2))),
    "silu": lambda a: a * sigmoid(a),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "linear": lambda a: a,
}


def cross_entropy(p: Array, codes: Array) -> float:
    """Mean of -log p(class)."""
    return float(-np.log(p[np.arange(len(p)), codes]).mean())


def convolve(images: Array, kernels: Array, bias: Array | float = 0.0) -> Array:
    """O(i,j) = sum_p sum_q K(p,q) I(i+p, j+q) + b, for every filter, over all channels."""
    k = len(kernels)
    n_rows, height, width, _ = images.shape
    out = np.zeros((n_rows, height - k + 1, width - k + 1, kernels.shape[3]))
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            for p in range(k):
                for q in range(k):
                    out[:, i, j] += images[:, i + p, j + q] @ kernels[p, q]
    return out + bias


def pool(images: Array, reduce: Any) -> Array:
    """The largest or the mean of every 2x2 window, without overlap."""
    height, width = images.shape[1] // 2, images.shape[2] // 2
    out = np.zeros((len(images), height, width, images.shape[3]))
    for i in range(height):
        for j in range(width):
            out[:, i, j] = reduce(images[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(1, 2))
    return out


def run_rnn(x: Array, weights: Sequence[Array]) -> Array:
    """h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h), for every step: (n_rows, window, n_units)."""
    W_xh, W_hh, b_h = weights
    h = np.zeros((len(x), W_hh.shape[0]))
    steps = []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_xh + h @ W_hh + b_h)
        steps.append(h)
    return np.stack(steps, axis=1)


def run_lstm(x: Array, weights: Sequence[Array]) -> Array:
    """Input, forget and output gates and the cell state, for every step."""
    W, U, b = weights
    W_i, W_f, W_c, W_o = np.split(W, 4, axis=1)
    U_i, U_f, U_c, U_o = np.split(U, 4, axis=1)
    b_i, b_f, b_c, b_o = np.split(b, 4)
    h = c = np.zeros((len(x), U.shape[0]))
    steps = []
    for t in range(x.shape[1]):
        i = sigmoid(x[:, t] @ W_i + h @ U_i + b_i)
        f = sigmoid(x[:, t] @ W_f + h @ U_f + b_f)
        o = sigmoid(x[:, t] @ W_o + h @ U_o + b_o)
        c = f * c + i * np.tanh(x[:, t] @ W_c + h @ U_c + b_c)
        h = o * np.tanh(c)
        steps.append(h)
    return np.stack(steps, axis=1)


def run_gru(x: Array, weights: Sequence[Array]) -> Array:
    """Update and reset gates; the reset gate works on U h + b, as cuDNN has it."""
    W, U, (b, b_state) = weights
    W_z, W_r, W_h = np.split(W, 3, axis=1)
    U_z, U_r, U_h = np.split(U, 3, axis=1)
    (b_z, b_r, b_h), (d_z, d_r, d_h) = np.split(b, 3), np.split(b_state, 3)
    h = np.zeros((len(x), U.shape[0]))
    steps = []
    for t in range(x.shape[1]):
        z = sigmoid(x[:, t] @ W_z + b_z + h @ U_z + d_z)
        r = sigmoid(x[:, t] @ W_r + b_r + h @ U_r + d_r)
        h = z * h + (1 - z) * np.tanh(x[:, t] @ W_h + b_h + r * (h @ U_h + d_h))
        steps.append(h)
    return np.stack(steps, axis=1)


CELLS = {"rnn": run_rnn, "lstm": run_lstm, "gru": run_gru}


def find_slopes(
    function: Callable[[list[Array]], float], points: list[Array], step: float = 1e-6
) -> list[Array]:
    """Central differences (f(x + e) - f(x - e)) / 2e in every number of every point, float64."""
    slopes = []
    for k, point in enumerate(points):
        slope = np.zeros(point.size)
        for i in range(point.size):
            values = []
            for sign in (1.0, -1.0):
                moved = point.copy()
                moved.flat[i] += sign * step
                values.append(function([*points[:k], moved, *points[k + 1 :]]))
            slope[i] = (values[0] - values[1]) / (2 * step)
        slopes.append(slope.reshape(point.shape))
    return slopes

"""Backpropagation: gradients as finite differences have them, and whole updates as NumPy has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from mathematics_support import (
    CELLS,
    Array,
    build,
    build_forecaster,
    convolve,
    cross_entropy,
    find_slopes,
    give_weights,
    pool,
    read_weights,
    relu,
    sigmoid,
    softmax,
)

from tasks.errors import ModelError
from tasks.models.gradients import compute_input_gradients, compute_weight_gradients

MLP: dict[str, Any] = {"kind": "mlp", "dense": [4], "activation": "tanh", "dropout": 0.0}
CODES = np.array([0, 1, 2, 2, 1])
Forward = Callable[[list[Array], Array], Array]


def draw(*shape: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def forward_mlp(weights: list[Array], x: Array) -> Array:
    w1, b1, w2, b2 = weights
    return softmax(np.tanh(x @ w1 + b1) @ w2 + b2)


def forward_cnn(reduce: Any) -> Forward:
    def forward(weights: list[Array], x: Array) -> Array:
        kernels, bias, w, b = weights
        return softmax(pool(relu(convolve(x, kernels, bias)), reduce).reshape(len(x), -1) @ w + b)

    return forward


def forward_cell(kind: str) -> Forward:
    def forward(weights: list[Array], x: Array) -> Array:
        *cell, w, b = weights
        state = CELLS[kind](x - x[:, -1:], cell)[:, -1]
        return x[:, -1:] + (state @ w + b).reshape(len(x), 4, 2)

    return forward


def make_cnn(pooling: str) -> tuple[keras.Model, Array, Forward]:
    block = {"filters": 2, "kernel": 3, "padding": "valid", "pool": pooling}
    spec = {"kind": "cnn", "convolutions": [block], "dense": [], "activation": "relu"}
    forward = forward_cnn(np.max if pooling == "max" else np.mean)
    return build(spec, (6, 6, 1)), draw(5, 6, 6, 1), forward


def make_cell(kind: str) -> tuple[keras.Model, Array, Forward]:
    spec = {"kind": kind, "units": [3], "dense": [], "from_last_value": True}
    return build_forecaster(spec, (4, 2)), draw(5, 4, 2), forward_cell(kind)


MAKERS: dict[str, Callable[[], tuple[keras.Model, Array, Forward]]] = {
    "dense": lambda: (build(MLP, (3,)), draw(5, 3), forward_mlp),
    "convolution and max pooling": lambda: make_cnn("max"),
    "convolution and average pooling": lambda: make_cnn("average"),
    **{kind: lambda kind=kind: make_cell(kind) for kind in CELLS},  # type: ignore[misc]
}


@pytest.mark.parametrize("what", MAKERS)
def test_gradients_of_weights_are_finite_differences(what: str) -> None:
    """The slope in w is (loss(w + e) - loss(w - e)) / 2e, for every weight of the network."""
    network, x, forward = MAKERS[what]()
    weights = give_weights(network)
    if network.name == "tested" and len(network.output_shape) == 2:
        targets, loss = CODES, keras.losses.SparseCategoricalCrossentropy()

        def compute_loss(points: list[Array]) -> float:
            return cross_entropy(forward(points, x.astype("float64")), CODES)
    else:
        targets, loss = draw(5, 4, 2, seed=2), keras.losses.MeanSquaredError()

        def compute_loss(points: list[Array]) -> float:
            return float(((forward(points, x.astype("float64")) - targets) ** 2).mean())

    value, gradients = compute_weight_gradients(network, loss, x, targets)
    assert value == pytest.approx(compute_loss(weights), abs=1e-5)
    slopes = find_slopes(compute_loss, weights)
    assert len(gradients) == len(slopes)
    for gradient, slope in zip(gradients, slopes, strict=True):
        assert np.abs(slope).max() > 1e-3  # else nothing would be compared
        np.testing.assert_allclose(gradient, slope, atol=1e-5)


@pytest.mark.parametrize("what", MAKERS)
def test_gradients_of_inputs_are_finite_differences(what: str) -> None:
    """Each row's chosen output, with respect to that row alone."""
    network, x, forward = MAKERS[what]()
    weights = give_weights(network)
    n_outputs = int(np.prod(network.output_shape[1:]))
    columns = np.arange(5) % n_outputs

    def add_chosen(points: list[Array]) -> float:
        return float(forward(weights, points[0]).reshape(5, -1)[np.arange(5), columns].sum())

    (slope,) = find_slopes(add_chosen, [x.astype("float64")])
    gradients = compute_input_gradients(network, x, columns)
    assert np.abs(slope).max() > 1e-3
    assert gradients.dtype == np.float32
    np.testing.assert_allclose(gradients, slope, atol=1e-5)


def test_the_gradient_of_a_linear_network_is_its_weights() -> None:
    """Of y = W x + b it is W everywhere, divided by the scale of the normalisation."""
    network = build(
        MLP | {"dense": []},
        (2,),
        kind="regression",
        output_shape=(1,),
        mean=np.array([7.0, 7.0]),
        variance=np.array([4.0, 25.0]),
    )
    network.get_layer("output").set_weights([np.array([[6.0], [10.0]]), np.array([3.0])])
    rows = np.array([[1, 2], [200, 3]], dtype="uint8")
    gradients = compute_input_gradients(network, rows, np.zeros(2, dtype=int))
    np.testing.assert_allclose(gradients, [[3.0, 2.0], [3.0, 2.0]], atol=1e-6)


def test_the_gradient_of_softmax_and_cross_entropy_is_p_minus_y() -> None:
    """Of one row: with respect to the scores it is the probabilities less the one-hot label."""
    network = build(MLP | {"dense": []}, (3,))
    network.get_layer("output").set_weights([np.eye(3), np.zeros(3)])
    scores = np.log([[1.0, 2.0, 5.0]]).astype("float32")
    loss = keras.losses.SparseCategoricalCrossentropy()
    _, (_, bias) = compute_weight_gradients(network, loss, scores, np.array([1]))
    np.testing.assert_allclose(bias, [0.125, 0.25 - 1, 0.625], atol=1e-6)


def test_gradients_are_those_of_a_network_that_predicts() -> None:
    """Without dropout: twice the same, and as without the setting."""
    dropping = build(MLP | {"dropout": 0.5}, (3,))
    plain = build(MLP, (3,))
    plain.set_weights(give_weights(dropping))
    x, columns = draw(5, 3), np.zeros(5, dtype=int)
    first = compute_input_gradients(dropping, x, columns)
    np.testing.assert_array_equal(first, compute_input_gradients(dropping, x, columns))
    np.testing.assert_allclose(first, compute_input_gradients(plain, x, columns), atol=1e-6)


def test_no_rows_have_no_gradients() -> None:
    """An empty array of the inputs' shape, and no error."""
    gradients = compute_input_gradients(build(MLP, (3,)), draw(0, 3), np.zeros(0, dtype=int))
    assert gradients.shape == (0, 3)


@pytest.mark.parametrize("columns", [[0, 1], [0, 3, 1], [0, -1, 1]])
def test_columns_that_are_no_outputs_are_refused(columns: list[int]) -> None:
    """One for each row, from 0 to n_outputs - 1; the message says so."""
    with pytest.raises(ModelError, match=r"(?s)'tested'.*3 row\(s\).*one column from 0 to 2"):
        compute_input_gradients(build(MLP, (3,)), draw(3, 3), np.array(columns))


def standardise(x: Array) -> Array:
    return (x.astype("float64") - 0.5) / 2.0


def step_back(weights: list[Array], x: Array, codes: Array) -> tuple[float, list[Array]]:
    """Forward, loss and backward of a tanh layer and a softmax: the chain rule, written out."""
    w1, b1, w2, b2 = weights
    z0 = standardise(x)
    h = np.tanh(z0 @ w1 + b1)
    p = softmax(h @ w2 + b2)
    dz = (p - np.eye(3)[codes]) / len(x)  # of the scores
    dh = dz @ w2.T
    da = dh * (1.0 - h**2)  # tanh' = 1 - tanh^2
    return cross_entropy(p, codes), [z0.T @ da, da.sum(axis=0), h.T @ dz, dz.sum(axis=0)]


def build_small() -> keras.Model:
    return build(MLP, (3,), mean=np.full(3, 0.5), variance=np.full(3, 4.0))


def train_on(network: keras.Model, optimizer: keras.optimizers.Optimizer, x: Array) -> float:
    if not network.compiled:
        network.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(), jit_compile=False)
    return float(network.train_on_batch(x, CODES))


def test_a_step_of_gradient_descent_is_the_chain_rule() -> None:
    """Forward, loss, backward and w - rate * d loss / d w: what Keras trains is what NumPy does."""
    network = build_small()
    weights = give_weights(network)
    x = draw(5, 3)
    for _ in range(2):
        loss, slopes = step_back(weights, x, CODES)
        weights = [w - 0.5 * slope for w, slope in zip(weights, slopes, strict=True)]
        assert train_on(network, keras.optimizers.SGD(0.5), x) == pytest.approx(loss, abs=1e-5)
        for trained, expected in zip(read_weights(network), weights, strict=True):
            np.testing.assert_allclose(trained, expected, atol=1e-5)


def test_steps_of_adam_are_its_equations() -> None:
    """Moving means of the slopes and their squares; the rate corrects their start at zero."""
    rate, beta1, beta2, epsilon = 0.05, 0.9, 0.999, 1e-7
    network = build_small()
    weights = give_weights(network)
    m, v = [[np.zeros(w.shape) for w in weights] for _ in range(2)]
    for t, x in enumerate([draw(5, 3), draw(5, 3, seed=3), draw(5, 3, seed=4)], start=1):
        _, slopes = step_back(weights, x, CODES)
        m = [beta1 * a + (1 - beta1) * g for a, g in zip(m, slopes, strict=True)]
        v = [beta2 * a + (1 - beta2) * g**2 for a, g in zip(v, slopes, strict=True)]
        corrected = rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
        weights = [
            w - corrected * a / (np.sqrt(b) + epsilon)
            for w, a, b in zip(weights, m, v, strict=True)
        ]
        train_on(network, keras.optimizers.Adam(rate), x)
        for trained, expected in zip(read_weights(network), weights, strict=True):
            np.testing.assert_allclose(trained, expected, atol=1e-5)


def test_a_long_gradient_is_shortened_as_a_whole() -> None:
    """All weights together are one vector; a gradient that is short enough stays as it is."""
    x = draw(5, 3)
    network = build_small()
    weights = give_weights(network)
    _, slopes = step_back(weights, x, CODES)
    length = np.sqrt(sum((slope**2).sum() for slope in slopes))
    for clip, factor in [(length / 4, 0.25), (length * 4, 1.0)]:
        network = build_small()
        give_weights(network)
        train_on(network, keras.optimizers.SGD(1.0, global_clipnorm=float(clip)), x)
        for trained, start, slope in zip(read_weights(network), weights, slopes, strict=True):
            np.testing.assert_allclose(trained, start - factor * slope, atol=1e-5)


def test_the_sigmoid_of_two_classes_is_differentiated_alike() -> None:
    """The slope of a sigmoid in its score is p (1 - p)."""
    network = build(MLP | {"dense": []}, (1,), output_shape=(2,))
    network.get_layer("output").set_weights([np.ones((1, 1)), np.zeros(1)])
    x = np.array([[-2.0], [0.0], [1.5]], dtype="float32")
    p = sigmoid(x)
    gradients = compute_input_gradients(network, x, np.zeros(3, dtype=int))
    np.testing.assert_allclose(gradients, p * (1 - p), atol=1e-6)

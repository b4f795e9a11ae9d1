"""Every equation of docs/mathematics.md, recomputed in NumPy, is what the networks compute, to 1e-5."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from mathematics_support import (
    ACTIVATIONS,
    CELLS,
    Array,
    build,
    build_forecaster,
    compute,
    convolve,
    cross_entropy,
    give_weights,
    pool,
    read_weights,
    relu,
    sigmoid,
    softmax,
)

from tasks.models.networks import add_output_rescaling
from tasks.training.data.statistics import compute_statistics

MLP: dict[str, Any] = {"kind": "mlp", "dense": [4, 3], "activation": "tanh", "dropout": 0.0}
PROJECT = Path(__file__).parents[3]
MOMENTUM, EPSILON = 0.99, 1e-3  # of Keras's batch normalisation


def cnn(**block: Any) -> dict[str, Any]:
    convolution = {"filters": 2, "kernel": 3, "padding": "valid", "pool": "max"} | block
    return {"kind": "cnn", "convolutions": [convolution], "dense": [], "activation": "relu"}


def recurrent(kind: str, **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "units": [3], "dense": [], "activation": "relu"} | changes


def draw(*shape: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def output_of(network: keras.Model, layer: str) -> keras.Model:
    return keras.Model(network.input, network.get_layer(layer).output)


def test_a_neuron_computes_f_of_wx_plus_b_by_hand() -> None:
    """relu(2 * 3 - 1 * 4 + 5) is 7, and with a bias of -5 it is 0."""
    network = build(MLP | {"dense": [2], "activation": "relu"}, (2,))
    network.get_layer("dense_1").set_weights([np.array([[3, 3], [-4, -4]]), np.array([5, -5])])
    assert compute(output_of(network, "dense_1"), np.array([[2.0, 1.0]])).tolist() == [[7.0, 0.0]]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dense_layers_compute_f_of_wx_plus_b(activation: str) -> None:
    """A multi-layer perceptron is y = f(W x + b) repeated, with every activation on offer."""
    network = build(MLP | {"activation": activation}, (5,))
    w1, b1, w2, b2, w3, b3 = give_weights(network)
    x, f = draw(6, 5), ACTIVATIONS[activation]
    expected = softmax(f(f(x @ w1 + b1) @ w2 + b2) @ w3 + b3)
    np.testing.assert_allclose(compute(network, x), expected, atol=1e-5)


@pytest.mark.parametrize("pooling", ["max", "average", "none"])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_convolution_and_pooling_compute_their_equations(pooling: str, padding: str) -> None:
    """Every filter is summed over its window and all channels; pooling takes 2x2 windows."""
    network = build(cnn(padding=padding, pool=pooling), (7, 6, 2))
    kernels, bias, w, b = give_weights(network)
    x = draw(3, 7, 6, 2)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))) if padding == "same" else x
    hidden = relu(convolve(padded, kernels, bias))
    if pooling != "none":
        hidden = pool(hidden, np.max if pooling == "max" else np.mean)
    expected = softmax(hidden.reshape(3, -1) @ w + b)
    np.testing.assert_allclose(compute(network, x), expected, atol=1e-5)


def test_a_convolution_slides_its_kernel_unflipped_by_hand() -> None:
    """O(0,0) = 1*1 + 2*10 + 4*100 + 5*1000, the kernel as it is written and not turned around."""
    network = build(cnn(filters=1, kernel=2, pool="none"), (3, 3, 1))
    kernel = np.array([[1, 10], [100, 1000]], dtype="float32").reshape(2, 2, 1, 1)
    network.get_layer("convolution_1").set_weights([kernel, np.zeros(1)])
    image = np.arange(1, 10, dtype="uint8").reshape(1, 3, 3, 1)
    convolved = compute(output_of(network, "convolution_1"), image)
    assert convolved.ravel().tolist() == [5421, 6532, 8754, 9865]


@pytest.mark.parametrize(
    ("pooling", "expected"), [("max", [4, 8, 9, 6]), ("average", [2.5, 6.5, 3, 3])]
)
def test_pooling_by_hand(pooling: str, expected: list[float]) -> None:
    """With a 1x1 kernel of weight 1 the convolution changes nothing, so only the pooling is seen."""
    network = build(cnn(filters=1, kernel=1, pool=pooling), (4, 4, 1))
    network.trainable_weights[0].assign(np.ones((1, 1, 1, 1)))
    image = np.array([[1, 2, 5, 6], [3, 4, 7, 8], [9, 1, 0, 6], [1, 1, 6, 0]], dtype="uint8")
    pooled = compute(output_of(network, "pooling_1"), image[None, :, :, None])
    assert pooled.ravel().tolist() == expected


@pytest.mark.parametrize("kind", CELLS)
def test_recurrent_cells_compute_their_equations(kind: str) -> None:
    """Two layers, the second over every step of the first; y = h W_hy + b_y of the last step."""
    network = build_forecaster(recurrent(kind, units=[3, 2]), (5, 2))
    *cells, W_hy, b_y = give_weights(network)
    x = draw(4, 5, 2)
    states = CELLS[kind](CELLS[kind](x, cells[:3]), cells[3:])
    expected = (states[:, -1] @ W_hy + b_y).reshape(4, 4, 2)
    np.testing.assert_allclose(compute(network, x), expected, atol=1e-5)


@pytest.mark.parametrize("kind", CELLS)
def test_both_directions_are_read_by_cells_of_their_own(kind: str) -> None:
    """The second cell begins at the end of the window; both last states go on side by side."""
    network = build_forecaster(recurrent(kind, bidirectional=True), (5, 2))
    *cells, W_hy, b_y = give_weights(network)
    x = draw(4, 5, 2)
    forward, backward = CELLS[kind](x, cells[:3]), CELLS[kind](x[:, ::-1], cells[3:])
    states = np.concatenate([forward[:, -1], backward[:, -1]], axis=1)
    expected = (states @ W_hy + b_y).reshape(4, 4, 2)
    np.testing.assert_allclose(compute(network, x), expected, atol=1e-5)


def test_an_lstm_forgets_by_its_gate_by_hand() -> None:
    """Gates wide open or shut: the cell sums what comes in, or holds only the last of it."""
    network = build_forecaster(recurrent("lstm", units=[1]), (3, 1), output_shape=(1, 1))
    x = np.array([[[0.1], [0.2], [0.3]]], dtype="float32")
    cell = output_of(network, "lstm_1")
    for forget, state in [
        (100.0, np.tanh(0.1) + np.tanh(0.2) + np.tanh(0.3)),
        (-100.0, np.tanh(0.3)),
    ]:
        weights = [np.array([[0.0, 0, 1, 0]]), np.zeros((1, 4)), np.array([100.0, forget, 0, 100])]
        network.get_layer("lstm_1").set_weights(weights)
        assert compute(cell, x).item() == pytest.approx(np.tanh(state), abs=1e-6)


@pytest.mark.parametrize("places", [(0, 1, 2), (2, 0)])
def test_a_forecast_from_the_last_value_adds_the_change(places: tuple[int, ...]) -> None:
    """The window less its last step goes in, and that step of the forecast columns is added."""
    spec = recurrent("gru", from_last_value=True)
    network = build_forecaster(
        spec,
        (5, 3),
        output_shape=(4, len(places)),
        target_places=places,
        mean=np.array([1.0, 2.0, 3.0]),
        variance=np.array([4.0, 9.0, 16.0]),
    )
    *cell, W_hy, b_y = give_weights(network)
    x = draw(6, 5, 3) * 10
    z = (x - [1.0, 2.0, 3.0]) / [2.0, 3.0, 4.0]
    state = CELLS["gru"](z - z[:, -1:], cell)[:, -1]
    change = (state @ W_hy + b_y).reshape(6, 4, len(places))
    expected = z[:, -1:, list(places)] + change
    np.testing.assert_allclose(compute(network, x), expected, atol=1e-5)


def test_a_forecast_from_the_last_value_moves_with_its_window() -> None:
    """A series that is 50 higher is forecast 50 higher, whatever the weights."""
    network = build_forecaster(recurrent("lstm", from_last_value=True), (6, 1))
    give_weights(network)
    x = draw(3, 6, 1)
    np.testing.assert_allclose(compute(network, x + 50), compute(network, x) + 50, atol=1e-4)


def test_softmax_and_cross_entropy_by_hand() -> None:
    """Scores of log 1, log 2 and log 5 are probabilities of 1/8, 2/8 and 5/8."""
    network = build(MLP | {"dense": []}, (3,))
    network.get_layer("output").set_weights([np.eye(3), np.zeros(3)])
    p = compute(network, np.log([[1.0, 2.0, 5.0]]))
    np.testing.assert_allclose(p, [[0.125, 0.25, 0.625]], atol=1e-6)
    loss = keras.losses.SparseCategoricalCrossentropy()(np.array([2]), p)
    assert float(loss) == pytest.approx(np.log(8 / 5), abs=1e-6)


def test_the_cross_entropy_is_the_mean_of_minus_log_p() -> None:
    """Integer codes stand for one-hot labels."""
    network = build(MLP, (5,))
    give_weights(network)
    p = compute(network, draw(6, 5))
    codes = np.array([0, 1, 2, 2, 1, 0])
    by_codes = keras.losses.SparseCategoricalCrossentropy()(codes, p)
    one_hot = keras.losses.CategoricalCrossentropy()(np.eye(3)[codes], p)
    expected = cross_entropy(p.astype("float64"), codes)
    assert float(by_codes) == pytest.approx(expected, abs=1e-5)
    assert float(one_hot) == pytest.approx(expected, abs=1e-5)


def test_two_classes_have_one_sigmoid_which_is_their_softmax() -> None:
    """sigmoid(z) = softmax(0, z)_1, the probability of the second class."""
    network = build(MLP, (5,), output_shape=(2,))
    w1, b1, w2, b2, w3, b3 = give_weights(network)
    x = draw(6, 5)
    z = np.tanh(np.tanh(x @ w1 + b1) @ w2 + b2) @ w3 + b3
    assert network.output_shape == (None, 1)
    p = compute(network, x)
    np.testing.assert_allclose(p, sigmoid(z), atol=1e-5)
    both = softmax(np.concatenate([np.zeros_like(z), z], axis=1))
    np.testing.assert_allclose(p[:, 0], both[:, 1], atol=1e-5)
    codes = np.array([0, 1, 1, 0, 1, 0])
    loss = keras.losses.BinaryCrossentropy()(codes[:, None], p)
    assert float(loss) == pytest.approx(cross_entropy(both, codes), abs=1e-5)


def test_batch_normalisation_of_dense_layers_in_training_and_after() -> None:
    """Training normalises by the batch and moves the averages a hundredth; predicting uses these."""
    network = build(MLP | {"dense": [4], "batch_normalization": True}, (5,))
    w1, gamma, beta, w2, b2 = give_weights(network)
    x = draw(8, 5) * 3
    a = x @ w1
    mean, variance = a.mean(axis=0), a.var(axis=0)
    in_batch = gamma * (a - mean) / np.sqrt(variance + EPSILON) + beta
    expected = softmax(np.tanh(in_batch) @ w2 + b2)
    np.testing.assert_allclose(compute(network, x, training=True), expected, atol=1e-5)
    moved_mean = (1 - MOMENTUM) * mean
    moved_variance = MOMENTUM * 1.0 + (1 - MOMENTUM) * variance
    moved = gamma * (a - moved_mean) / np.sqrt(moved_variance + EPSILON) + beta
    np.testing.assert_allclose(compute(network, x), softmax(np.tanh(moved) @ w2 + b2), atol=1e-5)


@pytest.mark.parametrize("pooling", ["max", "average", "none"])
def test_batch_normalisation_of_a_convolution_stands_behind_a_max_pooling(pooling: str) -> None:
    """Per filter over all rows and pixels: of what a max pooling leaves, but before an average."""
    network = build(cnn(pool=pooling) | {"batch_normalization": True}, (6, 6, 2))
    kernels, gamma, beta, w, b = give_weights(network)
    x = draw(3, 6, 6, 2)
    hidden = convolve(x, kernels)
    if pooling == "max":
        hidden = pool(hidden, np.max)
    mean, variance = hidden.mean(axis=(0, 1, 2)), hidden.var(axis=(0, 1, 2))
    hidden = relu(gamma * (hidden - mean) / np.sqrt(variance + EPSILON) + beta)
    if pooling == "average":
        hidden = pool(hidden, np.mean)
    expected = softmax(hidden.reshape(3, -1) @ w + b)
    np.testing.assert_allclose(compute(network, x, training=True), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_the_first_layer_standardises_as_scikit_learn_does(dtype: str) -> None:
    """Fitted on training images, applied to others, constant pixels only shifted."""
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    rng = np.random.default_rng(4)
    train = rng.integers(0, 256, (50, 4, 3, 1)).astype(dtype)
    train[:, 0, 0, 0] = 0  # constant in training, and not in the hold-out below
    train[:, 1, 1, 0] = 77
    holdout = rng.integers(0, 256, (20, 4, 3, 1)).astype(dtype)
    scaler = preprocessing.StandardScaler().fit(train.reshape(50, -1).astype("float64"))
    statistics = compute_statistics([train])
    network = build(
        cnn(kernel=2, pool="none"),
        (4, 3, 1),
        mean=statistics.mean,
        variance=statistics.scaling_variance,
    )
    expected = scaler.transform(holdout.reshape(20, -1).astype("float64")).reshape(20, 4, 3, 1)
    standardised = compute(output_of(network, "normalization"), holdout)
    np.testing.assert_allclose(standardised, expected, rtol=1e-6, atol=1e-5)
    assert np.abs(holdout[:, 0, 0, 0].astype(float)).max() > 0
    assert np.abs(standardised[:, 0, 0, 0]).max() <= 255


def test_features_of_a_window_are_standardised_over_all_steps() -> None:
    """One mean and one variance per feature, the same at every step."""
    mean, variance = np.array([1000.0, -2.0]), np.array([25.0, 4.0])
    network = build_forecaster(recurrent("rnn"), (4, 2), mean=mean, variance=variance)
    x = draw(3, 4, 2) * 5 + [1000.0, 0.0]
    expected = (x.astype("float32").astype("float64") - mean) / np.sqrt(variance)
    standardised = compute(output_of(network, "normalization"), x)
    np.testing.assert_allclose(standardised, expected, atol=1e-5)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_the_normalisation_keeps_its_digits_in_mixed_precision(precision: str) -> None:
    """Years near 2000 would all be the same in bfloat16, whose steps are 8 there."""
    network = build(
        MLP | {"precision": precision}, (1,), mean=np.array([2000.0]), variance=np.array([4.0])
    )
    years = np.array([[1998.0], [1999.0], [2003.0]])
    standardised = compute(output_of(network, "normalization"), years)
    assert standardised.ravel().tolist() == [-1.0, -0.5, 1.5]


def test_units_behind_a_forecast_undo_the_standardisation() -> None:
    """Every forecast column is scaled and shifted, at every step."""
    network = build_forecaster(recurrent("rnn"), (4, 2))
    give_weights(network)
    mean, scale = np.array([400.0, -1.0]), np.array([20.0, 0.5])
    x = draw(3, 4, 2)
    in_units = compute(add_output_rescaling(network, mean=mean, scale=scale), x)
    np.testing.assert_allclose(in_units, compute(network, x) * scale + mean, rtol=1e-6)


def test_dropout_keeps_the_mean_while_training_and_does_nothing_after() -> None:
    """The units that stay are divided by their share, so that nothing needs changing afterwards."""
    network = build(MLP | {"dense": [4000], "activation": "linear", "dropout": 0.25}, (1,))
    network.get_layer("dense_1").set_weights([np.ones((1, 4000)), np.zeros(4000)])
    dropped = output_of(network, "dense_1_dropout")
    x = np.ones((1, 1), dtype="float32")
    while_training = compute(dropped, x, training=True).ravel()
    assert sorted(set(np.round(while_training, 5))) == [0.0, pytest.approx(1 / 0.75, abs=1e-5)]
    assert (while_training == 0).mean() == pytest.approx(0.25, abs=0.03)
    assert (compute(dropped, x) == 1.0).all()


def test_the_published_network_has_693962_parameters() -> None:
    """Conv2D(32, 3x3), max pooling, Dense(128), Dense(10) on 28x28x1."""
    spec = cnn(filters=32) | {"dense": [128]}
    network = build(spec, (28, 28, 1), output_shape=(10,))
    assert sum(w.size for w in read_weights(network)) == 693_962


def test_the_page_names_code_and_tests_that_exist() -> None:
    """Every file of docs/mathematics.md is there, and every test stands in the file it names."""
    page = (PROJECT / "docs/mathematics.md").read_text(encoding="utf-8")
    tests = re.findall(r"`(?:(tests/[\w/]+\.py)::)?(test_\w+)`", page)
    assert len(tests) > 30
    for file, name in tests:
        code = PROJECT / file if file else Path(__file__)
        assert f"def {name}(" in code.read_text(encoding="utf-8"), name
    for file in re.findall(r"`(tasks/[\w/]+\.py)`", page):
        assert (PROJECT / file).is_file(), file

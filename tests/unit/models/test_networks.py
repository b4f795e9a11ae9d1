"""Networks compute what their equations say, survive saving, and refuse what cannot be built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from sklearn.preprocessing import StandardScaler

from tasks.errors import TrainingError
from tasks.models.networks import build_network
from tasks.training.statistics import compute_statistics

Array = npt.NDArray[Any]
MLP = {"kind": "mlp", "dense": [4, 3], "activation": "tanh", "dropout": 0.0}


def cnn(**block: Any) -> dict[str, Any]:
    convolution = {"filters": 2, "kernel": 3, "padding": "valid", "pool": "max"} | block
    return {
        "kind": "cnn",
        "convolutions": [convolution],
        "dense": [4],
        "activation": "relu",
        "dropout": 0.0,
    }


def build(spec: dict[str, Any], shape: tuple[int, ...], **changes: Any) -> keras.Model:
    settings = {
        "name": "tested",
        "input_shape": shape,
        "n_classes": 3,
        "mean": np.zeros(shape),
        "variance": np.ones(shape),
        "seed": 1,
    }
    return build_network(spec, **(settings | changes))


def give_biases(network: keras.Model) -> None:
    """Biases start at zero, where a forgotten one would not show."""
    rng = np.random.default_rng(5)
    for weight in network.trainable_weights:
        weight.assign(rng.normal(0.0, 0.5, weight.shape).astype("float32"))


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def convolve(images: Array, kernels: Array, bias: Array) -> Array:
    """O(i,j) = sum_p sum_q K(p,q) I(i+p, j+q), for every filter, over all channels."""
    k = len(kernels)
    n_rows, height, width, _ = images.shape
    out = np.zeros((n_rows, height - k + 1, width - k + 1, kernels.shape[3]))
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            window = images[:, i : i + k, j : j + k, :]
            out[:, i, j, :] = np.einsum("npqc,pqcf->nf", window, kernels) + bias
    return out


def pool(images: Array, reduce: Any) -> Array:
    height, width = images.shape[1] // 2, images.shape[2] // 2
    out = np.zeros((len(images), height, width, images.shape[3]))
    for i in range(height):
        for j in range(width):
            out[:, i, j] = reduce(images[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(1, 2))
    return out


def test_the_published_network_has_693962_parameters() -> None:
    """Conv2D(32, 3x3), max pooling, Dense(128), Dense(10) on 28x28x1."""
    spec = cnn(filters=32) | {"dense": [128]}
    network = build(spec, (28, 28, 1), n_classes=10)
    assert sum(np.prod(w.shape) for w in network.trainable_weights) == 693_962


def test_dense_layers_compute_f_of_wx_plus_b() -> None:
    """A multi-layer perceptron is y = f(W x + b) repeated, and a softmax."""
    network = build(MLP, (5,))
    give_biases(network)
    x = np.random.default_rng(1).normal(size=(6, 5)).astype("float32")
    w1, b1, w2, b2, w3, b3 = (w.numpy() for w in network.trainable_weights)
    expected = softmax(np.tanh(np.tanh(x @ w1 + b1) @ w2 + b2) @ w3 + b3)
    np.testing.assert_allclose(network.predict_on_batch(x), expected, atol=1e-5)


@pytest.mark.parametrize("pooling", ["max", "average", "none"])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_convolution_and_pooling_compute_their_equations(pooling: str, padding: str) -> None:
    """Every filter is summed over its window and all channels; pooling takes 2x2 windows."""
    network = build(cnn(padding=padding, pool=pooling), (7, 6, 2))
    give_biases(network)
    x = np.random.default_rng(2).normal(size=(3, 7, 6, 2)).astype("float32")
    kernels, bias, w1, b1, w2, b2 = (w.numpy() for w in network.trainable_weights)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))) if padding == "same" else x
    hidden = np.maximum(convolve(padded, kernels, bias), 0.0)
    if pooling != "none":
        hidden = pool(hidden, np.max if pooling == "max" else np.mean)
    hidden = np.maximum(hidden.reshape(3, -1) @ w1 + b1, 0.0)
    expected = softmax(hidden @ w2 + b2)
    np.testing.assert_allclose(network.predict_on_batch(x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("pooling", "expected"), [("max", [4, 8, 9, 6]), ("average", [2.5, 6.5, 3, 3])]
)
def test_pooling_by_hand(pooling: str, expected: list[float]) -> None:
    """With a 1x1 kernel of weight 1 the convolution changes nothing, so only the pooling is seen."""
    network = build(cnn(filters=1, kernel=1, pool=pooling), (4, 4, 1))
    network.trainable_weights[0].assign(np.ones((1, 1, 1, 1)))
    image = np.array([[1, 2, 5, 6], [3, 4, 7, 8], [9, 1, 0, 6], [1, 1, 6, 0]], dtype="uint8")
    pooling_layer = next(layer for layer in network.layers if "pooling" in layer.name)
    pooled = keras.Model(network.input, pooling_layer.output).predict_on_batch(
        image[None, :, :, None]
    )
    assert pooled.ravel().tolist() == expected


def normalisation_of(network: keras.Model) -> keras.Model:
    layer = next(la for la in network.layers if isinstance(la, keras.layers.Normalization))
    return keras.Model(network.input, layer.output)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_the_first_layer_standardises_as_scikit_learn_does(dtype: str) -> None:
    """Fitted on training images, applied to others, constant pixels only shifted."""
    rng = np.random.default_rng(4)
    train = rng.integers(0, 256, (50, 4, 3, 1)).astype(dtype)
    train[:, 0, 0, 0] = 0  # constant in training, and not in the hold-out below
    train[:, 1, 1, 0] = 77
    holdout = rng.integers(0, 256, (20, 4, 3, 1)).astype(dtype)
    scaler = StandardScaler().fit(train.reshape(50, -1).astype("float64"))
    statistics = compute_statistics([train])
    network = build(
        cnn(kernel=2, pool="none"),
        (4, 3, 1),
        mean=statistics.mean,
        variance=statistics.scaling_variance,
    )
    expected = scaler.transform(holdout.reshape(20, -1).astype("float64")).reshape(20, 4, 3, 1)
    standardised = normalisation_of(network).predict_on_batch(holdout)
    np.testing.assert_allclose(standardised, expected, rtol=1e-6, atol=1e-5)
    assert np.abs(holdout[:, 0, 0, 0].astype(float)).max() > 0
    assert np.abs(standardised[:, 0, 0, 0]).max() <= 255


def test_uint8_and_float_images_give_the_same(images: Array) -> None:
    """Images stay uint8 until the network makes numbers of them."""
    network = build(cnn(), (6, 6, 1))
    as_floats = network.predict_on_batch(images.astype("float32"))
    np.testing.assert_array_equal(network.predict_on_batch(images), as_floats)


def test_a_saved_network_predicts_the_same_when_loaded_safely(
    tmp_path: Path, images: Array
) -> None:
    """Nothing in the file needs our code or runs any."""
    network = build(
        cnn() | {"dropout": 0.5},
        (6, 6, 1),
        mean=np.full((6, 6, 1), 99.1),
        variance=np.full((6, 6, 1), 5.3),
    )
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", compile=False, safe_mode=True)
    np.testing.assert_array_equal(loaded.predict_on_batch(images), network.predict_on_batch(images))


def test_the_seed_decides_the_initial_weights() -> None:
    """The same seed gives the same weights, another seed others."""
    first, same, other = (build(MLP, (5,), seed=s).get_weights()[-2] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.01


@pytest.mark.parametrize(("dropout", "n_dropouts"), [(0.0, 0), (0.25, 2)])
def test_dropout_follows_every_dense_layer(dropout: float, n_dropouts: int) -> None:
    """A share of 0 adds no layer at all."""
    layers = build(MLP | {"dropout": dropout}, (5,)).layers
    found = [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)]
    assert found == [dropout] * n_dropouts


@pytest.mark.parametrize(
    ("spec", "shape", "changes", "message"),
    [
        (MLP | {"kind": "mpl"}, (5,), {}, r"(?s)'tested' is of the kind 'mpl'.*'mlp', perhaps"),
        (MLP, (5,), {"n_classes": 1}, r"'tested' has 1 class"),
        (
            cnn(kernel=7),
            (6, 6, 1),
            {},
            r"'tested' cannot be built: convolution 1 \(7x7 on \(6, 6\)",
        ),
        (cnn(kernel=3), (3, 3, 1), {}, r"'tested' cannot be built: .* \(1, 1\) pixels, too few"),
        (cnn(), (5,), {}, r"'tested' cannot be built: a cnn needs images"),
        (MLP | {"activation": "rellu"}, (5,), {}, r"'tested' cannot be built: .*rellu"),
    ],
)
def test_what_cannot_be_built_names_the_candidate(
    spec: dict[str, Any], shape: tuple[int, ...], changes: dict[str, Any], message: str
) -> None:
    """The message says which candidate and which layer, and what would have fitted."""
    with pytest.raises(TrainingError, match=message):
        build(spec, shape, **changes)

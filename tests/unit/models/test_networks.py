"""Networks are built as their settings say, survive saving, and refuse what cannot be built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from mathematics_support import Array, build, build_forecaster, compute

from tasks.errors import TrainingError
from tasks.models.networks import add_output_rescaling

MLP: dict[str, Any] = {"kind": "mlp", "dense": [4, 3], "activation": "tanh", "dropout": 0.0}
LSTM: dict[str, Any] = {
    "kind": "lstm",
    "units": [3, 2],
    "bidirectional": True,
    "dense": [4],
    "activation": "relu",
    "dropout": 0.5,
    "from_last_value": True,
}


def cnn(**block: Any) -> dict[str, Any]:
    convolution = {"filters": 2, "kernel": 3, "padding": "valid", "pool": "max"} | block
    return {"kind": "cnn", "convolutions": [convolution], "dense": [4], "activation": "relu"}


def draw(*shape: int) -> Array:
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def names_of(network: keras.Model) -> list[str]:
    return [layer.name for layer in network.layers]


@pytest.mark.parametrize(
    ("kind", "output_shape", "built"),
    [
        ("classification", (3,), (None, 3)),
        ("classification", (2,), (None, 1)),
        ("regression", (1,), (None, 1)),
        ("forecast", (4, 2), (None, 4, 2)),
    ],
)
@pytest.mark.parametrize("layers", ["mlp", "rnn", "lstm", "gru"])
def test_every_question_has_its_head(
    layers: str, kind: str, output_shape: tuple[int, ...], built: tuple[int | None, ...]
) -> None:
    """Probabilities, one probability of two, a number, or the steps of every forecast column."""
    spec = MLP | {"kind": layers, "units": [3]}
    network = build_forecaster(spec, (5, 2), kind=kind, output_shape=output_shape)
    assert network.output_shape == built
    assert network.name == "tested"


def test_layers_are_named_by_what_they_are() -> None:
    """The same names in every process, in the order in which a row goes through them."""
    network = build_forecaster(LSTM | {"bidirectional": False, "batch_normalization": True}, (5, 2))
    assert names_of(network) == [
        "rows",
        "normalization",
        "last_value",
        "change_from_last_value",
        "lstm_1",
        "lstm_1_dropout",
        "lstm_2",
        "lstm_2_dropout",
        "dense_1",
        "dense_1_normalization",
        "dense_1_activation",
        "dense_1_dropout",
        "output",
        "steps",
        "forecast",
    ]


def test_convolution_blocks_follow_each_other_until_the_dense_layers() -> None:
    """Each with its own padding and pooling."""
    blocks = [
        {"filters": 4, "kernel": 3, "padding": "same", "pool": "average"},
        {"filters": 5, "kernel": 3, "padding": "valid", "pool": "none"},
    ]
    network = build(cnn() | {"convolutions": blocks}, (8, 8, 1))
    assert names_of(network)[2:6] == ["convolution_1", "pooling_1", "convolution_2", "flatten"]
    assert network.get_layer("convolution_2").output.shape == (None, 2, 2, 5)


@pytest.mark.parametrize(("dropout", "n_dropouts"), [(0.0, 0), (0.25, 2)])
def test_dropout_follows_every_dense_layer(dropout: float, n_dropouts: int) -> None:
    """A share of 0 adds no layer at all."""
    layers = build(MLP | {"dropout": dropout}, (5,)).layers
    found = [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)]
    assert found == [dropout] * n_dropouts


def test_only_a_forecast_begins_with_its_last_value() -> None:
    """A class or a number has nothing to add the last value back to."""
    network = build_forecaster(LSTM, (5, 2), kind="regression", output_shape=(1,))
    assert "last_value" not in names_of(network)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("spec", [MLP, cnn(), LSTM], ids=lambda spec: spec["kind"])
def test_mixed_precision_is_the_layers_own(spec: dict[str, Any], precision: str) -> None:
    """Hidden layers compute in 16 bits, both ends and all weights in 32; nothing else changes."""
    before = keras.config.dtype_policy().name
    spec = spec | {"precision": precision, "batch_normalization": True}
    if spec["kind"] == "lstm":
        network, x = build_forecaster(spec, (5, 2)), draw(3, 5, 2)
    else:
        shape = (5,) if spec["kind"] == "mlp" else (6, 6, 1)
        network, x = build(spec, shape), draw(3, *shape)
    assert keras.config.dtype_policy().name == before
    ends = {"normalization", "last_value", "change_from_last_value", "output", "steps", "forecast"}
    for layer in network.layers[1:]:
        expected = "float32" if layer.name in ends else precision
        assert layer.dtype_policy.name == expected, layer.name
    assert {w.dtype for w in network.trainable_weights} == {"float32"}
    assert compute(network, x).dtype == np.float32


def test_uint8_and_float_images_give_the_same(images: Array) -> None:
    """Images stay uint8 until the network makes numbers of them."""
    network = build(cnn(), (6, 6, 1))
    as_floats = network.predict_on_batch(images.astype("float32"))
    np.testing.assert_array_equal(network.predict_on_batch(images), as_floats)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("layers", ["mlp", "cnn", "rnn", "lstm", "gru"])
def test_a_saved_network_predicts_the_same_when_loaded_safely(
    tmp_path: Path, layers: str, precision: str
) -> None:
    """Nothing in the file needs our code or runs any."""
    settings = {"kind": layers, "precision": precision, "batch_normalization": True}
    if layers == "cnn":
        shape: tuple[int, ...] = (6, 6, 1)
        network = build(
            cnn() | settings,
            shape,
            mean=np.full(shape, 99.1),
            variance=np.full(shape, 5.3),
        )
    else:
        shape = (5, 3)
        network = build_forecaster(
            LSTM | settings,
            (5, 3),
            output_shape=(4, 2),
            target_places=(2, 0),
            mean=np.array([1.1, 2.2, 3.3]),
        )
        network = add_output_rescaling(
            network, mean=np.array([0.1, 1e4]), scale=np.array([1.7, 30.0])
        )
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", compile=False, safe_mode=True)
    x = draw(3, *shape)
    np.testing.assert_array_equal(compute(loaded, x), compute(network, x))


def test_units_share_the_weights_and_leave_the_optimizer() -> None:
    """What is saved is what was trained, without the state of training."""
    network = build(MLP, (5,), kind="regression", output_shape=(1,))
    network.compile("adam", "mse")
    in_units = add_output_rescaling(network, mean=np.array([50.0]), scale=np.array([10.0]))
    assert all(
        ours is theirs for ours, theirs in zip(in_units.weights, network.weights, strict=True)
    )
    assert not in_units.compiled
    assert in_units.name == "tested"


def test_the_seed_decides_the_initial_weights() -> None:
    """The same seed gives the same weights, another seed others."""
    first, same, other = (build(MLP, (5,), seed=s).get_weights()[-2] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.01


CANNOT = r"(?s)'tested' cannot be built: "


@pytest.mark.parametrize(
    ("spec", "shape", "changes", "message"),
    [
        (MLP | {"kind": "mpl"}, (5,), {}, r"(?s)'tested' is of the kind 'mpl'.*'mlp', perhaps"),
        (MLP, (5,), {"kind": "forcast"}, r"(?s)'tested' is asked for 'forcast'.*'forecast', perh"),
        (MLP, (5,), {"output_shape": (1,)}, r"'tested' has 1 class"),
        (cnn(kernel=7), (6, 6, 1), {}, CANNOT + r"convolution 1 \(7x7 on \(6, 6\)"),
        (cnn(kernel=3), (3, 3, 1), {}, CANNOT + r".* \(1, 1\) pixels, too few"),
        (cnn(), (5,), {}, CANNOT + r"a cnn needs images.*'kind: mlp'"),
        (LSTM, (6, 6, 1), {}, CANNOT + r"the layer lstm_1 needs windows.*\(6, 6, 1\).*'kind: cnn'"),
        (LSTM | {"kind": "gru"}, (5,), {"kind": "regression"}, CANNOT + r"the layer gru_1 needs"),
        (LSTM, (5,), {"kind": "forecast"}, CANNOT + r"only a window has a last value"),
        (MLP | {"activation": "rellu"}, (5,), {}, CANNOT + r".*rellu"),
        (MLP | {"precision": "mixed_bfloat17"}, (5,), {}, CANNOT + r".*mixed_bfloat17"),
    ],
)
def test_what_cannot_be_built_names_the_candidate(
    spec: dict[str, Any], shape: tuple[int, ...], changes: dict[str, Any], message: str
) -> None:
    """The message says which candidate and which layer, and what would have fitted."""
    with pytest.raises(TrainingError, match=message):
        build(spec, shape, **changes)


@pytest.mark.parametrize("places", [(0,), (0, 2), (0, 1, 1)])
def test_places_that_are_no_forecast_columns_are_refused(places: tuple[int, ...]) -> None:
    """One place for every column, among the features."""
    with pytest.raises(TrainingError, match=r"'tested' cannot be built: 2 columns .* features"):
        build_forecaster(LSTM, (5, 2), target_places=places)

"""An exported network says what Keras says, whatever its layers; or it is not served at all."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
import pytest

from tasks.errors import ModelError
from tasks.models import onnx_export as module
from tasks.models.forecasters import build_linear_forecaster, build_naive_forecaster
from tasks.models.networks import add_output_rescaling, build_network
from tasks.models.onnx_export import (
    TOLERANCE,
    build_onnx_model,
    export_network,
    measure_difference,
)
from tasks.models.onnx_network import load_onnx_network
from tasks.workflow import CnnCandidate, MlpCandidate, RecurrentCandidate

ACTIVATIONS = ["relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "linear"]
CNN = {
    "kind": "cnn",
    "convolutions": [
        {"filters": 4, "kernel": 3, "padding": "same", "pool": "average"},
        {"filters": 3, "kernel": 2, "padding": "valid", "pool": "max"},
        {"filters": 2, "kernel": 2, "padding": "same", "pool": "none"},
    ],
    "dense": [5],
    "dropout": 0.3,
}
WINDOW, HORIZON, N_FEATURES, PLACES = 12, 4, 3, [2, 0]


def make_network(spec: dict[str, Any], kind: str, shape: tuple[int, ...], n_out: int) -> Any:
    """Build a candidate's network, and give every weight a value that training could have found."""
    models = {"cnn": CnnCandidate, "mlp": MlpCandidate}
    settings = models.get(spec["kind"], RecurrentCandidate).model_validate(spec).model_dump()
    rng = np.random.default_rng(4)
    n_axes = (shape[-1],) if kind == "forecast" else shape
    network = build_network(
        settings,
        name="network",
        kind=kind,
        input_shape=shape,
        output_shape=(HORIZON, n_out) if kind == "forecast" else (n_out,),
        mean=rng.normal(size=n_axes),
        variance=rng.uniform(0.5, 2.0, size=n_axes),
        target_places=PLACES if kind == "forecast" else (),
        seed=1,
    )
    weights = [w + rng.uniform(0.0, 0.2, size=w.shape) for w in network.get_weights()]
    network.set_weights(weights)
    if kind == "classification":
        return network
    return add_output_rescaling(network, mean=np.full(n_out, 40.0), scale=np.full(n_out, 5.0))


def export(
    network: keras.Model, folder: Path, kind: Any, rows: npt.NDArray[Any] | None = None
) -> tuple[module.Export, Path]:
    """Save a network and export it."""
    network.save(folder / "network.keras")
    target = folder / "network.onnx"
    return export_network(folder / "network.keras", target, kind=kind, rows=rows), target


def check(network: keras.Model, folder: Path, kind: Any) -> None:
    """Export, and ask both about rows that the export has not seen; as many as it likes."""
    found, file = export(network, folder, kind)
    assert found.problem is None
    assert found.max_difference is not None
    assert found.max_difference <= TOLERANCE
    compute = load_onnx_network(file)
    rows = np.random.default_rng(5).normal(size=(9, *network.input_shape[1:])).astype(np.float32)
    expected = keras.ops.convert_to_numpy(network(rows, training=False))
    assert np.abs(expected).max() > 0.01
    for n_rows in (1, 2, 9):
        np.testing.assert_allclose(compute(rows[:n_rows]), expected[:n_rows], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("batch_normalization", [False, True])
def test_a_cnn_with_every_activation(
    tmp_path: Path, activation: str, batch_normalization: bool
) -> None:
    """Three blocks with both paddings and poolings, on images that are not square, of two channels."""
    changes = {"activation": activation, "batch_normalization": batch_normalization}
    network = make_network({**CNN, **changes}, "classification", (9, 7, 2), 3)
    check(network, tmp_path, "classification")


@pytest.mark.parametrize(
    ("kind", "n_out"), [("classification", 2), ("classification", 4), ("regression", 1)]
)
@pytest.mark.parametrize("shape", [(5,), (4, 3, 1)])
def test_an_mlp_with_every_head(
    tmp_path: Path, kind: str, n_out: int, shape: tuple[int, ...]
) -> None:
    """One probability, several that sum to one, and a number in its own unit."""
    spec = {"kind": "mlp", "dense": [6, 4], "batch_normalization": True}
    check(make_network(spec, kind, shape, n_out), tmp_path, kind)


@pytest.mark.parametrize("from_last_value", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_recurrent_network_in_one_direction_and_both(
    tmp_path: Path, cell: str, bidirectional: bool, from_last_value: bool
) -> None:
    """Stacked cells, whose gates ONNX keeps in another order than Keras."""
    spec = {
        "kind": cell,
        "units": [5, 4],
        "dense": [6],
        "bidirectional": bidirectional,
        "from_last_value": from_last_value,
        "dropout": 0.2,
    }
    network = make_network(spec, "forecast", (WINDOW, N_FEATURES), len(PLACES))
    check(network, tmp_path, "forecast")


def test_an_mlp_of_windows(tmp_path: Path) -> None:
    """A window laid out flat; a forecast has its steps and columns again."""
    network = make_network({"kind": "mlp"}, "forecast", (WINDOW, N_FEATURES), len(PLACES))
    check(network, tmp_path, "forecast")


def test_the_baselines_of_series(tmp_path: Path) -> None:
    """They are Keras models too: values picked out, and sums along axes."""
    rng = np.random.default_rng(2)
    naive = build_naive_forecaster(
        name="naive", window=WINDOW, n_features=N_FEATURES, columns=PLACES, horizon=5, season=4
    )
    linear = build_linear_forecaster(
        name="linear",
        n_features=N_FEATURES,
        columns=PLACES,
        weights=rng.normal(size=(len(PLACES), WINDOW, HORIZON)),
        intercepts=rng.normal(size=(HORIZON, len(PLACES))),
    )
    for name, network in (("naive", naive), ("linear", linear)):
        (tmp_path / name).mkdir()
        check(network, tmp_path / name, "forecast")


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_exported_in_float32(tmp_path: Path, precision: str) -> None:
    """The weights are float32 anyway: the answers are near those of training, and nearer to exact ones."""
    spec = {**CNN, "precision": precision, "batch_normalization": True}
    network = make_network(spec, "classification", (9, 7, 2), 3)
    found, file = export(network, tmp_path, "classification")
    assert found.problem is None
    assert found.precision == precision
    exact = make_network({**spec, "precision": "float32"}, "classification", (9, 7, 2), 3)
    rows = np.random.default_rng(5).normal(size=(9, 9, 7, 2)).astype(np.float32)
    said = load_onnx_network(file)(rows)
    np.testing.assert_allclose(said, keras.ops.convert_to_numpy(exact(rows)), atol=1e-5)
    np.testing.assert_allclose(said, keras.ops.convert_to_numpy(network(rows)), atol=0.05)


def test_a_layer_that_is_not_known_is_left_to_keras(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No error: a line in the log, no file, and a reason that names the layer."""
    inputs = keras.Input((4, 1))
    network = keras.Model(inputs, keras.layers.UpSampling1D(2, name="twice")(inputs))
    with caplog.at_level(logging.WARNING):
        found, file = export(network, tmp_path, "forecast")
    assert "The layer 'twice' is a UpSampling1D" in str(found.problem)
    assert not file.exists()
    assert "Keras will serve it: The layer 'twice'" in caplog.text


def test_an_activation_that_is_not_known_is_named(tmp_path: Path) -> None:
    """The message names the layer and the activation."""
    inputs = keras.Input((4,))
    network = keras.Model(inputs, keras.layers.Dense(2, activation="mish", name="fish")(inputs))
    with pytest.raises(ModelError, match="'fish' has the activation 'mish'"):
        build_onnx_model(network)


def test_a_network_of_two_inputs_is_left_to_keras() -> None:
    """A predictor gives one array."""
    one, other = keras.Input((2,)), keras.Input((2,))
    with pytest.raises(ModelError, match="2 inputs and 1 outputs"):
        build_onnx_model(keras.Model([one, other], keras.layers.Add()([one, other])))


def test_answers_that_differ_are_not_served(tmp_path: Path) -> None:
    """A layer whose setting nothing here looks at: the check finds it on the answers themselves."""
    inputs = keras.Input((4, 1))
    backwards = keras.layers.LSTM(3, go_backwards=True)(inputs)
    found, file = export(keras.Model(inputs, backwards), tmp_path, "regression")
    assert "its answers differ from Keras's by" in str(found.problem)
    assert found.max_difference is not None
    assert found.max_difference > TOLERANCE
    assert not file.exists()


def test_real_rows_are_compared_too(tmp_path: Path) -> None:
    """They count like the random ones: here one for which neither has a number to say."""
    inputs = keras.Input((1,))
    network = keras.Model(inputs, keras.layers.Rescaling(1.0)(inputs))
    found, _ = export(network, tmp_path, "regression", np.array([[3.0], [4.0]]))
    assert (found.problem, found.n_rows) == (None, module.N_RANDOM_ROWS + 2)
    found, file = export(network, tmp_path, "regression", np.array([[np.nan]]))
    assert "differ" in str(found.problem)
    assert not file.exists()


def test_a_file_that_is_no_network_is_a_finding(tmp_path: Path) -> None:
    """Packaging goes on; whoever needs the Keras file says what is wrong with it."""
    (tmp_path / "network.keras").write_text("nothing", encoding="utf-8")
    found = export_network(tmp_path / "network.keras", tmp_path / "x.onnx", kind="regression")
    assert "cannot be loaded as a model" in str(found.problem)


def test_an_own_interpreter_gives_the_same_file_without_keras_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a machine with cards does: this process does not even load the network."""
    network = make_network({"kind": "mlp"}, "classification", (5,), 3)
    rows = np.ones((2, 5), dtype=np.float32)
    here, file = export(network, tmp_path, "classification", rows)

    def refuse(*_: object) -> None:
        raise AssertionError("this process has loaded the network")

    monkeypatch.setattr(module, "load_network", refuse)
    there = export_network(
        tmp_path / "network.keras",
        tmp_path / "there.onnx",
        kind="classification",
        rows=rows,
        in_own_interpreter=True,
    )
    assert (there.problem, there.n_rows) == (None, here.n_rows)
    assert (tmp_path / "there.onnx").read_bytes() == file.read_bytes()


def test_an_own_interpreter_that_fails_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason has the last line that it wrote."""
    monkeypatch.setattr(module.sys, "executable", "/bin/false")
    found = export_network(
        tmp_path / "a.keras", tmp_path / "a.onnx", kind="regression", in_own_interpreter=True
    )
    assert "ended with the code 1" in str(found.problem)


@pytest.mark.parametrize(
    ("expected", "found", "kind", "difference"),
    [
        ([[0.2, 0.8]], [[0.25, 0.75]], "classification", 0.05),
        # A column's deviation is 2; a constant one has a hundredth of its value, here 1.
        ([[2.0, 100.0], [6.0, 100.0]], [[2.0, 100.5], [7.0, 100.0]], "regression", 0.5),
        ([[0.0], [0.0]], [[0.0], [0.25]], "regression", 0.25),
        ([[1.0]], [[np.nan]], "regression", np.inf),
        ([[np.nan]], [[1.0]], "classification", np.inf),
        ([[1.0], [2.0]], [[1.0]], "regression", np.inf),
    ],
)
def test_differences_are_shares_of_what_a_column_varies(
    expected: Any, found: Any, kind: Any, difference: float
) -> None:
    """Probabilities as they are; numbers as shares of their deviation; what is no number differs."""
    measured = measure_difference(np.array(expected), np.array(found), kind)
    assert measured == pytest.approx(difference)


def test_the_file_takes_any_number_of_rows_and_is_sound(tmp_path: Path) -> None:
    """ONNX's own checker, with shapes; the first axis has a name and no length."""
    network = make_network({"kind": "mlp"}, "classification", (5,), 3)
    model = build_onnx_model(network)
    onnx.checker.check_model(model, full_check=True)
    (given,) = model.graph.input
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["n_rows", 5]

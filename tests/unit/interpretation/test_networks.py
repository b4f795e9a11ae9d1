"""What the explanations ask of a network: probabilities, their gradients, and its mean input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.errors import InterpretationError
from tasks.interpretation.networks import ExplainedNetwork

MEAN = np.array([1.0, -2.0])
KERNEL = np.array([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]])
X = np.array([[1.0, 2.0], [-3.0, 0.5], [2.0, -1.0]], dtype=np.float32)


def build(n_outputs: int, activation: str) -> ExplainedNetwork:
    import keras

    network = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Normalization(mean=MEAN, variance=[4.0, 1.0]),
            keras.layers.Dense(n_outputs, activation=activation),
        ]
    )
    network.layers[-1].set_weights([KERNEL[:, :n_outputs], np.zeros(n_outputs)])
    return ExplainedNetwork(network)


def softmax(x: np.ndarray) -> np.ndarray:
    z = (x - MEAN) / [2.0, 1.0] @ KERNEL
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def test_probabilities_are_of_the_class_that_is_asked_for() -> None:
    """One class per row, in NumPy's figures."""
    codes = np.array([2, 0, 1])
    found = build(3, "softmax").compute_probabilities(X, codes)
    assert found == pytest.approx(softmax(X)[[0, 1, 2], codes], abs=1e-6)


def test_one_output_is_the_second_class() -> None:
    """Of a network of two classes the first has what is left, and the opposite gradient."""
    network = build(1, "sigmoid")
    first, second = np.zeros(3, np.int64), np.ones(3, np.int64)
    p = 1 / (1 + np.exp(-((X - MEAN) / [2.0, 1.0] @ KERNEL[:, 0])))
    assert network.compute_probabilities(X, second) == pytest.approx(p, abs=1e-6)
    assert network.compute_probabilities(X, first) == pytest.approx(1 - p, abs=1e-6)
    gradients = (p * (1 - p))[:, np.newaxis] * KERNEL[:, 0] / [2.0, 1.0]
    assert network.compute_gradients(X, second) == pytest.approx(gradients, abs=1e-6)
    assert network.compute_gradients(X, first) == pytest.approx(-gradients, abs=1e-6)


def test_gradients_are_the_differences_of_probabilities() -> None:
    """Of softmax, by finite differences in NumPy."""
    codes, step = np.array([2, 0, 1]), 1e-5
    wide = X.astype(np.float64)
    expected = np.stack(
        [
            (softmax(wide + step * e) - softmax(wide - step * e))[[0, 1, 2], codes] / (2 * step)
            for e in np.eye(2)
        ],
        axis=1,
    )
    assert build(3, "softmax").compute_gradients(X, codes) == pytest.approx(expected, abs=1e-5)


def test_the_mean_input_is_what_the_first_layer_subtracts() -> None:
    """In the shape of an input."""
    mean = build(3, "softmax").find_mean()
    assert mean.tolist() == MEAN.tolist()


def test_many_rows_are_predicted_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same figures."""
    network = build(3, "softmax")
    whole = network.predict(X)
    monkeypatch.setattr("tasks.interpretation.networks.ROWS_PER_BATCH", 2)
    assert network.predict(X) == pytest.approx(whole)


def test_a_network_without_normalisation_has_no_mean() -> None:
    """It was not built here."""
    import keras

    bare = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)], name="bare")
    with pytest.raises(InterpretationError, match="'bare' has no normalisation"):
        ExplainedNetwork(bare).find_mean()


def test_a_model_that_is_no_network_is_refused(tmp_path: Path) -> None:
    """A folder without network.keras."""
    with pytest.raises(InterpretationError, match=r"no network\.keras"):
        ExplainedNetwork.load(tmp_path)

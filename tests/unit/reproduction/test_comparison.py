"""Two saved networks are compared bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tasks.reproduction import Weights, compare_weights


def save(file: Path, kernel: Sequence[Sequence[float]]) -> Path:
    """A dense layer without a bias as a saved network."""
    import keras

    weights = np.array(kernel, dtype=np.float32)
    layer = keras.layers.Dense(weights.shape[1], use_bias=False)
    network = keras.Sequential([keras.Input((weights.shape[0],)), layer])
    layer.set_weights([weights])
    network.save(file)
    return file


@pytest.mark.parametrize(
    ("repeated", "expected"),
    [
        ([[1.0, 2.0], [0.0, 4.0]], Weights(4, 0, 0.0)),
        ([[1.0, 2.5], [0.0, 3.0]], Weights(4, 2, 1.0)),
        ([[1.0, 2.0], [-0.0, 4.0]], Weights(4, 1, 0.0)),
        ([[1.0, 2.0, 3.0], [0.0, 4.0, 5.0]], Weights(4, 4, None)),
    ],
    ids=["same", "two others", "another bit", "another layer"],
)
def test_weights_are_compared_bit_for_bit(
    tmp_path: Path, repeated: list[list[float]], expected: Weights
) -> None:
    """How many differ and by how much; layers of another shape share nothing."""
    registered = save(tmp_path / "then.keras", [[1.0, 2.0], [0.0, 4.0]])
    assert compare_weights(registered, save(tmp_path / "now.keras", repeated)) == expected

"""A network is compiled with what fits its head and its candidate's settings."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from training_support import IMAGES, MLP, PRICES, WAVES

from tasks.preparation import Preparation
from tasks.training.compilation import compile_network

DIGITS = Preparation("digit", (0, 1, 2), None, None, ("width", "height"))


def compile_line(preparation: Preparation, changes: dict[str, Any]) -> keras.Model:
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    compile_network(network, MLP | changes, preparation, n_batches=10)
    return network


@pytest.mark.parametrize(
    ("preparation", "loss"),
    [
        (IMAGES, keras.losses.BinaryCrossentropy),
        (DIGITS, keras.losses.SparseCategoricalCrossentropy),
        (PRICES, keras.losses.MeanSquaredError),
        (WAVES, keras.losses.MeanSquaredError),
    ],
    ids=["two classes", "three classes", "number", "forecast"],
)
def test_the_loss_is_that_of_the_head(preparation: Preparation, loss: type) -> None:
    """Two classes have one probability, more have one each; numbers have squared errors."""
    assert isinstance(compile_line(preparation, {}).loss, loss)


def test_the_schedule_spans_the_batches_of_all_epochs() -> None:
    """4 epochs of 10 batches, of which a tenth is warm-up."""
    changes = {"schedule": "cosine", "epochs": 4, "warmup": 0.1}
    configured = compile_line(IMAGES, changes).optimizer.get_config()["learning_rate"]["config"]
    assert (configured["n_updates"], configured["n_warmup"]) == (40, 4)


@pytest.mark.parametrize(
    ("precision", "is_scaled"),
    [("float32", False), ("mixed_bfloat16", False), ("mixed_float16", True)],
)
def test_the_loss_is_scaled_where_gradients_would_be_lost(precision: str, is_scaled: bool) -> None:
    """bfloat16 has float32's range of exponents and needs no scaling."""
    optimizer = compile_line(IMAGES, {"precision": precision}).optimizer
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer) == is_scaled


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_xla_is_used_as_the_candidate_says(is_asked_for: bool) -> None:
    """Only where it says nothing does the device decide."""
    assert compile_line(IMAGES, {"xla": is_asked_for}).jit_compile is is_asked_for

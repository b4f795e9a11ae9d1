"""What a network is compiled with: its loss, metric and optimizer, and how its steps are executed.

Used by ``tasks.training.trainer``; Keras 3 on any backend.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tasks.preparation import Preparation
from tasks.training.data.batches import choose_steps
from tasks.training.progress import MEASURE_OF
from tasks.training.schedules import make_schedule

# Batches that TensorFlow runs between two visits to Python: the same updates, about a fifth less CPU
# time on MNIST at batches of 32 (one run of two epochs; 20 and 50 were alike).
STEPS_PER_EXECUTION = 50


def compile_network(
    network: keras.Model, spec: Mapping[str, Any], preparation: Preparation, *, n_batches: int
) -> None:
    """Compile a network for one training.

    Parameters
    ----------
    network : keras.Model
        Compiled in place.
    spec : mapping
        The candidate's settings, as in the workflow file.
    preparation : Preparation
        Says what is predicted.
    n_batches : int
        Of an epoch; the learning rate's schedule spans those of all epochs.
    """
    network.compile(
        optimizer=_make_optimizer(spec, n_batches),
        loss=_make_loss(preparation),
        metrics=[MEASURE_OF[preparation.kind]],
        steps_per_execution=choose_steps(
            n_batches, spec["steps_per_execution"] or STEPS_PER_EXECUTION
        ),
        jit_compile=_choose_jit(spec["xla"]),
    )


def _make_optimizer(spec: Mapping[str, Any], n_batches: int) -> keras.optimizers.Optimizer:
    """Make Adam with the candidate's schedule and clipping."""
    rate = make_schedule(
        spec["schedule"], spec["learning_rate"], spec["warmup"], spec["epochs"] * n_batches
    )
    adam = keras.optimizers.Adam(rate, global_clipnorm=spec["clip_norm"])
    if spec["precision"] == "mixed_float16":
        # Half precision has no gradients below 6e-8: the loss is scaled up before they are taken.
        return keras.optimizers.LossScaleOptimizer(adam)
    return adam


def _make_loss(preparation: Preparation) -> keras.losses.Loss:
    """Make the loss that fits the network's head."""
    if preparation.kind != "classification":
        return keras.losses.MeanSquaredError()
    if len(preparation.classes) == 2:
        return keras.losses.BinaryCrossentropy()
    return keras.losses.SparseCategoricalCrossentropy()


def _choose_jit(setting: bool | None) -> bool | str:
    """Choose whether XLA compiles the steps, where the candidate leaves it open (None)."""
    if setting is not None:
        return setting
    # XLA makes convolutions on a CPU under TensorFlow two to four times slower; "auto" picks it.
    is_tensorflow_on_cpu = (
        keras.backend.backend() == "tensorflow" and not keras.distribution.list_devices("gpu")
    )
    return False if is_tensorflow_on_cpu else "auto"

"""Train one network on the clean training rows, reproducibly.

Called by ``tasks.training.request``, in the night's process or in a fresh interpreter; Keras 3 on any backend.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras  # noqa: TID253 - whoever imports this file is about to train

from tasks.dataset import Dataset
from tasks.errors import TrainingError
from tasks.models.networks import build_network
from tasks.preparation import Preparation
from tasks.training.parts import load_part
from tasks.training.progress import Epoch
from tasks.training.statistics import compute_statistics

logger = logging.getLogger(__name__)

# Batches that TensorFlow runs between two visits to Python: the same updates, about a fifth less CPU
# time on MNIST at batches of 32 (one run of two epochs; 20 and 50 were alike).
STEPS_PER_EXECUTION = 50
VALIDATION_BATCH_SIZE = 512
_LOSS_NAMES = {"loss": "loss", "val_loss": "validation loss"}


@dataclass(frozen=True)
class TrainingResult:
    """A trained network and how it came about.

    Parameters
    ----------
    network : keras.Model
        With the weights of ``best_epoch``.
    epochs : tuple of Epoch
        What was measured, in order.
    best_epoch : int
        Number (from 1) of the epoch whose weights were kept: the one with the lowest validation
        loss where the candidate has ``patience``, else the last.
    n_parameters : int
        Trainable weights.
    n_training_rows, n_validation_rows : int
    seconds : float
        Time spent fitting, without reading the rows.
    """

    network: keras.Model
    epochs: tuple[Epoch, ...]
    best_epoch: int
    n_parameters: int
    n_training_rows: int
    n_validation_rows: int
    seconds: float

    @property
    def n_epochs(self) -> int:
        """Passes over the training rows."""
        return len(self.epochs)


def train(
    dataset: Dataset,
    preparation: Preparation,
    spec: Mapping[str, Any],
    *,
    name: str,
    seed: int,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainingResult:
    """Train the network of one candidate.

    Parameters
    ----------
    dataset : Dataset
        Clean rows; those whose ``split`` is ``train`` are fitted, ``validation`` watched.
    preparation : Preparation
    spec : mapping
        The candidate's settings, as in the workflow file.
    name : str
        The candidate's name.
    seed : int
        On a CPU the same data, settings and seed give the same weights.
    on_epoch : callable, optional
        Called after every epoch.

    Returns
    -------
    TrainingResult

    Raises
    ------
    TrainingError
        When the network cannot be built, there are no training rows, or the loss is no longer a number.

    Notes
    -----
    Adam minimises the categorical cross-entropy ``-log p(class)``, averaged over a batch; integer
    codes stand for the one-hot labels. Rows are shuffled every epoch.
    """
    training = load_part(dataset, preparation, "train")
    validation = load_part(dataset, preparation, "validation")
    statistics = compute_statistics([training.inputs])
    network = build_network(
        spec,
        name=name,
        input_shape=preparation.input_shape,
        n_classes=len(preparation.classes),
        mean=statistics.mean,
        variance=statistics.scaling_variance,
        seed=seed,
    )
    n_batches = math.ceil(training.n_rows / spec["batch_size"])
    network.compile(
        optimizer=keras.optimizers.Adam(spec["learning_rate"]),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
        steps_per_execution=min(STEPS_PER_EXECUTION, n_batches),
        jit_compile=_choose_jit(),
    )
    reporter = _Reporter(name, spec["epochs"], on_epoch)
    callbacks = [
        keras.callbacks.LambdaCallback(
            on_epoch_begin=reporter.begin_epoch, on_epoch_end=reporter.end_epoch
        )
    ]
    stopper = None
    if spec.get("patience") and validation.n_rows:
        stopper = keras.callbacks.EarlyStopping(
            monitor="val_loss", patience=spec["patience"], restore_best_weights=True
        )
        callbacks.append(stopper)
    start = time.perf_counter()
    network.fit(
        training.inputs,
        training.codes,
        batch_size=spec["batch_size"],
        epochs=spec["epochs"],
        shuffle=True,
        validation_data=(validation.inputs, validation.codes) if validation.n_rows else None,
        validation_batch_size=VALIDATION_BATCH_SIZE,
        callbacks=callbacks,
        verbose=0,
    )
    seconds = time.perf_counter() - start
    epochs = tuple(reporter.epochs)
    best_epoch = stopper.best_epoch + 1 if stopper is not None else len(epochs)
    logger.info(
        "%s: %d training rows, %d validation rows, %d epochs, best %d, %.1f s",
        name,
        training.n_rows,
        validation.n_rows,
        len(epochs),
        best_epoch,
        seconds,
    )
    return TrainingResult(
        network=network,
        epochs=epochs,
        best_epoch=best_epoch,
        n_parameters=sum(math.prod(w.shape) for w in network.trainable_weights),
        n_training_rows=training.n_rows,
        n_validation_rows=validation.n_rows,
        seconds=seconds,
    )


class _Reporter:
    """Gathers the epochs, passes them on, and stops when the loss is no longer a number."""

    def __init__(self, name: str, n_epochs: int, on_epoch: Callable[[Epoch], None] | None) -> None:
        self.epochs: list[Epoch] = []
        self._name = name
        self._n_epochs = n_epochs
        self._on_epoch = on_epoch
        self._start = 0.0

    def begin_epoch(self, _epoch: int, _logs: Mapping[str, Any]) -> None:
        self._start = time.perf_counter()

    def end_epoch(self, epoch: int, logs: Mapping[str, Any]) -> None:
        measured = {key: float(value) for key, value in logs.items()}
        for key in ("loss", "val_loss"):
            if not math.isfinite(measured.get(key, 0.0)):
                raise TrainingError(
                    f"The {_LOSS_NAMES[key]} of the candidate {self._name!r} "
                    f"became {measured[key]} in epoch {epoch + 1}.",
                    expected="a finite loss",
                    hint="lower 'learning_rate', or look for missing and huge values in the clean data",
                )
        done = Epoch(
            number=epoch + 1,
            n_epochs=self._n_epochs,
            loss=measured["loss"],
            accuracy=measured["accuracy"],
            validation_loss=measured.get("val_loss"),
            validation_accuracy=measured.get("val_accuracy"),
            seconds=time.perf_counter() - self._start,
        )
        self.epochs.append(done)
        if self._on_epoch is not None:
            self._on_epoch(done)


def _choose_jit() -> bool | str:
    # XLA makes convolutions on a CPU under TensorFlow two to four times slower; "auto" picks it.
    is_tensorflow_on_cpu = (
        keras.backend.backend() == "tensorflow" and not keras.distribution.list_devices("gpu")
    )
    return False if is_tensorflow_on_cpu else "auto"

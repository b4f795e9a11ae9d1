"""What is monitored while a network trains: progress, a finite loss, early stopping, the time, checkpoints.

The callback that ``tasks.training.trainer`` always gives to ``fit``. Its state is in the checkpoint, so that a
training that goes on knows what an unbroken one would know; Keras's own callbacks forget.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from tasks.errors import TrainingError
from tasks.training.checkpoint import Arrays, Checkpoint, copy_variables
from tasks.training.progress import Epoch

logger = logging.getLogger(__name__)

# A checkpoint is at most this much older than the last epoch's end: epochs of a tenth of a second
# would spend more on the disk than on learning. The last epoch always leaves one.
SECONDS_BETWEEN_CHECKPOINTS = 5.0
_LOSS_NAMES = {"loss": "loss", "val_loss": "validation loss"}


class TrainingMonitor(keras.callbacks.Callback):
    """Follows one training: measures, checks, stops and saves it after every epoch.

    Parameters
    ----------
    name : str
        The candidate's.
    n_epochs : int
    patience : int or None
        Epochs without a better validation loss after which training stops.
    max_seconds : float or None
        Time for fitting, over all tries.
    on_epoch : callable, optional
        Called after every epoch.
    folder : Path or None
        Where checkpoints go; None for none.
    key : str
        Of what is trained.
    batch_size : int
    checkpoint : Checkpoint or None
        What an earlier try left.

    Attributes
    ----------
    epochs : list of Epoch
        Those of earlier tries among them.
    best_epoch : int
        Number, from 1, of the epoch with the lowest validation loss; 0 without validation rows.
    best_weights : list of ndarray
        Of the network after it; empty unless they may be needed.
    is_cut_short : bool
        Whether the time ran out.
    """

    def __init__(
        self,
        name: str,
        *,
        n_epochs: int,
        patience: int | None,
        max_seconds: float | None,
        on_epoch: Callable[[Epoch], None] | None,
        folder: Path | None,
        key: str,
        batch_size: int,
        checkpoint: Checkpoint | None,
    ) -> None:
        super().__init__()
        self.name = name
        self.n_epochs = n_epochs
        self.patience = patience
        self.max_seconds = max_seconds
        self.folder = folder
        self.key = key
        self.batch_size = batch_size
        self.epochs: list[Epoch] = list(checkpoint.epochs) if checkpoint else []
        self.best_epoch = checkpoint.best_epoch if checkpoint else 0
        self.best_weights: Arrays = checkpoint.best_weights if checkpoint else []
        self.is_cut_short = False
        self._on_epoch = on_epoch
        self._epoch_start = self._saved = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Time spent on epochs, over all tries."""
        return sum(e.seconds for e in self.epochs)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to train."""
        return (
            len(self.epochs) >= self.n_epochs or self._has_lost_patience() or self._is_out_of_time()
        )

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Count the time to the first checkpoint from here."""
        self._saved = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Begin to take the epoch's time."""
        self._epoch_start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Note what was measured, and decide whether to go on.

        Raises
        ------
        TrainingError
            When a loss is no longer a number.
        """
        # Backends differ in the order; the loss comes first.
        order = sorted(logs or {}, key=lambda key: not key.endswith("loss"))
        measured = {key: float((logs or {})[key]) for key in order}
        self._check_finite(measured, epoch)
        validation = {k.removeprefix("val_"): v for k, v in measured.items() if k[:4] == "val_"}
        done = Epoch(
            number=epoch + 1,
            n_epochs=self.n_epochs,
            train={k: v for k, v in measured.items() if k[:4] != "val_"},
            validation=validation or None,
            seconds=time.perf_counter() - self._epoch_start,
            learning_rate=float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
        )
        self.epochs.append(done)
        if done.validation is not None and self._is_best(done.validation["loss"]):
            self.best_epoch = done.number
            if self.patience is not None or self.max_seconds is not None:
                self.best_weights = copy_variables(self.model.weights)
        self.is_cut_short = self._is_out_of_time() and done.number < self.n_epochs
        if self.is_done:
            self.model.stop_training = True
        self._save(is_last=self.is_done)
        if self._on_epoch is not None:
            self._on_epoch(done)

    def _check_finite(self, measured: Mapping[str, float], epoch: int) -> None:
        for key, what in _LOSS_NAMES.items():
            if not math.isfinite(measured.get(key, 0.0)):
                raise TrainingError(
                    f"The {what} of the candidate {self.name!r} "
                    f"became {measured[key]} in epoch {epoch + 1}.",
                    expected="a finite loss",
                    hint="lower 'learning_rate', set 'clip_norm: 1.0', or look for huge values in "
                    "the clean data",
                )

    def _is_best(self, loss: float) -> bool:
        if not self.best_epoch:
            return True
        best = self.epochs[self.best_epoch - 1].validation
        return best is None or loss < best["loss"]

    def _has_lost_patience(self) -> bool:
        # best_epoch is 0 without validation rows, which early stopping needs.
        return bool(
            self.patience is not None
            and self.best_epoch
            and len(self.epochs) - self.best_epoch >= self.patience
        )

    def _is_out_of_time(self) -> bool:
        if self.max_seconds is None or not self.epochs:
            return False
        # The next one would not fit.
        return self.seconds + self.epochs[-1].seconds > self.max_seconds

    def _save(self, *, is_last: bool) -> None:
        now = time.perf_counter()
        if self.folder is None or not (is_last or now - self._saved >= SECONDS_BETWEEN_CHECKPOINTS):
            return
        Checkpoint(
            key=self.key,
            batch_size=self.batch_size,
            epochs=tuple(self.epochs),
            best_epoch=self.best_epoch,
            variables=copy_variables([*self.model.variables, *self.model.optimizer.variables]),
            best_weights=self.best_weights,
        ).write(self.folder)
        self._saved = time.perf_counter()

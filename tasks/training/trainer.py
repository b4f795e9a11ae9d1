"""Train one network on the clean training rows: as an expert would, reproducibly, and not twice what is done.

Called by ``tasks.training.request``, in the night's process or in a fresh interpreter; Keras 3 on any backend.
"""

from __future__ import annotations

import gc
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from tasks.dataset import Dataset
from tasks.dataset.digest import digest_json
from tasks.errors import CardLostError, NocturneError, TrainingError, get_first_line
from tasks.models.networks import add_output_rescaling, build_network
from tasks.preparation import Preparation
from tasks.training.cards.devices import (
    SharedBatches,
    choose_validation_batch_size,
    share_batch_size,
    use_cards,
)
from tasks.training.cards.failures import is_card_lost, is_out_of_memory
from tasks.training.checkpoint import Checkpoint, assign_variables
from tasks.training.compilation import compile_network
from tasks.training.data.batches import Batches, fit_batches
from tasks.training.data.class_weights import compute_class_weights
from tasks.training.data.parts import load_part
from tasks.training.data.rows import Rows
from tasks.training.data.statistics import compute_statistics
from tasks.training.data.target_scaling import measure_target_scaling
from tasks.training.data.windows import Windows
from tasks.training.monitor import TrainingMonitor
from tasks.training.progress import Epoch
from tasks.training.result import TrainingResult
from tasks.training.warm_start import start_from

logger = logging.getLogger(__name__)

VALIDATION_BATCH_SIZE = 512


@dataclass(frozen=True)
class TrainingOptions:
    """How a training is carried out, beyond what a candidate's settings say.

    Parameters
    ----------
    share : float
        Of the training rows that are used.
    max_seconds : float or None
        Time for fitting; a network that runs out of it keeps its best weights.
    checkpoints : Path or None
        Folder that outlives a killed try; None for no checkpoints.
    warm_start : Path or None
        A ``network.keras`` whose weights are begun with.
    scratch : Path or None
        Folder for rows that are too many for the memory.
    callbacks : sequence of keras.callbacks.Callback
        Called after Nocturne's own, once an epoch is measured and saved.
    """

    share: float = 1.0
    max_seconds: float | None = None
    checkpoints: Path | None = None
    warm_start: Path | None = None
    scratch: Path | None = None
    callbacks: Sequence[keras.callbacks.Callback] = ()


def train(
    dataset: Dataset,
    preparation: Preparation,
    spec: Mapping[str, Any],
    *,
    name: str,
    seed: int,
    on_epoch: Callable[[Epoch], None] | None = None,
    options: TrainingOptions | None = None,
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
        On a CPU the same data, settings and seed give the same weights, however often training was
        killed and taken up again.
    on_epoch : callable, optional
        Called after every epoch.
    options : TrainingOptions, optional

    Returns
    -------
    TrainingResult

    Raises
    ------
    TrainingError
        When the network cannot be built, there are no training rows, the loss is no longer a
        number, or not even one row at a time fits into memory.
    CardLostError
        When the GPU no longer answers.

    Notes
    -----
    Adam minimises, averaged over a batch, the cross-entropy ``-log p(class)`` for classes and the
    squared error of standardised values for numbers and forecasts. Rows are shuffled every epoch, in
    an order that follows from the seed and the epoch's number alone. Out of memory, the batch is
    halved and training goes on after the last epoch that was done.
    """
    options = options or TrainingOptions()
    trainer = _Trainer(dataset, preparation, spec, name=name, seed=seed, options=options)
    while True:
        try:
            return trainer.fit(on_epoch)
        except NocturneError:
            raise
        except Exception as error:
            if is_card_lost(error):
                raise CardLostError(
                    f"The GPU that trained the candidate {name!r} no longer answers: "
                    f"{get_first_line(error)}",
                    expected="a card that stays",
                    hint="look at `nvidia-smi` and the kernel's log; a retry takes another card",
                ) from error
            if not is_out_of_memory(error):
                raise
            trainer.halve_batch_size(error)
        keras.utils.clear_session(free_memory=True)
        gc.collect()  # what the failed try held, its traceback's frames among it


class _Trainer:
    """Fits the network of one candidate, from the rows and settings that all tries share."""

    def __init__(
        self,
        dataset: Dataset,
        preparation: Preparation,
        spec: Mapping[str, Any],
        *,
        name: str,
        seed: int,
        options: TrainingOptions,
    ) -> None:
        self.preparation = preparation
        self.spec = spec
        self.name = name
        self.seed = seed
        self.options = options
        self.batch_size = int(spec["batch_size"])
        self.training = load_part(
            dataset, preparation, "train", share=options.share, seed=seed, scratch=options.scratch
        )
        self.validation = load_part(dataset, preparation, "validation", scratch=options.scratch)
        self.inputs = compute_statistics(self.training.iterate_inputs())
        self.scaling = (
            measure_target_scaling(self.training, self.inputs)
            if preparation.kind != "classification"
            else None
        )
        # Another order of the epochs, or a longer schedule, is another training.
        self.key = digest_json(
            [
                dataset.sha256,
                preparation.to_json(),
                dict(spec),
                [seed, options.share, str(options.warm_start)],
                [keras.__version__, keras.backend.backend()],
            ]
        )

    def fit(self, on_epoch: Callable[[Epoch], None] | None) -> TrainingResult:
        """Fit a network from its first epoch, or from where an earlier try left a checkpoint."""
        spec, options = self.spec, self.options
        checkpoint = Checkpoint.read(options.checkpoints, self.key) if options.checkpoints else None
        if checkpoint is not None:  # the earlier try may have had to halve its batches
            self.batch_size = min(self.batch_size, checkpoint.batch_size)
        n_cards = max(1, use_cards(spec["devices"]))
        batches = self._make_batches(n_cards)
        network = self._build_network()
        compile_network(network, spec, self.preparation, n_batches=len(batches))
        monitor = TrainingMonitor(
            self.name,
            n_epochs=spec["epochs"],
            patience=spec["patience"] if self.validation.n_rows else None,
            max_seconds=options.max_seconds,
            on_epoch=on_epoch,
            folder=options.checkpoints,
            key=self.key,
            batch_size=self.batch_size,
            checkpoint=checkpoint,
        )
        if checkpoint is not None:
            self._restore(network, checkpoint, len(batches))
        if not monitor.is_done:
            fit_batches(
                network,
                batches,
                self._make_validation_batches(n_cards),
                n_epochs=spec["epochs"],
                first_epoch=len(monitor.epochs),
                callbacks=[monitor, *options.callbacks],
            )
        use_cards(1)  # whoever predicts has rows that cannot be shared evenly
        return self._finish(network, monitor)

    def halve_batch_size(self, error: Exception) -> None:
        """Halve the batches after one was too large for the memory.

        Raises
        ------
        TrainingError
            When it was a single row.
        """
        self.batch_size = min(self.batch_size, self.training.n_rows) // 2
        if not self.batch_size:
            raise TrainingError(
                f"The memory does not hold one row at a time of the candidate {self.name!r}: "
                f"{get_first_line(error)}",
                expected="a network that fits into memory",
                hint="take fewer units or filters, or a machine or card with more memory",
            ) from error
        logger.warning(
            "%s: out of memory; going on with batches of %d.", self.name, self.batch_size
        )

    def _make_batches(self, n_cards: int) -> Batches:
        weights = None
        if isinstance(self.training, Rows) and self.preparation.kind == "classification":
            weights = compute_class_weights(
                self.spec["class_weights"], self.training.targets, self.preparation.classes
            )
        return SharedBatches(
            self.training,
            share_batch_size(self.batch_size, n_cards),
            n_cards=n_cards,
            seed=self.seed,
            class_weights=weights,
            augment=self.spec.get("augment"),
            center=self.scaling.center if self.scaling else None,
            scale=self.scaling.scale if self.scaling else None,
        )

    def _make_validation_batches(self, n_cards: int) -> Batches | None:
        n_rows = self.validation.n_rows
        if not n_rows:
            return None
        return Batches(
            self.validation,
            choose_validation_batch_size(VALIDATION_BATCH_SIZE, n_rows, n_cards),
            center=self.scaling.center if self.scaling else None,
            scale=self.scaling.scale if self.scaling else None,
        )

    def _build_network(self) -> keras.Model:
        network = build_network(
            self.spec,
            name=self.name,
            kind=self.preparation.kind,
            input_shape=self.preparation.input_shape,
            output_shape=self.preparation.output_shape,
            mean=self.inputs.mean,
            variance=self.inputs.scaling_variance,
            target_places=self.training.columns.tolist()
            if isinstance(self.training, Windows)
            else (),
            seed=self.seed,
        )
        if self.options.warm_start is not None:
            start_from(network, self.options.warm_start, name=self.name)
        return network

    def _restore(self, network: keras.Model, checkpoint: Checkpoint, n_batches: int) -> None:
        n_done = len(checkpoint.epochs)
        network.optimizer.build(network.trainable_variables)
        variables = [*network.variables, *network.optimizer.variables]
        assign_variables(variables, checkpoint.variables, name=self.name)
        # Of another batch size, the schedule goes on where the epochs stand.
        network.optimizer.iterations.assign(n_done * n_batches)
        logger.info("%s: going on after epoch %d of an earlier try.", self.name, n_done)

    def _finish(self, network: keras.Model, monitor: TrainingMonitor) -> TrainingResult:
        best_epoch = len(monitor.epochs)
        if monitor.best_weights and (monitor.patience is not None or monitor.is_cut_short):
            network.set_weights(monitor.best_weights)
            best_epoch = monitor.best_epoch
        if self.scaling is not None:
            network = add_output_rescaling(
                network, mean=self.scaling.center, scale=self.scaling.scale
            )
        logger.info(
            "%s: %d training rows, %d validation rows, %d epochs, best %d, %.1f s%s",
            self.name,
            self.training.n_rows,
            self.validation.n_rows,
            len(monitor.epochs),
            best_epoch,
            monitor.seconds,
            ", cut short because the time ran out" if monitor.is_cut_short else "",
        )
        return TrainingResult(
            network=network,
            epochs=tuple(monitor.epochs),
            best_epoch=best_epoch,
            batch_size=self.batch_size,
            n_parameters=sum(math.prod(w.shape) for w in network.trainable_weights),
            n_training_rows=self.training.n_rows,
            n_validation_rows=self.validation.n_rows,
            seconds=monitor.seconds,
            is_cut_short=monitor.is_cut_short,
        )

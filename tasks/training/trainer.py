"""Train one network on the clean training rows: as an expert would, reproducibly, and not twice what is done.

Called by ``tasks.training.request``, in the night's process or in a fresh interpreter; Keras 3 on any backend.
"""

from __future__ import annotations

import gc
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras  # noqa: TID253 - whoever imports this file is about to train
import numpy as np
import numpy.typing as npt

from tasks.dataset import Dataset
from tasks.dataset.digest import digest_json
from tasks.errors import CardLostError, NocturneError, TrainingError
from tasks.models.networks import add_units, build_network
from tasks.preparation import Preparation
from tasks.training.cards.devices import (
    SharedBatches,
    choose_validation_batch_size,
    share_batch_size,
    use_cards,
)
from tasks.training.cards.failures import is_card_lost, is_out_of_memory
from tasks.training.checkpoint import Checkpoint, assign_variables
from tasks.training.data.batches import Batches, choose_steps, fit_batches
from tasks.training.data.class_weights import compute_class_weights
from tasks.training.data.parts import load_part
from tasks.training.data.rows import Rows
from tasks.training.data.statistics import compute_statistics
from tasks.training.progress import MEASURE_OF, Epoch
from tasks.training.schedules import make_schedule
from tasks.training.warm_start import start_from
from tasks.training.watch import Watch

logger = logging.getLogger(__name__)

# Batches that TensorFlow runs between two visits to Python: the same updates, about a fifth less CPU
# time on MNIST at batches of 32 (one run of two epochs; 20 and 50 were alike).
STEPS_PER_EXECUTION = 50
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
    """

    share: float = 1.0
    max_seconds: float | None = None
    checkpoints: Path | None = None
    warm_start: Path | None = None
    scratch: Path | None = None


@dataclass(frozen=True)
class TrainingResult:
    """A trained network and how it came about.

    Parameters
    ----------
    network : keras.Model
        With the weights of ``best_epoch``; puts out probabilities, or values in their own units.
    epochs : tuple of Epoch
        What was measured, in order.
    best_epoch : int
        Number (from 1) of the epoch whose weights were kept: the one with the lowest validation
        loss where the candidate has ``patience`` or the time ran out, else the last.
    batch_size : int
        Smaller than the candidate's where memory was short.
    n_parameters : int
        Trainable weights.
    n_training_rows, n_validation_rows : int
        Rows, or windows of a series.
    seconds : float
        Time spent fitting, over all tries, without reading the rows.
    is_cut_short : bool
        Whether the time ran out.
    """

    network: keras.Model
    epochs: tuple[Epoch, ...]
    best_epoch: int
    batch_size: int
    n_parameters: int
    n_training_rows: int
    n_validation_rows: int
    seconds: float
    is_cut_short: bool

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
    job = _Job(dataset, preparation, spec, name=name, seed=seed, options=options)
    batch_size = int(spec["batch_size"])
    while True:
        try:
            return job.fit(batch_size, on_epoch)
        except NocturneError:
            raise
        except Exception as error:
            if is_card_lost(error):
                raise CardLostError(
                    f"The GPU that trained the candidate {name!r} no longer answers: "
                    f"{_first_line(error)}",
                    expected="a card that stays",
                    hint="look at `nvidia-smi` and the kernel's log; a retry takes another card",
                ) from error
            if not is_out_of_memory(error):
                raise
            batch_size = min(job.last_batch_size, job.n_training_rows) // 2
            if not batch_size:
                raise TrainingError(
                    f"The memory does not hold one row at a time of the candidate {name!r}: "
                    f"{_first_line(error)}",
                    expected="a network that fits into memory",
                    hint="take fewer units or filters, or a machine or card with more memory",
                ) from error
            logger.warning("%s: out of memory; going on with batches of %d.", name, batch_size)
        keras.utils.clear_session(free_memory=True)
        gc.collect()  # what the failed try held, its traceback's frames among it


class _Job:
    """The data and settings of one training, fitted once for every batch size that is tried."""

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
        self.training = load_part(
            dataset, preparation, "train", share=options.share, seed=seed, scratch=options.scratch
        )
        self.validation = load_part(dataset, preparation, "validation", scratch=options.scratch)
        self.n_training_rows = self.training.n_rows
        self.last_batch_size = int(spec["batch_size"])
        self.inputs = compute_statistics(self.training.iterate_inputs())
        self.units = self._measure_units()
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

    def fit(self, batch_size: int, on_epoch: Callable[[Epoch], None] | None) -> TrainingResult:
        spec, options = self.spec, self.options
        before = Checkpoint.read(options.checkpoints, self.key) if options.checkpoints else None
        if before is not None and before.batch_size < batch_size:
            batch_size = before.batch_size  # an earlier try had to halve it
        self.last_batch_size = batch_size
        n_cards = max(1, use_cards(spec["devices"]))
        batches = self._make_batches(share_batch_size(batch_size, n_cards), n_cards)
        n_batches = len(batches)
        network = self._build()
        network.compile(
            optimizer=_make_optimizer(spec, n_batches),
            loss=_LOSSES[_get_head(self.preparation)](),
            metrics=[_METRICS[_get_head(self.preparation)]],
            steps_per_execution=choose_steps(
                n_batches, spec["steps_per_execution"] or STEPS_PER_EXECUTION
            ),
            jit_compile=_choose_jit(spec["xla"]),
        )
        watch = Watch(
            self.name,
            n_epochs=spec["epochs"],
            patience=spec["patience"] if self.validation.n_rows else None,
            max_seconds=options.max_seconds,
            on_epoch=on_epoch,
            folder=options.checkpoints,
            key=self.key,
            batch_size=batch_size,
            before=before,
        )
        if before is not None:
            self._resume(network, before, n_batches)
        if not watch.is_done:
            fit_batches(
                network,
                batches,
                self._make_validation(n_cards),
                n_epochs=spec["epochs"],
                first_epoch=len(watch.epochs),
                callbacks=[watch],
            )
        use_cards(1)  # whoever predicts has rows that cannot be shared evenly
        return self._finish(network, watch)

    def _build(self) -> keras.Model:
        spec, preparation = self.spec, self.preparation
        network = build_network(
            spec,
            name=self.name,
            kind=preparation.kind,
            input_shape=preparation.input_shape,
            output_shape=preparation.output_shape,
            mean=self.inputs.mean,
            variance=self.inputs.scaling_variance,
            target_places=_find_target_places(preparation),
            seed=self.seed,
        )
        if self.options.warm_start is not None:
            start_from(network, self.options.warm_start, name=self.name)
        return network

    def _resume(self, network: keras.Model, before: Checkpoint, n_batches: int) -> None:
        network.optimizer.build(network.trainable_variables)
        variables = [*network.variables, *network.optimizer.variables]
        assign_variables(variables, before.variables, name=self.name)
        # Of another batch size, the schedule goes on where the epochs stand.
        network.optimizer.iterations.assign(len(before.epochs) * n_batches)
        logger.info("%s: going on after epoch %d of an earlier try.", self.name, len(before.epochs))

    def _make_batches(self, batch_size: int, n_cards: int) -> Batches:
        weights = None
        if isinstance(self.training, Rows) and self.preparation.kind == "classification":
            weights = compute_class_weights(
                self.spec["class_weights"], self.training.targets, self.preparation.classes
            )
        return SharedBatches(
            self.training,
            batch_size,
            n_cards=n_cards,
            seed=self.seed,
            class_weights=weights,
            augment=self.spec.get("augment"),
            center=self.units.center if self.units else None,
            scale=self.units.scale if self.units else None,
        )

    def _make_validation(self, n_cards: int) -> Batches | None:
        if not self.validation.n_rows:
            return None
        n_rows = self.validation.n_rows
        return Batches(
            self.validation,
            choose_validation_batch_size(VALIDATION_BATCH_SIZE, n_rows, n_cards),
            center=self.units.center if self.units else None,
            scale=self.units.scale if self.units else None,
        )

    def _finish(self, network: keras.Model, watch: Watch) -> TrainingResult:
        best_epoch = len(watch.epochs)
        if watch.best_weights and (watch.patience is not None or watch.is_cut_short):
            network.set_weights(watch.best_weights)
            best_epoch = watch.best_epoch
        if self.units is not None:
            network = add_units(network, mean=self.units.center, scale=self.units.scale)
        logger.info(
            "%s: %d training rows, %d validation rows, %d epochs, best %d, %.1f s%s",
            self.name,
            self.n_training_rows,
            self.validation.n_rows,
            len(watch.epochs),
            best_epoch,
            watch.seconds,
            ", cut short because the time ran out" if watch.is_cut_short else "",
        )
        return TrainingResult(
            network=network,
            epochs=tuple(watch.epochs),
            best_epoch=best_epoch,
            batch_size=watch.batch_size,
            n_parameters=sum(math.prod(w.shape) for w in network.trainable_weights),
            n_training_rows=self.n_training_rows,
            n_validation_rows=self.validation.n_rows,
            seconds=watch.seconds,
            is_cut_short=watch.is_cut_short,
        )

    def _measure_units(self) -> _Units | None:
        """Measure by what the targets are standardised; None for classes."""
        if self.preparation.kind == "classification":
            return None
        if isinstance(self.training, Rows):
            measured, places = compute_statistics([self.training.targets]), [0]
        else:
            measured, places = self.inputs, list(_find_target_places(self.preparation))
        return _Units(measured.mean[places], np.sqrt(measured.scaling_variance[places]))


@dataclass(frozen=True)
class _Units:
    """Mean and standard deviation of each number that is predicted, of shape (n_columns,)."""

    center: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]


def _find_target_places(preparation: Preparation) -> tuple[int, ...]:
    if preparation.forecast is None:
        return ()
    return tuple(preparation.features.index(name) for name in preparation.forecast.columns)


def _get_head(preparation: Preparation) -> str:
    is_binary = preparation.kind == "classification" and len(preparation.classes) == 2
    return "binary" if is_binary else MEASURE_OF[preparation.kind]


_LOSSES = {
    "binary": keras.losses.BinaryCrossentropy,
    "accuracy": keras.losses.SparseCategoricalCrossentropy,
    "mae": keras.losses.MeanSquaredError,
}
_METRICS = {"binary": "accuracy", "accuracy": "accuracy", "mae": "mae"}


def _make_optimizer(spec: Mapping[str, Any], n_batches: int) -> keras.optimizers.Optimizer:
    rate = make_schedule(
        spec["schedule"], spec["learning_rate"], spec["warmup"], spec["epochs"] * n_batches
    )
    adam = keras.optimizers.Adam(rate, global_clipnorm=spec["clip_norm"])
    if spec["precision"] == "mixed_float16":
        # Half precision has no gradients below 6e-8: the loss is scaled up before they are taken.
        return keras.optimizers.LossScaleOptimizer(adam)
    return adam


def _choose_jit(setting: bool | None) -> bool | str:
    if setting is not None:
        return setting
    # XLA makes convolutions on a CPU under TensorFlow two to four times slower; "auto" picks it.
    is_tensorflow_on_cpu = (
        keras.backend.backend() == "tensorflow" and not keras.distribution.list_devices("gpu")
    )
    return False if is_tensorflow_on_cpu else "auto"


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__

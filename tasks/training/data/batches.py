"""Batches of rows or windows for ``fit``, in an order that follows from a seed and the epoch alone.

Used by ``trainer``; Keras 3 on any backend. A training that is resumed at an epoch sees what the
unbroken one would have seen.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from tasks.training.data.augmentation import Augmentation, draw_numbers
from tasks.training.data.parts import Part

logger = logging.getLogger(__name__)

N_READ_AHEAD = 16  # batches that wait for the training, on TensorFlow

_SHUFFLING = (
    0  # tells the chance of the order from that of augmentation, for the same seed and epoch
)


class Batches(keras.utils.PyDataset):
    """One part of the split, cut into batches; :func:`fit_batches` fits a network to them.

    Parameters
    ----------
    part : Rows or Windows
    batch_size : int
        At most this many rows; the last batch of an epoch has the rest.
    seed : int or None
        Shuffles the rows anew in every epoch; None leaves them in their order, for validation.
    first_epoch : int, default 0
        The epoch (from 0) that begins next.
    class_weights : ndarray of shape (n_classes,), optional
        What a row of each class weighs in the loss.
    augment : mapping, optional
        How far images are changed by chance: the fields of
        :class:`~tasks.training.data.augmentation.Augmentation`. Needs a seed.
    center, scale : ndarray of shape (n_columns,) or (1,), optional
        Subtracted from the targets, and what they are divided by then.

    Notes
    -----
    An epoch's order follows from the seed and the epoch's number alone, and an image's change from
    these and the image's place in the order. What Keras reads ahead therefore changes nothing.
    """

    def __init__(
        self,
        part: Part,
        batch_size: int,
        *,
        seed: int | None = None,
        first_epoch: int = 0,
        class_weights: npt.NDArray[np.float32] | None = None,
        augment: Mapping[str, float] | None = None,
        center: npt.NDArray[Any] | None = None,
        scale: npt.NDArray[Any] | None = None,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        if augment is not None and seed is None:
            raise ValueError("images are changed by chance, which needs a seed")
        self.part = part
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = first_epoch
        self.is_endless = False
        self._class_weights = class_weights
        self._augmentation = Augmentation(**augment) if augment is not None else None
        self._center = None if center is None else np.asarray(center, dtype=np.float32)
        self._scale = None if scale is None else np.asarray(scale, dtype=np.float32)
        self._shuffled: tuple[int, npt.NDArray[np.int64]] | None = None
        if part.n_rows < batch_size:
            logger.info("A batch of %d is larger than the data: %d rows.", batch_size, part.n_rows)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return math.ceil(self.part.n_rows / self.batch_size)

    @property
    def num_batches(self) -> int | None:
        """What Keras asks: the batches until it must begin anew, None where epochs flow on."""
        return None if self.is_endless else len(self)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Make a batch of the current epoch, or of an epoch after it where epochs flow on."""
        n_epochs, index = divmod(index, len(self))
        return self.make_batch(self.epoch + n_epochs, index)

    def make_batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Make one batch.

        Parameters
        ----------
        epoch : int
            From 0.
        index : int
            From 0 to ``len(self) - 1``.

        Returns
        -------
        inputs : ndarray of shape (n_rows, *input_shape)
        targets : ndarray of shape (n_rows,) or (n_rows, *output_shape)
        weights : ndarray of shape (n_rows,), float32
            Only where there are class weights.
        """
        first = index * self.batch_size
        places: Any = slice(first, min(first + self.batch_size, self.part.n_rows))
        if self.seed is not None:
            places = self._shuffle(self.seed, epoch)[places]
        inputs, targets = self.part.take(places)
        if self._augmentation is not None and self.seed is not None:
            draws = draw_numbers(self.seed, epoch, first, len(inputs))
            inputs = self._augmentation.change(inputs, draws)
        weights = () if self._class_weights is None else (self._class_weights[targets],)
        if self._center is not None:
            targets = targets - self._center
        if self._scale is not None:
            targets = targets / self._scale
        return (inputs, targets, *weights)

    def _shuffle(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        # Read and replaced as a whole: a thread that still reads ahead may be in another epoch.
        shuffled = self._shuffled
        if shuffled is None or shuffled[0] != epoch:
            chance = np.random.default_rng([seed, epoch, _SHUFFLING])
            shuffled = (epoch, chance.permutation(self.part.n_rows))
            self._shuffled = shuffled
        return shuffled[1]


def fit_batches(
    network: keras.Model,
    training: Batches,
    validation: Batches | None = None,
    *,
    n_epochs: int,
    first_epoch: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> keras.callbacks.History:
    """Fit a compiled network.

    Parameters
    ----------
    network : keras.Model
        Compiled.
    training : Batches
    validation : Batches, optional
        An empty one is left out.
    n_epochs : int
        The last epoch's number, counted from 1.
    first_epoch : int, default 0
        The first epoch's number, counted from 0: how many were done before.
    callbacks : sequence of keras.callbacks.Callback, optional

    Returns
    -------
    keras.callbacks.History

    Notes
    -----
    Keras sets up what reads a PyDataset twice an epoch, which takes as long as training on a thousand
    small images. Where the batches of an epoch are a multiple of the network's
    ``steps_per_execution``, one reader therefore goes on through all epochs; where they are not, it
    would run over the end of the epoch.
    """
    training.epoch = first_epoch
    followers = []
    if not _let_flow(training, network):
        followers.append(_EpochFollower(training))
    has_validation = validation is not None and len(validation) > 0
    validation_steps = None
    if validation is not None and has_validation and _let_flow(validation, network):
        validation_steps = len(validation)
    return network.fit(
        _make_readable(training),
        epochs=n_epochs,
        initial_epoch=first_epoch,
        steps_per_epoch=len(training) if training.is_endless else None,
        shuffle=False,  # Keras would shuffle the batches by its own chance
        validation_data=_make_readable(validation) if has_validation else None,
        validation_steps=validation_steps,
        callbacks=[*followers, *callbacks],
        verbose=0,
    )


def _make_readable(batches: Batches | None) -> Any:
    """Give Keras what it reads from: the batches themselves, on TensorFlow as a dataset of ours.

    The dataset that Keras would make there tunes itself, in a thread that looks again after twice the
    time each time; when a training ends, that thread may sleep on for up to a quarter of the time
    that the training took (28 s after 117), and Keras waits for it.
    """
    if batches is None or keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    signature = tuple(
        tf.TensorSpec((None, *np.shape(values)[1:]), np.asarray(values).dtype)
        for values in batches.make_batch(batches.epoch, 0)
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    read = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)
    if batches.num_batches is not None:
        read = read.apply(tf.data.experimental.assert_cardinality(batches.num_batches))
    return read.prefetch(N_READ_AHEAD).with_options(options)


def choose_steps(n_batches: int, most: int) -> int:
    """Choose how many batches run between two visits to Python.

    Parameters
    ----------
    n_batches : int
        Of an epoch.
    most : int

    Returns
    -------
    int
        The largest divisor of ``n_batches`` from half of ``most`` to ``most``, so that epochs flow on
        (see :func:`fit_batches`); ``most`` where there is none. 1 on PyTorch, which knows no other.

    Examples
    --------
    >>> choose_steps(1875, 50), choose_steps(40, 50), choose_steps(53, 50)  # on TensorFlow
    (25, 40, 50)
    """
    if keras.backend.backend() == "torch":
        return 1
    smallest = min(n_batches, -(-most // 2))
    divisors = (n for n in range(min(most, n_batches), smallest - 1, -1) if n_batches % n == 0)
    return next(divisors, most)


def _let_flow(batches: Batches, network: keras.Model) -> bool:
    n_batches = len(batches)
    batches.is_endless = n_batches > 0 and n_batches % network.steps_per_execution == 0
    return batches.is_endless


class _EpochFollower(keras.callbacks.Callback):
    """Tells the batches which epoch begins.

    Keras calls a PyDataset's own ``on_epoch_begin`` once more than there are epochs on JAX and
    PyTorch, and ``on_epoch_end`` on every backend.
    """

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._batches.epoch = epoch

"""Training on several cards at once, through Keras's own distribution.

Called by ``trainer`` before it builds a network; what the backends can do differs.
"""

from __future__ import annotations

import logging
import math
from typing import Any, Literal

import keras

from tasks.training.cards.gpu import DISTRIBUTED_BACKEND, warn_of_one_card
from tasks.training.data.batches import Batches
from tasks.training.data.parts import Part

logger = logging.getLogger(__name__)


class _DataParallel(keras.distribution.DataParallel):
    """Data parallelism for batches that cannot be shared evenly, too.

    Keras lays out all batches of an epoch as the first one. Where that cannot be dealt out evenly,
    every card computes the whole of every batch: the result is the same, and nothing is gained.
    """

    def get_data_layout(self, data_shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
        """Lay out a batch over the cards."""
        if data_shape[0] % self.num_model_replicas:
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)
        return super().get_data_layout(data_shape)


class SharedBatches(Batches):
    """Batches of training rows that several cards can share evenly.

    Of the last batch of an epoch, the rows that are left over when all cards have the same number
    wait for another epoch, in which the rows are in another order.

    Parameters
    ----------
    part : Rows or Windows
    batch_size : int
        A multiple of ``n_cards``.
    n_cards : int
    **others
        As of :class:`~tasks.training.data.batches.Batches`.
    """

    def __init__(self, part: Part, batch_size: int, *, n_cards: int, **others: Any) -> None:
        super().__init__(part, batch_size, **others)
        self.n_cards = n_cards

    def __len__(self) -> int:
        """Batches in an epoch."""
        n_rest = self.part.n_rows % self.batch_size
        is_too_small = 0 < n_rest < self.n_cards < self.part.n_rows
        return super().__len__() - is_too_small

    def make_batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Make one batch, of as many rows for every card."""
        batch = super().make_batch(epoch, index)
        n_rows = len(batch[0])
        n_shared = n_rows // self.n_cards * self.n_cards or n_rows
        return tuple(values[:n_shared] for values in batch)


def share_batch_size(batch_size: int, n_cards: int) -> int:
    """Round a batch size of training rows up to what the cards can share evenly.

    Examples
    --------
    >>> share_batch_size(32, 3)
    33
    """
    return math.ceil(batch_size / n_cards) * n_cards


def choose_validation_batch_size(batch_size: int, n_rows: int, n_cards: int) -> int:
    """Choose a batch size with which every validation row is measured, on several cards too.

    Rows that the cards can share evenly are shared; others are measured by every card, for which
    the first batch must not be divisible.

    Parameters
    ----------
    batch_size : int
        About how many.
    n_rows : int
        All of them.
    n_cards : int

    Examples
    --------
    >>> [choose_validation_batch_size(512, n_rows, 2) for n_rows in (1000, 1001)]
    [512, 513]
    """
    if n_cards < 2:
        return batch_size
    shared = share_batch_size(batch_size, n_cards)
    return shared if n_rows % n_cards == 0 else shared + 1


def use_cards(devices: int | Literal["all"], *, kind: Literal["gpu", "cpu"] = "gpu") -> int:
    """Spread the networks that are built from now on over several cards.

    Call it before every network, and with 1 when one is trained: it undoes what was set before.

    Parameters
    ----------
    devices : int or "all"
        How many cards are asked for; fewer are used where fewer are there.
    kind : {"gpu", "cpu"}, default "gpu"
        ``cpu`` spreads over what JAX takes for several CPUs, which is for tests.

    Returns
    -------
    int
        Cards that a network is trained on at once; 0 without any, and on PyTorch, where Keras does
        not tell.

    Notes
    -----
    Every card holds the whole network and gets an equal share of each batch; the gradients are
    averaged before the weights change. So the batch size stays the rows per update, and the result
    is that of one card but for the order of sums. Batches must have been made for it:
    :func:`share_batch_size` and :class:`SharedBatches` of training rows,
    :func:`choose_validation_batch_size` of validation rows.

    Keras distributes on JAX alone; on TensorFlow and PyTorch one card is used, and a line in the
    log says so.
    """
    backend = keras.backend.backend()
    found = _list_devices(kind)
    wanted = len(found) if devices == "all" else min(devices, len(found))
    if backend == DISTRIBUTED_BACKEND:
        several = wanted > 1
        keras.distribution.set_distribution(
            _DataParallel(devices=found[:wanted], auto_shard_dataset=False) if several else None
        )
        if several:
            logger.info("training on %d cards at once: %s", wanted, ", ".join(found[:wanted]))
        if devices != "all" and devices > len(found) > 0:
            logger.warning("%d cards were asked for, and %d are there.", devices, len(found))
        return wanted
    if wanted > 1:
        warn_of_one_card(devices, backend)
    return min(wanted, 1)


def _list_devices(kind: str) -> list[str]:
    try:
        return list(keras.distribution.list_devices(kind))
    except (RuntimeError, AttributeError):
        # JAX raises where there is no such device, and on PyTorch Keras has no such list.
        return []

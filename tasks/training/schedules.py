"""How the learning rate goes over a training: constant, cosine or one-cycle, with a warm-up.

Used by ``tasks.training.compilation``; Keras 3 on any backend.
"""

from __future__ import annotations

import math
from typing import Any

import keras

ONE_CYCLE_WARMUP = 0.3  # share of the updates that the rate rises, as in Smith and Topin's figures
START_OF_CYCLE = 0.04  # of the largest rate: a twenty-fifth
END_OF_CYCLE = 1e-3  # of the largest rate; a cosine goes there too, because 0 would waste updates


@keras.saving.register_keras_serializable(package="nocturne")
class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises in a straight line and falls along a cosine, or stays.

    Parameters
    ----------
    peak : float
        The largest learning rate.
    n_updates : int
        Updates of the whole training.
    n_warmup : int
        Updates over which the rate rises to its peak.
    start, end : float
        What it rises from and falls to, as shares of the peak.
    is_decaying : bool
        False: it stays at its peak after the warm-up.

    Notes
    -----
    With ``t`` updates done, ``w`` of warm-up and ``n`` in all: ``peak (start + (1 - start) (t + 1) / w)``
    while ``t < w``, then ``peak (end + (1 - end) (1 + cos(pi (t - w) / (n - w))) / 2)`` [1]_. With a
    long warm-up from a small rate this is one-cycle [2]_.

    References
    ----------
    .. [1] Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
       https://arxiv.org/abs/1608.03983
    .. [2] Smith and Topin, "Super-convergence: very fast training of neural networks using large
       learning rates" (2019). https://doi.org/10.1117/12.2520589
    """

    def __init__(
        self,
        peak: float,
        n_updates: int,
        n_warmup: int = 0,
        start: float = 0.0,
        end: float = END_OF_CYCLE,
        is_decaying: bool = True,
    ) -> None:
        self.peak = peak
        self.n_updates = n_updates
        self.n_warmup = n_warmup
        self.start = start
        self.end = end
        self.is_decaying = is_decaying

    def __call__(self, step: Any) -> Any:
        """Learning rate after ``step`` updates, a scalar tensor."""
        done = keras.ops.cast(step, "float32")
        shape = self.end + (1.0 - self.end) * 0.5 * (
            1.0
            + keras.ops.cos(
                math.pi
                * keras.ops.clip(
                    (done - self.n_warmup) / max(1, self.n_updates - self.n_warmup), 0.0, 1.0
                )
            )
        )
        falling = shape if self.is_decaying else keras.ops.ones_like(done)
        # The first update already moves: rate 0 would be one lost.
        rising = self.start + (1.0 - self.start) * (done + 1.0) / max(1, self.n_warmup)
        return self.peak * keras.ops.where(done < self.n_warmup, rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Arguments as Keras stores them."""
        return {
            "peak": self.peak,
            "n_updates": self.n_updates,
            "n_warmup": self.n_warmup,
            "start": self.start,
            "end": self.end,
            "is_decaying": self.is_decaying,
        }


def make_schedule(
    schedule: str, learning_rate: float, warmup: float | None, n_updates: int
) -> float | WarmUpAndDecay:
    """Make the learning rate of a candidate.

    Parameters
    ----------
    schedule : {"constant", "cosine", "one_cycle"}
    learning_rate : float
        The largest.
    warmup : float or None
        Share of the updates; None is 0, and :data:`ONE_CYCLE_WARMUP` of one-cycle.
    n_updates : int
        Of the whole training.

    Returns
    -------
    float or WarmUpAndDecay
    """
    is_cycle = schedule == "one_cycle"
    share = warmup if warmup is not None else (ONE_CYCLE_WARMUP if is_cycle else 0.0)
    n_warmup = round(share * n_updates)
    if schedule == "constant" and not n_warmup:
        return learning_rate
    return WarmUpAndDecay(
        learning_rate,
        n_updates,
        n_warmup,
        start=START_OF_CYCLE if is_cycle else 0.0,
        is_decaying=schedule != "constant",
    )

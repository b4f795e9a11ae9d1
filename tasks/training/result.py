"""A trained network and how it came about.

Made by ``tasks.training.trainer``, read by ``request`` and ``trials``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.training.progress import Epoch

if TYPE_CHECKING:
    import keras


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

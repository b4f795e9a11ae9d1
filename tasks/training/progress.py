"""What one epoch of training measured, as values that need no Keras.

Made by ``trainer``, written to the history by ``request``, logged to MLflow by ``step``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TRAIN, VALIDATION = "train", "validation"
# What is measured beside the loss: the share of right answers, or the mean absolute error.
MEASURE_OF = {"classification": "accuracy", "regression": "mae", "forecast": "mae"}


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows.

    Parameters
    ----------
    number, n_epochs : int
        The epoch's number, from 1, and how many there may be.
    train : mapping of str to float
        ``loss`` and ``accuracy`` or ``mae``: running means over the epoch's batches, while the
        weights changed.
    validation : mapping of str to float, or None
        The same with the weights at the epoch's end; None without validation rows.
    seconds : float
    learning_rate : float
        At the epoch's end.
    """

    number: int
    n_epochs: int
    train: Mapping[str, float]
    validation: Mapping[str, float] | None
    seconds: float
    learning_rate: float

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value:.4f}" for name, value in self.train.items())
        if self.validation is not None:
            told += ", validation " + ", ".join(f"{n} {v:.4f}" for n, v in self.validation.items())
        return f"epoch {self.number}/{self.n_epochs}: {told}, {self.seconds:.1f} s"

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Epoch:
        """Read what ``dataclasses.asdict`` wrote."""
        return cls(**document)


def tidy_history(epochs: Sequence[Epoch]) -> list[dict[str, int | str | float]]:
    """List the measurements as tidy rows, one per epoch and part, for charts.

    Parameters
    ----------
    epochs : sequence of Epoch

    Returns
    -------
    list of dict
        Keys ``epoch`` (from 1), ``part`` (``train`` or ``validation``), ``loss``, and ``accuracy``
        or ``mae``.

    Examples
    --------
    >>> tidy_history([Epoch(1, 1, {"loss": 0.5, "accuracy": 0.8}, None, 1.0, 0.001)])
    [{'epoch': 1, 'part': 'train', 'loss': 0.5, 'accuracy': 0.8}]
    """
    rows: list[dict[str, int | str | float]] = []
    for e in epochs:
        rows.append({"epoch": e.number, "part": TRAIN, **e.train})
        if e.validation is not None:
            rows.append({"epoch": e.number, "part": VALIDATION, **e.validation})
    return rows

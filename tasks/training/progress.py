"""What one epoch of training measured, as values that need no Keras.

Made by ``trainer``, written to the history by ``request``, logged to MLflow by ``step``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows.

    Parameters
    ----------
    number, n_epochs : int
        The epoch's number, from 1, and how many there may be.
    loss, accuracy : float
        Running means over the epoch's batches, while the weights changed.
    validation_loss, validation_accuracy : float or None
        With the weights at the epoch's end; None without validation rows.
    seconds : float
    """

    number: int
    n_epochs: int
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float

    def __str__(self) -> str:
        text = f"epoch {self.number}/{self.n_epochs}: loss {self.loss:.4f}, accuracy {self.accuracy:.4f}"
        if self.validation_loss is not None and self.validation_accuracy is not None:
            text += f", validation loss {self.validation_loss:.4f}, accuracy {self.validation_accuracy:.4f}"
        return f"{text}, {self.seconds:.1f} s"


def tidy_history(epochs: Sequence[Epoch]) -> list[dict[str, int | str | float]]:
    """List the measurements as tidy rows, one per epoch and part, for charts.

    Parameters
    ----------
    epochs : sequence of Epoch

    Returns
    -------
    list of dict
        Keys ``epoch`` (from 1), ``part`` (``train`` or ``validation``), ``loss``, ``accuracy``.

    Examples
    --------
    >>> tidy_history([Epoch(1, 1, 0.5, 0.8, None, None, 1.0)])
    [{'epoch': 1, 'part': 'train', 'loss': 0.5, 'accuracy': 0.8}]
    """
    rows: list[dict[str, int | str | float]] = []
    for e in epochs:
        rows.append({"epoch": e.number, "part": "train", "loss": e.loss, "accuracy": e.accuracy})
        if e.validation_loss is not None and e.validation_accuracy is not None:
            rows.append(
                {
                    "epoch": e.number,
                    "part": "validation",
                    "loss": e.validation_loss,
                    "accuracy": e.validation_accuracy,
                }
            )
    return rows

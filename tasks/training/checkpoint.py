"""Where a training stands, as one file that is there whole or not at all.

Written by ``tasks.training.monitor`` after an epoch, read by ``trainer`` when a killed training is tried
again: it goes on as if it had never stopped.
"""

from __future__ import annotations

import json
import logging
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import TrainingError
from tasks.training.progress import Epoch

logger = logging.getLogger(__name__)

CHECKPOINT_FILE = "checkpoint.npz"
_STATE = "state"
Arrays = list[npt.NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """A training after some of its epochs.

    Parameters
    ----------
    key : str
        Of what is trained: a checkpoint of other data or settings is not gone on from.
    batch_size : int
        Smaller than the candidate's where memory was short.
    epochs : tuple of Epoch
        Those that are done.
    best_epoch : int
        Number, from 1, of the epoch with the lowest validation loss; 0 without validation rows.
    variables : list of ndarray
        Of the network, the states of its random generators among them, then of the optimizer.
    best_weights : list of ndarray
        Of the network after the best epoch; empty without validation rows.
    """

    key: str
    batch_size: int
    epochs: tuple[Epoch, ...]
    best_epoch: int
    variables: Arrays = field(repr=False)
    best_weights: Arrays = field(repr=False)

    def write(self, folder: Path) -> None:
        """Write in place of the last one: killed at any moment, one of the two is there."""
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{CHECKPOINT_FILE}.partial"
        state = {
            "key": self.key,
            "batch_size": self.batch_size,
            "epochs": [asdict(e) for e in self.epochs],
            "best_epoch": self.best_epoch,
        }
        arrays = {f"v{i}": a for i, a in enumerate(self.variables)}
        arrays |= {f"b{i}": a for i, a in enumerate(self.best_weights)}
        text = np.frombuffer(json.dumps(state).encode(), dtype=np.uint8)
        with partial.open("wb") as file:
            np.savez(file, **{_STATE: text}, **arrays)  # type: ignore[arg-type]  # names of arrays
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / CHECKPOINT_FILE)

    @classmethod
    def read(cls, folder: Path, key: str) -> Checkpoint | None:
        """Read the checkpoint of a training, or None where there is none to go on from.

        Parameters
        ----------
        folder : Path
        key : str
            One with another key, or one that cannot be read, is left aside with a line in the log.
        """
        path = folder / CHECKPOINT_FILE
        if not path.is_file():
            return None
        try:
            # Opened here, because NumPy leaves a file open that it cannot read.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                state = json.loads(file[_STATE].tobytes().decode())
                arrays = {name: file[name] for name in file.files if name != _STATE}
            checkpoint = cls(
                key=state["key"],
                batch_size=state["batch_size"],
                epochs=tuple(Epoch.from_json(e) for e in state["epochs"]),
                best_epoch=state["best_epoch"],
                variables=_in_order(arrays, "v"),
                best_weights=_in_order(arrays, "b"),
            )
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            logger.warning("%s cannot be read (%s): training begins anew.", path, error)
            return None
        if checkpoint.key != key:
            logger.info("%s is of other data or settings: training begins anew.", path)
            return None
        return checkpoint


def assign_variables(variables: Sequence[Any], values: Arrays, *, name: str) -> None:
    """Give Keras variables their values.

    Parameters
    ----------
    variables : sequence of keras.Variable
    values : list of ndarray
    name : str
        The candidate's, for the error.

    Raises
    ------
    TrainingError
        When there are more or fewer, or one has another shape; nothing is assigned then.
    """
    found = [tuple(value.shape) for value in values]
    expected = [tuple(variable.shape) for variable in variables]
    if found != expected:
        place = next(
            (i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b),
            min(len(found), len(expected)),
        )
        raise TrainingError(
            f"The checkpoint of the candidate {name!r} belongs to another network: "
            f"array {place} of {len(found)} has the shape {found[place] if place < len(found) else None}.",
            expected=f"{len(expected)} arrays, this one of the shape "
            f"{expected[place] if place < len(expected) else None}",
            hint="clear the task, so that training begins anew",
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def copy_variables(variables: Sequence[Any]) -> Arrays:
    """Copy the values of Keras variables."""
    import keras

    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _in_order(arrays: Mapping[str, npt.NDArray[Any]], letter: str) -> Arrays:
    names = [name for name in arrays if name.startswith(letter)]
    return [arrays[name] for name in sorted(names, key=lambda name: int(name[1:]))]

"""From raw rows to class probabilities: what was learned and how rows are read, in one folder.

Training writes the folder, the registered model loads it. A network needs Keras, the classical
baseline scikit-learn and skops; neither is imported for the other.
All imports from ``tasks`` stand at the top: a registered model imports its own copy of this file
under a name that is free again afterwards (``pyfunc_model.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.errors import ModelError
from tasks.preparation import Preparation

if TYPE_CHECKING:
    import pandas as pd

PREPARATION_FILE = "preparation.json"
NETWORK_FILE = "network.keras"
ESTIMATOR_FILE = "estimator.skops"

# What skops may load beside the types it trusts by itself (scikit-learn's own): nothing more.
TRUSTED_TYPES: tuple[str, ...] = ()

# Rows that go through a network at once: the bound on the memory of its activations
# (44 MB for 32 filters on 28x28 pixels).
ROWS_PER_BATCH = 512

Rows: TypeAlias = "pa.Table | pa.RecordBatch | npt.NDArray[Any] | pd.DataFrame"
ProbabilityFunction = Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]


class Predictor:
    """A trained model that takes raw rows.

    Parameters
    ----------
    preparation : Preparation
        How the rows become the array the model reads, and the classes.
    compute_probabilities : callable
        From an array of shape (n_rows, *input_shape) to one of shape (n_rows, n_classes).

    Examples
    --------
    >>> predictor = Predictor.load(Path("result"))                       # doctest: +SKIP
    >>> predictor.predict_probabilities(table).argmax(axis=1)            # doctest: +SKIP
    """

    def __init__(
        self, preparation: Preparation, compute_probabilities: ProbabilityFunction
    ) -> None:
        self.preparation = preparation
        self._compute_probabilities = compute_probabilities

    @classmethod
    def load(cls, folder: Path) -> Predictor:
        """Load what training wrote: ``preparation.json`` and a network or an estimator.

        Parameters
        ----------
        folder : Path
            Holds ``preparation.json`` and one of ``network.keras`` (loaded in Keras's safe mode) and
            ``estimator.skops`` (loaded with :data:`TRUSTED_TYPES` only).

        Raises
        ------
        ModelError
            When the folder does not hold a model, or one that may not be loaded.
        """
        preparation_file = folder / PREPARATION_FILE
        if not preparation_file.is_file():
            raise _unusable(folder, f"it has no {PREPARATION_FILE}")
        preparation = Preparation.from_json(preparation_file.read_text(encoding="utf-8"))
        if (folder / NETWORK_FILE).is_file():
            return cls(preparation, _load_network(folder / NETWORK_FILE))
        if (folder / ESTIMATOR_FILE).is_file():
            return cls(preparation, _load_estimator(folder / ESTIMATOR_FILE))
        raise _unusable(folder, f"it has neither {NETWORK_FILE} nor {ESTIMATOR_FILE}")

    @property
    def classes(self) -> tuple[int, ...] | tuple[str, ...]:
        """The classes, in the order of the probability columns."""
        return self.preparation.classes

    def predict_probabilities(self, rows: Rows) -> npt.NDArray[np.float32]:
        """Compute the probability of every class for every row.

        Parameters
        ----------
        rows : pyarrow.Table, pyarrow.RecordBatch, pandas.DataFrame or ndarray
            Raw rows with the columns of the preparation, or the array itself: images of shape
            (n_rows, height, width, channels), features as they arrive of shape (n_rows, n_columns)
            in the order of :attr:`Preparation.columns`.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float32, each row summing to 1

        Raises
        ------
        CleaningError
            When a column is missing, or a row would have gone to quarantine in training.
        ModelError
            When an array has another shape.
        """
        inputs = self._to_inputs(rows)
        probabilities = np.empty((len(inputs), len(self.classes)), dtype=np.float32)
        for part in _slices(len(inputs), ROWS_PER_BATCH):
            probabilities[part] = self._compute_probabilities(inputs[part])
        return probabilities

    def _to_inputs(self, rows: Rows) -> npt.NDArray[Any]:
        preparation = self.preparation
        if isinstance(rows, np.ndarray):
            shape = preparation.image_shape or (len(preparation.columns),)
            if rows.shape[1:] != shape:
                raise ModelError(
                    f"The model was given an array of the shape {rows.shape}.",
                    expected=f"(n_rows, {', '.join(map(str, shape))})",
                    hint="feed the model rows of the shape it was trained on",
                )
            if preparation.image_shape is not None:
                return rows
            rows = pa.table({name: rows[:, i] for i, name in enumerate(preparation.columns)})
        elif not isinstance(rows, pa.Table | pa.RecordBatch):
            present = [name for name in preparation.columns if name in rows.columns]
            rows = pa.Table.from_pandas(rows[present], preserve_index=False)
        return preparation.inputs(preparation.clean(rows))


def _load_network(file: Path) -> ProbabilityFunction:
    import keras

    try:
        network = keras.saving.load_model(file, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError) as error:
        raise _unusable(file, str(error)) from error
    if keras.backend.backend() == "tensorflow":
        # Else Keras compiles with XLA, which takes longer than predicting a hold-out does.
        network.jit_compile = False

    def compute_probabilities(inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        # The same compiled function as ``predict``, without the data pipeline it sets up per call.
        return np.asarray(network.predict_on_batch(inputs), dtype=np.float32)

    return compute_probabilities


def _load_estimator(file: Path) -> ProbabilityFunction:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        estimator = skops.io.load(file, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        raise _unusable(file, str(error)) from error

    def compute_probabilities(inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        flat = inputs.reshape(len(inputs), -1).astype(np.float32)
        return np.asarray(estimator.predict_proba(flat), dtype=np.float32)

    return compute_probabilities


def _unusable(path: Path, reason: str) -> ModelError:
    return ModelError(
        f"{path} cannot be loaded as a model: {reason}",
        expected=f"{PREPARATION_FILE} beside {NETWORK_FILE} or {ESTIMATOR_FILE}, as training writes them",
        hint="train the candidate again",
    )


def _slices(n_rows: int, size: int) -> Iterator[slice]:
    for start in range(0, n_rows, size):
        yield slice(start, start + size)

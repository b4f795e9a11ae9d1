"""From raw rows to what a model says of them: what was learned and how rows are read, in one folder.

Training writes the folder, packaging adds an exported network, the registered model loads it. An
exported network needs ONNX Runtime, any other Keras, a classical baseline of tables scikit-learn and
skops; none is imported for the other.
All imports from ``tasks`` stand at the top: a registered model imports its own copy of this file
under a name that is free again afterwards (``pyfunc_model.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.errors import CleaningError, ModelError
from tasks.models.onnx_network import ONNX_FILE, load_onnx_network
from tasks.models.window_cleaning import clean_windows
from tasks.preparation import Preparation
from tasks.preparation.originals import Originals
from tasks.preparation.preparation import Kind

if TYPE_CHECKING:
    import keras
    import pandas as pd

PREPARATION_FILE = "preparation.json"
NETWORK_FILE = "network.keras"
ESTIMATOR_FILE = "estimator.skops"

# What skops may load beside the types it trusts by itself, scikit-learn's own that have a public name:
# the trees of gradient boosting, which are arrays of thresholds and values.
TRUSTED_TYPES: tuple[str, ...] = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)

# Rows that go through Keras or scikit-learn at once: the bound on the memory of a network's
# activations (44 MB for 32 filters on 28x28 pixels). An exported network has its own.
ROWS_PER_BATCH = 512

# What a prediction raises where it is the rows that are wrong, and not the model.
REFUSALS = (CleaningError, ModelError)

Rows: TypeAlias = "pa.Table | pa.RecordBatch | npt.NDArray[Any] | pd.DataFrame"
Outputs: TypeAlias = Callable[[npt.NDArray[Any]], npt.NDArray[np.floating[Any]]]

_ASKED_FOR: dict[Kind, str] = {
    "classification": "predict_probabilities",
    "regression": "predict_values",
    "forecast": "forecast",
}


class Predictor:
    """A trained model that takes raw rows, or windows of raw values.

    Parameters
    ----------
    preparation : Preparation
        How the rows become the array the model reads, and what it is asked.
    compute_outputs : callable
        From an array of shape (n_rows, *input_shape) to one of shape (n_rows, *output_shape): the
        classes' probabilities (or of two classes the second one's alone, of shape (n_rows, 1)),
        numbers in the target's unit, or the clean columns' values of the steps ahead.

    Examples
    --------
    >>> predictor = Predictor.load(Path("result"))                       # doctest: +SKIP
    >>> predictor.predict_probabilities(table).argmax(axis=1)            # doctest: +SKIP
    """

    def __init__(self, preparation: Preparation, compute_outputs: Outputs) -> None:
        self.preparation = preparation
        self._compute_outputs = compute_outputs

    @classmethod
    def load(cls, folder: Path) -> Predictor:
        """Load what training wrote: ``preparation.json`` and a network or an estimator.

        Parameters
        ----------
        folder : Path
            Holds ``preparation.json`` and one of ``network.onnx``, ``network.keras`` (not looked at
            beside the former, else loaded in Keras's safe mode) and ``estimator.skops`` (loaded with
            :data:`TRUSTED_TYPES` only).

        Raises
        ------
        ModelError
            When the folder does not hold a model, or one that may not be loaded.
        """
        preparation_file = folder / PREPARATION_FILE
        if not preparation_file.is_file():
            raise _unusable(folder, f"it has no {PREPARATION_FILE}")
        preparation = Preparation.from_json(preparation_file.read_text(encoding="utf-8"))
        if (folder / ONNX_FILE).is_file():
            return cls(preparation, load_onnx_network(folder / ONNX_FILE))
        if (folder / NETWORK_FILE).is_file():
            network = load_network(folder / NETWORK_FILE)
            return cls(preparation, _slice_rows(_ask_network(network)))
        if (folder / ESTIMATOR_FILE).is_file():
            estimator = _load_estimator(folder / ESTIMATOR_FILE, preparation.kind)
            return cls(preparation, _slice_rows(estimator))
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
            When an array has another shape, or the model predicts no classes.
        """
        self._check_kind("classification")
        n_classes = len(self.classes)
        outputs = self._compute(self._to_inputs(rows), (n_classes,))
        if outputs.shape[1] == 1 and n_classes == 2:  # one sigmoid unit says one probability
            outputs = np.concatenate([1.0 - outputs, outputs], axis=1)
        return outputs.astype(np.float32, copy=False)

    def predict_values(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Predict the number of every row.

        Parameters
        ----------
        rows : pyarrow.Table, pyarrow.RecordBatch, pandas.DataFrame or ndarray
            As :meth:`predict_probabilities` takes them.

        Returns
        -------
        ndarray of shape (n_rows,), float64
            In the target's unit.

        Raises
        ------
        CleaningError
            When a column is missing, or a row would have gone to quarantine in training.
        ModelError
            When an array has another shape, or the model predicts no numbers.
        """
        self._check_kind("regression")
        return self._compute(self._to_inputs(rows), (1,)).astype(np.float64).reshape(-1)

    def forecast(
        self, windows: npt.NDArray[np.float64], *, refuse: bool = True
    ) -> npt.NDArray[np.float64]:
        """Forecast the steps after every window.

        Parameters
        ----------
        windows : ndarray of shape (n_windows, window, n_raw_columns), float64
            Raw values in the order of :attr:`Preparation.columns`; times in seconds since 1970, UTC;
            NaN where there is none.
        refuse : bool, default True
            Whether a window that cannot be cleaned is an error; else its forecast is NaN.

        Returns
        -------
        ndarray of shape (n_windows, horizon, n_columns), float64
            In the columns' own units, in the order of :attr:`ForecastShape.columns`.

        Raises
        ------
        CleaningError
            When a window cannot be cleaned as the training rows were; names the first one, its step
            and column.
        ModelError
            When the array has another shape, or the model forecasts nothing.
        """
        self._check_kind("forecast")
        cleaned = clean_windows(self.preparation, np.asarray(windows, dtype=np.float64))
        if refuse:
            cleaned.refuse()
        shape = self.preparation.output_shape
        outputs = np.full((len(windows), *shape), np.nan)
        outputs[cleaned.is_usable] = self._compute(cleaned.inputs[cleaned.is_usable], shape)
        return restore_units(self.preparation, outputs)

    def _check_kind(self, kind: Kind) -> None:
        if self.preparation.kind != kind:
            raise ModelError(
                f"A model of {self.preparation.kind} was asked for a {kind}.",
                expected=f"{_ASKED_FOR[self.preparation.kind]}()",
                hint="ask the model what it was trained for",
            )

    def _compute(
        self, inputs: npt.NDArray[Any], shape: tuple[int, ...]
    ) -> npt.NDArray[np.floating[Any]]:
        """Compute outputs; ``shape`` is that of one, for no rows at all."""
        if not len(inputs):
            return np.empty((0, *shape), dtype=np.float32)
        return self._compute_outputs(inputs)

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


def restore_units(
    preparation: Preparation, values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Turn values of the forecast columns from clean units into those in which they arrived.

    Parameters
    ----------
    preparation : Preparation
        Of a forecast.
    values : ndarray of shape (..., n_columns), float64

    Returns
    -------
    ndarray of the same shape
    """
    columns = preparation.forecast.columns if preparation.forecast is not None else ()
    originals = Originals(preparation.transformers)
    restored = [originals.find(name).restore(values[..., i]) for i, name in enumerate(columns)]
    return np.stack(restored, axis=-1)


def load_network(file: Path) -> keras.Model:
    """Load a saved network to be asked, in Keras's safe mode.

    Parameters
    ----------
    file : Path
        A ``network.keras``.

    Raises
    ------
    ModelError
        When it is none.
    """
    import keras

    try:
        network = keras.saving.load_model(file, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError) as error:
        raise _unusable(file, str(error)) from error
    if keras.backend.backend() == "tensorflow":
        # Else Keras compiles with XLA, which takes longer than predicting a hold-out does.
        network.jit_compile = False
    return network


def _ask_network(network: keras.Model) -> Outputs:
    def compute_outputs(inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        # The same compiled function as ``predict``, without the data pipeline it sets up per call.
        return np.asarray(network.predict_on_batch(inputs), dtype=np.float32)

    return compute_outputs


def _load_estimator(file: Path, kind: Kind) -> Outputs:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        estimator = skops.io.load(file, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        raise _unusable(file, str(error)) from error

    def compute_outputs(inputs: npt.NDArray[Any]) -> npt.NDArray[np.floating[Any]]:
        flat = inputs.reshape(len(inputs), -1).astype(np.float32)
        if kind == "classification":
            return np.asarray(estimator.predict_proba(flat), dtype=np.float32)
        return np.asarray(estimator.predict(flat), dtype=np.float64).reshape(len(inputs), -1)

    return compute_outputs


def _slice_rows(compute: Outputs) -> Outputs:
    def compute_outputs(inputs: npt.NDArray[Any]) -> npt.NDArray[np.floating[Any]]:
        starts = range(0, len(inputs), ROWS_PER_BATCH)
        return np.concatenate([compute(inputs[i : i + ROWS_PER_BATCH]) for i in starts])

    return compute_outputs


def _unusable(path: Path, reason: str) -> ModelError:
    return ModelError(
        f"{path} cannot be loaded as a model: {reason}",
        expected=f"{PREPARATION_FILE} beside {NETWORK_FILE} or {ESTIMATOR_FILE}, as training writes them",
        hint="train the candidate again",
    )

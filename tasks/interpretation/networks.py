"""The network inside a published model, as the explanations ask it: outputs and gradients.

Called by ``step``; the only file of the stage that touches Keras.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tasks.errors import InterpretationError
from tasks.models.packaging import find_network
from tasks.models.predictor import ROWS_PER_BATCH, load_network

if TYPE_CHECKING:
    import keras

Floats = npt.NDArray[np.floating[Any]]
Codes = npt.NDArray[np.int64]


class ExplainedNetwork:
    """A trained network.

    Parameters
    ----------
    network : keras.Model
        Takes rows (n_rows, *input_shape); of two classes it may give one probability, (n_rows, 1),
        that of the second.
    """

    def __init__(self, network: keras.Model) -> None:
        self.network = network

    @classmethod
    def load(cls, model_folder: Path) -> ExplainedNetwork:
        """Load the network of an MLflow model folder, in Keras's safe mode.

        Raises
        ------
        InterpretationError
            When the model is no network.
        """
        file = find_network(model_folder)
        if not file.is_file():
            raise InterpretationError(
                f"The model in {model_folder.name} has no {file.name}: it is no network.",
                expected="a challenger that is one of 'candidates'",
                hint="a classical model is explained by shuffling its columns",
            )
        return cls(load_network(file))

    def predict(self, inputs: npt.NDArray[Any]) -> Floats:
        """Compute outputs, a bounded number of rows at once.

        Returns
        -------
        ndarray of shape (n_rows, *output_shape)
        """
        parts = [
            np.asarray(self.network.predict_on_batch(inputs[i : i + ROWS_PER_BATCH]))
            for i in range(0, len(inputs), ROWS_PER_BATCH)
        ]
        return np.concatenate(parts)

    def compute_probabilities(self, inputs: Floats, codes: Codes) -> Floats:
        """Compute the probability of one class per row.

        Parameters
        ----------
        inputs : ndarray of shape (n_rows, *input_shape)
        codes : ndarray of shape (n_rows,), int64

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        outputs = self.predict(inputs)
        if self._is_binary:
            return np.where(codes == 1, outputs[:, 0], 1.0 - outputs[:, 0])
        chosen: Floats = outputs[np.arange(len(codes)), codes]
        return chosen

    def compute_gradients(self, inputs: Floats, codes: Codes) -> Floats:
        """Compute the gradients of :meth:`compute_probabilities` by the inputs.

        Returns
        -------
        ndarray of shape (n_rows, *input_shape)
        """
        from tasks.models.gradients import compute_input_gradients

        columns = np.zeros_like(codes) if self._is_binary else codes
        gradients: Floats = compute_input_gradients(
            self.network, np.asarray(inputs, dtype=np.float32), columns
        )
        if self._is_binary:  # what speaks for the second class speaks against the first
            sign = np.where(codes == 1, 1.0, -1.0)
            return gradients * sign.reshape(-1, *[1] * (gradients.ndim - 1))
        return gradients

    def find_mean(self) -> Floats:
        """Find the mean of the training rows, which the first layer subtracts.

        Returns
        -------
        ndarray of shape input_shape, float32

        Raises
        ------
        InterpretationError
            When the network has no such layer.
        """
        import keras

        for layer in self.network.layers:
            if isinstance(layer, keras.layers.Normalization):
                mean = np.asarray(keras.ops.convert_to_numpy(layer.mean), np.float32)
                shape = self.network.input_shape[1:]
                whole: Floats = np.broadcast_to(mean, (1, *shape))[0]
                return whole
        raise InterpretationError(
            f"The network {self.network.name!r} has no normalisation to take a mean input from.",
            expected="a network as Nocturne builds it",
            hint="train the candidate again",
        )

    @property
    def _is_binary(self) -> bool:
        return bool(self.network.output_shape[-1] == 1)

"""A network that ONNX Runtime computes: what a registered model predicts with, without Keras.

Loaded by ``tasks.models.predictor``, with which it travels inside the registered model; written by
``tasks.models.onnx_export``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.dataset.threads import map_in_order
from tasks.errors import ModelError

ONNX_FILE = "network.onnx"
ERRORS_ONLY = 3  # ONNX Runtime's level of what it logs

# What goes through a network at once, in values of its input and in rows: so little that its
# activations stay in the caches of a processor's core (of MNIST 62 images, 5 MB), and that large
# images do not fill the memory.
VALUES_AT_ONCE = 49_152
MAX_ROWS_AT_ONCE = 1024


def load_onnx_network(file: Path) -> Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]:
    """Load an exported network to be asked, on the processor.

    Parameters
    ----------
    file : Path
        A ``network.onnx``: one input of shape (n_rows, ...), one output of shape (n_rows, ...).

    Returns
    -------
    callable
        From an array of any numeric dtype to one of float32. May be called from several threads.

    Raises
    ------
    ModelError
        When the file is no such network, or ONNX Runtime is not installed.

    Notes
    -----
    A row goes through the network on one thread, and slices of many rows on as many threads as
    :func:`tasks.dataset.threads.count_threads` says. So a server answers several requests at once,
    no thread waits for another within an operator, and the sums of a row do not depend on how many
    processors there are.

    Examples
    --------
    >>> compute = load_onnx_network(Path("network.onnx"))                # doctest: +SKIP
    >>> compute(images).shape                                            # doctest: +SKIP
    (64, 10)
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            f"{file} cannot be loaded: ONNX Runtime is not installed.",
            expected="the packages of the model's requirements.txt",
            hint="install them, or take a '--env-manager' that does",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its errors have no common base
        raise ModelError(
            f"{file} cannot be loaded as a network: {error}",
            expected="a network as 'tasks.models.onnx_export' writes it",
            hint="train the candidate again",
        ) from error
    (rows,) = session.get_inputs()

    def run(inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        given = np.ascontiguousarray(inputs, dtype=np.float32)
        return np.asarray(session.run(None, {rows.name: given})[0], dtype=np.float32)

    def compute_outputs(inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        size = count_rows_at_once(inputs)
        if len(inputs) <= size:
            return run(inputs)
        slices = (inputs[i : i + size] for i in range(0, len(inputs), size))
        return np.concatenate(list(map_in_order(run, slices)))

    return compute_outputs


def count_rows_at_once(inputs: npt.NDArray[Any]) -> int:
    """Rows that go through a network at once.

    Parameters
    ----------
    inputs : ndarray of shape (n_rows, ...)

    Examples
    --------
    >>> [count_rows_at_once(np.empty((9, *shape))) for shape in ((28, 28, 1), (224, 224, 3), (5,))]
    [62, 1, 1024]
    """
    n_values = max(1, math.prod(inputs.shape[1:]))
    return min(MAX_ROWS_AT_ONCE, max(1, VALUES_AT_ONCE // n_values))

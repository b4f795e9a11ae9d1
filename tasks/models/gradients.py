"""Gradients of a network, on whichever backend Keras runs.

Read by interpretation, and by the tests that hold ``docs/mathematics.md`` against the backends.
Keras 3 has no gradients of its own: this is the one file that asks TensorFlow, JAX and PyTorch for
theirs, each imported only where it is the active one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tasks.errors import ModelError

if TYPE_CHECKING:
    import keras

Floats = npt.NDArray[np.float32]
Loss = Callable[[Any, Any], Any]


def compute_input_gradients(
    network: keras.Model, inputs: npt.NDArray[Any], columns: npt.NDArray[np.int64]
) -> Floats:
    """Compute how one output of each row changes with every number of its input.

    Parameters
    ----------
    network : keras.Model
        With one input and one output.
    inputs : ndarray of shape (n_rows, *input_shape)
        Any numeric dtype; float32 is differentiated.
    columns : ndarray of shape (n_rows,), int
        Which output of each row, 0 to n_outputs - 1; an output of more axes is counted through as
        ``ravel`` does (of a forecast: step times n_columns plus column).

    Returns
    -------
    ndarray of shape (n_rows, *input_shape), float32
        ``d outputs[i, columns[i]] / d inputs[i]``, in units of the output per unit of the input.

    Raises
    ------
    ModelError
        When there is not one column for each row, or it is none of the outputs.

    Notes
    -----
    The network predicts and does not train: dropout is off, and batch normalisation uses its moving
    averages. No row then depends on another, so that the gradient of the sum of the chosen outputs
    holds the gradient of each.
    """
    import keras

    ops = keras.ops
    n_outputs = int(np.prod(network.output_shape[1:]))
    columns = np.asarray(columns)
    if columns.shape != (len(inputs),) or ((columns < 0) | (columns >= n_outputs)).any():
        found = f"the columns {np.unique(columns)[:5].tolist()}" if columns.size else "no column"
        raise ModelError(
            f"Gradients of the network {network.name!r} were asked for {len(inputs)} row(s) and "
            f"{found}, of the shape {columns.shape}.",
            expected=f"for each row one column from 0 to {n_outputs - 1}",
            hint="a network of two classes has one output, the probability of the second",
        )
    if not len(inputs):
        return np.zeros(inputs.shape, dtype=np.float32)
    chosen = ops.one_hot(columns, n_outputs, dtype="float32")

    def add_chosen(outputs: Any) -> Any:
        return ops.sum(ops.reshape(outputs, (-1, n_outputs)) * chosen)

    x = ops.convert_to_tensor(np.asarray(inputs, dtype=np.float32))
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            total = add_chosen(network(x, training=False))
        gradients = tape.gradient(total, x)
    elif backend == "jax":
        import jax

        gradients = jax.grad(lambda x: add_chosen(network(x, training=False)))(x)
    elif backend == "torch":
        import torch

        x = x.requires_grad_()
        (gradients,) = torch.autograd.grad(add_chosen(network(x, training=False)), x)
    else:
        raise _refuse(backend)
    return np.asarray(ops.convert_to_numpy(gradients), dtype=np.float32)


def compute_weight_gradients(
    network: keras.Model, loss: Loss, inputs: npt.NDArray[Any], targets: npt.NDArray[Any]
) -> tuple[float, list[Floats]]:
    """Compute the loss of some rows and how it changes with every trainable weight.

    Parameters
    ----------
    network : keras.Model
    loss : callable
        From (targets, outputs) to a single number, such as ``keras.losses.MeanSquaredError()``.
    inputs : ndarray of shape (n_rows, *input_shape)
    targets : ndarray of shape (n_rows, ...)
        As the loss reads them.

    Returns
    -------
    tuple of float and list of ndarray, float32
        The loss, and ``d loss / d weight`` in the order and the shapes of ``network.trainable_weights``.

    Notes
    -----
    As in :func:`compute_input_gradients` the network predicts: without dropout, and with the moving
    averages of batch normalisation. Backpropagation [1]_ is the backend's.

    References
    ----------
    .. [1] Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors",
       Nature 323 (1986). https://doi.org/10.1038/323533a0
    """
    import keras

    ops = keras.ops
    x, y = ops.convert_to_tensor(inputs), ops.convert_to_tensor(targets)
    weights = network.trainable_variables
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        values = [weight.value for weight in weights]
        with tf.GradientTape() as tape:
            value = loss(y, network(x, training=False))
        gradients = tape.gradient(value, values, unconnected_gradients="zero")
    elif backend == "jax":
        import jax

        fixed = [weight.value for weight in network.non_trainable_variables]

        def compute_loss(values: list[Any]) -> Any:
            outputs, _ = network.stateless_call(values, fixed, x, training=False)
            return loss(y, outputs)

        value, gradients = jax.value_and_grad(compute_loss)([weight.value for weight in weights])
    elif backend == "torch":
        import torch

        value = loss(y, network(x, training=False))
        gradients = torch.autograd.grad(
            value, [weight.value for weight in weights], allow_unused=True, materialize_grads=True
        )
    else:
        raise _refuse(backend)
    return float(ops.convert_to_numpy(value)), [
        np.asarray(ops.convert_to_numpy(gradient), dtype=np.float32) for gradient in gradients
    ]


def _refuse(backend: str) -> ModelError:
    return ModelError(
        f"Keras runs on {backend!r}, which has no gradients.",
        expected="one of 'jax', 'tensorflow', 'torch'",
        hint="set KERAS_BACKEND to one of them",
    )

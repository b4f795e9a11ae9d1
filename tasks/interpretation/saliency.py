"""Integrated gradients: which pixels spoke for the class that a network predicts.

Pure module of NumPy; ``step`` gives it the network's outputs and gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

METHOD = "integrated_gradients"
N_STEPS = 32
MAX_STEPS = 256  # where 32 leave too much: eight times as long
TOLERANCE = (
    0.02  # of a probability: what may be missing from the sum without being seen in a picture
)

Floats = npt.NDArray[np.floating[Any]]
Codes = npt.NDArray[np.int64]
Outputs = Callable[[Floats, Codes], Floats]
"""Takes inputs (n_rows, *shape) and a class's code per row; returns its probability, (n_rows,)."""
Gradients = Callable[[Floats, Codes], Floats]
"""The same, and returns the gradient of that probability by the inputs, (n_rows, *shape)."""


@dataclass(frozen=True)
class Attributions:
    """What each input value contributed to a probability.

    Parameters
    ----------
    values : ndarray of shape (n_rows, *shape), float64
        Above 0 where a value spoke for the class, below 0 where it spoke against it, in units of
        probability.
    errors : ndarray of shape (n_rows,), float64
        How far the sum of a row's values is from what it should be: the probability less that of
        the reference input.
    n_steps : int
        Gradients per row.
    """

    values: npt.NDArray[np.float64]
    errors: npt.NDArray[np.float64]
    n_steps: int


def integrate_gradients(
    compute_outputs: Outputs,
    compute_gradients: Gradients,
    inputs: Floats,
    codes: Codes,
    reference: Floats,
    *,
    n_steps: int = N_STEPS,
    max_steps: int = MAX_STEPS,
    tolerance: float = TOLERANCE,
) -> Attributions:
    r"""Attribute a network's outputs to its inputs.

    Parameters
    ----------
    compute_outputs, compute_gradients : callable
        The probability of a class per row, and its gradient by the row's values.
    inputs : ndarray of shape (n_rows, *shape)
        At least one row.
    codes : ndarray of shape (n_rows,), int64
        The class to explain, per row.
    reference : ndarray of shape ``shape``
        The input that says nothing; what is equal to it gets 0.
    n_steps : int, default 32
    max_steps : int, default 256
        While the sum of a row is off by more than ``tolerance``, twice as many steps are taken, up
        to these.
    tolerance : float, default 0.02

    Returns
    -------
    Attributions

    Notes
    -----
    On the straight line from the reference :math:`x'` to the input :math:`x`, by the midpoint rule
    [1]_:

    .. math:: a_i = (x_i - x'_i) \frac{1}{m} \sum_{k=1}^{m}
              \frac{\partial F(x' + \frac{k - 1/2}{m} (x - x'))}{\partial x_i}

    They are complete: :math:`\sum_i a_i = F(x) - F(x')`, but for the error of the sum.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
       https://proceedings.mlr.press/v70/sundararajan17a.html

    Examples
    --------
    >>> w = np.array([2.0, -1.0])
    >>> found = integrate_gradients(
    ...     lambda x, _: x @ w,
    ...     lambda x, _: np.tile(w, (len(x), 1)),
    ...     np.array([[1.0, 3.0]]), np.array([0]), np.array([0.0, 1.0]),
    ... )
    >>> found.values.tolist(), found.errors.tolist()
    ([[2.0, -2.0]], [0.0])
    """
    difference = np.asarray(inputs, dtype=np.float64) - reference
    at_reference = np.broadcast_to(reference, inputs.shape).astype(np.float32)
    rise = np.asarray(compute_outputs(inputs, codes), dtype=np.float64) - compute_outputs(
        at_reference, codes
    )
    while True:
        gradient = np.zeros(inputs.shape)
        for k in range(n_steps):
            between = reference + (k + 0.5) / n_steps * difference
            gradient += compute_gradients(between.astype(np.float32), codes)
        values = difference * gradient / n_steps
        errors = values.reshape(len(values), -1).sum(axis=1) - rise
        if np.abs(errors).max() <= tolerance or 2 * n_steps > max_steps:
            return Attributions(values, errors, n_steps)
        n_steps *= 2

"""A linear autoregression of windows, solved in closed form in bounded memory.

Used by ``series``; NumPy alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tasks.training.data.rows import slice_in_chunks
from tasks.training.data.windows import Windows

CHUNK_BYTES = 32 * 1024**2  # of windows that are in memory at once, in float64
# Of the normal equations that are in memory at once: 240 columns of windows of 336 steps. More
# columns are solved group by group, each with a pass over the windows of its own.
MAX_EQUATION_BYTES = 256 * 1024**2
# Directions in which the windows vary less, compared with the one in which they vary most, are the
# rounding of float32 (about 1e-7, squared) and would get huge weights.
MIN_SHARE = 1e-12

Floats = npt.NDArray[np.float64]


def solve_autoregression(windows: Windows, scale: Floats, alpha: float) -> tuple[Floats, Floats]:
    r"""Solve every step ahead of every column as a linear function of the column's own window.

    Parameters
    ----------
    windows : Windows
        At least one.
    scale : ndarray of shape (n_columns,)
        Standard deviations of the columns' training steps, above 0.
    alpha : float
        Weight of the squared coefficients, for standardised values.

    Returns
    -------
    weights : ndarray of shape (n_columns, window, horizon)
        Of the window's differences to its last value; that of the last value itself is 0.
    intercepts : ndarray of shape (horizon, n_columns)
        In the columns' clean units.

    Notes
    -----
    With the differences :math:`x_i = (y_{T-L+i} - y_T) / \sigma` and
    :math:`t_h = (y_{T+h} - y_T) / \sigma` it minimises
    :math:`\sum \lVert t - b - W^T x \rVert^2 + \alpha \lVert W \rVert^2` over all windows, by
    :math:`W = (X^T X + \alpha I)^{+} X^T t` of the centred values [1]_. Of unknowns that the windows
    leave open the smallest are taken. Differences let the forecast follow a level that training never
    saw, and shrink it to the last value. The sums grow window by window: memory depends on the
    window, the horizon and the columns, never on the number of windows.

    References
    ----------
    .. [1] W. Toner, L. Darlow, "An Analysis of Linear Time Series Forecasting Models", ICML 2024.
       https://arxiv.org/abs/2403.14587
    """
    n_columns, length, horizon = len(windows.columns), windows.window, windows.horizon
    weights = np.zeros((n_columns, length, horizon))
    intercepts = np.zeros((horizon, n_columns))
    group_size = max(1, MAX_EQUATION_BYTES // (8 * length * (length + horizon)))
    for first in range(0, n_columns, group_size):
        group = slice(first, first + group_size)
        weights[group], intercepts[:, group] = _fit_group(windows, group, scale[group], alpha)
    return weights, intercepts


def _fit_group(
    windows: Windows, group: slice, scale: Floats, alpha: float
) -> tuple[Floats, Floats]:
    n_columns, length, horizon = len(scale), windows.window, windows.horizon
    squares = np.zeros((n_columns, length, length))
    products = np.zeros((n_columns, length, horizon))
    sum_x = np.zeros((n_columns, length))
    sum_t = np.zeros((n_columns, horizon))
    row_bytes = 8 * (length + horizon) * windows.series.shape[1]
    for chunk in slice_in_chunks(windows.n_rows, row_bytes, CHUNK_BYTES):
        inputs, targets = windows.take(chunk)
        inputs = inputs[:, :, windows.columns[group]]
        last = inputs[:, -1:, :].astype(np.float64)
        x = _put_columns_first((inputs - last) / scale)
        t = _put_columns_first((targets[:, :, group] - last) / scale)
        transposed = x.swapaxes(1, 2)
        squares += transposed @ x
        products += transposed @ t
        sum_x += x.sum(axis=1)
        sum_t += t.sum(axis=1)
    n_rows = windows.n_rows
    mean_x, mean_t = sum_x / n_rows, sum_t / n_rows
    squares -= n_rows * mean_x[:, :, np.newaxis] * mean_x[:, np.newaxis, :]
    products -= n_rows * mean_x[:, :, np.newaxis] * mean_t[:, np.newaxis, :]
    squares += alpha * np.eye(length)
    # Singular without ridge: the last value's difference to itself is 0, and a series may repeat itself.
    inverse = np.linalg.pinv(squares, rcond=MIN_SHARE, hermitian=True)
    weights = inverse @ products
    intercepts = mean_t - (mean_x[:, np.newaxis, :] @ weights)[:, 0]
    return weights, (intercepts * scale[:, np.newaxis]).T


def _put_columns_first(values: Floats) -> Floats:
    return np.ascontiguousarray(values.transpose(2, 0, 1))

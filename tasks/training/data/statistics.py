"""Mean and variance of every pixel or feature, over training rows that stream past.

Computed by ``tasks.training.trainer``; the first layer of a network standardises with them, with the
same numbers as scikit-learn's StandardScaler.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import TrainingError
from tasks.training.data.rows import slice_in_chunks

CHUNK_BYTES = 16 * 1024 * 1024  # bound on the float64 copy of rows that is in memory at once


@dataclass(frozen=True)
class Statistics:
    """Moments of the training rows.

    Parameters
    ----------
    n_rows : int
    mean, variance : ndarray of shape input_shape, float64
        The variance is the population's (divided by ``n_rows``).
    """

    n_rows: int
    mean: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]

    @property
    def is_constant(self) -> npt.NDArray[np.bool_]:
        """Whether a pixel or feature has the same value in every row, up to rounding.

        Notes
        -----
        StandardScaler's rule: a variance within the rounding error of the two-pass algorithm,
        ``n eps var + (n mean eps)^2``, is none [1]_.

        References
        ----------
        .. [1] Chan, Golub, LeVeque, "Algorithms for computing the sample variance: analysis and
           recommendations", The American Statistician 37 (1983). https://doi.org/10.2307/2683386
        """
        eps = np.finfo(np.float64).eps
        bound = self.n_rows * eps * self.variance + (self.n_rows * self.mean * eps) ** 2
        return np.asarray(self.variance <= bound)

    @property
    def scaling_variance(self) -> npt.NDArray[np.float64]:
        """The variance to standardise by: 1 where a pixel or feature is constant.

        A constant pixel is only shifted then. Dividing it by (nearly) zero would blow up the rows
        in which it is not constant after all, which training never saw.
        """
        return np.where(self.is_constant, 1.0, self.variance)


def compute_statistics(batches: Iterable[npt.NDArray[Any]]) -> Statistics:
    """Compute mean and population variance per pixel or feature in one pass.

    Parameters
    ----------
    batches : iterable of ndarray of shape (n_rows, *input_shape)
        Any numeric dtype; accumulated in float64.

    Returns
    -------
    Statistics

    Raises
    ------
    TrainingError
        When there is no row.

    Notes
    -----
    Two groups of rows A and B merge by ``d = mean_B - mean_A``, ``mean = mean_A + d n_B / n``,
    ``M2 = M2_A + M2_B + d^2 n_A n_B / n``, with M2 the sum of squared deviations [1]_.

    References
    ----------
    .. [1] Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
       variances", COMPSTAT (1982). https://doi.org/10.1007/978-3-642-51461-6_3

    Examples
    --------
    >>> statistics = compute_statistics([np.array([[1.0], [2.0]]), np.array([[6.0]])])
    >>> statistics.mean.tolist(), statistics.n_rows
    ([3.0], 3)
    """
    n_rows = 0
    mean: Any = 0.0
    squares: Any = 0.0
    for batch in batches:
        for piece in slice_in_chunks(len(batch), 8 * math.prod(batch.shape[1:]), CHUNK_BYTES):
            chunk = batch[piece].astype(np.float64)
            n_chunk = len(chunk)
            chunk_mean = chunk.mean(axis=0)
            chunk -= chunk_mean
            n_total = n_rows + n_chunk
            delta = chunk_mean - mean
            mean = mean + delta * (n_chunk / n_total)
            squares = (
                squares + (chunk * chunk).sum(axis=0) + delta**2 * (n_rows * n_chunk / n_total)
            )
            n_rows = n_total
    if n_rows == 0:
        raise TrainingError(
            "There is no training row.",
            expected="clean rows whose 'split' is 'train'",
            hint="look at the cleaning step's report: were all rows put in quarantine?",
        )
    return Statistics(n_rows, np.asarray(mean), np.asarray(squares) / n_rows)

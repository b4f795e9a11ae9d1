"""Figures of a column of numbers: mean, standard deviation, median, quantiles.

Used by the transformers that learn them; missing and infinite values are left out before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tasks.errors import CleaningError
from tasks.preparation.frame import Column

# Between these magnitudes the squares of ten million values neither overflow nor vanish.
_SAFE_MAGNITUDES = (1e-100, 1e150)


def select_finite(column: Column, name: str, step: str) -> npt.NDArray[np.float64]:
    """Select the values that figures can be computed from.

    Parameters
    ----------
    column : ndarray of shape (n_rows,), float64
    name : str
        The column's name, for the error.
    step : str
        The step's key, for the error.

    Returns
    -------
    ndarray of shape (n_values,), float64
        Neither missing nor infinite; the column itself where all are so.

    Raises
    ------
    CleaningError
        When there is none.
    """
    numbers = np.asarray(column, np.float64)
    is_finite = np.isfinite(numbers)
    if not is_finite.any():
        raise refuse_empty(name, step)
    return numbers if is_finite.all() else numbers[is_finite]


def refuse_empty(name: str, step: str) -> CleaningError:
    """Make the error for a column without a value in the training rows."""
    return CleaningError(
        f"The cleaning step {step!r} cannot learn from the column {name!r}: "
        "no training row has a value in it.",
        expected="at least one value among the training rows",
        hint="take the column out of 'columns.features', or fill it before with "
        "'impute: {by: constant, value: ...}'",
    )


def compute_mean_and_std(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    r"""Compute the mean and the population's standard deviation.

    Parameters
    ----------
    values : ndarray of shape (n_values,), float64
        Finite, at least one.

    Returns
    -------
    mean, std : float
        A constant column has exactly its value and 0.

    Notes
    -----
    Two passes with a correction: with :math:`d_i = x_i - m` around a first mean :math:`m`, the mean
    is :math:`m + \bar d` and the variance :math:`\overline{d^2} - \bar d^2`.

    References
    ----------
    Chan, Golub, LeVeque (1983), Algorithms for computing the sample variance,
    The American Statistician 37, https://doi.org/10.1080/00031305.1983.10483115

    Examples
    --------
    >>> import numpy as np
    >>> compute_mean_and_std(np.array([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]))
    (1000000010.0, 4.743416490252569)
    """
    if values.min() == values.max():
        return float(values[0]), 0.0
    scaled, exponent = _scale(values)
    first = scaled.mean()
    deviations = scaled - first
    correction = deviations.mean()
    variance = np.square(deviations).mean() - correction**2
    return math.ldexp(first + correction, exponent), math.ldexp(math.sqrt(variance), exponent)


def compute_median(values: npt.NDArray[np.float64]) -> float:
    """Compute the median; of an even number, the mean of the two in the middle.

    Parameters
    ----------
    values : ndarray of shape (n_values,), float64
        Finite, at least one.
    """
    scaled, exponent = _scale(values)
    return math.ldexp(float(np.median(scaled)), exponent)


def compute_quantiles(
    values: npt.NDArray[np.float64], fractions: Sequence[float]
) -> tuple[float, ...]:
    """Compute quantiles, linear between neighbours (Hyndman and Fan's seventh definition).

    Parameters
    ----------
    values : ndarray of shape (n_values,), float64
        Finite, at least one.
    fractions : sequence of float
        From 0 to 1.

    Returns
    -------
    tuple of float

    References
    ----------
    Hyndman, Fan (1996), Sample quantiles in statistical packages, The American Statistician 50,
    https://doi.org/10.1080/00031305.1996.10473566
    """
    scaled, exponent = _scale(values)
    return tuple(math.ldexp(float(q), exponent) for q in np.quantile(scaled, list(fractions)))


def _scale(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], int]:
    """Divide by a power of two, which changes no digit, where squares would not fit a float."""
    magnitude = float(max(abs(values.min()), abs(values.max())))
    if magnitude == 0.0 or _SAFE_MAGNITUDES[0] <= magnitude <= _SAFE_MAGNITUDES[1]:
        return values, 0
    exponent = math.frexp(magnitude)[1]
    return np.ldexp(values, -exponent), exponent

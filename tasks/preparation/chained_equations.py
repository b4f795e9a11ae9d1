"""Chained regressions that fill missing numbers from each other: fitted by scikit-learn, kept as plain numbers.

Used by the imputation by a model. What is learned are linear equations, so filling needs NumPy alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import CleaningError
from tasks.preparation.estimators import one_thread

# Beyond this many columns each is predicted from as many, drawn by their correlation: the equations
# grow with the square of their number, and the time with its cube.
MAX_NEAREST_FEATURES = 50

# Rows that are filled at once: their columns stay in the processor's cache.
_ROWS_PER_BLOCK = 8192


@dataclass(frozen=True)
class Equation:
    """One regression: a column from others.

    Parameters
    ----------
    column : int
        Place of the column that is predicted.
    others : sequence of int
        Places of the columns it is predicted from.
    coefficients : sequence of float
        As many.
    intercept : float
    """

    column: int
    others: Sequence[int]
    coefficients: Sequence[float]
    intercept: float


@dataclass(frozen=True)
class ChainedEquations:
    """Regressions that are gone through in order, over and over.

    Parameters
    ----------
    means : sequence of n_columns floats
        What missing values are at the beginning.
    equations : tuple of Equation
        In order, all rounds.
    """

    means: Sequence[float]
    equations: tuple[Equation, ...]

    def fill(self, X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Fill missing values in.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_columns), float64
            NaN where missing.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), float64
            A row's figures are the same bits whatever the other rows are: sums are taken column by
            column, in one order, and not by a product of matrices.
        """
        filled = np.empty_like(X)
        for start in range(0, len(X), _ROWS_PER_BLOCK):
            block = np.ascontiguousarray(X[start : start + _ROWS_PER_BLOCK].T)
            filled[start : start + _ROWS_PER_BLOCK] = self._fill_block(block).T
        return filled

    def _fill_block(self, columns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        is_missing = np.isnan(columns)
        todo = [np.flatnonzero(is_missing[i]) for i in range(len(columns))]
        columns = np.where(is_missing, np.asarray(self.means)[:, np.newaxis], columns)
        for equation in self.equations:
            rows = todo[equation.column]
            if not len(rows):
                continue
            predicted = np.full(len(rows), equation.intercept)
            for other, coefficient in zip(equation.others, equation.coefficients, strict=True):
                predicted += coefficient * columns[other, rows]
            columns[equation.column, rows] = predicted
        return columns

    def to_json(self) -> dict[str, Any]:
        """Write as a JSON-able mapping, to be read by :meth:`from_json`."""
        return {
            "means": list(self.means),
            "equations": [
                [e.column, list(e.others), list(e.coefficients), e.intercept]
                for e in self.equations
            ],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ChainedEquations:
        """Read what :meth:`to_json` wrote."""
        return cls(document["means"], tuple(Equation(*e) for e in document["equations"]))


def fit_chained_equations(X: npt.NDArray[np.float64], seed: int) -> ChainedEquations:
    """Fit chained regressions by scikit-learn's ``IterativeImputer``, with ``BayesianRidge``.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns), float64
        NaN where missing; at least one value in each column.
    seed : int

    Returns
    -------
    ChainedEquations
        They fill rows as the imputer's ``transform`` does.

    Raises
    ------
    CleaningError
        When the columns are of such magnitudes that the regressions have no finite figures.

    References
    ----------
    van Buuren, Groothuis-Oudshoorn (2011), https://doi.org/10.18637/jss.v045.i03
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - scikit-learn asks for it
    from sklearn.impute import IterativeImputer

    n_nearest = MAX_NEAREST_FEATURES if X.shape[1] > MAX_NEAREST_FEATURES + 1 else None
    imputer = IterativeImputer(random_state=seed, n_nearest_features=n_nearest)
    try:
        with one_thread(), warnings.catch_warnings(), np.errstate(all="ignore"):
            # Ten rounds are what is asked for; the last changes are small beside the noise.
            warnings.simplefilter("ignore", ConvergenceWarning)
            imputer.fit(X)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise _refuse_magnitudes(str(error)) from error
    chain = ChainedEquations(
        imputer.initial_imputer_.statistics_.tolist(),
        tuple(
            Equation(
                int(step.feat_idx),
                step.neighbor_feat_idx.tolist(),
                step.estimator.coef_.tolist(),
                float(step.estimator.intercept_),
            )
            for step in imputer.imputation_sequence_
        ),
    )
    figures = [*chain.means]
    for equation in chain.equations:
        figures += [equation.intercept, *equation.coefficients]
    if not np.isfinite(figures).all():
        raise _refuse_magnitudes("a coefficient is not finite")
    return chain


def _refuse_magnitudes(why: str) -> CleaningError:
    return CleaningError(
        f"The missing values cannot be predicted from each other: {why}.",
        expected="columns of numbers of like magnitudes",
        hint="scale or clip the columns in a step before, or impute by median",
    )

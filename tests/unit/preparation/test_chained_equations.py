"""Chained regressions kept as numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

from tasks.errors import CleaningError
from tasks.preparation.chained_equations import ChainedEquations, Equation, fit_chained_equations


def make_matrix(n_rows: int = 300, n_columns: Any = 5, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, n_columns))
    X = X + 0.1 * rng.normal(size=X.shape) + 10 * np.arange(n_columns)
    X[rng.random(X.shape) < 0.2] = np.nan
    return X


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
def test_rows_are_filled_as_scikit_learn_does() -> None:
    """Known answer: IterativeImputer's transform, for training rows and new ones."""
    X, new = make_matrix(), make_matrix(seed=1)
    new = new[~np.isnan(new).all(axis=1)]
    theirs = IterativeImputer(random_state=0).fit(X)
    chain = fit_chained_equations(X, seed=0)
    for rows in (X, new):
        np.testing.assert_allclose(chain.fill(rows), theirs.transform(rows), rtol=1e-9)


def test_equations_are_gone_through_in_order() -> None:
    """By hand: y = 1 + 2 x from the mean of x, then x = y / 2 from the new y."""
    chain = ChainedEquations(
        [3.0, 0.0], (Equation(1, [0], [2.0], 1.0), Equation(0, [1], [0.5], 0.0))
    )
    nan = np.nan
    X = np.array([[nan, nan], [1.0, nan], [nan, 4.0], [1.0, 2.0]])
    assert chain.fill(X).tolist() == [[3.5, 7.0], [1.0, 3.0], [2.0, 4.0], [1.0, 2.0]]
    assert np.isnan(X).sum() == 4


def test_they_go_through_json() -> None:
    """Bits included."""
    chain = fit_chained_equations(make_matrix(), seed=0)
    loaded = ChainedEquations.from_json(json.loads(json.dumps(chain.to_json(), allow_nan=False)))
    X = make_matrix(seed=3)
    assert loaded.fill(X).tobytes() == chain.fill(X).tobytes()


def test_one_column_is_filled_with_its_mean() -> None:
    """There is nothing to predict it from."""
    chain = fit_chained_equations(np.array([[1.0], [3.0], [np.nan]]), seed=0)
    assert chain.fill(np.array([[np.nan], [9.0]])).tolist() == [[2.0], [9.0]]


def test_constant_columns_and_a_single_row_are_enough() -> None:
    """They predict their value."""
    X = np.array([[5.0, 1.0], [5.0, 2.0], [np.nan, 3.0]])
    assert fit_chained_equations(X, seed=0).fill(X)[2, 0] == pytest.approx(5.0)
    chain = fit_chained_equations(np.array([[5.0, 1.0]]), seed=0)
    assert chain.fill(np.array([[np.nan, 1.0]])).tolist() == [[5.0, 1.0]]


def test_figures_that_are_not_finite_are_refused() -> None:
    """JSON could not hold them; the error says to scale."""
    X = np.array([[1e300, 1.0], [-1e300, 2.0], [1e300, 3.0], [np.nan, 4.0]])
    with pytest.raises(CleaningError, match="scale or clip"):
        fit_chained_equations(X, seed=0)

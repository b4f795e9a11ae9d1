"""Grow a decision tree on rows that were checked first.

Pure module of the mining stage around scikit-learn's CART.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError
from tasks.mining.tree.nodes import Nodes, find_pruned_leaves

Floats = npt.NDArray[np.floating[Any]]

# Tells no question from any gain: no impurity is larger (entropy of 100 classes: 6.7 bits).
ROOT_ALPHA = 10.0
# Nobody reads more leaves; with them tree.json stays within a few MB whatever the rows are.
MAX_LEAVES = 2_000
_ALPHA_STEPS = 200  # of the prices tried to come down to MAX_LEAVES, each 8 % above the one before


@dataclass(frozen=True)
class Growth:
    """How trees are grown.

    Parameters
    ----------
    n_classes : int or None
        None for a number.
    criterion : {"gini", "entropy"}
        Of classes; of a number it is the squared error.
    min_leaf_rows : int
        Rows that every leaf must have.
    seed : int
        Decides between questions that gain the same.
    """

    n_classes: int | None
    criterion: Literal["gini", "entropy"] = "gini"
    min_leaf_rows: int = 1
    seed: int = 0

    def grow(self, X: Floats, y: npt.NDArray[Any], *, depth_limit: int, alpha: float = 0.0) -> Any:
        """Grow a tree.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_inputs), float32
        y : ndarray of shape (n_rows,)
            Codes of the classes, or numbers.
        depth_limit : int
            Questions in a row.
        alpha : float, default 0
            Cost per leaf of minimal cost-complexity pruning.

        Returns
        -------
        DecisionTreeClassifier or DecisionTreeRegressor
        """
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        limits: dict[str, Any] = {
            "max_depth": depth_limit,
            "min_samples_leaf": self.min_leaf_rows,
            "ccp_alpha": alpha,
            "random_state": np.random.RandomState(self.seed),
        }
        if self.n_classes is None:
            return DecisionTreeRegressor(**limits).fit(X, y)
        return DecisionTreeClassifier(criterion=self.criterion, **limits).fit(X, y)

    def grow_readable(
        self, X: Floats, y: npt.NDArray[Any], *, depth_limit: int, alpha: float
    ) -> Any:
        """Grow a tree of at most ``MAX_LEAVES`` leaves; one with more is pruned further."""
        model = self.grow(X, y, depth_limit=depth_limit, alpha=alpha)
        if model.get_n_leaves() <= MAX_LEAVES:
            return model
        nodes = Nodes.read(model, self.n_classes)
        prices = np.geomspace(max(alpha, 1e-9), 1.0, _ALPHA_STEPS)
        n_leaves = find_pruned_leaves(nodes, depth_limit, prices).sum(axis=0)
        enough = float(prices[np.argmax(n_leaves <= MAX_LEAVES)])
        return self.grow(X, y, depth_limit=depth_limit, alpha=enough)


def check_rows(X: Floats, y: npt.NDArray[Any], growth: Growth, *, folds: int, target: str) -> None:
    """Check that a tree can be grown on these rows.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_inputs)
    y : ndarray of shape (n_rows,)
        Codes of the classes, or numbers.
    growth : Growth
    folds : int
    target : str
        Its name.

    Raises
    ------
    MiningError
        When there are no inputs, too few rows, a value that is not finite, only constant inputs, or
        nothing to decide.
    """
    n_rows, n_inputs = X.shape
    if not n_inputs:
        raise MiningError(
            f"There is no input that the tree could ask about to decide {target!r}.",
            expected="at least one feature that was not made of the target",
            hint="add features under 'columns', or correct 'mining.tree.columns'",
        )
    n_needed = max(folds, 2 * growth.min_leaf_rows)
    if n_rows < n_needed:
        raise MiningError(
            f"There are {n_rows} training rows for a decision tree.",
            expected=f"at least {n_needed}: as many as folds ({folds}), and two leaves of "
            f"{growth.min_leaf_rows}",
            hint="let more data arrive, or lower 'mining.tree.folds' or 'mining.tree.min_leaf_rows'",
        )
    if not np.isfinite(X).all():
        n_bad = int((~np.isfinite(X)).any(axis=1).sum())
        raise MiningError(
            f"{n_bad} of {n_rows} training rows hold a missing or infinite value, or one beyond the "
            "range of float32.",
            expected=f"finite numbers up to {np.finfo(np.float32).max:.1e} in every input",
            hint="impute or clip the values, or send these rows to quarantine under 'cleaning'",
        )
    if bool((X.min(axis=0) == X.max(axis=0)).all()):
        raise MiningError(
            f"All {n_inputs} inputs are constant over {n_rows} training rows.",
            expected="at least one input that varies",
            hint="check the source: the same value everywhere says that it was read wrongly",
        )
    if y.min() == y.max():
        raise MiningError(
            f"All {n_rows} training rows have the same {target!r}: there is nothing to decide.",
            expected="at least two classes"
            if growth.n_classes is not None
            else "numbers that vary",
            hint="check the source, or choose another 'mining.tree.target'",
        )


def standardise(y: npt.NDArray[np.float64], target: str) -> tuple[Floats, float, float]:
    """Bring a target of numbers to mean 0 and variance 1: squares of large numbers lose their digits.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Not constant.
    target : str
        Its name.

    Returns
    -------
    z : ndarray of shape (n_rows,), float64
    mean, scale : float
        ``y = z * scale + mean``.

    Raises
    ------
    MiningError
        When the numbers lie further apart than a float can square.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(y.mean())
        scale = float(y.std())
    if not np.isfinite([mean, scale]).all() or scale == 0:
        raise MiningError(
            f"The values of {target!r} lie too far apart, or too close together, to compute with: "
            f"from {y.min():g} to {y.max():g}.",
            expected="a standard deviation that a float can hold",
            hint="clip the column under 'cleaning', or choose another 'mining.tree.target'",
        )
    return (y - mean) / scale, mean, scale

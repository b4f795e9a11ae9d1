"""Which inputs the tree rests on: by the impurity it lowers, and by what shuffling them costs.

Pure module of the mining stage around scikit-learn's two measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.preparation.originals import Original

Floats = npt.NDArray[np.floating[Any]]

N_REPEATS = 5  # shuffles per input, scikit-learn's default: the mean's error is half a single one's
# Shuffled inputs, those that lower the impurity most: each costs N_REPEATS predictions of all rows.
MAX_SHUFFLED = 60
MAX_ROWS = 10_000  # leave an accuracy a standard error of at most 0.5 points


@dataclass(frozen=True)
class Importance:
    """How much the tree rests on one input, or on one column as the user knows it.

    Parameters
    ----------
    name : str
    impurity : float
        Share of the impurity that its questions lower, 0 to 1.
    permutation : float or None
        How much worse the score gets when its values are shuffled, in the score's unit (accuracy or
        R^2), the mean of the repeats; None where that was not measured.
    permutation_std : float or None
        Standard deviation over the repeats; None of a column that several inputs were made of.
    """

    name: str
    impurity: float
    permutation: float | None
    permutation_std: float | None


def measure_importances(
    model: Any, X: Floats, y: npt.NDArray[Any], names: Sequence[str], *, seed: int
) -> tuple[Importance, ...]:
    r"""Measure how much a tree rests on each input.

    Parameters
    ----------
    model : DecisionTreeClassifier or DecisionTreeRegressor
        Fitted.
    X : ndarray of shape (n_rows, n_inputs), float32
        Rows to shuffle, better such as the tree has not seen; there may be none.
    y : ndarray of shape (n_rows,)
    names : sequence of str
    seed : int

    Returns
    -------
    tuple of Importance
        Of every input, most important first.

    Notes
    -----
    The impurity's share is the mean decrease in impurity, which favours inputs of many values; the
    permutation's is the score less the score with the column shuffled [1]_. Of inputs that say the
    same, the second may come out small for each. Inputs that the tree does not ask about are 0 in both.

    References
    ----------
    .. [1] L. Breiman, "Random Forests", Machine Learning 45, 2001, section 10.
       https://doi.org/10.1023/A:1010933404324
    """
    impurity = np.asarray(model.feature_importances_, dtype=np.float64)
    used = np.unique(model.tree_.feature[model.tree_.feature >= 0])
    shuffled = used[np.argsort(-impurity[used], kind="stable")][:MAX_SHUFFLED]
    measured: dict[int, tuple[float, float] | None] = dict.fromkeys(range(len(names)), (0.0, 0.0))
    measured |= dict.fromkeys(used.tolist())
    # R^2 of one row is not defined.
    if len(X) >= 2 and len(shuffled):
        means, stds = _permute(model, X, y, shuffled, seed)
        measured |= dict(
            zip(shuffled.tolist(), zip(means.tolist(), stds.tolist(), strict=True), strict=True)
        )
    found = [
        Importance(name, float(impurity[i]), *(measured[i] or (None, None)))
        for i, name in enumerate(names)
    ]
    return tuple(sorted(found, key=lambda f: -f.impurity))


def sum_by_column(
    importances: Sequence[Importance], originals: Mapping[str, Original]
) -> tuple[Importance, ...]:
    """Add up the inputs that were made of one column: those of its categories.

    Examples
    --------
    >>> by_input = [Importance("town_Rome", 0.5, 0.2, 0.0), Importance("town_Oslo", 0.25, None, None)]
    >>> towns = {n: Original(n, "town", category=n[5:]) for n in ("town_Rome", "town_Oslo")}
    >>> sum_by_column(by_input, towns)
    (Importance(name='town', impurity=0.75, permutation=0.2, permutation_std=None),)
    """
    grouped: dict[str, list[Importance]] = {}
    for found in importances:
        original = originals.get(found.name)
        grouped.setdefault(original.column if original else found.name, []).append(found)
    summed = []
    for column, parts in grouped.items():
        known = [part.permutation for part in parts if part.permutation is not None]
        summed.append(
            Importance(
                column,
                sum(part.impurity for part in parts),
                sum(known) if known else None,
                parts[0].permutation_std if len(parts) == 1 else None,
            )
        )
    return tuple(sorted(summed, key=lambda f: -f.impurity))


def _permute(
    model: Any, X: Floats, y: npt.NDArray[Any], inputs: npt.NDArray[Any], seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    from sklearn.inspection import permutation_importance

    rows = X.copy()

    def score(fitted: Any, shuffled: Floats, truth: npt.NDArray[Any]) -> float:
        # scikit-learn shuffles every column it is given: it is given the wanted ones alone.
        rows[:, inputs] = shuffled
        return float(fitted.score(rows, truth))

    found = permutation_importance(
        model,
        X[:, inputs],
        y,
        scoring=score,
        n_repeats=N_REPEATS,
        random_state=np.random.RandomState(seed),
    )
    return np.asarray(found.importances_mean), np.asarray(found.importances_std)

"""Permutation importance: how much worse a model gets when a column's values change places.

Pure module around scikit-learn's measure; ``tables`` and ``series`` give it what rows and windows are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import InterpretationError

N_REPEATS = (
    5  # shuffles per column, scikit-learn's default: the mean's error is half a single one's
)

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Importance:
    """How much a model rests on one column.

    Parameters
    ----------
    column : str
        As the user knows it.
    mean : float
        How much worse the metric gets when the column is shuffled, in the metric's unit: above 0
        the column matters.
    sd : float
        Standard deviation over the shuffles.
    """

    column: str
    mean: float
    sd: float


@dataclass(frozen=True)
class Importances:
    """How much a model rests on each of its columns.

    Parameters
    ----------
    metric : str
    is_error : bool
        Whether smaller is better.
    score : float
        The metric with every value in its place.
    n_rows : int
        Rows (of forecasts windows) that were shuffled.
    n_repeats : int
        Shuffles of each column.
    rows : tuple of Importance
        Most important first.
    """

    metric: str
    is_error: bool
    score: float
    n_rows: int
    n_repeats: int
    rows: tuple[Importance, ...]

    def to_json(self) -> dict[str, Any]:
        """Make the part ``importance`` of ``interpretation.json``."""
        return asdict(self) | {"rows": [asdict(row) for row in self.rows]}


class _Fitted:
    """What scikit-learn asks of an estimator; the model itself stands behind the score."""

    def fit(self) -> None:
        raise NotImplementedError  # scikit-learn asks whether it is there, and never calls it


def measure_importances(
    compute_score: Callable[[Places], float],
    columns: Sequence[str],
    n_rows: int,
    *,
    metric: str,
    is_error: bool,
    seed: int,
    n_repeats: int = N_REPEATS,
) -> Importances:
    r"""Measure how much worse a model gets when one column at a time is shuffled.

    Parameters
    ----------
    compute_score : callable
        Takes places of shape (n_rows, n_columns): row i is to have the value that row
        ``places[i, j]`` has in column j. Returns the model's metric on such rows.
    columns : sequence of str
    n_rows : int
        At least 2.
    metric : str
        For the result.
    is_error : bool
        Whether a larger metric is worse.
    seed : int
        The same shuffles for every column.
    n_repeats : int, default 5

    Returns
    -------
    Importances

    Raises
    ------
    InterpretationError
        When the metric is not defined on these rows, as R2 where all targets are the same.

    Notes
    -----
    With s the metric and :math:`s_{j,k}` the metric after shuffle k of column j, the importance is
    :math:`i_j = s - \frac{1}{K} \sum_k s_{j,k}`, with the sign turned around for an error [1]_. What
    is shuffled are places and not values, so that one code serves columns of any type and windows.

    References
    ----------
    .. [1] L. Breiman, "Random Forests", Machine Learning 45, 2001, section 10.
       https://doi.org/10.1023/A:1010933404324

    Examples
    --------
    >>> x, y = np.array([[0, 7], [1, 7], [2, 7]]), np.array([0, 1, 2])
    >>> def compute_score(places):
    ...     shuffled = np.take_along_axis(x, places, axis=0)
    ...     return float((shuffled[:, 0] == y).mean())
    >>> found = measure_importances(
    ...     compute_score, ["a", "b"], 3, metric="accuracy", is_error=False, seed=1
    ... )
    >>> found.score, [(row.column, row.mean > 0.0) for row in found.rows]
    (1.0, [('a', True), ('b', False)])
    """
    from sklearn.inspection import permutation_importance

    sign = -1.0 if is_error else 1.0
    in_order = np.repeat(np.arange(n_rows)[:, np.newaxis], len(columns), axis=1)
    score = compute_score(in_order)
    if not math.isfinite(score):
        raise InterpretationError(
            f"On these {n_rows} hold-out rows {metric} is {score}, which nothing can make worse.",
            expected="targets that differ from each other",
            hint="wait for more rows, or compare models by another 'promotion.metric'",
        )
    found = permutation_importance(
        _Fitted(),
        in_order,
        None,
        scoring=lambda _model, places, _target: sign * compute_score(places),
        n_repeats=n_repeats,
        random_state=np.random.RandomState(seed),
    )
    rows = [
        Importance(column, float(mean), float(sd))
        for column, mean, sd in zip(
            columns, found.importances_mean, found.importances_std, strict=True
        )
    ]
    return Importances(
        metric=metric,
        is_error=is_error,
        score=score,
        n_rows=n_rows,
        n_repeats=n_repeats,
        rows=tuple(sorted(rows, key=lambda row: -row.mean)),
    )

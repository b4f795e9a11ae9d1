"""The scorer of numbers: root mean squared error, mean absolute error and R2, in the target's unit.

Pure; a prediction is an array of shape (n_rows,).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tasks.errors import EvaluationError
from tasks.evaluation.comparison import Figures, Interval
from tasks.metrics import bootstrap_number_interval, score_values
from tasks.workflow import Metric, PredictKind


@dataclass(frozen=True)
class RegressionScorer:
    """Scores predicted numbers.

    Parameters
    ----------
    target : ndarray of shape (n_rows,), float64
        The true numbers.
    is_holdout : ndarray of shape (n_rows,), bool
        False marks a validation row.
    """

    target: npt.NDArray[np.float64]
    is_holdout: npt.NDArray[np.bool_]

    kind: ClassVar[PredictKind] = "regression"
    metrics: ClassVar[tuple[str, ...]] = ("rmse", "mae", "r2")
    tie_breaker: ClassVar[dict[str, str]] = {"rmse": "mae", "mae": "rmse", "r2": "mae"}

    @property
    def n_holdout(self) -> int:
        """Rows of the hold-out."""
        return int(self.is_holdout.sum())

    @property
    def n_validation(self) -> int:
        """Validation rows."""
        return int((~self.is_holdout).sum())

    def score(self, predictions: npt.NDArray[Any], *, is_holdout: bool) -> Figures:
        """Score numbers; see :class:`~tasks.evaluation.comparison.Scorer`."""
        rows = self.is_holdout == is_holdout
        return asdict(score_values(self.target[rows], predictions[rows]))

    def resample(self, predictions: npt.NDArray[Any], metric: Metric, seed: int) -> Interval:
        """Find the interval of a figure; see :class:`~tasks.evaluation.comparison.Scorer`."""
        if metric not in ("rmse", "mae", "r2"):
            raise EvaluationError(
                f"Numbers cannot be compared by {metric!r}.",
                expected="rmse, mae or r2",
                hint="correct 'promotion.metric' in the workflow file",
            )
        rows = self.is_holdout
        return bootstrap_number_interval(metric, self.target[rows], predictions[rows], seed)

    def describe(self, predictions: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:  # noqa: ARG002 - as every scorer
        """Say nothing more: the figures are all there is."""
        return {}

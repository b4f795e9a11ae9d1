"""The scorer of numbers: root mean squared error, mean absolute error and R2, in the target's unit.

Pure; target and prediction are arrays of shape (n_rows,), float64.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy.typing as npt

from tasks.evaluation.scorer import Figures, Interval, Scorer
from tasks.metrics import PairedGain, bootstrap_number_interval, compare_numbers, score_values
from tasks.workflow import PredictKind


@dataclass(frozen=True)
class RegressionScorer(Scorer):
    """Scores predicted numbers."""

    kind: ClassVar[PredictKind] = "regression"
    metrics: ClassVar[tuple[str, ...]] = ("rmse", "mae", "r2")
    tie_breaker: ClassVar[dict[str, str]] = {"rmse": "mae", "mae": "rmse", "r2": "mae"}

    def _score(self, target: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> Figures:
        return asdict(score_values(target, predicted))

    def _resample(
        self, target: npt.NDArray[Any], predicted: npt.NDArray[Any], metric: Any, seed: int
    ) -> Interval:
        return bootstrap_number_interval(metric, target, predicted, seed)

    def _pair(
        self,
        target: npt.NDArray[Any],
        challenger: npt.NDArray[Any],
        champion: npt.NDArray[Any],
        metric: Any,
        significance: float,
        seed: int,
    ) -> PairedGain:
        return compare_numbers(
            metric, target, challenger, champion, significance=significance, seed=seed
        )

"""The scorer of forecasts: errors of standardised values, and how they grow with each step ahead.

Pure; target and prediction are arrays of shape (n_windows, horizon, n_columns) in the columns' own units,
in order of time; the target is NaN where nothing was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tasks.evaluation.scorer import Figures, Interval, Scorer
from tasks.metrics import (
    PairedGain,
    bootstrap_forecast_interval,
    compare_forecasts,
    compute_mase,
    score_forecasts,
    score_steps,
)
from tasks.workflow import PredictKind


@dataclass(frozen=True)
class ForecastScorer(Scorer):
    """Scores forecasts.

    Parameters
    ----------
    columns : tuple of str
    scale : ndarray of shape (n_columns,), float64
        Standard deviation of the training rows, in the columns' own units.
    naive_error : ndarray of shape (n_columns,), float64
        Mean absolute error of the (seasonal) naive forecast on the training rows, in the same units.
    n_per_block : int
        Windows that share steps with each other, and are resampled together.
    n_left_out : int
        Windows that nobody is judged by: they could not be forecast, or nothing was measured.
    """

    columns: tuple[str, ...]
    scale: npt.NDArray[np.float64]
    naive_error: npt.NDArray[np.float64]
    n_per_block: int
    n_left_out: int

    kind: ClassVar[PredictKind] = "forecast"
    metrics: ClassVar[tuple[str, ...]] = ("mse", "mae", "mase")
    tie_breaker: ClassVar[dict[str, str]] = {"mse": "mae", "mae": "mse"}

    def describe(self, predictions: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
        """Say how the errors grow with each step ahead, and how many windows nobody is judged by."""
        rows = self.is_holdout
        steps = {
            name: score_steps(self.target[rows], values[rows], self.scale)
            for name, values in predictions.items()
        }
        return {
            "n_left_out": self.n_left_out,
            "horizon": {
                "columns": list(self.columns),
                "models": {
                    name: {"mae": mae.tolist(), "mse": mse.tolist()}
                    for name, (mse, mae) in steps.items()
                },
            },
        }

    def _score(self, target: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> Figures:
        scores = score_forecasts(target, predicted, self.scale)
        return {**asdict(scores), "mase": compute_mase(target, predicted, self.naive_error)}

    def _resample(
        self, target: npt.NDArray[Any], predicted: npt.NDArray[Any], metric: Any, seed: int
    ) -> Interval:
        return bootstrap_forecast_interval(
            metric, target, predicted, self.scale, n_per_block=self.n_per_block, seed=seed
        )

    def _pair(
        self,
        target: npt.NDArray[Any],
        challenger: npt.NDArray[Any],
        champion: npt.NDArray[Any],
        metric: Any,
        significance: float,
        seed: int,
    ) -> PairedGain:
        return compare_forecasts(
            metric,
            target,
            challenger,
            champion,
            self.scale,
            n_per_block=self.n_per_block,
            significance=significance,
            seed=seed,
        )

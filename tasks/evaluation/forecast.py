"""The scorer of forecasts: errors of standardised values, and how they grow with each step ahead.

Pure; a prediction is an array of shape (n_windows, horizon, n_columns) in the columns' own units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tasks.errors import EvaluationError
from tasks.evaluation.comparison import Figures, Interval
from tasks.metrics import bootstrap_forecast_interval, score_forecasts, score_steps
from tasks.workflow import Metric, PredictKind


@dataclass(frozen=True)
class ForecastScorer:
    """Scores forecasts.

    Parameters
    ----------
    target : ndarray of shape (n_windows, horizon, n_columns), float64
        What was measured, in the columns' own units; NaN where nothing was. In order of time.
    is_holdout : ndarray of shape (n_windows,), bool
        False marks a validation window.
    columns : tuple of str
    scale : ndarray of shape (n_columns,), float64
        Standard deviation of the training rows, in the same units.
    n_per_block : int
        Windows that share steps with each other, and are resampled together.
    n_left_out : int
        Windows that nobody is judged by: they could not be forecast, or nothing was measured.
    """

    target: npt.NDArray[np.float64]
    is_holdout: npt.NDArray[np.bool_]
    columns: tuple[str, ...]
    scale: npt.NDArray[np.float64]
    n_per_block: int
    n_left_out: int

    kind: ClassVar[PredictKind] = "forecast"
    metrics: ClassVar[tuple[str, ...]] = ("mse", "mae")
    tie_breaker: ClassVar[dict[str, str]] = {"mse": "mae", "mae": "mse"}

    @property
    def n_holdout(self) -> int:
        """Windows of the hold-out."""
        return int(self.is_holdout.sum())

    @property
    def n_validation(self) -> int:
        """Validation windows."""
        return int((~self.is_holdout).sum())

    def score(self, predictions: npt.NDArray[Any], *, is_holdout: bool) -> Figures:
        """Score forecasts; see :class:`~tasks.evaluation.comparison.Scorer`."""
        rows = self.is_holdout == is_holdout
        return asdict(score_forecasts(self.target[rows], predictions[rows], self.scale))

    def resample(self, predictions: npt.NDArray[Any], metric: Metric, seed: int) -> Interval:
        """Find the interval of a figure; see :class:`~tasks.evaluation.comparison.Scorer`."""
        if metric not in ("mse", "mae"):
            raise EvaluationError(
                f"Forecasts cannot be compared by {metric!r}.",
                expected="mse or mae",
                hint="correct 'promotion.metric' in the workflow file",
            )
        rows = self.is_holdout
        return bootstrap_forecast_interval(
            metric,
            self.target[rows],
            predictions[rows],
            self.scale,
            n_per_block=self.n_per_block,
            seed=seed,
        )

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

"""What scorers of classes, numbers and forecasts have in common.

Base class of ``classification.py``, ``regression.py`` and ``forecast.py``; used by ``comparison.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tasks.errors import EvaluationError
from tasks.metrics import PairedGain
from tasks.workflow import Metric, PredictKind

Figures = dict[str, float]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Scorer(ABC):
    """Knows what came, and scores what was predicted.

    Parameters
    ----------
    target : ndarray of shape (n_rows, ...)
        What came, of the rows (of forecasts: windows) that are judged.
    is_holdout : ndarray of shape (n_rows,), bool
        False marks a validation row.
    """

    target: npt.NDArray[Any]
    is_holdout: npt.NDArray[np.bool_]

    kind: ClassVar[PredictKind]
    """What is predicted."""
    metrics: ClassVar[tuple[str, ...]]
    """Names of the figures."""
    tie_breaker: ClassVar[dict[str, str]]
    """By the name of each figure that models can be compared by: the one that decides a tie."""

    @property
    def n_holdout(self) -> int:
        """Rows of the hold-out."""
        return int(self.is_holdout.sum())

    @property
    def n_validation(self) -> int:
        """Validation rows."""
        return int((~self.is_holdout).sum())

    def score(self, predictions: npt.NDArray[Any], *, is_holdout: bool) -> Figures:
        """Score predictions of all judged rows on one part of them."""
        rows = self.is_holdout == is_holdout
        return self._score(self.target[rows], predictions[rows])

    def resample(self, predictions: npt.NDArray[Any], metric: Metric, seed: int) -> Interval:
        """Find the interval of a figure on resampled hold-outs.

        Raises
        ------
        EvaluationError
            When models of this kind are not compared by that figure.
        """
        self._check_metric(metric)
        rows = self.is_holdout
        return self._resample(self.target[rows], predictions[rows], metric, seed)

    def pair(
        self,
        challenger: npt.NDArray[Any],
        champion: npt.NDArray[Any],
        metric: Metric,
        *,
        significance: float,
        seed: int,
    ) -> PairedGain:
        """Compare two models on the same resampled hold-outs.

        Parameters
        ----------
        challenger, champion : ndarray of shape (n_rows, ...)
            Predictions of all judged rows, finite.
        metric : str
        significance : float
            Share of the resampled hold-outs beyond either end of the interval.
        seed : int

        Raises
        ------
        EvaluationError
            When models of this kind are not compared by that figure.
        """
        self._check_metric(metric)
        rows = self.is_holdout
        return self._pair(
            self.target[rows], challenger[rows], champion[rows], metric, significance, seed
        )

    def _check_metric(self, metric: Metric) -> None:
        if metric not in self.tie_breaker:
            raise EvaluationError(
                f"Models of a {self.kind} cannot be compared by {metric!r}.",
                expected=f"one of {', '.join(self.tie_breaker)}",
                hint="correct 'promotion.metric' in the workflow file",
            )

    def describe(self, predictions: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:  # noqa: ARG002 - kinds add to it
        """Say what else is to be known of the models on the hold-out, as part of ``scores.json``."""
        return {}

    @abstractmethod
    def _score(self, target: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> Figures: ...

    @abstractmethod
    def _resample(
        self,
        target: npt.NDArray[Any],
        predicted: npt.NDArray[Any],
        metric: Any,  # one of the kind's own
        seed: int,
    ) -> Interval: ...

    @abstractmethod
    def _pair(
        self,
        target: npt.NDArray[Any],
        challenger: npt.NDArray[Any],
        champion: npt.NDArray[Any],
        metric: Any,
        significance: float,
        seed: int,
    ) -> PairedGain: ...

"""The scorer of classes: accuracy, macro F1 and log loss, and who was taken for whom.

Pure; a prediction is an array of shape (n_rows, n_classes) of probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tasks.errors import EvaluationError
from tasks.evaluation.comparison import Figures, Interval
from tasks.metrics import bootstrap_interval, count_confusion, score_predictions
from tasks.workflow import Metric, PredictKind


@dataclass(frozen=True)
class ClassificationScorer:
    """Scores the probabilities of classes.

    Parameters
    ----------
    target : ndarray of shape (n_rows,), int64
        Codes of the true classes.
    is_holdout : ndarray of shape (n_rows,), bool
        False marks a validation row.
    classes : tuple
        By their codes.
    """

    target: npt.NDArray[np.int64]
    is_holdout: npt.NDArray[np.bool_]
    classes: tuple[Any, ...]

    kind: ClassVar[PredictKind] = "classification"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1", "log_loss")
    tie_breaker: ClassVar[dict[str, str]] = {"accuracy": "log_loss", "macro_f1": "log_loss"}

    @property
    def n_holdout(self) -> int:
        """Rows of the hold-out."""
        return int(self.is_holdout.sum())

    @property
    def n_validation(self) -> int:
        """Validation rows."""
        return int((~self.is_holdout).sum())

    def score(self, predictions: npt.NDArray[Any], *, is_holdout: bool) -> Figures:
        """Score probabilities; see :class:`~tasks.evaluation.comparison.Scorer`."""
        rows = self.is_holdout == is_holdout
        return asdict(score_predictions(self.target[rows], predictions[rows], len(self.classes)))

    def resample(self, predictions: npt.NDArray[Any], metric: Metric, seed: int) -> Interval:
        """Find the interval of a figure; see :class:`~tasks.evaluation.comparison.Scorer`."""
        if metric not in ("accuracy", "macro_f1"):
            raise EvaluationError(
                f"Classes cannot be compared by {metric!r}.",
                expected="accuracy or macro_f1",
                hint="correct 'promotion.metric' in the workflow file",
            )
        target, predicted = self._decide(predictions)
        return bootstrap_interval(metric, target, predicted, len(self.classes), seed)

    def describe(self, predictions: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
        """Count true and predicted classes on the hold-out."""
        n_classes = len(self.classes)
        return {
            "classes": list(self.classes),
            "confusion": {
                name: count_confusion(*self._decide(values), n_classes).tolist()
                for name, values in predictions.items()
            },
        }

    def _decide(
        self, predictions: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        rows = self.is_holdout
        return self.target[rows], predictions[rows].argmax(axis=1)

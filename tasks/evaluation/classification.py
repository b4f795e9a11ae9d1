"""The scorer of classes: accuracy, macro F1 and log loss, and who was taken for whom.

Pure; the target is an array of codes, a prediction one of shape (n_rows, n_classes) of probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy.typing as npt

from tasks.evaluation.scorer import Figures, Interval, Scorer
from tasks.metrics import bootstrap_interval, count_confusion, score_predictions
from tasks.workflow import PredictKind


@dataclass(frozen=True)
class ClassificationScorer(Scorer):
    """Scores the probabilities of classes.

    Parameters
    ----------
    classes : tuple
        By their codes.
    """

    classes: tuple[Any, ...]

    kind: ClassVar[PredictKind] = "classification"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1", "log_loss")
    tie_breaker: ClassVar[dict[str, str]] = {"accuracy": "log_loss", "macro_f1": "log_loss"}

    def describe(self, predictions: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
        """Count true and predicted classes on the hold-out."""
        rows = self.is_holdout
        return {
            "classes": list(self.classes),
            "confusion": {
                name: count_confusion(
                    self.target[rows], values[rows].argmax(axis=1), len(self.classes)
                ).tolist()
                for name, values in predictions.items()
            },
        }

    def _score(self, target: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> Figures:
        return asdict(score_predictions(target, predicted, len(self.classes)))

    def _resample(
        self, target: npt.NDArray[Any], predicted: npt.NDArray[Any], metric: Any, seed: int
    ) -> Interval:
        decided = predicted.argmax(axis=1)
        return bootstrap_interval(metric, target, decided, len(self.classes), seed)

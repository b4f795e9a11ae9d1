"""The scorer of classes: accuracy, macro F1, log loss, calibration and ROC AUC, and who was taken for whom.

Pure; the target is an array of codes, a prediction one of shape (n_rows, n_classes) of probabilities.
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
    bootstrap_interval,
    compare_classes,
    compute_roc_auc,
    count_confusion,
    measure_calibration,
    score_predictions,
)
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
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1", "log_loss", "ece", "roc_auc")
    tie_breaker: ClassVar[dict[str, str]] = {"accuracy": "log_loss", "macro_f1": "log_loss"}

    def describe(self, predictions: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
        """Count true and predicted classes on the hold-out, and how often they were as sure as right."""
        rows = self.is_holdout
        found = {
            name: measure_calibration(self.target[rows], values[rows])
            for name, values in predictions.items()
        }
        return {
            "classes": list(self.classes),
            "confusion": {
                name: self.count_confusion(values).tolist() for name, values in predictions.items()
            },
            "calibration": {
                name: {
                    "n_rows": bins.n_rows.tolist(),
                    "confidence": bins.confidence.tolist(),
                    "accuracy": bins.accuracy.tolist(),
                }
                for name, bins in found.items()
            },
        }

    def count_confusion(self, predictions: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Count hold-out rows by true class (row) and predicted class (column)."""
        rows = self.is_holdout
        return count_confusion(
            self.target[rows], predictions[rows].argmax(axis=1), len(self.classes)
        )

    def _score(self, target: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> Figures:
        return {
            **asdict(score_predictions(target, predicted, len(self.classes))),
            "ece": measure_calibration(target, predicted).error,
            "roc_auc": compute_roc_auc(target, predicted),
        }

    def _resample(
        self, target: npt.NDArray[Any], predicted: npt.NDArray[Any], metric: Any, seed: int
    ) -> Interval:
        decided = predicted.argmax(axis=1)
        return bootstrap_interval(metric, target, decided, len(self.classes), seed)

    def _pair(
        self,
        target: npt.NDArray[Any],
        challenger: npt.NDArray[Any],
        champion: npt.NDArray[Any],
        metric: Any,
        significance: float,
        seed: int,
    ) -> PairedGain:
        return compare_classes(
            metric,
            target,
            challenger.argmax(axis=1),
            champion.argmax(axis=1),
            len(self.classes),
            significance=significance,
            seed=seed,
        )

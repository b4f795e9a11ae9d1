"""Compare models on the same rows: who is challenger, and how everybody scored.

Pure functions of ``tasks.evaluation``; ``step.py`` gives them every model's probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.errors import EvaluationError
from tasks.metrics import (
    Metric,
    Scores,
    bootstrap_interval,
    count_confusion,
    score_predictions,
)

Role = Literal["candidate", "baseline", "champion"]


@dataclass(frozen=True)
class Judged:
    """One model's probabilities on the judged rows.

    Parameters
    ----------
    role : {"candidate", "baseline", "champion"}
    probabilities : ndarray of shape (n_rows, n_classes)
        Columns in the order of tonight's classes.
    version : str or None
        The registered version, for the champion.
    """

    role: Role
    probabilities: npt.NDArray[Any]
    version: str | None = None


@dataclass(frozen=True)
class ModelScores:
    """One model's scores: on validation rows (where there are any) and on the hold-out."""

    role: Role
    version: str | None
    validation: Scores | None
    holdout: Scores
    interval: tuple[float, float]
    confusion: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """All models on the same rows, and the candidate that challenges."""

    metric: Metric
    classes: tuple[Any, ...]
    n_holdout: int
    n_validation: int
    challenger: str
    models: Mapping[str, ModelScores]

    def to_json(self) -> dict[str, Any]:
        """Make the document ``scores.json``."""
        return {
            "metric": self.metric,
            "n_holdout": self.n_holdout,
            "n_validation": self.n_validation,
            "challenger": self.challenger,
            "classes": list(self.classes),
            "models": {
                name: {
                    "role": scores.role,
                    **({"version": scores.version} if scores.version else {}),
                    "validation": asdict(scores.validation) if scores.validation else None,
                    "holdout": asdict(scores.holdout),
                    "interval": {self.metric: list(scores.interval)},
                }
                for name, scores in self.models.items()
            },
            "confusion": {name: s.confusion.tolist() for name, s in self.models.items()},
        }


def compare_models(
    models: Mapping[str, Judged],
    target: npt.NDArray[np.int64],
    is_holdout: npt.NDArray[np.bool_],
    classes: Sequence[Any],
    metric: Metric,
    seed: int,
) -> Comparison:
    """Score every model on the same validation and hold-out rows.

    The challenger is the candidate that is best on the *validation* rows (the smaller log loss breaks
    a tie): the hold-out judges it and must not have chosen it.

    Parameters
    ----------
    models : mapping of str to Judged
    target : ndarray of shape (n_rows,)
        Codes of the true classes.
    is_holdout : ndarray of shape (n_rows,), bool
        False marks a validation row.
    classes : sequence
    metric : {"accuracy", "macro_f1"}
    seed : int
        Of the intervals' resampling.

    Returns
    -------
    Comparison

    Raises
    ------
    EvaluationError
        When there is no candidate, or no hold-out row.
    """
    candidates = [name for name, model in models.items() if model.role == "candidate"]
    if not candidates or not is_holdout.any():
        raise EvaluationError(
            f"{len(candidates)} candidates and {int(is_holdout.sum())} hold-out rows.",
            expected="at least one of each",
            hint="check that the candidates were trained and that the split leaves a hold-out",
        )
    has_validation = bool((~is_holdout).any())
    n_classes = len(classes)
    scored = {}
    for name, model in models.items():
        predicted = model.probabilities.argmax(axis=1)
        scored[name] = ModelScores(
            role=model.role,
            version=model.version,
            validation=score_predictions(
                target[~is_holdout], model.probabilities[~is_holdout], n_classes
            )
            if has_validation
            else None,
            holdout=score_predictions(
                target[is_holdout], model.probabilities[is_holdout], n_classes
            ),
            interval=bootstrap_interval(
                metric, target[is_holdout], predicted[is_holdout], n_classes, seed
            ),
            confusion=count_confusion(target[is_holdout], predicted[is_holdout], n_classes),
        )
    return Comparison(
        metric=metric,
        classes=tuple(classes),
        n_holdout=int(is_holdout.sum()),
        n_validation=int((~is_holdout).sum()),
        challenger=_choose_challenger(scored, candidates, metric),
        models=scored,
    )


def _choose_challenger(
    scored: Mapping[str, ModelScores], candidates: Sequence[str], metric: Metric
) -> str:
    if len(candidates) == 1:
        return candidates[0]

    def rank(name: str) -> tuple[float, float]:
        validation = scored[name].validation
        if validation is None:
            raise EvaluationError(
                f"{len(candidates)} candidates and no validation rows to choose by.",
                expected="validation rows",
                hint="set 'split.validation' above 0, or keep one candidate",
            )
        return getattr(validation, metric), -validation.log_loss

    return max(candidates, key=rank)

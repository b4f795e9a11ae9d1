"""Compare models on the same rows: who is challenger, and how everybody scored.

Pure functions of ``tasks.evaluation``, the same for classes, numbers and forecasts; what a prediction
is worth is for the scorers in ``classification.py``, ``regression.py`` and ``forecast.py`` to say.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.errors import EvaluationError
from tasks.evaluation.scorer import Figures, Interval, Scorer
from tasks.workflow import ERRORS, Metric, PredictKind

logger = logging.getLogger(__name__)

Role = Literal["candidate", "baseline", "champion"]

NO_NUMBER = math.nan
_SMALLER_IS_BETTER = frozenset({*ERRORS, "log_loss"})


@dataclass(frozen=True)
class Judged:
    """One model's predictions for the judged rows.

    Parameters
    ----------
    role : {"candidate", "baseline", "champion"}
    predictions : ndarray of shape (n_rows, ...)
        As the scorer takes them; NaN or infinite where the model says no number.
    version : str or None
        The registered version, for the champion.
    """

    role: Role
    predictions: npt.NDArray[Any]
    version: str | None = None


@dataclass(frozen=True)
class ModelScores:
    """One model's figures by name: on validation rows (where there are any) and on the hold-out."""

    role: Role
    version: str | None
    validation: Figures | None
    holdout: Figures
    interval: Interval


@dataclass(frozen=True)
class Comparison:
    """All models on the same rows, and the candidate that challenges.

    Parameters
    ----------
    kind : {"classification", "regression", "forecast"}
    metric : str
        What is compared.
    n_holdout, n_validation : int
        Rows; of forecasts windows.
    challenger : str
    models : mapping of str to ModelScores
        Candidates best first, then baselines best first, then the champion.
    details : mapping of str to object
        What the kind adds to the document.
    """

    kind: PredictKind
    metric: Metric
    n_holdout: int
    n_validation: int
    challenger: str
    models: Mapping[str, ModelScores]
    details: Mapping[str, Any]

    def list_models(self, role: Role) -> list[str]:
        """Names of the models of a role, best first."""
        return [name for name, scores in self.models.items() if scores.role == role]

    def to_json(self) -> dict[str, Any]:
        """Make the document ``scores.json``; a figure that is no number is null."""
        return {
            "kind": self.kind,
            "metric": self.metric,
            "is_error": self.metric in ERRORS,
            "n_holdout": self.n_holdout,
            "n_validation": self.n_validation,
            "challenger": self.challenger,
            "models": {
                name: {
                    "role": scores.role,
                    **({"version": scores.version} if scores.version else {}),
                    "validation": to_nulls(scores.validation),
                    "holdout": to_nulls(scores.holdout),
                    "interval": {self.metric: to_nulls(list(scores.interval))},
                }
                for name, scores in self.models.items()
            },
            **to_nulls(dict(self.details)),
        }


def compare_models(
    models: Mapping[str, Judged], scorer: Scorer, metric: Metric, seed: int
) -> Comparison:
    """Score every model on the same validation and hold-out rows.

    The challenger is the candidate that is best on the *validation* rows (another figure breaks a
    tie): the hold-out judges it and must not have chosen it. A model that says no number has no
    figures: it neither challenges nor stands in anybody's way.

    Parameters
    ----------
    models : mapping of str to Judged
    scorer : Scorer
    metric : str
        One of the scorer's.
    seed : int
        Of the intervals' resampling.

    Returns
    -------
    Comparison

    Raises
    ------
    EvaluationError
        When there is no candidate that says numbers, no hold-out row, or a choice without
        validation rows to choose by.
    """
    candidates = [name for name, model in models.items() if model.role == "candidate"]
    if not candidates or not scorer.n_holdout:
        raise EvaluationError(
            f"{len(candidates)} candidates and {scorer.n_holdout} hold-out rows.",
            expected="at least one of each",
            hint="check that the candidates were trained and that the split leaves a hold-out",
        )
    if len(candidates) > 1 and not scorer.n_validation:
        raise EvaluationError(
            f"{len(candidates)} candidates and no validation rows to choose by.",
            expected="validation rows",
            hint="set 'split.validation' above 0, or keep one candidate",
        )
    sound = {n: m.predictions for n, m in models.items() if np.isfinite(m.predictions).all()}
    for name in models.keys() - sound.keys():
        logger.warning("%s predicts no number on some rows: it is not scored.", name)
    if not any(name in sound for name in candidates):
        raise EvaluationError(
            f"The predictions of {', '.join(candidates)} are not numbers.",
            expected="at least one candidate whose predictions are finite",
            hint="their training diverged: lower the learning rate, or set 'clip_norm'",
        )
    scored = {
        name: _score(model, scorer, metric, seed, is_sound=name in sound)
        for name, model in models.items()
    }
    return Comparison(
        kind=scorer.kind,
        metric=metric,
        n_holdout=scorer.n_holdout,
        n_validation=scorer.n_validation,
        challenger=_rank(scored, candidates, scorer, metric, by_validation=True)[0],
        models={name: scored[name] for name in _order(scored, scorer, metric)},
        details=scorer.describe(sound),
    )


def _score(
    model: Judged, scorer: Scorer, metric: Metric, seed: int, *, is_sound: bool
) -> ModelScores:
    nothing = dict.fromkeys(scorer.metrics, NO_NUMBER)
    validation = None
    if scorer.n_validation:
        validation = scorer.score(model.predictions, is_holdout=False) if is_sound else nothing
    return ModelScores(
        role=model.role,
        version=model.version,
        validation=validation,
        holdout=scorer.score(model.predictions, is_holdout=True) if is_sound else nothing,
        interval=scorer.resample(model.predictions, metric, seed)
        if is_sound
        else (NO_NUMBER, NO_NUMBER),
    )


def _order(scored: Mapping[str, ModelScores], scorer: Scorer, metric: Metric) -> list[str]:
    by_role: dict[Role, list[str]] = {"candidate": [], "baseline": [], "champion": []}
    for name, scores in scored.items():
        by_role[scores.role].append(name)
    has_validation = scorer.n_validation > 0
    return [
        *_rank(scored, by_role["candidate"], scorer, metric, by_validation=has_validation),
        *_rank(scored, by_role["baseline"], scorer, metric, by_validation=False),
        *by_role["champion"],
    ]


def _rank(
    scored: Mapping[str, ModelScores],
    names: Sequence[str],
    scorer: Scorer,
    metric: Metric,
    *,
    by_validation: bool,
) -> list[str]:
    """Put models in order, best first; of equals the first that was named."""

    def worth(name: str) -> tuple[float, float]:
        scores = scored[name]
        figures = scores.validation if by_validation and scores.validation else scores.holdout
        tie_breaker = scorer.tie_breaker[metric]
        return _rate(metric, figures[metric]), _rate(tie_breaker, figures[tie_breaker])

    return sorted(names, key=worth, reverse=True)


def _rate(metric: str, figure: float) -> float:
    """Turn a figure into one of which more is better; no number is worst."""
    if math.isnan(figure):
        return -math.inf
    return -figure if metric in _SMALLER_IS_BETTER else figure


def to_nulls(document: Any) -> Any:
    """Copy a document of figures with null for what is no number: JSON has no NaN."""
    if isinstance(document, Mapping):
        return {key: to_nulls(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [to_nulls(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document

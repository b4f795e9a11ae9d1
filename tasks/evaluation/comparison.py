"""Compare models on the same rows: who is challenger, and how everybody scored.

Pure functions of ``tasks.evaluation``, the same for classes, numbers and forecasts; what a prediction
is worth is for the scorers in ``classification.py``, ``regression.py`` and ``forecast.py`` to say.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import EvaluationError
from tasks.evaluation.contenders import Role
from tasks.evaluation.groups import score_groups
from tasks.evaluation.scorer import Scorer
from tasks.evaluation.scores import Comparison, ModelScores
from tasks.evaluation.slices import Slice
from tasks.metrics import rate
from tasks.workflow import Metric

logger = logging.getLogger(__name__)

NO_NUMBER = math.nan


@dataclass(frozen=True)
class Judged:
    """One model's predictions for the judged rows.

    Parameters
    ----------
    role : {"candidate", "baseline", "champion"}
    predictions : ndarray of shape (n_rows, ...) or None
        As the scorer takes them; NaN or infinite where the model says no number. None of a champion
        that could not be asked.
    version : str or None
        The registered version, for the champion.
    size_bytes : int or None
        Of the model's folder.
    latency_ms : float or None
        To predict one row, at the median.
    problem : str or None
        Why there are no predictions.
    """

    role: Role
    predictions: npt.NDArray[Any] | None
    version: str | None = None
    size_bytes: int | None = None
    latency_ms: float | None = None
    problem: str | None = None


def compare_models(
    models: Mapping[str, Judged],
    scorer: Scorer,
    metric: Metric,
    *,
    significance: float,
    seed: int,
    slices: Sequence[Slice] = (),
) -> Comparison:
    """Score every model on the same validation and hold-out rows.

    The challenger is the candidate that is best on the *validation* rows (another figure breaks a
    tie): the hold-out judges it and must not have chosen it. A model that says no number has no
    figures: it neither challenges nor stands in anybody's way, and its problem is noted.

    Parameters
    ----------
    models : mapping of str to Judged
    scorer : Scorer
    metric : str
        One of the scorer's.
    significance : float
        Share of the resampled hold-outs beyond either end of the interval of the gain.
    seed : int
        Of the resampling.
    slices : sequence of Slice, optional
        Parts of the rows on which everybody is scored apart.

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
    models = {name: _note_problem(name, model) for name, model in models.items()}
    sound = {
        name: model.predictions
        for name, model in models.items()
        if model.predictions is not None and model.problem is None
    }
    if not any(name in sound for name in candidates):
        raise EvaluationError(
            f"The predictions of {', '.join(candidates)} are not numbers.",
            expected="at least one candidate whose predictions are finite",
            hint="their training diverged: lower the learning rate, or set 'clip_norm'",
        )
    scored = {
        name: _score(model, sound.get(name), scorer, metric, seed) for name, model in models.items()
    }
    challenger = _rank(scored, candidates, scorer, metric, by_validation=True)[0]
    champion = next((n for n, m in models.items() if m.role == "champion" and n in sound), None)
    return Comparison(
        kind=scorer.kind,
        metric=metric,
        n_holdout=scorer.n_holdout,
        n_validation=scorer.n_validation,
        challenger=challenger,
        models={name: scored[name] for name in _order(scored, scorer, metric)},
        paired=scorer.pair(
            sound[challenger], sound[champion], metric, significance=significance, seed=seed
        )
        if champion is not None
        else None,
        groups=score_groups(
            scorer,
            {name: sound.get(name) for name in models},
            slices,
            metric,
            challenger=challenger,
            champion=champion,
        ),
        details=scorer.describe(sound),
    )


def _note_problem(name: str, model: Judged) -> Judged:
    if model.predictions is None or model.problem is not None:
        return model
    is_sound = np.isfinite(model.predictions).reshape(len(model.predictions), -1).all(axis=1)
    if is_sound.all():
        return model
    problem = f"predicts no number on {int((~is_sound).sum()):,} of {len(is_sound):,} judged rows"
    logger.warning("%s %s: it is not scored.", name, problem)
    return replace(model, problem=problem)


def _score(
    model: Judged,
    predictions: npt.NDArray[Any] | None,
    scorer: Scorer,
    metric: Metric,
    seed: int,
) -> ModelScores:
    """Score a model; one without sound predictions has no figures."""
    validation, holdout = (dict.fromkeys(scorer.metrics, NO_NUMBER) for _ in range(2))
    interval = (NO_NUMBER, NO_NUMBER)
    if predictions is not None:
        holdout = scorer.score(predictions, is_holdout=True)
        interval = scorer.resample(predictions, metric, seed)
        if scorer.n_validation:
            validation = scorer.score(predictions, is_holdout=False)
    return ModelScores(
        role=model.role,
        version=model.version,
        size_bytes=model.size_bytes,
        latency_ms=model.latency_ms,
        problem=model.problem,
        validation=validation if scorer.n_validation else None,
        holdout=holdout,
        interval=interval,
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
        return rate(metric, figures[metric]), rate(tie_breaker, figures[tie_breaker])

    return sorted(names, key=worth, reverse=True)

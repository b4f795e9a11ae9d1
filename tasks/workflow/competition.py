"""Checks between what is predicted and who competes: candidates, baselines, the metric, the split.

Called by ``Workflow`` when a file is read, so that a workflow that cannot be trained is an error with
its line and not a night that fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from tasks.errors import nearest
from tasks.workflow.base import refuse
from tasks.workflow.baselines import BASELINES_OF, SeasonalNaive
from tasks.workflow.candidates import Candidate, RecurrentCandidate
from tasks.workflow.columns import NoSplit, TimeSplit
from tasks.workflow.predict import Forecast
from tasks.workflow.privacy import Encrypt
from tasks.workflow.promotion import ERRORS, METRICS_OF
from tasks.workflow.search import Choices

if TYPE_CHECKING:
    from tasks.workflow.models import Workflow

# Names of columns and rows beside the models' own, in scores, charts and runs.
RESERVED_MODEL_NAMES = frozenset(
    {"champion", "challenger", "baseline", "tree", "target", "id", "split", "time"}
)
# What a search may not change: what the candidate is, and what belongs to all trials.
NOT_SEARCHED = frozenset({"kind", "search", "epochs", "warm_start", "devices", "patience"})


def check_competition(workflow: Workflow) -> None:
    """Check that the candidates and baselines can be trained, told apart and judged.

    Parameters
    ----------
    workflow : Workflow

    Raises
    ------
    PydanticCustomError
        Naming the key at fault, what was found and what was expected.
    """
    _check_names(workflow)
    if workflow.candidates:
        _check_data(workflow)
    elif workflow.baselines:
        raise refuse("baselines", "baselines without candidates", "'candidates' beside them")
    if isinstance(workflow.predict, Forecast):
        _check_forecast(workflow, workflow.predict)
    _check_promotion(workflow)
    _check_slices(workflow)
    for name, candidate in workflow.candidates.items():
        _check_candidate(workflow, name, candidate)
    for name, baseline in workflow.baselines.items():
        kinds = BASELINES_OF[workflow.predict.kind]
        if baseline.kind not in kinds:
            found = f"{baseline.kind!r} for {workflow.predict.kind}"
            raise refuse(f"baselines.{name}.kind", found, f"one of {', '.join(kinds)}")
        if isinstance(baseline, SeasonalNaive):
            _check_season(workflow, name, baseline)


def _check_names(workflow: Workflow) -> None:
    for key in ("candidates", "baselines"):
        for name in getattr(workflow, key):
            if name in RESERVED_MODEL_NAMES:
                raise refuse(f"{key}.{name}", f"{name!r} as a name", "another name")
            if key == "baselines" and name in workflow.candidates:
                raise refuse(f"{key}.{name}", "a candidate's name", "another name")


def _check_data(workflow: Workflow) -> None:
    columns, split = workflow.columns, workflow.split
    if isinstance(split, NoSplit):
        raise refuse("split.by", "candidates without a split", "hash, time or source")
    if len(workflow.candidates) > 1 and not split.validation:
        raise refuse(
            "candidates",
            f"{len(workflow.candidates)} candidates and no validation rows to choose by",
            "'split.validation' above 0, or one candidate",
        )
    if not columns.inputs:
        raise refuse("columns", "candidates without inputs", "'image' or 'features'")
    if isinstance(workflow.predict, Forecast):
        return
    if workflow.predict.kind == "regression" and columns.classes is not None:
        raise refuse(
            "columns.classes", "classes of a regression", "'predict: {kind: classification}'"
        )
    if columns.target is None:
        raise refuse("columns", "candidates without 'columns.target'", "what they predict")


def _check_forecast(workflow: Workflow, forecast: Forecast) -> None:
    columns = workflow.columns
    if columns.time is None:
        raise refuse("predict.kind", "a forecast without 'columns.time'", "'columns.time'")
    if columns.image is not None or not columns.features:
        raise refuse("predict.kind", "a forecast without 'columns.features'", "'columns.features'")
    if columns.target is not None:
        raise refuse("columns.target", "a forecast with a target", "'predict.columns' alone")
    if not isinstance(workflow.split, TimeSplit):
        raise refuse("split.by", f"a forecast with the split by {workflow.split.by!r}", "'time'")
    for name in forecast.columns or ():
        if name not in columns.features:
            found, known = f"the column {name!r}", nearest(name, columns.features)
            raise refuse("predict.columns", found, known)
    for i, step in enumerate(workflow.cleaning):
        if step.key in {"encode", "calendar"}:
            # A window is a tensor of numbers, in which there is no place for a text or a date.
            found = f"'{step.key}' with a forecast"
            raise refuse(f"cleaning.{i}.{step.key}", found, "columns of numbers")


def _check_season(workflow: Workflow, name: str, baseline: SeasonalNaive) -> None:
    forecast = workflow.predict
    if not isinstance(forecast, Forecast):
        return
    season = baseline.season or forecast.season
    if season is None:
        at = f"baselines.{name}.season"
        raise refuse(at, "a seasonal forecast without a season", "'season', or 'predict.season'")
    if season > forecast.window:
        raise refuse(
            "predict.window",
            f"{forecast.window}, less than a season of {season}",
            f"at least {season}",
        )


def _check_promotion(workflow: Workflow) -> None:
    metrics, metric = METRICS_OF[workflow.predict.kind], workflow.metric
    promotion = workflow.promotion
    if metric not in metrics:
        found = f"{metric!r} for {workflow.predict.kind}"
        raise refuse("promotion.metric", found, f"one of {', '.join(metrics)}")
    if metric in ERRORS and promotion.floor is not None:
        raise refuse("promotion.floor", f"a floor of {metric}, an error", "'ceiling'")
    if metric not in ERRORS and promotion.ceiling is not None:
        raise refuse("promotion.ceiling", f"a ceiling of {metric}", "'floor'")
    is_share = workflow.predict.kind == "classification"
    if is_share and promotion.floor is not None and not 0.0 <= promotion.floor <= 1.0:
        raise refuse("promotion.floor", f"{promotion.floor:g}", "a number from 0 to 1")


def _check_slices(workflow: Workflow) -> None:
    columns, at = workflow.columns, "evaluation.slices"
    image = columns.image.column if columns.image is not None else None
    known = [name for name in columns.read if name != image]
    encrypted = {
        name
        for step in workflow.privacy
        if isinstance(step.settings, Encrypt)
        for name in step.settings.columns
    }
    if workflow.evaluation.slices and workflow.predict.kind == "forecast":
        raise refuse(at, "slices of a forecast", "no 'slices'")
    for i, name in enumerate(workflow.evaluation.slices):
        if name not in known:
            raise refuse(f"{at}.{i}", f"the column {name!r}", nearest(name, known))
        if name in encrypted:
            # No two rows have the same ciphertext.
            raise refuse(f"{at}.{i}", f"{name!r}, which is encrypted", "a column in plain text")


def _check_candidate(workflow: Workflow, name: str, candidate: Candidate) -> None:
    at, kind = f"candidates.{name}", workflow.predict.kind
    if candidate.kind == "cnn" and workflow.columns.image is None:
        raise refuse(f"{at}.kind", "'cnn' without images", "'columns.image'")
    if isinstance(candidate, RecurrentCandidate) and kind != "forecast":
        found = f"{candidate.kind!r} for {kind}"
        raise refuse(f"{at}.kind", found, "'predict: {kind: forecast, ...}', or an mlp")
    if candidate.patience and not workflow.split.validation:
        raise refuse(
            f"{at}.patience",
            "early stopping without validation rows",
            "'split.validation' above 0",
        )
    if candidate.class_weights is not None and kind != "classification":
        raise refuse(f"{at}.class_weights", f"class weights for {kind}", "no 'class_weights'")
    if candidate.search is not None:
        _check_search(workflow, at, candidate)


def _check_search(workflow: Workflow, at: str, candidate: Candidate) -> None:
    if not workflow.split.validation:
        found = "a search without validation rows"
        raise refuse(f"{at}.search", found, "'split.validation' above 0")
    settings = type(candidate).model_fields.keys() - NOT_SEARCHED
    for name, values in (candidate.search.over if candidate.search else {}).items():
        here = f"{at}.search.over.{name}"
        if name not in settings:
            raise refuse(here, f"the setting {name!r}", nearest(name, settings))
        tried = values.choices if isinstance(values, Choices) else (values.low, values.high)
        for value in tried:
            _check_value(here, candidate, name, value)


def _check_value(at: str, candidate: BaseModel, name: str, value: Any) -> None:
    document = candidate.model_dump(mode="json", exclude={"search"})
    try:
        type(candidate).model_validate({**document, name: value})
    except ValidationError as error:
        raise refuse(at, repr(value), error.errors()[0]["msg"]) from error

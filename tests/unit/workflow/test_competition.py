"""What is predicted and who competes: each rule broken once, and what stands in where nothing is said."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.workflow import Workflow

TABLE = {"target": "kind", "features": ["x", "y"]}
SERIES = {"time": "day", "features": ["x", "y"]}
IMAGES = {"target": "kind", "image": {"tensor": [8, 8, 1]}}
BY_TIME = {"by": "time", "validation": 0.1, "holdout": 0.2}
MLP = {"mlp": {"kind": "mlp"}}
FORECAST = {"kind": "forecast", "window": 8, "horizon": 2}
REGRESSION = {"kind": "regression"}


def make_document(**changes: Any) -> dict[str, Any]:
    """A small sound file with a candidate, with other keys."""
    return {
        "name": "plants",
        "description": "Test.",
        "source": {"kind": "files", "path": "*.csv"},
        "columns": TABLE,
        "expectations": {"raw": "plants_raw", "clean": "plants_clean"},
        "split": {"by": "hash"},
        "candidates": MLP,
        **changes,
    }


def make_series(**changes: Any) -> dict[str, Any]:
    """The same for a forecast."""
    return make_document(
        **{"columns": SERIES, "split": BY_TIME, "predict": FORECAST, **changes},
    )


def refuse(document: dict[str, Any]) -> tuple[str, str, str]:
    """Give place, finding and expectation of the one refusal."""
    with pytest.raises(ValidationError) as caught:
        Workflow.model_validate(document)
    (error,) = caught.value.errors()
    assert error["type"] == "cross_check", error
    context = error["ctx"]
    place = [str(part) for part in (*error["loc"], context["at"]) if part != ""]
    return ".".join(place), context["what"], context["expected"]


@pytest.mark.parametrize(
    ("document", "baselines", "metric"),
    [
        (make_document(), ["logistic_regression", "gradient_boosting"], "accuracy"),
        (make_document(columns=IMAGES), ["logistic_regression"], "accuracy"),
        (make_document(predict=REGRESSION), ["linear_regression", "gradient_boosting"], "rmse"),
        (make_series(), ["last_value", "linear_autoregression"], "mse"),
        (
            make_series(predict={**FORECAST, "season": 7}),
            ["last_value", "seasonal_naive", "linear_autoregression"],
            "mse",
        ),
        (make_document(candidates={}), [], "accuracy"),
    ],
    ids=["classes", "images", "numbers", "series", "seasonal series", "no candidates"],
)
def test_what_is_predicted_brings_baselines_and_a_metric(
    document: dict[str, Any], baselines: list[str], metric: str
) -> None:
    """A workflow that names none is compared with the classical models that suit it."""
    workflow = Workflow.model_validate(document)
    assert list(workflow.baselines) == baselines
    assert workflow.metric == metric


def test_default_baselines_are_written_out() -> None:
    """The file that is pinned to a night says what the night did, and reads the same again."""
    workflow = Workflow.model_validate(make_document())
    again = Workflow.model_validate(workflow.model_dump(mode="json", by_alias=True))
    assert again == workflow


def test_baselines_that_are_named_stand_alone() -> None:
    """Whoever names one gets no other."""
    named = {"plain": {"kind": "logistic_regression", "max_iter": 7}}
    workflow = Workflow.model_validate(make_document(baselines=named))
    assert list(workflow.baselines) == ["plain"]


SEARCH = {"over": {"learning_rate": {"low": 0.001, "high": 0.1, "log": True}}}


@pytest.mark.parametrize(
    ("document", "place", "found"),
    [
        (make_document(candidates={"champion": {"kind": "mlp"}}), "candidates.champion", "'champion' as a name"),
        (make_document(baselines={"mlp": {"kind": "logistic_regression"}}), "baselines.mlp", "a candidate's name"),
        (make_document(candidates={}, baselines={"a": {"kind": "logistic_regression"}}), "baselines", "baselines without candidates"),
        (make_document(baselines={"a": {"kind": "last_value"}}), "baselines.a.kind", "'last_value' for classification"),
        (make_document(columns={"features": ["x"]}), "columns", "candidates without 'columns.target'"),
        (make_document(columns={**TABLE, "classes": ["a", "b"]}, predict=REGRESSION), "columns.classes", "classes of a regression"),
        (make_document(candidates={"a": {"kind": "mlp"}, "b": {"kind": "mlp"}}, split={"by": "source"}), "candidates", "2 candidates and no validation rows to choose by"),
        (make_document(candidates={"a": {"kind": "mlp", "patience": 2}}, split={"by": "source"}), "candidates.a.patience", "early stopping without validation rows"),
        (make_document(candidates={"a": {"kind": "cnn", "convolutions": [{"filters": 2}]}}), "candidates.a.kind", "'cnn' without images"),
        (make_document(candidates={"a": {"kind": "lstm"}}), "candidates.a.kind", "'lstm' for classification"),
        (make_document(predict=REGRESSION, candidates={"a": {"kind": "mlp", "class_weights": "balanced"}}), "candidates.a.class_weights", "class weights for regression"),
        (make_document(candidates={"a": {"kind": "mlp", "search": SEARCH}}, split={"by": "source"}), "candidates.a.search", "a search without validation rows"),
        (make_document(candidates={"a": {"kind": "mlp", "search": {"over": {"learning_rat": {"low": 1, "high": 2}}}}}), "candidates.a.search.over.learning_rat", "the setting 'learning_rat'"),
        (make_document(candidates={"a": {"kind": "mlp", "search": {"over": {"dropout": {"low": 0.1, "high": 1.5}}}}}), "candidates.a.search.over.dropout", "1.5"),
        (make_document(candidates={"a": {"kind": "mlp", "search": {"over": {"activation": {"choices": ["relu", "rely"]}}}}}), "candidates.a.search.over.activation", "'rely'"),
        (make_document(promotion={"metric": "mse"}), "promotion.metric", "'mse' for classification"),
        (make_document(promotion={"ceiling": 0.5}), "promotion.ceiling", "a ceiling of accuracy"),
        (make_document(promotion={"floor": 1.5}), "promotion.floor", "1.5"),
        (make_document(predict=REGRESSION, promotion={"floor": 3.0}), "promotion.floor", "a floor of rmse, an error"),
        (make_series(columns={"features": ["x"]}, split={"by": "hash"}), "predict.kind", "a forecast without 'columns.time'"),
        (make_series(columns={**SERIES, "target": "z"}), "columns.target", "a forecast with a target"),
        (make_series(split={"by": "hash"}), "split.by", "a forecast with the split by 'hash'"),
        (make_series(predict={**FORECAST, "columns": ["z"]}), "predict.columns", "the column 'z'"),
        (make_series(cleaning=[{"calendar": {"columns": ["day"]}}]), "cleaning.0.calendar", "'calendar' with a forecast"),
        (make_series(predict={**FORECAST, "season": 9}), "predict.window", "8, less than a season of 9"),
        (make_series(baselines={"a": {"kind": "seasonal_naive"}}), "baselines.a.season", "a seasonal forecast without a season"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_or_judged_is_refused(
    document: dict[str, Any], place: str, found: str
) -> None:
    """Where the file stands, and not in the night."""
    assert refuse(document)[:2] == (place, found)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"learning_curve": [0.5, 0.1]}, "rising"),
        ({"learning_curve": [0.5, 0.5]}, "rising"),
        ({"learning_curve": [1.0]}, "less than 1"),
        ({"max_minutes": 0}, "greater than 0"),
    ],
)
def test_shares_and_times_make_sense(training: dict[str, Any], message: str) -> None:
    """Shares of the rows rise and leave the whole for the last point."""
    with pytest.raises(ValidationError) as caught:
        Workflow.model_validate(make_document(training=training))
    (error,) = caught.value.errors()
    assert message in f"{error['msg']} {error.get('ctx', {}).get('expected', '')}"


@pytest.mark.parametrize(
    ("document", "place", "expected"),
    [
        (make_document(evaluation={"slices": ["y", "zz"]}), "evaluation.slices.1", "one of 'kind', 'x', 'y'"),
        (make_document(evaluation={"slices": ["kint"]}), "evaluation.slices.0", "'kind', perhaps"),
        (make_document(columns=IMAGES, evaluation={"slices": ["image"]}), "evaluation.slices.0", "one of 'kind'"),
        (make_series(evaluation={"slices": ["x"]}), "evaluation.slices", "no 'slices'"),
        (
            make_document(
                columns={**TABLE, "keep": ["name"]},
                privacy=[{"encrypt": {"columns": ["name"]}}],
                evaluation={"slices": ["name"]},
            ),
            "evaluation.slices.0",
            "a column in plain text",
        ),
    ],
)  # fmt: skip
def test_slices_are_columns_that_arrive_and_can_be_told_apart(
    document: dict[str, Any], place: str, expected: str
) -> None:
    """A misspelt one names the nearest; images, ciphers and series have no slices."""
    assert refuse(document)[0::2] == (place, expected)


def test_slices_may_be_any_column_that_is_read() -> None:
    """Features, the target, the time, and what is carried along."""
    columns = {**TABLE, "keep": ["city"], "time": "day"}
    workflow = Workflow.model_validate(
        make_document(columns=columns, evaluation={"slices": ["x", "kind", "day", "city"]})
    )
    assert workflow.evaluation.slices == ("x", "kind", "day", "city")

"""The evaluate step and the decision after it, on a real MLflow: a first night of forecasts, and one with a champion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cleaning_support import clean
from series_support import make_days, make_series_workflow, save_last_value
from tests_support import make_night

from tasks.dataset import Dataset
from tasks.evaluation import step as evaluation
from tasks.models.packaging import save_as_mlflow_model
from tasks.promotion import step as promotion
from tasks.registry import CHAMPION, find_by_alias
from tasks.settings import Settings
from tasks.tracking import Handoff, Night, TaskIdentity, open_step

if TYPE_CHECKING:
    from mlflow import MlflowClient

WORKFLOW = make_series_workflow(
    cleaning=[{"scale": {"columns": ["flow"], "to": "standard"}}],
    candidates={"near": {"kind": "mlp"}, "far": {"kind": "mlp"}},
    baselines={"last_value": {"kind": "last_value"}},
    promotion={"ceiling": 3.0},
)
PLUS = {"near": 0.6, "far": 5.0, "last_value": 0.0}  # the series rises by one a day


@pytest.fixture
def handed_over(client: MlflowClient, settings: Settings, tmp_path: Path) -> dict[str, Handoff]:
    """Clean data of thirty days and three packaged models, published as the steps before do."""
    folder = tmp_path / "cleaning"
    rows = make_days([str(i) for i in range(30)])
    cleaned = clean(folder, WORKFLOW, rows)
    (folder / "preparation.json").write_text(cleaned.preparation.to_json(), encoding="utf-8")
    published = {
        "raw": folder / "raw",
        "clean": cleaned.clean.folder,
        "quarantine": cleaned.quarantine.folder,
        "preparation": folder / "preparation.json",
    }
    for name, plus in PLUS.items():
        result = save_last_value(tmp_path / name, cleaned.preparation, plus / 5.0)
        save_as_mlflow_model(tmp_path / f"{name}_model", result, packages=[])
        published[name] = tmp_path / f"{name}_model"
    night = make_night(client, settings, key="before")
    with open_step(client, settings, night, "clean", inputs={}, task=TaskIdentity()) as step:
        return {name: step.publish(path, name) for name, path in published.items()}


def judge(
    client: MlflowClient, settings: Settings, night: Night, given: dict[str, Handoff]
) -> tuple[dict, dict, Dataset]:
    """Evaluate, decide and promote; gives scores, decision and predictions."""
    models = {name: given[name] for name in PLUS}
    with open_step(client, settings, night, "evaluate", inputs={}, task=TaskIdentity()) as step:
        made = evaluation.run(
            step,
            WORKFLOW,
            settings,
            raw=given["raw"],
            clean=given["clean"],
            preparation=given["preparation"],
            models=models,
            quarantine=given["quarantine"],
        )
        folder = step.fetch(made["scores"])
        scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        predictions = Dataset.open(folder / "predictions").table()
    with open_step(client, settings, night, "decide", inputs={}, task=TaskIdentity()) as step:
        decision = promotion.run_decide(step, WORKFLOW, settings, scores=made["scores"])["decision"]
        document = json.loads(step.fetch(decision).read_text(encoding="utf-8"))
    with open_step(client, settings, night, "promote", inputs={}, task=TaskIdentity()) as step:
        promotion.run_promote(step, WORKFLOW, settings, decision=decision, models=models)
    return scores, document, predictions


def test_a_night_of_forecasts_and_the_next(
    client: MlflowClient, settings: Settings, handed_over: dict[str, Handoff]
) -> None:
    """The candidate that sees the rise becomes champion; the same one a night later only ties with it."""
    first = make_night(client, settings, key="first")
    scores, decision, predictions = judge(client, settings, first, handed_over)
    assert (scores["kind"], scores["metric"], scores["is_error"]) == ("forecast", "mse", True)
    assert scores["challenger"] == "near"
    assert (scores["n_validation"], scores["n_holdout"], scores["n_left_out"]) == (5, 5, 0)
    assert {n: m["role"] for n, m in scores["models"].items()} == {
        "near": "candidate",
        "far": "candidate",
        "last_value": "baseline",
    }
    near = scores["models"]["near"]
    low, high = near["interval"]["mse"]
    assert low <= near["holdout"]["mse"] <= high
    assert predictions.column_names == ["time", "split", "target", "near", "far", "last_value"]
    assert (decision["verdict"], decision["champion"]) == ("promote", None)
    assert decision["baseline"]["name"] == "last_value"
    assert "hold-out windows" in decision["reason"]
    champion = find_by_alias(client, WORKFLOW.name, CHAMPION)
    assert champion is not None
    assert champion.version == "1"

    second = make_night(client, settings, key="second")
    scores, decision, predictions = judge(client, settings, second, handed_over)
    assert scores["models"]["champion"]["version"] == "1"
    assert scores["models"]["champion"]["holdout"] == scores["models"]["near"]["holdout"]
    assert (decision["verdict"], decision["champion"]["version"]) == ("keep", "1")
    assert "champion" in predictions.column_names

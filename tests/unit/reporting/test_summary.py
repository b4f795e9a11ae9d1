from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from tests_support import make_night

from tasks.errors import TrainingError
from tasks.reporting.summary import summarise_night
from tasks.settings import Settings
from tasks.tracking import Night, Step, TaskIdentity, close_night, open_step, tags

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture
def night(client: MlflowClient, settings: Settings) -> Night:
    return make_night(client, settings)


def run_step(
    client: MlflowClient,
    settings: Settings,
    night: Night,
    name: str,
    *,
    metrics: Mapping[str, float] | None = None,
    params: Mapping[str, str] | None = None,
    tag: Mapping[str, str] | None = None,
) -> Step:
    with open_step(client, settings, night, name, inputs={}, task=TaskIdentity()) as step:
        step.log_metrics(metrics or {})
        step.log_params(params or {})
        step.set_tags(tag or {})
        return step


def run_cleaning(client: MlflowClient, settings: Settings, night: Night) -> None:
    counts = {"rows_in": 10, "rows_out": 7, "rows_quarantined": 2, "rows_duplicate": 1}
    run_step(client, settings, night, "clean", metrics={**counts, "rows_train": 5})


def test_a_finished_night_is_summed_up(
    client: MlflowClient, settings: Settings, night: Night
) -> None:
    """Steps in their order, rows, hold-out metrics per model, decision and model."""
    run_step(client, settings, night, "ingest")
    run_cleaning(client, settings, night)
    figures = {"cnn.accuracy": 0.98, "cnn.log_loss": float("nan"), "boosting.accuracy": 0.9}
    places = {"candidates": "cnn", "baselines": "boosting"}
    run_step(client, settings, night, "evaluate", metrics=figures, params=places)
    verdict = {tags.VERDICT: "promote", tags.REASON: "it is better"}
    run_step(client, settings, night, "decide", tag=verdict)
    model = {tags.MODEL_NAME: "digits", tags.MODEL_VERSION: "4"}
    run_step(client, settings, night, "promote", tag={**model, tags.PROMOTION: "promoted"})
    run_step(client, settings, night, "report")
    close_night(client, settings, night)

    found = summarise_night(client, night.run_id).to_json()
    steps = found.pop("steps")
    assert [s["name"] for s in steps] == [
        "ingest",
        "clean",
        "evaluate",
        "decide",
        "promote",
        "report",
    ]
    assert {s["status"] for s in steps} == {"finished"}
    assert all(0 <= s["seconds"] < 60 for s in steps)
    assert all(50 < s["peak_memory_mib"] < 100_000 for s in steps)
    assert {s["problem"] for s in steps} == {None}
    assert found == {
        "workflow": "digits",
        "night": "2026-01-07",
        "run_id": night.run_id,
        "status": "finished",
        "rows": {"in": 10, "out": 7, "quarantined": 2, "duplicates": 1},
        "metrics": {
            "cnn": {"accuracy": 0.98, "log_loss": None},
            "boosting": {"accuracy": 0.9},
            "champion": None,
        },
        "decision": {"verdict": "promote", "reason": "it is better"},
        "model": {"name": "digits", "version": "4"},
        "promotion": "promoted",
    }
    json.dumps(found, allow_nan=False)


def test_models_are_in_order_of_their_places(
    client: MlflowClient, settings: Settings, night: Night
) -> None:
    """Candidates, baselines, the champion; within each as the evaluation has placed them."""
    names = ["rnn", "lstm", "last_value", "ridge", "champion"]
    run_step(
        client,
        settings,
        night,
        "evaluate",
        metrics={f"{name}.mse": 0.1 * i for i, name in enumerate(sorted(names))},
        params={"candidates": "rnn, lstm", "baselines": "ridge, last_value"},
    )
    found = summarise_night(client, night.run_id).metrics
    assert found is not None
    assert list(found) == ["rnn", "lstm", "ridge", "last_value", "champion"]


def test_a_failed_night_has_nulls_for_what_did_not_happen(
    client: MlflowClient, settings: Settings, night: Night
) -> None:
    """Training failed after cleaning: rows are known, the rest is not."""
    run_cleaning(client, settings, night)
    with (
        pytest.raises(TrainingError),
        open_step(client, settings, night, "train.cnn", inputs={}, task=TaskIdentity()),
    ):
        raise TrainingError("The candidate cnn diverged.")
    close_night(client, settings, night)
    found = summarise_night(client, night.run_id)
    assert found.status == "failed"
    assert [(s.name, s.status) for s in found.steps] == [
        ("clean", "finished"),
        ("train.cnn", "failed"),
    ]
    assert found.rows == {"in": 10, "out": 7, "quarantined": 2, "duplicates": 1}
    assert (found.metrics, found.decision, found.model) == (None, None, None)


def test_a_night_that_runs_has_steps_without_seconds(
    client: MlflowClient, settings: Settings, night: Night
) -> None:
    """A step at work is listed as running."""
    with open_step(client, settings, night, "ingest", inputs={}, task=TaskIdentity()):
        found = summarise_night(client, night.run_id)
    assert found.status == "running"
    assert [(s.name, s.seconds, s.status) for s in found.steps] == [("ingest", None, "running")]
    assert found.rows is None


def test_a_step_that_found_nothing_says_why_until_it_finds_something(
    client: MlflowClient, settings: Settings, night: Night
) -> None:
    """Mining that is not required finishes without findings; a later try forgets that."""
    run_step(client, settings, night, "mine.rules", tag={tags.PROBLEM: "no item is frequent"})
    (step,) = summarise_night(client, night.run_id).steps
    assert (step.status, step.problem) == ("finished", "no item is frequent")
    run_step(client, settings, night, "mine.rules")
    (step,) = summarise_night(client, night.run_id).steps
    assert (step.status, step.problem) == ("finished", None)

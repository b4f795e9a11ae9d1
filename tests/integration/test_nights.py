"""Nights through a real scheduler and a real MLflow server, steered by the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tasks.registry import CHALLENGER, CHAMPION, find_by_alias
from tasks.services.airflow_api import AirflowClient
from tasks.settings import Settings
from tasks.tracking import connect, tags
from tasks.workflow import find_workflow, plan_night

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

pytestmark = pytest.mark.integration
Services = tuple[Settings, dict[str, str]]

NIGHT_TIMEOUT_SECONDS = 240


def nocturne(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tasks", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=NIGHT_TIMEOUT_SECONDS,
        check=False,
    )


def connect_to_server(settings: Settings) -> MlflowClient:
    return connect(settings.model_copy(update={"tracking_uri": settings.mlflow_url}))


def runs_of(client: MlflowClient, workflow: str) -> list[Run]:
    experiment = client.get_experiment_by_name(workflow)
    return [] if experiment is None else list(client.search_runs([experiment.experiment_id]))


@pytest.fixture(scope="module")
def first_night(services: Services) -> dict[str, Any]:
    """A night of the small workflow, triggered and followed by the command line."""
    _, environment = services
    done = nocturne(environment, "trigger", "flowers", "--night", "2026-01-02", "--wait", "--json")
    assert done.returncode == 0, done.stderr[-3000:]
    # Progress, plain in a pipe; which steps are seen at work depends on when it looks.
    assert re.search(r"^flowers 2026-01-02: +[0-9.]+ s \[\d+/\d+\]", done.stderr, re.MULTILINE)
    return dict(json.loads(done.stdout))


def test_triggered_night_ends_with_a_champion(
    services: Services, first_night: dict[str, Any]
) -> None:
    """`nocturne trigger --wait --json` prints one object with all of a night."""
    settings, _ = services
    workflow, _ = find_workflow("flowers", settings)
    assert first_night["status"] == "finished"
    assert first_night["night"] == "2026-01-02"
    assert {s["name"] for s in first_night["steps"]} == {s.name for s in plan_night(workflow)}
    assert {s["status"] for s in first_night["steps"]} == {"finished"}
    rows = first_night["rows"]
    assert rows["in"] == 100  # two thirds of 150 flowers had arrived
    assert rows["in"] == rows["out"] + rows["quarantined"] + rows["duplicates"]
    assert set(first_night["metrics"]) >= {"small", "logistic_regression"}
    assert first_night["decision"]["verdict"] in ("promote", "keep")
    assert first_night["model"] == {"name": "flowers", "version": "1"}


def test_runs_lead_back_to_airflow(services: Services, first_night: dict[str, Any]) -> None:
    """Each step is a child run with Airflow's dag, run, task, try and address as tags."""
    settings, _ = services
    client = connect_to_server(settings)
    steps = {
        r.data.tags[tags.STEP]: r for r in runs_of(client, "flowers") if tags.STEP in r.data.tags
    }
    found = steps["train.small"].data.tags
    assert found[tags.MLFLOW_PARENT] == first_night["run_id"]
    assert found[tags.AIRFLOW_DAG] == "flowers"
    assert found[tags.AIRFLOW_RUN] == first_night["airflow_run_id"]
    assert found[tags.AIRFLOW_TASK] == "train.small"
    with AirflowClient.from_settings(settings) as airflow:
        tries = {
            task.task_id: task.try_number
            for task in airflow.task_instances("flowers", first_night["airflow_run_id"])
        }
    assert found[tags.AIRFLOW_TRY] == str(tries["train.small"])
    assert found[tags.AIRFLOW_URL].startswith(settings.airflow_url)


def test_killed_training_ends_right(services: Services) -> None:
    """`kill -9` of the training task: Airflow retries it, and the night ends as if nothing had been."""
    settings, environment = services
    command = [sys.executable, "-m", "tasks", "trigger", "digits", "--night", "2026-01-10"]
    with subprocess.Popen(
        [*command, "--wait", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        client = connect_to_server(settings)
        killed = kill_when_training(client)
        out, err = waiting.communicate(timeout=NIGHT_TIMEOUT_SECONDS)
    assert waiting.returncode == 0, err[-3000:]
    document = json.loads(out)
    assert document["status"] == "finished"
    runs = runs_of(client, "digits")
    assert {run.info.status for run in runs} == {"FINISHED"}
    (trained,) = [run for run in runs if run.data.tags.get(tags.STEP) == "train.cnn"]
    assert trained.info.run_id == killed
    assert trained.data.tags[tags.AIRFLOW_TRY] == "2"
    versions = client.search_model_versions("name = 'digits'")
    assert [str(v.version) for v in versions] == ["1"]
    challenger = find_by_alias(client, "digits", CHALLENGER)
    assert challenger is not None
    assert challenger.version == "1"
    champion = find_by_alias(client, "digits", CHAMPION)
    is_promoted = document["decision"]["verdict"] == "promote"
    assert (champion is not None) == is_promoted
    assert champion is None or champion.version == "1"


def kill_when_training(client: MlflowClient) -> str:
    """Wait until the network is being trained, kill its process, and give its MLflow run."""
    deadline = time.monotonic() + NIGHT_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        for run in runs_of(client, "digits"):
            if run.data.tags.get(tags.STEP) == "train.cnn" and run.info.status == "RUNNING":
                time.sleep(2)  # into the epochs
                os.kill(int(run.data.tags[tags.PROCESS].rsplit("/", 2)[1]), signal.SIGKILL)
                return str(run.info.run_id)
        time.sleep(0.2)
    raise AssertionError("train.cnn never ran")


def test_night_that_breaks_a_promise_fails(services: Services, first_night: dict[str, Any]) -> None:
    """A critical expectation that fails: exit code 1, the reason on the run, the champion untouched."""
    settings, environment = services
    suite = settings.expectations_dir / "flowers_raw.json"
    kept = suite.read_text()
    client = connect_to_server(settings)
    champion = find_by_alias(client, "flowers", CHAMPION)
    suite.write_text(kept.replace("10.0", "1.0"))
    try:
        done = nocturne(environment, "trigger", "flowers", "--night", "2026-01-03", "--wait", "--json")  # fmt: skip
    finally:
        suite.write_text(kept)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["status"] == "failed"
    assert document["decision"] is None
    assert find_by_alias(client, "flowers", CHAMPION) == champion
    failed = [r for r in runs_of(client, "flowers") if r.info.status == "FAILED" and tags.STEP in r.data.tags]  # fmt: skip
    assert [run.data.tags[tags.STEP] for run in failed] == ["validate_raw"]
    assert "petal_length_cm" in failed[0].data.tags[tags.ERROR]
    assert failed[0].data.tags[tags.AIRFLOW_TRY] == "1"  # trying again would not help


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["trigger", "flwers"], 2, "'flowers', perhaps"),
        (["trigger", "flowers", "--night", "yesterday"], 2, "is not a date"),
        (["trigger"], 2, "Missing argument"),
        (["status"], 0, "scheduler"),
    ],
)
def test_exit_codes(services: Services, arguments: list[str], code: int, message: str) -> None:
    """0 done, 2 the request was wrong; and the message says what was meant."""
    _, environment = services
    done = nocturne(environment, *arguments)
    assert done.returncode == code
    assert message in done.stdout + done.stderr

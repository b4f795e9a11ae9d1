"""A person's answer through real services: asked by a night, given over Airflow's API, carried out."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from approval_support import judge_night

from tasks.errors import ServiceError
from tasks.registry import CHAMPION, find_alias, list_changes
from tasks.services.airflow_api import AirflowClient
from tasks.settings import Settings
from tasks.tracking import connect, tags

pytestmark = pytest.mark.integration
Services = tuple[Settings, dict[str, str]]

NIGHT_TIMEOUT_SECONDS = 240
WAIT_SECONDS = 90
A_MOMENT_HOURS = 0.0005


def change_workflows(folder: Path) -> None:
    """Give a person the last word about flowers."""
    file = folder / "flowers.yaml"
    document = yaml.safe_load(file.read_text())
    document["promotion"]["approval"] = "approve"
    del document["mining"]
    file.write_text(yaml.safe_dump(document))


@pytest.fixture
def airflow(services: Services) -> Iterator[AirflowClient]:
    """Airflow's API, as its user `admin`."""
    with AirflowClient.from_settings(services[0]) as client:
        client.wait_for_dag("approval", timeout_seconds=WAIT_SECONDS)
        yield client


@pytest.fixture
def mlflow_settings(services: Services) -> Settings:
    """Settings with which tests talk to the MLflow server, as tasks do."""
    return services[0].model_copy(update={"tracking_uri": services[0].mlflow_url})


def wait_for_question(airflow: AirflowClient, name: str) -> dict[str, Any]:
    """Wait until a person is asked about a model."""
    path = "/api/v2/dags/approval/dagRuns/~/hitlDetails"
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        for asked in airflow._request("GET", path).json()["hitl_details"]:
            is_waiting = asked["task_instance"]["state"] == "awaiting_input"
            if is_waiting and asked["subject"].startswith(f"{name}:"):
                return dict(asked)
        time.sleep(0.3)
    raise AssertionError(f"nobody was asked about {name}")


def reply(airflow: AirflowClient, asked: dict[str, Any], option: str, comment: str | None) -> int:
    """Answer over the API as the page in the browser does; gives the status."""
    run_id = asked["task_instance"]["dag_run_id"]
    path = f"/api/v2/dags/approval/dagRuns/{run_id}/taskInstances/answer/-1/hitlDetails"
    body = {"chosen_options": [option], "params_input": {"comment": comment}}
    return int(airflow._request("PATCH", path, json=body, accept=(400, 409)).status_code)


def list_events(airflow: AirflowClient) -> list[dict[str, Any]]:
    """List the events of assets; Airflow answers 500 as long as a run that one has started is queued."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return airflow._list("/api/v2/assets/events", "asset_events")
        except ServiceError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def wait_for_end(airflow: AirflowClient, run_id: str) -> str:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        run = airflow.dag_run("approval", run_id)
        if run.is_final:
            return run.state
        time.sleep(0.3)
    raise AssertionError(f"{run_id} did not end")


def test_a_night_asks_and_an_approval_makes_the_champion(
    services: Services, airflow: AirflowClient, mlflow_settings: Settings
) -> None:
    """The night ends without an answer; approved by `admin`, the alias moves and the history says who."""
    client = connect(mlflow_settings)
    done = subprocess.run(
        [sys.executable, "-m", "tasks", "trigger", "flowers", "--night", "2026-01-03", "--wait", "--json"],
        env=services[1],
        capture_output=True,
        text=True,
        timeout=NIGHT_TIMEOUT_SECONDS,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["status"] == "finished"
    assert find_alias(client, "flowers", CHAMPION) is None
    asked = wait_for_question(airflow, "flowers")
    assert asked["subject"] == "flowers: make version 1 (small) the first champion?"
    assert "| better than the baseline |" in asked["body"]
    assert f"{mlflow_settings.mlflow_url}/#/experiments/" in asked["body"]
    assert asked["defaults"] == ["Reject"]
    assert reply(airflow, asked, "Perhaps", None) == 400
    assert reply(airflow, asked, "Approve", "Looks right.") == 200
    assert reply(airflow, asked, "Reject", None) == 409  # answered twice
    run_id = asked["task_instance"]["dag_run_id"]
    assert wait_for_end(airflow, run_id) == "success"
    assert find_alias(client, "flowers", CHAMPION) == "1"
    (change,) = list_changes(client, "flowers")
    assert (change.version, change.action, change.by) == ("1", "approved", "admin")
    assert change.why.startswith("Looks right. (the gate: small reached ")
    assert [e["extra"] for e in list_events(airflow) if e["source_run_id"] == run_id] == [
        {"version": "1", "previous": None, "action": "approved"}
    ]


def test_questions_wait_side_by_side_and_each_has_its_outcome(
    airflow: AirflowClient, mlflow_settings: Settings
) -> None:
    """One is rejected, one gets no answer, and for one another champion has come meanwhile."""
    client = connect(mlflow_settings)
    runs = {}
    for name, hours in (("digits", 12.0), ("wine", A_MOMENT_HOURS), ("mnist", 12.0)):
        judge_night(client, mlflow_settings, 1, approval="auto", workflow=name)
        judge_night(client, mlflow_settings, 2, "1", workflow=name, approval_hours=hours)
        runs[name] = airflow.trigger("approval", conf={"workflow": name, "version": "2"}).run_id
    rejected, outrun = (wait_for_question(airflow, name) for name in ("digits", "mnist"))
    judge_night(client, mlflow_settings, 3, "1", approval="auto", workflow="mnist")
    assert reply(airflow, rejected, "Reject", "Not before the holidays.") == 200
    assert reply(airflow, outrun, "Approve", None) == 200
    ended = {name: wait_for_end(airflow, run_id) for name, run_id in runs.items()}
    assert ended == {"digits": "success", "wine": "success", "mnist": "failed"}
    told = {}
    for name in runs:
        last = list_changes(client, name)[-1]
        told[name] = (last.version, last.action, last.by)
        assert tags.AWAITING not in client.get_model_version(name, "2").tags
    assert told == {
        "digits": ("2", "declined", "admin"),
        "wine": ("2", "not_answered", "nobody"),
        "mnist": ("2", "refused", "admin"),
    }
    assert list_changes(client, "digits")[-1].why == "Not before the holidays."
    champions = {name: find_alias(client, name, CHAMPION) for name in runs}
    assert champions == {"digits": "1", "wine": "1", "mnist": "3"}

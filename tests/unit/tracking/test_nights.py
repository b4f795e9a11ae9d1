"""Nights as MLflow parent runs: opened once, pinned, closed always."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from tests_support import make_night

from tasks.settings import Settings
from tasks.tracking import (
    Night,
    TaskIdentity,
    close_night,
    find_night,
    list_nights,
    open_step,
    sweep_dead_nights,
    tags,
)
from tasks.tracking.nights import is_local_process_alive, read_pinned_workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOCAL = TaskIdentity()


def statuses(client: MlflowClient, night: Night) -> list[str]:
    return sorted(run.info.status for run in client.search_runs([night.experiment_id]))


def test_night_survives_json() -> None:
    """What travels by XCom comes back as it went."""
    night = Night("digits", datetime.date(2026, 1, 7), "run", "1", 7)
    assert Night.from_json(night.to_json()) == night


def test_same_key_reopens_the_night(client: MlflowClient, settings: Settings) -> None:
    """A cleared Airflow run goes on in its MLflow run; another run opens another."""
    first = make_night(client, settings, key="airflow/a")
    again = make_night(client, settings, key="airflow/a")
    other = make_night(client, settings, key="airflow/b")
    assert first == again
    assert other.run_id != first.run_id


def test_parent_records_where_it_came_from(client: MlflowClient, settings: Settings) -> None:
    """Commit, lock digest, seed and the night's date stand on the parent run."""
    night = make_night(client, settings)
    found = client.get_run(night.run_id).data.tags
    assert found[tags.NIGHT_DATE] == "2026-01-07"
    assert found[tags.SEED] == "7"
    assert len(found[tags.LOCK_SHA256]) == 64
    assert found[tags.GIT_COMMIT]


def test_workflow_is_pinned(client: MlflowClient, settings: Settings) -> None:
    """Every step reads the workflow as it stood when the night was opened."""
    night = make_night(client, settings)
    workflow, folder = read_pinned_workflow(client, night)
    assert workflow.name == night.workflow
    assert folder.is_absolute()


@pytest.mark.parametrize(("last", "outcome"), [("report", "finished"), ("decide", "failed")])
def test_night_is_finished_when_its_report_is(
    client: MlflowClient, settings: Settings, last: str, outcome: str
) -> None:
    """Only a night that came to its last step counts as finished."""
    night = make_night(client, settings)
    with open_step(client, settings, night, last, inputs={}, task=LOCAL):
        pass
    assert close_night(client, settings, night) == outcome
    assert client.get_run(night.run_id).data.tags[tags.OUTCOME] == outcome


def test_closing_leaves_no_run_running(client: MlflowClient, settings: Settings) -> None:
    """A step whose process was killed is ended with its night."""
    night = make_night(client, settings)
    client.create_run(
        night.experiment_id, tags={tags.NIGHT_RUN: night.run_id, tags.STEP: "train.cnn"}
    )
    close_night(client, settings, night)
    assert statuses(client, night) == ["FAILED", "KILLED"]


def test_dead_night_is_swept_and_a_live_one_is_spared(
    client: MlflowClient, settings: Settings
) -> None:
    """The next night ends what a dead process has left RUNNING, and nothing else."""
    dead = make_night(client, settings, key="dead")
    live = make_night(client, settings, key="live")
    swept = sweep_dead_nights(
        client,
        settings,
        dead.experiment_id,
        is_alive=lambda run_tags: run_tags[tags.KEY] == "live",
    )
    assert swept == [dead.run_id]
    assert client.get_run(dead.run_id).info.status == "KILLED"
    assert client.get_run(live.run_id).info.status == "RUNNING"


def test_process_is_alive_by_pid_and_start(client: MlflowClient, settings: Settings) -> None:
    """A pid that another process has taken over is not the process that opened the night."""
    night = make_night(client, settings)
    run_tags = dict(client.get_run(night.run_id).data.tags)
    assert is_local_process_alive(run_tags)
    host, pid, started = run_tags[tags.PROCESS].rsplit("/", 2)
    assert not is_local_process_alive({tags.PROCESS: f"{host}/{pid}/{int(started) - 60}"})
    ended = subprocess.Popen([sys.executable, "-c", ""])
    created = int(psutil.Process(ended.pid).create_time())
    ended.wait()
    assert not is_local_process_alive({tags.PROCESS: f"{host}/{ended.pid}/{created}"})
    assert is_local_process_alive({tags.PROCESS: f"elsewhere/{ended.pid}/{created}"})


def test_nights_are_listed_newest_first(client: MlflowClient, settings: Settings) -> None:
    """Only parents are nights, and the newest comes first."""
    first = make_night(client, settings, key="1")
    with open_step(client, settings, first, "ingest", inputs={}, task=LOCAL):
        pass
    second = make_night(client, settings, key="2")
    assert [run.info.run_id for run in list_nights(client, "digits")] == [
        second.run_id,
        first.run_id,
    ]
    found = find_night(client, "digits", key="1")
    assert found is not None
    assert found.info.run_id == first.run_id


def test_artifacts_lie_under_the_home(client: MlflowClient, settings: Settings) -> None:
    """Nothing is written into the folder from which a command was started."""
    night = make_night(client, settings)
    assert list(settings.artifact_root.rglob("workflow.json"))
    assert not Path("mlruns").exists()
    assert client.get_run(night.run_id).info.artifact_uri.startswith("file://")

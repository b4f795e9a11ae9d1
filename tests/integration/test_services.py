"""The services of one machine, truly started, looked at and stopped."""

import os
import socket
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tasks.errors import RequestError
from tasks.services.airflow_api import AirflowClient
from tasks.services.loopback import find_listening, is_loopback
from tasks.services.processes import find_family, load_records
from tasks.services.stack import down, status, up
from tasks.settings import Settings

pytestmark = pytest.mark.integration

DAG_ID = "probe"
# Answers which of the heavy libraries its process had before it asked for any.
DAG_FILE = f"""
from airflow.sdk import dag, task

@dag(dag_id="{DAG_ID}", schedule=None)
def probe():
    @task(multiple_outputs=False)
    def look():
        import os, sys
        with open(os.environ["NOCTURNE_HOME"] + "/seen", "w") as file:
            print(os.environ["NOCTURNE_TRACKING_URI"], file=file)
            print(*("yes" if name in sys.modules else "no" for name in {{names!r}}), file=file)
    look()

probe()
"""
PRELOADED = ("tensorflow", "mlflow", "great_expectations", "sklearn", "matplotlib.pyplot")


def free_ports(n_ports):
    """Find ports that nobody listens on; all are held until the last is found."""
    sockets = [socket.socket() for _ in range(n_ports)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    # A space in every path, because a clone may lie under one.
    folder = tmp_path_factory.mktemp("with a space")
    (folder / "dags").mkdir()
    (folder / "dags" / "probe.py").write_text(DAG_FILE.format(names=PRELOADED))
    airflow_port, mlflow_port = free_ports(2)
    return Settings.from_environment(
        {
            "NOCTURNE_HOME": str(folder / "home"),
            "NOCTURNE_DAGS": str(folder / "dags"),
            "NOCTURNE_AIRFLOW_PORT": str(airflow_port),
            "NOCTURNE_MLFLOW_PORT": str(mlflow_port),
        }
    )


@pytest.fixture(scope="module")
def first(settings):
    """Everything is started once for all tests here, among another Airflow's settings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__EXECUTOR", "NoSuchExecutor")
        patch.setenv("AIRFLOW_HOME", "/nowhere")
        patch.setenv("MLFLOW_TRACKING_URI", "http://nowhere.invalid")
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        try:
            yield up(settings)
        finally:
            down(settings)


def records_of(settings):
    return load_records(settings.home / "services.json")


def test_everything_is_up(settings, first):
    """`up` returns when all five work, and `status` says the same."""
    names = [each.name for each in first.components]
    assert names == ["mlflow", "scheduler", "api-server", "dag-processor", "triggerer"]
    assert first.is_up
    assert not first.was_already_up
    assert status(settings).components == first.components


def test_second_up_changes_nothing(settings, first):
    """The addresses and the processes stay."""
    again = up(settings)
    assert again.was_already_up
    assert again.components == first.components
    assert (again.airflow_url, again.mlflow_url) == (first.airflow_url, first.mlflow_url)


def test_other_ports_while_up_are_refused(settings, first):
    """Services do not move while they run."""
    moved = settings.model_copy(update={"mlflow_port": settings.mlflow_port - 1})
    with pytest.raises(RequestError, match="NOCTURNE_MLFLOW_PORT"):
        up(moved)
    assert status(moved).mlflow_url == first.mlflow_url


def test_all_sockets_are_on_loopback(settings, first):
    """Other machines reach nothing, and the two web servers listen where they should."""
    sockets = find_listening(records_of(settings))
    assert all(is_loopback(each.address) for each in sockets)
    assert {each.port for each in sockets} == {settings.airflow_port, settings.mlflow_port}


def test_files_are_their_owners_alone(settings, first):
    """Secrets, databases and the record of processes have mode 0600."""
    for name in (
        "secrets.json",
        "services.json",
        "airflow/passwords.json",
        "airflow/airflow.db",
        "mlflow/mlflow.db",
    ):
        assert stat.S_IMODE((settings.home / name).stat().st_mode) == 0o600, name


def test_secrets_are_not_in_the_logs(settings, first):
    """The password is printed nowhere."""
    with AirflowClient.from_settings(settings) as airflow:
        password = airflow._login["password"]
    for log in (settings.home / "logs").iterdir():
        assert password not in log.read_text(errors="replace"), log.name


def test_a_run_is_triggered_and_its_task_finds_what_it_needs(settings, first):
    """A task runs in a fork of a scheduler that has imported the heavy libraries."""
    with AirflowClient.from_settings(settings) as airflow:
        airflow.wait_for_dag(DAG_ID, timeout_seconds=30)
        assert airflow.import_errors() == []
        assert [dag.dag_id for dag in airflow.dags()] == [DAG_ID]
        airflow.unpause(DAG_ID)
        run = airflow.trigger(DAG_ID, run_id="one", note="by a test")
        while not run.is_final:
            time.sleep(0.2)
            run = airflow.dag_run(DAG_ID, "one")
        (task,) = airflow.task_instances(DAG_ID, "one")
        with pytest.raises(RequestError, match="already has a run 'one'"):
            airflow.trigger(DAG_ID, run_id="one")
        with pytest.raises(RequestError, match=r"no DAG 'prob'(.|\n)*probe"):
            airflow.unpause("prob")
    assert (run.state, task.task_id, task.state, task.try_number) == (
        "success",
        "look",
        "success",
        1,
    )
    expected = ["yes"] * len(PRELOADED) if sys.platform == "linux" else None
    uri, seen = (settings.home / "seen").read_text().splitlines()
    assert uri == settings.mlflow_url
    assert expected is None or seen.split() == expected


def test_users_who_act_at_once_are_all_served(settings, first):
    """Airflow's server would lock itself out of SQLite, and answer some of them with errors."""

    def trigger(number):
        with AirflowClient.from_settings(settings) as airflow:
            return airflow.trigger(DAG_ID, run_id=f"at_once_{number}").run_id

    with AirflowClient.from_settings(settings) as airflow:
        airflow.wait_for_dag(DAG_ID, timeout_seconds=30)
        airflow._request("PATCH", f"/api/v2/dags/{DAG_ID}", json={"is_paused": True})
    with ThreadPoolExecutor(6) as users:
        triggered = list(users.map(trigger, range(12)))
    assert triggered == [f"at_once_{number}" for number in range(12)]


def test_gpu_pool_is_there(settings, first):
    """Training finds the pool, with a slot even where there is no card."""
    with AirflowClient.from_settings(settings) as airflow:
        answer = airflow._request("GET", "/api/v2/pools/gpu").json()
    assert answer["slots"] >= 1


def test_killed_component_is_replaced(settings, first):
    """`up` starts what is missing and leaves the rest alone."""
    before = {each.name: each.pid for each in status(settings).components}
    os.kill(before["mlflow"], 9)
    psutil.wait_procs([psutil.Process(before["mlflow"])], timeout=5)
    assert not status(settings).is_up
    after = {each.name: each.pid for each in up(settings).components}
    assert after["mlflow"] != before["mlflow"]
    assert {**after, "mlflow": 0} == {**before, "mlflow": 0}


def test_down_leaves_no_process(settings, first):
    """All that `up` started is gone, the second `down` finds nothing, and nothing is recorded."""
    records = records_of(settings)
    processes = [process for record in records for process in find_family(record)]
    assert sorted(down(settings)) == sorted(each.name for each in first.components)
    for process in processes:
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert down(settings) == []
    assert status(settings).is_down
    assert not Path(settings.home / "services.json").exists()

"""How long a rollback takes, from the click in Airflow to the champion moved.

Starts Airflow and MLflow in a home of its own, runs two nights of a workflow, so that there are two
versions, makes both champion, and then rolls back from one to the other and again, as a click on
Trigger does: by the REST API. Prints, for each, the seconds until the task runs, until the alias has
moved and until the run has ended. With ``--busy`` another night runs meanwhile.

    .venv/bin/python benchmarks/rollback.py --rollbacks 5
"""

from __future__ import annotations

import argparse
import datetime
import os
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.cli.nights import trigger_night
from tasks.registry import CHAMPION, crown, find_alias
from tasks.services import stack
from tasks.services.airflow_api import AirflowClient
from tasks.settings import Settings
from tasks.tracking import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient

POLL_SECONDS = 0.05
TIMEOUT_SECONDS = 300
TARGET_SECONDS = 15.0
FIRST_NIGHT = datetime.date(2026, 1, 2)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workflow", default="digits")
    parser.add_argument("--rollbacks", type=int, default=5)
    parser.add_argument("--busy", action="store_true", help="while another night runs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nocturne-benchmark-") as folder:
        settings = Settings.from_environment(
            {
                **os.environ,
                "NOCTURNE_HOME": str(Path(folder) / "home"),
                "NOCTURNE_AIRFLOW_PORT": str(find_free_port()),
                "NOCTURNE_MLFLOW_PORT": str(find_free_port()),
            }
        )
        try:
            print(f"services up after {stack.up(settings).seconds:.1f} s")
            client = connect(settings.model_copy(update={"tracking_uri": settings.mlflow_url}))
            versions = make_champions(settings, client, arguments.workflow)
            if arguments.busy:
                trigger_night(settings, arguments.workflow, FIRST_NIGHT)
            measure(settings, client, arguments.workflow, versions, arguments.rollbacks)
        finally:
            stack.down(settings)


def make_champions(settings: Settings, client: MlflowClient, workflow: str) -> list[str]:
    """Run two nights, and make the version of each champion; gives both, the champion last."""
    versions = []
    for days in (0, 1):
        date = FIRST_NIGHT + datetime.timedelta(days=days)
        night = trigger_night(settings, workflow, date, wait=True)
        if night["status"] != "finished":
            raise SystemExit(f"the night {night['status']}: {night['url']}")
        version = str(night["model"]["version"])
        crown(
            client,
            settings,
            workflow,
            version,
            expected="any",
            action="approved",
            by="the benchmark",
            why="so that there is somebody to go back to",
            key=f"benchmark/{version}",
        )
        versions.append(version)
    return versions


def measure(
    settings: Settings, client: MlflowClient, workflow: str, versions: list[str], n_rollbacks: int
) -> None:
    """Roll back and forth, and print a line for each."""
    print(f"{'to':>4} {'starts s':>9} {'moved s':>8} {'ended s':>8}")
    moved = []
    with AirflowClient.from_settings(settings) as airflow:
        airflow.wait_for_dag("rollback", timeout_seconds=60)
        for i in range(n_rollbacks):
            target = versions[i % 2]
            conf = {"model": workflow, "version": target, "why": "a measurement"}
            clicked, clock = time.monotonic(), datetime.datetime.now(datetime.UTC)
            run = airflow.trigger("rollback", conf=conf)
            while find_alias(client, workflow, CHAMPION) != target:
                state = airflow.dag_run("rollback", run.run_id).state
                if state == "failed" or time.monotonic() - clicked > TIMEOUT_SECONDS:
                    raise SystemExit(f"the rollback to version {target} is {state}")
                time.sleep(POLL_SECONDS)
            moved.append(time.monotonic() - clicked)
            while not airflow.dag_run("rollback", run.run_id).is_final:
                time.sleep(POLL_SECONDS)
            ended = time.monotonic() - clicked
            (task,) = airflow.task_instances("rollback", run.run_id)
            assert task.started_at is not None
            starts = (task.started_at - clock).total_seconds()
            print(f"{target:>4} {starts:>9.1f} {moved[-1]:>8.1f} {ended:>8.1f}")
    print(
        f"from click to champion moved: median {statistics.median(moved):.1f} s, "
        f"at most {max(moved):.1f} s (wanted: {TARGET_SECONDS:.0f} s)"
    )


def find_free_port() -> int:
    """Find a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()

"""How much of a night's time is orchestration, and not the steps at work.

Starts Airflow and MLflow in a home of its own, runs nights of a workflow through them and prints, for
each, the DAG run's wall time, the time during which at least one step was at work (the union of the
intervals of the MLflow child runs), the difference, and the difference per step.

    .venv/bin/python benchmarks/night_overhead.py --nights 3
"""

from __future__ import annotations

import argparse
import datetime
import os
import socket
import statistics
import tempfile
from pathlib import Path

from tasks.cli.nights import trigger_night
from tasks.services import stack
from tasks.services.airflow_api import AirflowClient
from tasks.settings import Settings
from tasks.tracking import connect, find_night, tags


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workflow", default="digits")
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--night", type=datetime.date.fromisoformat, help="the date they all see")
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
            started = stack.up(settings)
            print(f"services up after {started.seconds:.1f} s")
            print(
                f"{'night':>5} {'wall s':>8} {'at work s':>10} {'overhead s':>11} {'steps':>6} {'s/step':>7}"
            )
            figures = [
                measure_night(settings, arguments.workflow, arguments.night, i + 1)
                for i in range(arguments.nights)
            ]
            print(f"median overhead per step: {statistics.median(figures):.2f} s")
        finally:
            stack.down(settings)


def measure_night(
    settings: Settings, workflow: str, date: datetime.date | None, number: int
) -> float:
    """Run one night, print its line and return the overhead per step, in seconds."""
    result = trigger_night(settings, workflow, date, wait=True)
    if result["status"] != "finished":
        raise SystemExit(f"the night {result['status']}: {result['url']}")
    with AirflowClient.from_settings(settings) as airflow:
        run = airflow.dag_run(workflow, result["airflow_run_id"])
    assert run.started_at is not None
    assert run.ended_at is not None
    wall = (run.ended_at - run.started_at).total_seconds()
    client = connect(settings.model_copy(update={"tracking_uri": settings.mlflow_url}))
    night = find_night(client, workflow, key=f"{workflow}/{result['airflow_run_id']}")
    assert night is not None
    steps = client.search_runs(
        [night.info.experiment_id],
        filter_string=f"tags.`{tags.NIGHT_RUN}` = '{night.info.run_id}'",
    )
    at_work = measure_union([(s.info.start_time / 1000, s.info.end_time / 1000) for s in steps])
    per_step = (wall - at_work) / len(steps)
    print(
        f"{number:>5} {wall:>8.1f} {at_work:>10.1f} {wall - at_work:>11.1f} "
        f"{len(steps):>6} {per_step:>7.2f}"
    )
    return per_step


def measure_union(intervals: list[tuple[float, float]]) -> float:
    """Length of the union of intervals, in their own unit."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def find_free_port() -> int:
    """Find a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()

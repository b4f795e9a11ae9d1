"""When a service counts as working."""

import os
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tasks.errors import ServiceError
from tasks.services.health import Health, _is_working, check_alive, check_health
from tasks.services.processes import Component, start

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "seconds_after_start", "expected"),
    [("healthy", 1, True), ("healthy", -1, False), ("unhealthy", 1, False)],
)
def test_heartbeat_of_the_process_before_does_not_count(status, seconds_after_start, expected):
    """Airflow calls a killed scheduler healthy for half a minute."""
    heartbeat = (STARTED + timedelta(seconds=seconds_after_start)).isoformat()
    part = {"status": status, "latest_scheduler_heartbeat": heartbeat}
    assert _is_working("scheduler", part, STARTED) is expected


def test_part_without_heartbeats_counts_by_its_status():
    """The database has none."""
    assert _is_working("metadatabase", {"status": "healthy"}, STARTED) is True


@pytest.mark.parametrize(
    ("health", "missing"),
    [
        (Health(False, {}), ["mlflow", "api-server"]),
        (
            Health(
                True,
                {
                    "metadatabase": True,
                    "scheduler": False,
                    "dag_processor": True,
                    "triggerer": True,
                },
            ),
            ["scheduler"],
        ),
    ],
)
def test_what_is_missing_is_named(health, missing):
    """Components are called as in `nocturne status`."""
    assert health.missing() == missing
    assert not health.is_healthy


def test_nothing_answers_where_nothing_runs(settings):
    """A silent port is not an error of its own."""
    nobody = settings.model_copy(update={"airflow_port": 1, "mlflow_port": 2})
    assert check_health(nobody) == Health(mlflow=False, airflow={})


def test_process_that_ended_is_reported_with_the_end_of_its_log(tmp_path):
    """One need not open the log to see why."""
    code = "import sys; print('database is locked', flush=True); sys.exit(3)"
    one = start(
        Component("scheduler", (sys.executable, "-c", code)),
        environment=os.environ,
        log_folder=tmp_path,
        folder=tmp_path,
    )
    one.process.wait(timeout=20)
    with pytest.raises(ServiceError, match=r"scheduler ended with exit code 3(.|\n)*is locked"):
        check_alive([one])

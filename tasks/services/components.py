"""The five services of one machine and the commands that run them.

Not ``airflow standalone``: that one opens log servers on every interface.
"""

from __future__ import annotations

import sys

from tasks.services.environment import LOOPBACK
from tasks.services.processes import Component
from tasks.settings import Settings

MLFLOW = "mlflow"
NAMES = (MLFLOW, "scheduler", "api-server", "dag-processor", "triggerer")

# Stopped first, so that tasks which are told to end can still say so to Airflow and MLflow.
WORKING_NAMES = ("scheduler", "triggerer", "dag-processor")


def mlflow_component(settings: Settings) -> Component:
    """Build the command of the MLflow server.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    Component
        Clients reach the artifacts through the server (``mlflow-artifacts:/``), so that no task
        needs to know where they lie.
    """
    return _component(
        MLFLOW,
        *("tasks.services.mlflow_server", str(settings.home / "mlflow" / "mlflow.db")),
        *("--host", LOOPBACK, "--port", str(settings.mlflow_port)),
        *("--artifacts-destination", str(settings.artifact_root), "--serve-artifacts"),
        *("--workers", "1"),
        port=settings.mlflow_port,
    )


def airflow_components(settings: Settings) -> list[Component]:
    """Build the commands of Airflow's components.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    list of Component
        In the order to start them: what takes longest comes first.
    """
    host_and_port = ("--host", LOOPBACK, "--port", str(settings.airflow_port))
    return [
        _component("scheduler", "airflow", "scheduler", "--skip-serve-logs"),
        _component(
            "api-server", "airflow", "api-server", *host_and_port, port=settings.airflow_port
        ),
        _component("dag-processor", "airflow", "dag-processor"),
        _component("triggerer", "airflow", "triggerer", "--skip-serve-logs"),
    ]


def migration_command() -> list[str]:
    """Build the command that makes or updates Airflow's database."""
    return [sys.executable, "-m", "airflow", "db", "migrate"]


def _component(name: str, *arguments: str, port: int | None = None) -> Component:
    # `python -m`, because console scripts have trouble with spaces in the path of a clone.
    return Component(name, (sys.executable, "-m", *arguments), port)

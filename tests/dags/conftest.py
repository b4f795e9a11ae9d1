"""Airflow for the DAG tests: the services' own environment, a database of its own, a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.services import migration
from tasks.services.environment import airflow_environment
from tasks.services.private_files import make_private_folder
from tasks.services.secrets import ensure_secrets
from tasks.settings import Settings

RunPython = Callable[..., Any]


@pytest.fixture(scope="session")
def airflow_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose Airflow database exists; MLflow is a SQLite file and not a server."""
    home = tmp_path_factory.mktemp("with a space") / "home"
    settings = Settings.from_environment({"NOCTURNE_HOME": str(home)})
    for folder in (settings.home, settings.home / "airflow"):
        make_private_folder(folder)
    migration.migrate(
        settings, environment=airflow_variables(settings), log=settings.home / "migration.log"
    )
    return settings


def airflow_variables(settings: Settings) -> dict[str, str]:
    """Build the environment in which our Airflow runs, with MLflow as a file."""
    variables = airflow_environment(
        settings, ensure_secrets(settings), n_cards=0, inherited=os.environ
    )
    return {**variables, "NOCTURNE_TRACKING_URI": settings.tracking_uri}


@pytest.fixture(scope="session")
def run_python(airflow_settings: Settings) -> RunPython:
    """Run a script in a fresh interpreter with Airflow's environment; gives what it prints last, as JSON."""

    def run(script: str, *, timeout_seconds: int = 480, **changes: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**airflow_variables(airflow_settings), **changes},
            cwd=airflow_settings.home,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture
def many_workflows(tmp_path: Path) -> Path:
    """A folder of a hundred workflow files."""
    shipped = Path(__file__).resolve().parents[2] / "workflows" / "digits.yaml"
    for i in range(100):
        text = shipped.read_text().replace("name: digits", f"name: digits{i}")
        (tmp_path / f"digits{i}.yaml").write_text(text)
    return tmp_path

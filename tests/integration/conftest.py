"""Real services for the tests: Airflow and MLflow as `nocturne up` starts them, in a home of their own."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests_support import write_flowers

from tasks.services import stack
from tasks.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def services(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, dict[str, str]]]:
    """Services that are up, with the shipped workflows and a small one; and the environment that names them.

    A module's function ``change_workflows`` gets their folder before anybody reads it.
    """
    folder = tmp_path_factory.mktemp("services with a space")
    folders = write_flowers(folder)
    for shipped, copied in (("workflows", "*.yaml"), ("expectations", "*.json")):
        for path in (PROJECT / shipped).glob(copied):
            shutil.copy(path, folder / shipped)
    if hasattr(request.module, "change_workflows"):
        request.module.change_workflows(folder / "workflows")
    variables = {
        **folders,
        "NOCTURNE_HOME": str(folder / "home"),
        "NOCTURNE_AIRFLOW_PORT": str(find_free_port()),
        "NOCTURNE_MLFLOW_PORT": str(find_free_port()),
    }
    settings = Settings.from_environment(variables)
    stack.up(settings)
    try:
        yield settings, {**os.environ, **variables}
    finally:
        stack.down(settings)


def find_free_port() -> int:
    """Find a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""What every test may use: settings in a folder of its own, and an MLflow database in it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

PROJECT = Path(__file__).resolve().parent.parent
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


@pytest.fixture(autouse=True)
def _foreign_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on what the developer's shell says."""
    for name in list(os.environ):
        if name.startswith(("NOCTURNE_", "MLFLOW_TRACKING", "MLFLOW_RUN", "MLFLOW_EXPERIMENT")):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose home is a folder of this test alone."""
    return Settings.from_environment({"NOCTURNE_HOME": str(tmp_path / "home")})


@pytest.fixture(scope="session")
def _mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database, made once: making one takes seconds."""
    from tasks.tracking import connect

    folder = tmp_path_factory.mktemp("mlflow-template")
    made = Settings.from_environment({"NOCTURNE_HOME": str(folder)})
    connect(made)
    template = folder / "template.db"
    database = sqlite3.connect(folder / "mlflow" / "mlflow.db")
    # A plain copy would miss what is still in the write-ahead log.
    database.execute("VACUUM INTO ?", (str(template),))
    database.close()
    return template


@pytest.fixture
def client(settings: Settings, _mlflow_template: Path) -> MlflowClient:
    """A real MLflow on a database of this test alone."""
    from tasks.tracking import connect

    (settings.home / "mlflow").mkdir(parents=True)
    shutil.copy(_mlflow_template, settings.home / "mlflow" / "mlflow.db")
    return connect(settings)


@pytest.fixture
def real_data() -> Path:
    """The folder of real data beside the project; the test skips where it is missing."""
    folder = Path(os.environ.get("NOCTURNE_TEST_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"the real data are not here: {folder} (NOCTURNE_TEST_DATA names another folder)"
        )
    return folder

"""MLflow's database is there whole or not at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.tracking.database import ensure_database


def test_existing_database_is_left_alone(tmp_path: Path) -> None:
    """A database is made once."""
    path = tmp_path / "mlflow.db"
    path.write_text("mine")
    ensure_database(path)
    assert path.read_text() == "mine"


def test_killed_making_leaves_no_database(tmp_path: Path) -> None:
    """A process that is killed while it makes the database leaves none that would be refused later."""
    path = tmp_path / "mlflow" / "mlflow.db"
    script = f"from pathlib import Path; from tasks.tracking.database import ensure_database; ensure_database(Path({str(path)!r}))"
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) as making:
        while not list(path.parent.glob(".mlflow.db.*")):
            time.sleep(0.01)
        making.kill()
    assert not path.exists()
    ensure_database(path)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT COUNT(*) FROM runs").fetchone() == (0,)
    database.close()


def test_failed_making_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written is an error and no leftover."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.link", refuse)
    with pytest.raises(OSError, match="No space left"):
        ensure_database(tmp_path / "mlflow.db")
    assert list(tmp_path.iterdir()) == []

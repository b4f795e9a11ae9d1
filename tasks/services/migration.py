"""Airflow's database: made on the first start, updated when the lock file has changed.

The second step of ``nocturne up``, while MLflow is already starting.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tasks.errors import ServiceError
from tasks.services.components import migration_command
from tasks.services.processes import last_lines
from tasks.settings import Settings

_N_LOG_LINES = 20


def is_migrated(settings: Settings) -> bool:
    """Tell whether the database was made by the packages of this very lock file.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    bool
    """
    try:
        stamp = _stamp(settings).read_text(encoding="ascii")
    except OSError:
        return False
    return _database(settings).is_file() and stamp == _lock_digest(settings)


def migrate(settings: Settings, *, environment: Mapping[str, str], log: Path) -> None:
    """Make or update the database.

    Parameters
    ----------
    settings : Settings
    environment : mapping of str to str
        Airflow's.
    log : Path
        Gets the output.

    Raises
    ------
    ServiceError
        With the end of the log.
    """
    database = _database(settings)
    is_new = not database.exists()
    try:
        with log.open("wb") as output:
            answer = subprocess.run(
                migration_command(),
                env=dict(environment),
                cwd=settings.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                umask=0o077,
                check=False,
            )
        if answer.returncode != 0:
            raise ServiceError(
                f"Airflow's database {database} cannot be made or updated (exit code "
                f"{answer.returncode}). The end of the log:\n{last_lines(log, _N_LOG_LINES)}",
                hint=f"see {log}; a database that is of no more use can be moved away, and a new "
                "one is made (MLflow keeps nights, models and history)",
            )
    except BaseException:
        if is_new:  # half a database is worse than none
            for leftover in database.parent.glob(f"{database.name}*"):
                with contextlib.suppress(OSError):
                    leftover.unlink()
        raise
    _stamp(settings).write_text(_lock_digest(settings), encoding="ascii")


def _database(settings: Settings) -> Path:
    return settings.home / "airflow" / "airflow.db"


def _stamp(settings: Settings) -> Path:
    return settings.home / "airflow" / "migrated-with"


def _lock_digest(settings: Settings) -> str:
    lock = settings.project_root / "requirements.txt"
    return hashlib.sha256(lock.read_bytes()).hexdigest()

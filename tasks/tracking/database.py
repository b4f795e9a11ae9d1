"""MLflow's SQLite database: there whole, or not at all.

Ground module; ``connect`` and the MLflow server of ``nocturne up`` make it through here. MLflow's own
making takes seconds and dozens of statements, and a database that was cut off in between (a full disk,
Ctrl-C) is refused ever after.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

PROXIED_ARTIFACTS = (
    "mlflow-artifacts:/"  # where MLflow's own default experiment keeps its artifacts
)


def ensure_database(path: Path) -> None:
    """Make MLflow's database, unless it is there.

    Several processes may do so at once: the first one to finish wins.

    Parameters
    ----------
    path : Path
        The SQLite file; its folder is made too.

    Raises
    ------
    OSError, sqlalchemy.exc.SQLAlchemyError, sqlite3.Error
        When it cannot be written; nothing is left behind.
    """
    if path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    whole = draft.with_name(f"{draft.name}.whole")
    try:
        store = SqlAlchemyStore(f"sqlite:///{draft}", PROXIED_ARTIFACTS)
        store.engine.dispose()
        with contextlib.closing(sqlite3.connect(draft)) as database:
            # A plain copy would miss what is still in the write-ahead log.
            database.execute("VACUUM INTO ?", (str(whole),))
        with contextlib.suppress(FileExistsError):
            os.link(whole, path)
    finally:
        for leftover in path.parent.glob(f"{draft.name}*"):
            leftover.unlink(missing_ok=True)

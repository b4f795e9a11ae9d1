"""The process of the MLflow server: makes its database whole, then becomes ``mlflow server``.

Started by ``tasks.services.stack`` as ``python -m tasks.services.mlflow_server DATABASE OPTION...``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tasks.tracking.database import ensure_database


def main(arguments: list[str]) -> None:
    """Make the database that the first argument names, and become the server with the others."""
    database, *options = arguments
    ensure_database(Path(database))
    # The same process goes on, so that whoever started it stops the server and nothing else.
    os.execv(  # noqa: S606 - our own interpreter
        sys.executable,
        [
            *(sys.executable, "-m", "mlflow", "server"),
            *("--backend-store-uri", f"sqlite:///{database}"),
            *options,
        ],
    )


if __name__ == "__main__":
    main(sys.argv[1:])

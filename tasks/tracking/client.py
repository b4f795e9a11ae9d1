"""The connection to MLflow, made explicitly, so that nothing in the environment redirects it.

Ground module; the only place that makes an ``MlflowClient``.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import ServiceError, get_first_line, is_disk_full
from tasks.settings import Settings
from tasks.tracking.database import ensure_database

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow's own defaults wait for minutes when the server is gone.
_HTTP_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_REDIRECTS = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")


def connect(settings: Settings) -> MlflowClient:
    """Connect to the MLflow that the settings name, and check that it answers.

    Parameters
    ----------
    settings : Settings
        ``tracking_uri`` is a server's address or a SQLite file, whose folder is made.

    Returns
    -------
    mlflow.MlflowClient

    Raises
    ------
    ServiceError
        When it does not answer.
    """
    for name, value in _HTTP_DEFAULTS.items():
        os.environ.setdefault(name, value)
    for name in _REDIRECTS:  # they beat explicit arguments (mlflow#15713)
        os.environ.pop(name, None)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        if settings.tracking_uri.startswith("sqlite:///"):
            ensure_database(Path(settings.tracking_uri.removeprefix("sqlite:///")))
        client = MlflowClient(settings.tracking_uri, registry_uri=settings.tracking_uri)
        client.search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        if is_disk_full(error):
            raise ServiceError(
                f"The disk is full: MLflow cannot write to {settings.tracking_uri}.",
                hint="free some space, or set NOCTURNE_HOME to a folder on another disk",
            ) from error
        raise ServiceError(
            f"MLflow does not answer at {settings.tracking_uri}: {get_first_line(error)}",
            expected="a running MLflow server, or a SQLite file that can be written",
            hint="start the services with `nocturne up`, or correct NOCTURNE_TRACKING_URI",
        ) from error
    return client

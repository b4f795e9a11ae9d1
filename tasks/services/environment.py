"""The exact environment of the processes we start.

A copy of the caller's environment, without what steers another Airflow, another MLflow or the
interpreter itself, and with our own settings added. Pure: it reads no disk and changes nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tasks.services.secrets import ADMIN, Secrets, passwords_file
from tasks.settings import PROJECT_ROOT, Settings

# Another Airflow's or MLflow's settings, and what would steer our web servers from outside.
FOREIGN_PREFIXES = (
    "AIRFLOW",
    "_AIRFLOW",
    "MLFLOW",
    "_MLFLOW",
    "SQLALCHEMY_",
    "UVICORN_",
    "GUNICORN_",
    "OTEL_",
)
FOREIGN_NAMES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    # Without bytecode every import costs two to four times as much (shared by all components).
    "PYTHONDONTWRITEBYTECODE",
    "WEB_CONCURRENCY",
    "FORWARDED_ALLOW_IPS",
)

LOOPBACK = "127.0.0.1"

# Tasks that run at once. The steps of a night use several threads each; more tasks than that
# only take memory from one another on a laptop.
PARALLELISM = 4
# Besides, a slot for what a person waits for: a rollback must not wait until a training has ended.
URGENT_POOL, URGENT_SLOTS = "urgent", 1

# SQLite has one writer at a time. On a busy machine Airflow's DAG processor and its first requests
# hold it for over ten seconds; after SQLite's own five the others would fail with "database is
# locked", and so would a task's start, heartbeat or end. Whoever asks the server waits as long.
_DATABASE_TIMEOUT_SECONDS = 60

# A supervisor process beats for its task once a second (below), whatever the task itself does, so
# longer silence than the database may cause means that it was killed. Airflow's default would wait
# five minutes.
_TASK_HEARTBEAT_TIMEOUT_SECONDS = 90

# A workflow file is read when the DAG file that makes DAGs of it is parsed again, so this bounds
# how long an edit takes to show. One parse takes a fraction of a second.
_REPARSE_SECONDS = 20
_REFRESH_SECONDS = 300

# MLflow's client tries seven times with growing waits by default: minutes when the server is down.
_MLFLOW_MAX_RETRIES = 3
_MLFLOW_TIMEOUT_SECONDS = 60  # one request; the upload of a large model through the proxy is one

PRELOAD_FOLDER = Path(__file__).resolve().parent / "preload"


def base_environment(*, inherited: Mapping[str, str]) -> dict[str, str]:
    """Build what all our processes share.

    Parameters
    ----------
    inherited : mapping of str to str
        The caller's environment; not changed.

    Returns
    -------
    dict of str to str
    """
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith(FOREIGN_PREFIXES) and name not in FOREIGN_NAMES
    }
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        # A proxy for the outer world must not be asked for addresses of this machine.
        "NO_PROXY": _without_proxy(kept.get("NO_PROXY")),
        "no_proxy": _without_proxy(kept.get("no_proxy")),
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GX_ANALYTICS_ENABLED": "false",
    }


def mlflow_environment(*, inherited: Mapping[str, str]) -> dict[str, str]:
    """Build the environment of ``mlflow server``.

    Parameters
    ----------
    inherited : mapping of str to str

    Returns
    -------
    dict of str to str
    """
    return {
        **base_environment(inherited=inherited),
        "PYTHONPATH": str(PROJECT_ROOT),
        # Its job consumers are eight processes and 1.5 GiB for features that Nocturne does not use.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def airflow_environment(
    settings: Settings, secrets: Secrets, *, n_cards: int, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Build the environment of Airflow's components, which their tasks inherit.

    Parameters
    ----------
    settings : Settings
    secrets : Secrets
    n_cards : int
        NVIDIA cards of this machine; with at least one, ``NOCTURNE_GPU=1`` tells the DAGs to
        train in the ``gpu`` pool (unless the caller has set it).
    inherited : mapping of str to str

    Returns
    -------
    dict of str to str
    """
    environment = base_environment(inherited=inherited)
    environment.setdefault("KERAS_BACKEND", "tensorflow")
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    environment.setdefault("NOCTURNE_GPU", "1" if n_cards else "0")
    environment.update(_nocturne_variables(settings))
    environment.update(_airflow_variables(settings, secrets, n_cards=n_cards))
    environment.update(
        {
            "PYTHONPATH": os.pathsep.join([str(settings.project_root), str(PRELOAD_FOLDER)]),
            # Never the default of a folder `mlruns` below whatever the working directory is.
            "MLFLOW_TRACKING_URI": settings.mlflow_url,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(_MLFLOW_MAX_RETRIES),
            "MLFLOW_HTTP_REQUEST_TIMEOUT": str(_MLFLOW_TIMEOUT_SECONDS),
            "MPLBACKEND": "Agg",
        }
    )
    return environment


def _without_proxy(given: str | None) -> str:
    names = [name.strip() for name in (given or "").split(",") if name.strip()]
    return ",".join([*names, *(n for n in ("localhost", LOOPBACK, "::1") if n not in names)])


def _nocturne_variables(settings: Settings) -> dict[str, str]:
    variables = {
        "NOCTURNE_HOME": str(settings.home),
        "NOCTURNE_WORKFLOWS": str(settings.workflows_dir),
        "NOCTURNE_EXPECTATIONS": str(settings.expectations_dir),
        "NOCTURNE_DAGS": str(settings.dags_dir),
        "NOCTURNE_TRACKING_URI": settings.mlflow_url,
        "NOCTURNE_AIRFLOW_PORT": str(settings.airflow_port),
        "NOCTURNE_MLFLOW_PORT": str(settings.mlflow_port),
    }
    if settings.artifact_location:
        variables["NOCTURNE_ARTIFACT_LOCATION"] = settings.artifact_location
    if settings.mnist_file is not None:
        # Absolute, because our processes run in another folder than the caller.
        variables["NOCTURNE_MNIST"] = str(settings.mnist_file.expanduser().absolute())
    return variables


def _airflow_variables(settings: Settings, secrets: Secrets, *, n_cards: int) -> dict[str, str]:
    home = settings.home / "airflow"
    options: dict[tuple[str, str], object] = {
        ("core", "executor"): "LocalExecutor",
        # The pools share it out: a night's tasks, trainings on cards, what is urgent.
        ("core", "parallelism"): PARALLELISM + n_cards + URGENT_SLOTS,
        ("core", "default_pool_task_slot_count"): PARALLELISM,
        ("core", "load_examples"): False,
        ("core", "dags_folder"): settings.dags_dir,
        ("core", "plugins_folder"): settings.project_root / "plugins",
        ("core", "fernet_key"): secrets.fernet_key,
        ("core", "simple_auth_manager_users"): f"{ADMIN}:admin",  # user:role
        ("core", "simple_auth_manager_all_admins"): False,
        ("core", "simple_auth_manager_passwords_file"): passwords_file(settings),
        # An address, not a name: the server listens on IPv4 only.
        ("core", "execution_api_server_url"): (
            f"http://{LOOPBACK}:{settings.airflow_port}/execution/"
        ),
        ("database", "sql_alchemy_conn"): (
            f"sqlite:///{home / 'airflow.db'}?timeout={_DATABASE_TIMEOUT_SECONDS}"
        ),
        ("api", "host"): LOOPBACK,
        ("api", "port"): settings.airflow_port,
        ("api", "workers"): 1,
        ("api", "base_url"): settings.airflow_url,
        ("api", "secret_key"): secrets.api_secret_key,
        ("api_auth", "jwt_secret"): secrets.jwt_secret,
        # Ten trivial tasks in a row: 11 s with the default of 1, 3 s with this, at 10 % of a core.
        ("scheduler", "scheduler_idle_sleep_time"): 0.2,
        ("scheduler", "task_instance_heartbeat_timeout"): _TASK_HEARTBEAT_TIMEOUT_SECONDS,
        # The supervisor of a finished task often keeps its slot this long (default 5).
        ("workers", "min_heartbeat_interval"): 1,
        ("workers", "execution_api_timeout"): _DATABASE_TIMEOUT_SECONDS,
        ("dag_processor", "min_file_process_interval"): _REPARSE_SECONDS,
        # Each look for new DAG files forgets the errors of broken workflow files until the next
        # parse, because their paths are no DAG files: look seldom.
        ("dag_processor", "refresh_interval"): _REFRESH_SECONDS,
        ("dag_processor", "parsing_processes"): 1,
        # Great Expectations would add some two hundred lines to each validation's log.
        ("logging", "namespace_levels"): "great_expectations=WARNING",
    }
    return {
        "AIRFLOW_HOME": str(home),
        **{
            f"AIRFLOW__{section.upper()}__{option.upper()}": str(value)
            for (section, option), value in options.items()
        },
    }

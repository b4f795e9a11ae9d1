"""``up``, ``down`` and ``status``: all services of one machine as one thing.

The command line calls these three; everything else in this package serves them.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tasks.errors import RequestError, ServiceError
from tasks.services import components, lock, loopback, migration, ports
from tasks.services.accelerators import count_cards
from tasks.services.airflow_api import AirflowClient
from tasks.services.environment import (
    URGENT_POOL,
    URGENT_SLOTS,
    airflow_environment,
    mlflow_environment,
)
from tasks.services.health import (
    Health,
    Progress,
    check_alive,
    check_health,
    wait_until_healthy,
)
from tasks.services.private_files import make_private_folder
from tasks.services.processes import (
    Component,
    ProcessRecord,
    Started,
    find,
    load_records,
    save_records,
    start,
    stop,
)
from tasks.services.secrets import ADMIN, ensure_secrets, secrets_file, write_passwords_file
from tasks.settings import Settings

logger = logging.getLogger(__name__)

# On two cores all is ready in 25 s; a slow disk without bytecode takes some minutes once.
READY_TIMEOUT_SECONDS = 300
_LOCK_TIMEOUT_SECONDS = READY_TIMEOUT_SECONDS + 60
# A step that is told to end gets this long to close its MLflow run.
_GRACE_SECONDS = 10
_LEFTOVER_GRACE_SECONDS = 1  # Airflow's workers do not listen once their scheduler has gone
GPU_POOL = "gpu"

_PORT_FIELDS = {"api-server": "airflow_port", components.MLFLOW: "mlflow_port"}
_PORT_VARIABLES = {
    "airflow_port": "NOCTURNE_AIRFLOW_PORT",
    "mlflow_port": "NOCTURNE_MLFLOW_PORT",
}


@dataclass(frozen=True)
class ComponentStatus:
    """One service.

    Parameters
    ----------
    name : str
    pid : int or None
        None when it does not run.
    is_healthy : bool
        It runs and answers.
    log : Path
    """

    name: str
    pid: int | None
    is_healthy: bool
    log: Path


@dataclass(frozen=True)
class ServiceStatus:
    """All services of one home.

    Parameters
    ----------
    components : tuple of ComponentStatus
    airflow_url, mlflow_url : str
        What to open in a browser.
    username : str
        Of Airflow's login; MLflow has none.
    secrets_file : Path
        Holds the password, under ``admin_password``.
    was_already_up : bool
        ``up`` found nothing to do.
    seconds : float
        How long ``up`` took.
    """

    components: tuple[ComponentStatus, ...]
    airflow_url: str
    mlflow_url: str
    username: str
    secrets_file: Path
    was_already_up: bool = False
    seconds: float = 0.0

    @property
    def is_up(self) -> bool:
        """Whether every service runs and answers."""
        return all(each.is_healthy for each in self.components)

    @property
    def is_down(self) -> bool:
        """Whether no service runs."""
        return all(each.pid is None for each in self.components)


def up(settings: Settings, *, progress: Progress = logger.info) -> ServiceStatus:
    """Start whatever does not run, and wait until everything works.

    Parameters
    ----------
    settings : Settings
    progress : callable, optional
        Gets a line for each thing done.

    Returns
    -------
    ServiceStatus

    Raises
    ------
    ServiceError
        When a port is taken, a service ends or does not answer, a socket is open to other
        machines, or the disk cannot be written; what this call had started is stopped again.
    RequestError
        When the services run with other ports than these settings ask for.
    """
    began = time.monotonic()
    with _writing_to(settings.home), _locked(settings, progress):
        recorded = load_records(_records_file(settings))
        known = [each for each in recorded if find(each)]
        running = {each.name for each in known}
        if running:
            _check_same_ports(settings, known)
        if running.issuperset(components.NAMES):
            now = _status(settings, known, check_health(settings))
            if now.is_up:
                return replace(now, was_already_up=True, seconds=time.monotonic() - began)
        # Children of a component that was killed hold its port, or wait for tasks for ever.
        leftovers = [each for each in recorded if each not in known]
        for name in stop(leftovers, grace_seconds=_LEFTOVER_GRACE_SECONDS):
            progress(f"cleared away what was left of {name}")
        save_records(_records_file(settings), known)
        started: list[Started] = []
        try:
            _start_missing(settings, known, running, started, progress)
        except BaseException:
            # Ctrl-C too: nothing of a start that failed stays behind.
            _stop(settings, [each.record for each in started], keep=known)
            raise
        now = _status(settings, [*known, *(s.record for s in started)], check_health(settings))
    return replace(now, was_already_up=not started, seconds=time.monotonic() - began)


def down(settings: Settings, *, progress: Progress = logger.info) -> list[str]:
    """Stop exactly what ``up`` started.

    Tasks that run are told to end first, so that they can close their MLflow runs; Airflow retries
    them after the next ``up``.

    Parameters
    ----------
    settings : Settings
    progress : callable, optional

    Returns
    -------
    list of str
        The services that were stopped; empty when nothing ran.
    """
    if not settings.home.is_dir():
        return []
    with _writing_to(settings.home), _locked(settings, progress):
        return _stop(settings, load_records(_records_file(settings)), keep=[])


def status(settings: Settings) -> ServiceStatus:
    """Say what runs and what answers; changes nothing.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    ServiceStatus
    """
    records = load_records(_records_file(settings))
    here = _as_recorded(settings, records)
    is_any_running = any(find(each) for each in records)
    health = check_health(here) if is_any_running else Health(mlflow=False, airflow={})
    return _status(here, records, health)


def _start_missing(
    settings: Settings,
    known: Sequence[ProcessRecord],
    running: set[str],
    started: list[Started],
    progress: Progress,
) -> None:
    """Start what does not run; ``started`` grows with each, so that the caller can undo it."""
    _check_ports(settings, running)
    for folder in (_log_folder(settings), settings.home / "mlflow", settings.home / "airflow"):
        make_private_folder(folder)
    secrets = ensure_secrets(settings)
    write_passwords_file(settings, secrets)
    n_cards = count_cards(os.environ)
    environment = airflow_environment(settings, secrets, n_cards=n_cards, inherited=os.environ)
    since = datetime.now(UTC)

    def launch(component: Component, with_environment: dict[str, str]) -> None:
        if component.name in running:
            return
        launched = start(
            component,
            environment=with_environment,
            log_folder=_log_folder(settings),
            folder=settings.home,
        )
        started.append(launched)
        save_records(_records_file(settings), [*known, *(s.record for s in started)])

    progress("starting MLflow and Airflow")
    launch(components.mlflow_component(settings), mlflow_environment(inherited=os.environ))
    if not migration.is_migrated(settings):
        progress("preparing Airflow's database")
        log = _log_folder(settings) / "migration.log"
        migration.migrate(settings, environment=environment, log=log)
        check_alive(started)
    for component in components.airflow_components(settings):
        launch(component, environment)

    def make_pools() -> None:
        with AirflowClient.from_settings(settings) as airflow:
            # One slot per card: two trainings on one card would take each other's memory.
            # One slot without a card, so that a task sent there by hand runs and does not wait.
            description = f"training on a GPU ({n_cards} found)"
            airflow.ensure_pool(GPU_POOL, n_slots=max(1, n_cards), description=description)
            description = "what a person waits for, such as a rollback"
            airflow.ensure_pool(URGENT_POOL, n_slots=URGENT_SLOTS, description=description)

    # A service that went on running beats on; only the new ones must be newer than their start.
    wait_until_healthy(
        settings,
        started,
        since=since,
        timeout_seconds=READY_TIMEOUT_SECONDS,
        progress=progress,
        on_api_ready=make_pools,
    )
    records = [*known, *(each.record for each in started)]
    loopback.check_loopback_only(loopback.find_listening(records))


def _stop(
    settings: Settings, records: Sequence[ProcessRecord], *, keep: Sequence[ProcessRecord]
) -> list[str]:
    first = [each for each in records if each.name in components.WORKING_NAMES]
    then = [each for each in records if each.name not in components.WORKING_NAMES]
    stopped = stop(first, grace_seconds=_GRACE_SECONDS) + stop(then, grace_seconds=_GRACE_SECONDS)
    save_records(_records_file(settings), keep)
    return stopped


def _status(settings: Settings, records: Sequence[ProcessRecord], health: Health) -> ServiceStatus:
    working = health.working()
    pids = {each.name: each.pid for each in records if find(each)}
    return ServiceStatus(
        components=tuple(
            ComponentStatus(
                name=name,
                pid=pids.get(name),
                is_healthy=name in pids and name in working,
                log=_log_folder(settings) / f"{name}.log",
            )
            for name in components.NAMES
        ),
        airflow_url=settings.airflow_url,
        mlflow_url=settings.mlflow_url,
        username=ADMIN,
        secrets_file=secrets_file(settings),
    )


def _as_recorded(settings: Settings, records: Sequence[ProcessRecord]) -> Settings:
    """Look where the services run, which may not be where these settings would start them."""
    recorded = {_PORT_FIELDS[r.name]: r.port for r in records if r.name in _PORT_FIELDS and find(r)}
    return settings.model_copy(update=recorded)


def _check_same_ports(settings: Settings, records: Sequence[ProcessRecord]) -> None:
    recorded = _as_recorded(settings, records)
    for field, variable in _PORT_VARIABLES.items():
        wanted, used = getattr(settings, field), getattr(recorded, field)
        if wanted != used:
            raise RequestError(
                f"The services of {settings.home} already run with port {used}, and "
                f"{variable} asks for {wanted}.",
                hint=f"run `nocturne down` first, or set {variable}={used}",
            )


def _check_ports(settings: Settings, running: set[str]) -> None:
    wanted = {
        "api-server": (settings.airflow_port, "Airflow's web server"),
        components.MLFLOW: (settings.mlflow_port, "the MLflow server"),
    }
    if settings.airflow_port == settings.mlflow_port:
        raise RequestError(
            f"Airflow and MLflow are both to listen on port {settings.airflow_port}.",
            hint="set NOCTURNE_AIRFLOW_PORT and NOCTURNE_MLFLOW_PORT to different ports",
        )
    for name, (port, purpose) in wanted.items():
        if name not in running:
            variable = _PORT_VARIABLES[_PORT_FIELDS[name]]
            ports.check_port_free(port, purpose=purpose, variable=variable)


@contextmanager
def _writing_to(home: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error that says what to do."""
    try:
        make_private_folder(home)
        yield
    except OSError as error:
        raise ServiceError(
            f"Nocturne cannot write to {error.filename or home}: {error.strerror or error}.",
            expected=f"a folder {home} that this user may write to, on a disk with room",
            hint="make room or correct the permissions, or set NOCTURNE_HOME to another folder",
        ) from error


def _locked(settings: Settings, progress: Progress) -> AbstractContextManager[None]:
    path = settings.home / "services.lock"
    return lock.hold(path, timeout_seconds=_LOCK_TIMEOUT_SECONDS, progress=progress)


def _records_file(settings: Settings) -> Path:
    return settings.home / "services.json"


def _log_folder(settings: Settings) -> Path:
    return settings.home / "logs"

"""Whether the services truly work, and how to wait until they do.

``nocturne up`` returns only after this has seen every part at work, and fails early, with the
end of the log, when one dies on the way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from tasks.errors import ServiceError
from tasks.services.environment import LOOPBACK
from tasks.services.processes import Started, last_lines
from tasks.settings import Settings

Progress = Callable[[str], None]

# Airflow's names of its parts, and ours of the processes that answer for them.
AIRFLOW_PARTS = {
    "metadatabase": "api-server",
    "scheduler": "scheduler",
    "dag_processor": "dag-processor",
    "triggerer": "triggerer",
}

_REQUEST_TIMEOUT_SECONDS = 15  # the first request to the execution API takes some seconds
_POLL_SECONDS = 0.25
_N_LOG_LINES = 15


@dataclass(frozen=True)
class Health:
    """What answers at this moment.

    Parameters
    ----------
    mlflow : bool
        MLflow answered a real call.
    airflow : dict of str to bool
        Per part of Airflow (``metadatabase``, ``scheduler``, ``dag_processor``, ``triggerer``);
        empty when its web server does not answer.
    """

    mlflow: bool
    airflow: dict[str, bool]

    @property
    def is_healthy(self) -> bool:
        """Whether everything works."""
        return self.mlflow and all(self.airflow.get(part, False) for part in AIRFLOW_PARTS)

    def working(self) -> list[str]:
        """Name the components that work."""
        names = ["mlflow"] if self.mlflow else []
        return names + [AIRFLOW_PARTS[p] for p in AIRFLOW_PARTS if self.airflow.get(p)]

    def missing(self) -> list[str]:
        """Name the components that do not work; while the API is silent, only it is known."""
        names = [] if self.mlflow else ["mlflow"]
        if not self.airflow:
            return [*names, "api-server"]
        return names + [AIRFLOW_PARTS[p] for p in AIRFLOW_PARTS if not self.airflow.get(p)]


def check_health(settings: Settings, *, since: datetime | None = None) -> Health:
    """Ask every service once.

    Parameters
    ----------
    settings : Settings
    since : datetime, optional
        Heartbeats older than this do not count: they are of processes that ran before.

    Returns
    -------
    Health
    """
    with _client() as http:
        return _check(http, settings, since)


def wait_until_healthy(
    settings: Settings,
    started: Sequence[Started],
    *,
    since: datetime,
    timeout_seconds: float,
    progress: Progress,
    on_api_ready: Callable[[], None],
) -> None:
    """Wait until everything works.

    Parameters
    ----------
    settings : Settings
    started : sequence of Started
        The processes to watch; one that ends is reported at once.
    since : datetime
        Heartbeats older than this do not count.
    timeout_seconds : float
    progress : callable
        Gets a line each time another service works.
    on_api_ready : callable
        Called once, when Airflow's API answers, while the slower parts are still starting.

    Raises
    ------
    ServiceError
        When a process ends, or the time is over.
    """
    deadline = time.monotonic() + timeout_seconds
    reported: set[str] = set()
    is_api_ready = False
    with _client() as http:
        while True:
            check_alive(started)
            health = _check(http, settings, since)
            for name in health.working():
                if name not in reported:
                    reported.add(name)
                    progress(f"{name} works")
            if health.airflow and not is_api_ready:
                is_api_ready = True
                _warm_up_execution_api(settings)
                on_api_ready()
                continue
            if health.is_healthy:
                return
            if time.monotonic() > deadline:
                raise _timeout_error(health, started, timeout_seconds)
            time.sleep(_POLL_SECONDS)


def check_alive(started: Sequence[Started]) -> None:
    """Raise when a process that should be running has ended.

    Parameters
    ----------
    started : sequence of Started

    Raises
    ------
    ServiceError
        With its exit code and the end of its log.
    """
    for each in started:
        code = each.process.poll()
        if code is not None:
            raise ServiceError(
                f"{each.record.name} ended with exit code {code}. The end of its log:\n"
                f"{last_lines(each.record.log, _N_LOG_LINES)}",
                hint=f"see {each.record.log}",
            )


def _client() -> httpx.Client:
    # trust_env=False: a proxy for the outer world knows nothing of this machine.
    return httpx.Client(timeout=_REQUEST_TIMEOUT_SECONDS, trust_env=False)


def _check(http: httpx.Client, settings: Settings, since: datetime | None) -> Health:
    return Health(_asks_mlflow(http, settings), _asks_airflow(http, settings, since))


def _asks_mlflow(http: httpx.Client, settings: Settings) -> bool:
    # Not /health: that one stays green when every call is refused for its host name.
    url = f"{settings.mlflow_url}/api/2.0/mlflow/experiments/search"
    try:
        return http.post(url, json={"max_results": 1}).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _asks_airflow(
    http: httpx.Client, settings: Settings, since: datetime | None
) -> dict[str, bool]:
    try:
        answer = http.get(f"{settings.airflow_url}/api/v2/monitor/health")
        parts: dict[str, dict[str, Any]] = answer.raise_for_status().json()
        return {name: _is_working(name, parts[name], since) for name in AIRFLOW_PARTS}
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_working(name: str, part: dict[str, Any], since: datetime | None) -> bool:
    if part["status"] != "healthy":
        return False
    heartbeat = part.get(f"latest_{name}_heartbeat")
    if since is None or heartbeat is None:
        return True
    # Airflow calls a killed process healthy for half a minute after its last heartbeat.
    return datetime.fromisoformat(heartbeat) >= since.astimezone(UTC)


def _warm_up_execution_api(settings: Settings) -> None:
    # Its routes are built at the first request, which takes 4 s. Better now, while the scheduler
    # is still importing, than in the first task of the first night.
    url = f"http://{LOOPBACK}:{settings.airflow_port}/execution/health"
    try:
        answer = httpx.get(url, timeout=_REQUEST_TIMEOUT_SECONDS * 4, trust_env=False)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise ServiceError(
            f"Airflow's execution API, through which tasks report, does not answer at {url} "
            f"({type(error).__name__}: {error}).",
            hint="see api-server.log",
        ) from error


def _timeout_error(
    health: Health, started: Sequence[Started], timeout_seconds: float
) -> ServiceError:
    missing = health.missing()
    logs = [each.record.log for each in started if each.record.name in missing]
    ends = "\n".join(f"{log}:\n{last_lines(log, _N_LOG_LINES)}" for log in logs)
    return ServiceError(
        f"After {timeout_seconds:.0f} s these do not work yet: {', '.join(missing)}.\n{ends}",
        hint="see their logs; on a machine that is busy with something else, try again",
    )

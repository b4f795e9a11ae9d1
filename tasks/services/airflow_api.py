"""A small client of Airflow's REST API: what the command line needs to steer and follow a night.

``nocturne trigger`` and ``nocturne up`` stand on it; it needs the services to be up.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from tasks.errors import RequestError, ServiceError, nearest
from tasks.services.secrets import ADMIN, read_secrets
from tasks.settings import Settings

_TIMEOUT_SECONDS = 90  # the server waits for its database for up to a minute
_PAGE_SIZE = 100  # the most that Airflow gives at once
_POLL_SECONDS = 0.5
FINAL_STATES = frozenset({"success", "failed"})


@dataclass(frozen=True)
class Dag:
    """A DAG as Airflow knows it."""

    dag_id: str
    is_paused: bool
    description: str | None
    tags: tuple[str, ...]


@dataclass(frozen=True)
class DagRun:
    """One run of a DAG.

    Parameters
    ----------
    dag_id, run_id : str
    state : str
        ``queued``, ``running``, ``success`` or ``failed``.
    started_at, ended_at : datetime or None
    conf : mapping
        The parameters it was triggered with.
    """

    dag_id: str
    run_id: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    conf: Mapping[str, Any]

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self.state in FINAL_STATES


@dataclass(frozen=True)
class TaskInstance:
    """One task of a run, in its latest try.

    Parameters
    ----------
    task_id : str
        With its groups, joined by dots.
    map_index : int
        -1 for a task that is not mapped.
    label : str
        What the UI shows: the rendered map index for a mapped task, else the task's display name.
    state : str or None
        None before it is scheduled.
    try_number : int
    started_at, ended_at : datetime or None
    duration_seconds : float or None
    """

    task_id: str
    map_index: int
    label: str
    state: str | None
    try_number: int
    started_at: datetime | None
    ended_at: datetime | None
    duration_seconds: float | None


@dataclass(frozen=True)
class DagImportError:
    """A DAG file that could not be read."""

    file: str
    stack_trace: str


class AirflowClient:
    """Talks to the Airflow of these settings as its user ``admin``.

    Parameters
    ----------
    base_url : str
    username, password : str

    Examples
    --------
    >>> with AirflowClient.from_settings(settings) as airflow:      # doctest: +SKIP
    ...     airflow.unpause("digits")
    ...     run = airflow.trigger("digits", conf={"night": "2026-01-02"})
    """

    def __init__(self, base_url: str, username: str, password: str) -> None:
        self.base_url = base_url
        self._login = {"username": username, "password": password}
        # trust_env=False: a proxy for the outer world knows nothing of this machine.
        self._http = httpx.Client(base_url=base_url, timeout=_TIMEOUT_SECONDS, trust_env=False)
        self._token: str | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make a client with the password that ``nocturne up`` generated.

        Parameters
        ----------
        settings : Settings

        Raises
        ------
        ServiceError
            When the services were never started.
        """
        return cls(settings.airflow_url, ADMIN, read_secrets(settings).admin_password)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def dags(self) -> list[Dag]:
        """List the DAGs that Airflow has read."""
        return [
            Dag(
                dag_id=entry["dag_id"],
                is_paused=bool(entry["is_paused"]),
                description=entry.get("description"),
                tags=tuple(tag["name"] for tag in entry.get("tags") or ()),
            )
            for entry in self._list("/api/v2/dags", "dags")
        ]

    def import_errors(self) -> list[DagImportError]:
        """List the DAG files that Airflow could not read."""
        return [
            DagImportError(file=entry["filename"], stack_trace=entry["stack_trace"])
            for entry in self._list("/api/v2/importErrors", "import_errors")
        ]

    def wait_for_dag(self, dag_id: str, *, timeout_seconds: float) -> None:
        """Wait until Airflow has read a DAG.

        Parameters
        ----------
        dag_id : str
        timeout_seconds : float

        Raises
        ------
        RequestError
            When it does not appear; the message carries import errors or the nearest name.
        """
        deadline = time.monotonic() + timeout_seconds
        path = f"/api/v2/dags/{_quoted(dag_id)}"
        while self._request("GET", path, accept=(404,)).status_code == httpx.codes.NOT_FOUND:
            if time.monotonic() > deadline:
                raise self._unknown_dag(dag_id)
            time.sleep(_POLL_SECONDS)

    def unpause(self, dag_id: str) -> None:
        """Let a DAG run.

        Parameters
        ----------
        dag_id : str

        Raises
        ------
        RequestError
            When there is no such DAG.
        """
        path = f"/api/v2/dags/{_quoted(dag_id)}"
        answer = self._request("PATCH", path, json={"is_paused": False}, accept=(404,))
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise self._unknown_dag(dag_id)

    def trigger(
        self,
        dag_id: str,
        *,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        note: str | None = None,
    ) -> DagRun:
        """Start a run.

        Parameters
        ----------
        dag_id : str
        conf : mapping, optional
            Values of the DAG's parameters.
        run_id : str, optional
            By default Airflow makes one from the time.
        note : str, optional
            Shown on the run's page.

        Returns
        -------
        DagRun
            Queued; it starts when the DAG is not paused.

        Raises
        ------
        RequestError
            For an unknown DAG, a run id that exists, or parameters the DAG does not accept.
        """
        body = {
            "logical_date": None,
            "conf": dict(conf or {}),
            **({"dag_run_id": run_id} if run_id else {}),
            **({"note": note} if note else {}),
        }
        path = f"/api/v2/dags/{_quoted(dag_id)}/dagRuns"
        answer = self._request("POST", path, json=body, accept=(400, 404, 409, 422))
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise self._unknown_dag(dag_id)
        if answer.status_code == httpx.codes.CONFLICT:
            raise RequestError(
                f"The DAG {dag_id!r} already has a run {run_id!r}.",
                hint="choose another run id, or clear that run in Airflow to repeat it",
            )
        if answer.is_error:
            raise RequestError(
                f"Airflow does not accept this run of {dag_id!r}: {_detail(answer)}",
                hint="see the parameters of the DAG in Airflow's trigger form",
            )
        return _dag_run(answer.json())

    def dag_run(self, dag_id: str, run_id: str) -> DagRun:
        """Look up a run.

        Parameters
        ----------
        dag_id, run_id : str

        Returns
        -------
        DagRun

        Raises
        ------
        RequestError
            When there is no such run.
        """
        path = f"/api/v2/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}"
        answer = self._request("GET", path, accept=(404,))
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise RequestError(f"The DAG {dag_id!r} has no run {run_id!r}.")
        return _dag_run(answer.json())

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """List the tasks of a run.

        Parameters
        ----------
        dag_id, run_id : str

        Returns
        -------
        list of TaskInstance
            In the order in which they started; those not started yet come last.
        """
        path = f"/api/v2/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}/taskInstances"
        tasks = [_task_instance(entry) for entry in self._list(path, "task_instances")]
        last = datetime.max.replace(tzinfo=UTC)
        return sorted(tasks, key=lambda task: task.started_at or last)

    def ensure_pool(self, name: str, *, n_slots: int, description: str) -> None:
        """Make a pool; one that exists keeps the slots a person may have given it.

        Parameters
        ----------
        name : str
        n_slots : int
        description : str
        """
        body = {"name": name, "slots": n_slots, "description": description}
        self._request("POST", "/api/v2/pools", json=body, accept=(409,))

    def _unknown_dag(self, dag_id: str) -> RequestError:
        errors = self.import_errors()
        if errors:
            listed = "; ".join(
                f"{each.file}: {each.stack_trace.strip().splitlines()[-1]}" for each in errors
            )
            hint = f"these DAG files cannot be read, one of them may hold it: {listed}"
        else:
            hint = nearest(dag_id, (dag.dag_id for dag in self.dags()))
        return RequestError(f"Airflow knows no DAG {dag_id!r}.", hint=hint)

    def _list(self, path: str, key: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        while True:
            parameters = {"limit": _PAGE_SIZE, "offset": len(entries)}
            answer = self._request("GET", path, params=parameters).json()
            entries.extend(answer[key])
            if len(entries) >= answer["total_entries"] or not answer[key]:
                return entries

    def _request(
        self, method: str, path: str, *, accept: tuple[int, ...] = (), **options: Any
    ) -> httpx.Response:
        answer = self._send(method, path, **options)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token = None  # expired, or of a server that had other secrets
            answer = self._send(method, path, **options)
        if answer.is_error and answer.status_code not in accept:
            raise ServiceError(
                f"Airflow answered {answer.status_code} to {method} {path}: {_detail(answer)}",
                hint="see the log api-server.log, or run `nocturne status`",
            )
        return answer

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            if self._token is None:
                login = self._http.post("/auth/token", json=self._login)
                if login.is_error:
                    raise ServiceError(
                        f"Airflow at {self.base_url} does not accept our password "
                        f"({login.status_code}).",
                        hint="another Airflow may answer there: run `nocturne status`, or choose "
                        "another NOCTURNE_AIRFLOW_PORT and run `nocturne up`",
                    )
                self._token = str(login.json()["access_token"])
            headers = {"Authorization": f"Bearer {self._token}"}
            return self._http.request(method, path, headers=headers, **options)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise ServiceError(
                f"Airflow does not answer at {self.base_url} ({type(error).__name__}: {error}).",
                hint="run `nocturne up`, or `nocturne status` to see what is running",
            ) from error


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text[:500]
    return detail if isinstance(detail, str) else str(detail)


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _dag_run(entry: Mapping[str, Any]) -> DagRun:
    return DagRun(
        dag_id=entry["dag_id"],
        run_id=entry["dag_run_id"],
        state=entry["state"],
        started_at=_time(entry["start_date"]),
        ended_at=_time(entry["end_date"]),
        conf=entry["conf"] or {},
    )


def _task_instance(entry: Mapping[str, Any]) -> TaskInstance:
    return TaskInstance(
        task_id=entry["task_id"],
        map_index=entry["map_index"],
        label=str(entry["rendered_map_index"] or entry["task_display_name"]),
        state=entry["state"],
        try_number=entry["try_number"],
        started_at=_time(entry["start_date"]),
        ended_at=_time(entry["end_date"]),
        duration_seconds=entry["duration"],
    )

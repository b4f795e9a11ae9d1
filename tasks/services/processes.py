"""Start, recognise and stop the processes of one Nocturne.

Each component runs in a session of its own, detached from the terminal. What was started is
recorded in ``services.json`` by process id, time of creation and boot of the machine, so that
another process, later, stops exactly these and never a stranger that got a recycled id.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tasks.errors import ServiceError
from tasks.services.private_files import write_private

logger = logging.getLogger(__name__)

# The system's clock may be corrected while we run, which moves all creation times; a process id
# does not come round again this fast.
_CREATE_TIME_TOLERANCE_SECONDS = 2.0
_POLL_SECONDS = 0.1
_REPORT_SECONDS = 5.0  # for a kill to take effect, and for a task's supervisor to report it
_UMASK = 0o077  # logs, databases and artifacts are their owner's alone


@dataclass(frozen=True)
class Component:
    """One service and the command that runs it.

    Parameters
    ----------
    name : str
        Also the stem of its log file.
    command : tuple of str
    port : int, optional
        Where it listens.
    """

    name: str
    command: tuple[str, ...]
    port: int | None = None


@dataclass(frozen=True)
class ProcessRecord:
    """A process we started, so described that it cannot be mistaken for another.

    Parameters
    ----------
    name : str
        The component.
    pid : int
        Also its session's and its process group's id.
    create_time : float
        Seconds since the epoch, as psutil gives them.
    boot_id : str
        Which boot of the machine it belongs to.
    folder : str
        Its working directory, which its children inherit.
    log : str
        The file of its output.
    port : int or None
        Where it listens.
    """

    name: str
    pid: int
    create_time: float
    boot_id: str
    folder: str
    log: str
    port: int | None


class DetachedProcess(subprocess.Popen[bytes]):
    """A process that outlives us on purpose."""

    def __del__(self, *_: object) -> None:
        """Neither warn about nor wait for a process that is still running."""


@dataclass(frozen=True)
class Started:
    """A process as its starter sees it: ``process.poll()`` tells how it ended."""

    record: ProcessRecord
    process: DetachedProcess


def start(
    component: Component, *, environment: Mapping[str, str], log_folder: Path, folder: Path
) -> Started:
    """Start a component in a session of its own.

    Parameters
    ----------
    component : Component
    environment : mapping of str to str
        All of it; nothing is inherited.
    log_folder : Path
        Gets ``<name>.log``; the log of the start before becomes ``<name>.log.1``.
    folder : Path
        Working directory.

    Returns
    -------
    Started

    Raises
    ------
    ServiceError
        When the command cannot be run, or ends before it can be recorded.
    """
    log = log_folder / f"{component.name}.log"
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    try:
        with log.open("ab") as output:
            process = DetachedProcess(
                component.command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=_UMASK,
            )
        create_time = psutil.Process(process.pid).create_time()
    except FileNotFoundError as error:
        raise ServiceError(
            f"{component.name} cannot be started: {error.filename} is not there.",
            hint="run `make install`",
        ) from error
    except psutil.NoSuchProcess as error:
        raise ServiceError(
            f"{component.name} ended as soon as it was started.", hint=f"see {log}"
        ) from error
    record = ProcessRecord(
        name=component.name,
        pid=process.pid,
        create_time=create_time,
        boot_id=_boot_id(),
        folder=str(folder),
        log=str(log),
        port=component.port,
    )
    logger.info("started %s as process %d, log %s", record.name, record.pid, record.log)
    return Started(record, process)


def find(record: ProcessRecord) -> psutil.Process | None:
    """Find the recorded process itself.

    Parameters
    ----------
    record : ProcessRecord

    Returns
    -------
    psutil.Process or None
        None when it has ended, or when its id now belongs to another process.
    """
    if record.boot_id != _boot_id():
        return None
    try:
        process = psutil.Process(record.pid)
        age = abs(process.create_time() - record.create_time)
        if age > _CREATE_TIME_TOLERANCE_SECONDS or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def find_family(record: ProcessRecord) -> list[psutil.Process]:
    """Find a recorded process and all that came from it and still live.

    Parameters
    ----------
    record : ProcessRecord

    Returns
    -------
    list of psutil.Process
        The members of its session (orphans too, when the process itself was killed) and their
        descendants; empty when the record is stale.
    """
    if record.boot_id != _boot_id():
        return []
    leader = find(record)
    if leader is None and _is_in_use(record.pid):
        # The system gives no id out again while a session is named after it: the session is gone.
        return []
    family: dict[int, psutil.Process] = {}
    for pid in psutil.pids():
        try:
            if os.getsid(pid) != record.pid:
                continue
            member = psutil.Process(pid)
            # Without its leader a session is known by its number only, so ask for a second sign.
            if leader is None and member.cwd() != record.folder:
                continue
            family[pid] = member
            for child in member.children(recursive=True):
                family.setdefault(child.pid, child)
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue
    return [member for member in family.values() if _lives(member)]


def stop(records: Sequence[ProcessRecord], *, grace_seconds: float) -> list[str]:
    """Stop recorded processes and everything that came from them.

    Parameters
    ----------
    records : sequence of ProcessRecord
    grace_seconds : float
        How long they get to end by themselves before they are killed.

    Returns
    -------
    list of str
        The names of the components that had something running, each once.

    Notes
    -----
    Each component is asked first (SIGTERM) and asks its children itself: told behind its back they
    end in disorder, and Airflow's triggerer then waits ten seconds for one that has gone. After
    the grace period the processes outside a component's own process group are killed, which are
    running tasks; their supervisors still report that, so that Airflow retries them. Whatever is
    left then is killed too.
    """
    families = {record: _Family(record, find_family(record)) for record in records}
    running = [family for family in families.values() if family.members]
    for family in running:
        family.ask_leader()
    _wait(running, grace_seconds, each_time=_Family.ask_left_behind)
    if sum(family.kill(only_outside_group=True) for family in running):
        _wait(running, _REPORT_SECONDS)
    if sum(family.kill(only_outside_group=False) for family in running):
        _wait(running, _REPORT_SECONDS)
    return list(dict.fromkeys(family.record.name for family in running))


class _Family:
    """A recorded process with its descendants, while it is being stopped."""

    def __init__(self, record: ProcessRecord, members: Sequence[psutil.Process]) -> None:
        self.record = record
        self.members = {process.pid: process for process in members}
        self._has_asked_all = False

    def living(self) -> list[psutil.Process]:
        return [process for process in self.members.values() if _lives(process)]

    def ask_leader(self) -> None:
        leader = self.members.get(self.record.pid)
        if leader is not None:
            _send(leader, signal.SIGTERM)

    def ask_left_behind(self) -> None:
        """Ask the rest of the group once its leader has ended without seeing to it."""
        leader = self.members.get(self.record.pid)
        if self._has_asked_all or (leader is not None and _lives(leader)):
            return
        self._has_asked_all = True
        for process in self.living():
            if self._is_in_group(process):
                _send(process, signal.SIGTERM)

    def kill(self, *, only_outside_group: bool) -> int:
        """Kill what still lives, and what was born meanwhile; return how many were killed."""
        self.members.update({process.pid: process for process in find_family(self.record)})
        victims = [p for p in self.living() if not (only_outside_group and self._is_in_group(p))]
        for process in victims:
            logger.info("killing process %d of %s", process.pid, self.record.name)
            _send(process, signal.SIGKILL)
        return len(victims)

    def _is_in_group(self, process: psutil.Process) -> bool:
        try:
            return os.getpgid(process.pid) == self.record.pid
        except ProcessLookupError:
            return False


def _wait(
    families: Sequence[_Family],
    seconds: float,
    *,
    each_time: Callable[[_Family], None] = lambda _: None,
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # Reaps those that are our own children.
        psutil.wait_procs(
            [p for family in families for p in family.living()], timeout=_POLL_SECONDS
        )
        for family in families:
            each_time(family)
        if not any(family.living() for family in families):
            return


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)  # psutil compares the creation time before it sends anything


def save_records(path: Path, records: Sequence[ProcessRecord]) -> None:
    """Write what was started; nothing is left when there is nothing to remember.

    Parameters
    ----------
    path : Path
    records : sequence of ProcessRecord
    """
    if records:
        content = {"processes": [asdict(record) for record in records]}
        write_private(path, json.dumps(content, indent=2) + "\n")
    else:
        path.unlink(missing_ok=True)


def load_records(path: Path) -> list[ProcessRecord]:
    """Read what was started.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of ProcessRecord
        Empty when there is no file.

    Raises
    ------
    ServiceError
        When the file is there and cannot be understood.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return [ProcessRecord(**entry) for entry in content["processes"]]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(
            f"{path} cannot be read ({type(error).__name__}), so it is not known what is running.",
            hint=f"stop the processes whose logs are in {path.parent / 'logs'} by hand, then delete the file",
        ) from error


def last_lines(log: str | Path, n_lines: int) -> str:
    """Read the end of a log.

    Parameters
    ----------
    log : str or Path
    n_lines : int

    Returns
    -------
    str
        Empty when there is no such file.
    """
    try:
        text = Path(log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-n_lines:])


def _lives(process: psutil.Process) -> bool:
    try:
        # A zombie has ended; some containers have no init that would clear it away.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_in_use(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@functools.cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        command = ["sysctl", "-n", "kern.bootsessionuuid"]  # macOS
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        return answer.stdout.strip()

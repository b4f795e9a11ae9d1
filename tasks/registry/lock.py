"""One change of a model's champion at a time on this machine.

Ground module; ``tasks.registry.champion`` changes nothing without it. The operating system frees the
lock when its holder ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tasks.errors import ServiceError
from tasks.settings import Settings

_FOLDER = "registry"
_FILE_MODE = 0o600
_MAX_CHARACTERS = 100  # of a file's name; models that share a lock wait for each other, no more
_POLL_SECONDS = 0.05
# A change is a dozen calls of MLflow. One call that gets no answer is given up after two minutes.
_TIMEOUT_SECONDS = 150.0


@contextlib.contextmanager
def hold_lock(
    settings: Settings, name: str, *, timeout_seconds: float = _TIMEOUT_SECONDS
) -> Iterator[str]:
    """Hold the lock of a registered model while the block runs, waiting for it first.

    Parameters
    ----------
    settings : Settings
        The lock is a file under ``home``: all processes of one home exclude each other.
    name : str
        The registered model.
    timeout_seconds : float, optional
        How long to wait for another holder.

    Yields
    ------
    str
        The lock's own name. What is marked with it was begun by a holder of this very lock, so
        whoever holds it now knows that the one who began is gone.

    Raises
    ------
    ServiceError
        When another holder does not finish in time.
    """
    # Registered models that no night has made may be called anything.
    path = settings.home / _FOLDER / f"{quote(name, safe='')[:_MAX_CHARACTERS]}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _FILE_MODE)
    with os.fdopen(descriptor, "r+", encoding="ascii") as file:
        deadline = time.monotonic() + timeout_seconds
        while not _try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"Another process has been changing the champion of {name!r} for more than "
                    f"{timeout_seconds:.0f} s (it holds {path}).",
                    expected="a change that takes a second or two",
                    hint="see whether MLflow answers (`nocturne status`), and try again",
                )
            time.sleep(_POLL_SECONDS)
        yield _read_identity(path)


def _read_identity(path: Path) -> str:
    """Read the lock's name, which its first holder gives it; nobody else is here meanwhile."""
    file = path.with_suffix(".id")
    if not file.exists():
        draft = file.with_suffix(".draft")
        draft.write_text(uuid.uuid4().hex, encoding="ascii")
        draft.replace(file)
    return file.read_text(encoding="ascii")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

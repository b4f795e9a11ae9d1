"""One ``nocturne up`` or ``down`` at a time for each home.

The operating system frees the lock when its holder ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tasks.errors import ServiceError
from tasks.services.private_files import FILE_MODE

_POLL_SECONDS = 0.2


@contextlib.contextmanager
def hold(path: Path, *, timeout_seconds: float, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock file while the block runs, waiting for it first.

    Parameters
    ----------
    path : Path
        Made when it is not there, in a folder that is.
    timeout_seconds : float
        How long to wait for another holder.
    progress : callable
        Told when there is somebody to wait for.

    Raises
    ------
    ServiceError
        When the other holder does not finish in time.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    with os.fdopen(descriptor, "r+", encoding="ascii") as file:
        deadline = time.monotonic() + timeout_seconds
        is_waiting = False
        while not _try_lock(file.fileno()):
            holder = file.read().strip() or "unknown"
            file.seek(0)
            if not is_waiting:
                is_waiting = True
                progress(f"another `nocturne up` or `down` is at work (process {holder}); waiting")
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"Another `nocturne up` or `down` (process {holder}) holds {path}.",
                    hint="wait until it has finished, or stop it",
                )
            time.sleep(_POLL_SECONDS)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

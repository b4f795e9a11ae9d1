"""Leases of cards: a training has its cards to itself, however many tasks are at work.

Taken by ``step`` around a training in a fresh interpreter; kept in files under the home, which all
tasks of a machine share.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.training.cards.gpu import Gpu

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
_FILE_MODE = 0o600


@dataclass(frozen=True)
class Lease:
    """Cards that nobody else trains on.

    Parameters
    ----------
    gpus : tuple of Gpu
    descriptors : tuple of int
        Open files that hold the leases. A process that inherits them keeps the leases when this
        process ends before it.
    """

    gpus: tuple[Gpu, ...]
    descriptors: tuple[int, ...]


@contextlib.contextmanager
def lease_cards(gpus: Sequence[Gpu], n: int, folder: Path) -> Iterator[Lease]:
    """Lease cards while the block runs, waiting until enough of them are free.

    Parameters
    ----------
    gpus : sequence of Gpu
        The cards to choose from, tried in order.
    n : int
        How many, at least 1; fewer where fewer are there.
    folder : Path
        Where the leases are kept; made when it is not there.

    Yields
    ------
    Lease

    Notes
    -----
    A lease is a lock on a file named after the card. The operating system ends it when the last
    process that has the file open ends, however it ends: no lease is left behind. Whoever needs
    several cards takes all of them at once or none, so that two tasks never wait for each other.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = min(n, len(gpus))
    with contextlib.ExitStack() as held:
        is_waiting = False
        while not (taken := _try_to_lease(gpus, wanted, folder, held)):
            if not is_waiting:
                is_waiting = True
                logger.info(
                    "waiting for %s: %s",
                    "a card" if wanted == 1 else f"{wanted} cards",
                    "; ".join(_describe_holder(gpu, folder) for gpu in gpus),
                )
            time.sleep(POLL_SECONDS)
        yield Lease(tuple(gpu for gpu, _ in taken), tuple(file for _, file in taken))


def _try_to_lease(
    gpus: Sequence[Gpu], wanted: int, folder: Path, held: contextlib.ExitStack
) -> list[tuple[Gpu, int]]:
    with contextlib.ExitStack() as tried:
        taken: list[tuple[Gpu, int]] = []
        for gpu in gpus:
            descriptor = os.open(_find_file(gpu, folder), os.O_RDWR | os.O_CREAT, _FILE_MODE)
            tried.callback(os.close, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            taken.append((gpu, descriptor))
            if len(taken) == wanted:
                break
        if len(taken) < wanted:
            return []
        for _, descriptor in taken:
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
        held.push(tried.pop_all())
    return taken


def _find_file(gpu: Gpu, folder: Path) -> Path:
    return folder / f"{gpu.uuid.replace('/', '_')}.lock"  # old names of parts of cards have slashes


def _describe_holder(gpu: Gpu, folder: Path) -> str:
    holder = _find_file(gpu, folder).read_text(encoding="ascii").strip()
    return f"{gpu.name} {gpu.index} is held by process {holder or 'unknown'}"

"""Which NVIDIA cards this process may use, found without touching CUDA.

Asked by ``step`` before it decides where to train: a CUDA context in the task's process would not
survive a fork and would hold memory on the card.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

LIST_TIMEOUT_SECONDS = 20  # a driver that wakes up takes seconds; one that hangs means no card
_CARD = re.compile(r"^GPU (?P<index>\d+): (?P<name>.+) \(UUID: (?P<uuid>GPU-[^)]+)\)$")


@dataclass(frozen=True)
class Gpu:
    """One card: its index, its name and its UUID."""

    index: int
    name: str
    uuid: str


def find_gpus(environment: Mapping[str, str] | None = None) -> tuple[Gpu, ...]:
    """List the cards that ``nvidia-smi`` knows and ``CUDA_VISIBLE_DEVICES`` leaves.

    Parameters
    ----------
    environment : mapping, optional
        Used in place of ``os.environ``.

    Returns
    -------
    tuple of Gpu
        Empty where there is no card, no driver, or none is to be used. A part of a card (MIG) that
        is named as visible stands as its whole card.
    """
    source = os.environ if environment is None else environment
    visible = source.get("CUDA_VISIBLE_DEVICES")
    command = shutil.which("nvidia-smi", path=source.get("PATH"))
    if command is None or (visible is not None and visible.strip() in {"", "-1"}):
        return ()
    try:
        listing = subprocess.run(
            [command, "-L"],
            capture_output=True,
            text=True,
            timeout=LIST_TIMEOUT_SECONDS,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return choose_visible(parse_listing(listing), visible)


def parse_listing(listing: str) -> tuple[Gpu, ...]:
    """Read the cards from the output of ``nvidia-smi -L``.

    Examples
    --------
    >>> parse_listing("GPU 0: NVIDIA H200 (UUID: GPU-1b2c)")
    (Gpu(index=0, name='NVIDIA H200', uuid='GPU-1b2c'),)
    """
    matches = (_CARD.match(line) for line in listing.splitlines())
    return tuple(Gpu(int(m["index"]), m["name"], m["uuid"]) for m in matches if m)


def choose_visible(gpus: tuple[Gpu, ...], visible: str | None) -> tuple[Gpu, ...]:
    """Keep the cards that a value of ``CUDA_VISIBLE_DEVICES`` names, in its order.

    Parameters
    ----------
    gpus : tuple of Gpu
    visible : str or None
        Indices or beginnings of UUIDs, separated by commas; None leaves all.

    Notes
    -----
    As in CUDA, the list ends at the first entry that names no card.
    """
    if visible is None:
        return gpus
    kept: list[Gpu] = []
    for entry in (e.strip() for e in visible.split(",")):
        if entry.startswith("MIG-"):
            found = gpus[:1]  # which card it is a part of, the listing alone does not say
        else:
            found = tuple(
                g
                for g in gpus
                if (entry.isdigit() and g.index == int(entry))
                or (entry.startswith("GPU-") and g.uuid.startswith(entry))
            )[:1]
        if not found:
            break
        kept.extend(found)
    return tuple(kept)

"""Which NVIDIA cards this process may use, found without touching CUDA.

Asked by ``step`` before it decides where to train: a CUDA context in the task's process would not
survive a fork and would hold memory on the card.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

logger = logging.getLogger(__name__)

# Keras 3.15 calls its distribution on TensorFlow a prototype, and has none on PyTorch.
DISTRIBUTED_BACKEND = "jax"
LIST_TIMEOUT_SECONDS = 20  # a driver that wakes up takes seconds; one that hangs means no card
_CARD = re.compile(r"^GPU (?P<index>\d+): (?P<name>.+) \(UUID: (?P<uuid>GPU-[^)]+)\)$")
_PART = re.compile(r"^\s+MIG (?P<name>\S+) +Device +\d+: \(UUID: (?P<uuid>MIG-[^)]+)\)$")
# A backend's own habit is to take all memory of a card, whether it needs it or not. PyTorch does
# not have it. What the user has set stays.
_GROW_MEMORY = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


@dataclass(frozen=True)
class Gpu:
    """One card, or one part of a card (MIG): the card's index, its name and its UUID."""

    index: int
    name: str
    uuid: str

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a card; CUDA gives one process no more than one part."""
        return self.uuid.startswith("MIG-")


def find_gpus(environment: Mapping[str, str] | None = None) -> tuple[Gpu, ...]:
    """List the cards that ``nvidia-smi`` knows and ``CUDA_VISIBLE_DEVICES`` leaves.

    Parameters
    ----------
    environment : mapping, optional
        Used in place of ``os.environ``.

    Returns
    -------
    tuple of Gpu
        Empty where there is no card, no driver, or none is to be used. A card that is divided (MIG)
        is listed as its parts.
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
    found: list[Gpu] = []
    whole: Gpu | None = None
    for line in listing.splitlines():
        if card := _CARD.match(line):
            whole = Gpu(int(card["index"]), card["name"], card["uuid"])
            found.append(whole)
        elif whole is not None and (part := _PART.match(line)):
            if found[-1] is whole:  # CUDA can no longer use it as a whole
                found.pop()
            found.append(Gpu(whole.index, f"{whole.name} MIG {part['name']}", part["uuid"]))
    return tuple(found)


def choose_visible(gpus: tuple[Gpu, ...], visible: str | None) -> tuple[Gpu, ...]:
    """Keep the cards that a value of ``CUDA_VISIBLE_DEVICES`` names, in its order.

    Parameters
    ----------
    gpus : tuple of Gpu
    visible : str or None
        Indices or beginnings of UUIDs, separated by commas; None leaves all.

    Notes
    -----
    As in CUDA, the list ends at the first entry that names no card, and the index of a card that is
    divided means its first part.
    """
    if visible is None:
        return gpus
    kept: list[Gpu] = []
    for entry in (e.strip() for e in visible.split(",")):
        found = [
            g
            for g in gpus
            if (entry.isdigit() and g.index == int(entry))
            or (entry.startswith(("GPU-", "MIG-")) and g.uuid.startswith(entry))
        ]
        if not found:
            break
        kept.append(found[0])
    return tuple(dict.fromkeys(kept))


def choose_lease_size(
    devices: int | Literal["all"], gpus: Sequence[Gpu], environment: Mapping[str, str] | None = None
) -> int:
    """Say how many cards a training should have to itself: no more than it can use at once.

    Parameters
    ----------
    devices : int or "all"
        How many the candidate asks for.
    gpus : sequence of Gpu
        Those that are there, at least one.
    environment : mapping, optional
        Used in place of ``os.environ``; ``KERAS_BACKEND`` is read.

    Returns
    -------
    int
        1 on every backend but JAX, and where the cards are divided.
    """
    source = os.environ if environment is None else environment
    backend = source.get("KERAS_BACKEND") or "tensorflow"
    wanted = len(gpus) if devices == "all" else min(devices, len(gpus))
    if any(gpu.is_part for gpu in gpus):
        return 1
    if wanted > 1 and backend != DISTRIBUTED_BACKEND:
        warn_of_one_card(devices, backend)
        return 1
    return wanted


def warn_of_one_card(devices: int | Literal["all"], backend: str) -> None:
    """Log why one card is used where more were asked for."""
    logger.warning(
        "%s were asked for, and one is used: Keras spreads a training over cards on JAX alone, "
        "and this one runs on %s. To use more, set KERAS_BACKEND=jax.",
        "All cards" if devices == "all" else f"{devices} cards",
        backend,
    )


def describe_environment(gpus: Sequence[Gpu]) -> dict[str, str]:
    """Make the variables with which a fresh interpreter sees these cards, and shares their memory.

    They must be set before a backend is imported.

    Parameters
    ----------
    gpus : sequence of Gpu
        At least one.

    Examples
    --------
    >>> describe_environment([Gpu(0, "NVIDIA H200", "GPU-1b2c")])["CUDA_VISIBLE_DEVICES"]
    'GPU-1b2c'
    """
    grow = {name: os.environ.get(name, value) for name, value in _GROW_MEMORY.items()}
    return {"CUDA_VISIBLE_DEVICES": ",".join(gpu.uuid for gpu in gpus), **grow}

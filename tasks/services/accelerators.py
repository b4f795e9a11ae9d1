"""How many NVIDIA cards this machine has, without touching them.

Decides the slots of Airflow's ``gpu`` pool and whether training goes there.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

_TIMEOUT_SECONDS = 10  # a driver that hangs must not hang `nocturne up`


def count_cards(environment: Mapping[str, str]) -> int:
    """Count the NVIDIA cards that training may use.

    Parameters
    ----------
    environment : mapping of str to str
        ``PATH`` finds ``nvidia-smi``; ``CUDA_VISIBLE_DEVICES`` narrows the count.

    Returns
    -------
    int
        0 without a driver, without a card, or when ``CUDA_VISIBLE_DEVICES`` hides them all.
    """
    command = shutil.which("nvidia-smi", path=environment.get("PATH"))
    if command is None:
        return 0
    try:
        answer = subprocess.run(
            [command, "-L"], capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    if answer.returncode != 0:
        return 0
    n_cards = sum(line.startswith("GPU ") for line in answer.stdout.splitlines())
    return min(n_cards, _count_visible(environment.get("CUDA_VISIBLE_DEVICES"), n_cards))


def _count_visible(visible: str | None, n_cards: int) -> int:
    if visible is None:
        return n_cards
    names = [name.strip() for name in visible.split(",")]
    # CUDA's rule: the list ends at the first entry that names no device.
    n_visible = 0
    for name in names:
        if not name or name.startswith("-"):
            break
        n_visible += 1
    return n_visible

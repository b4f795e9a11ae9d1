"""Where a training runs: on cards of its own in a fresh interpreter, or here on the processor.

Called by the steps that train and by ``tasks.reproduction``.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tasks.settings import Settings
from tasks.training.cards.gpu import Gpu, choose_lease_size, find_gpus
from tasks.training.cards.interpreter import train_in_fresh_interpreter
from tasks.training.cards.lease import lease_cards
from tasks.training.request import NETWORK_KINDS, TrainingReport, TrainingRequest, carry_out

logger = logging.getLogger(__name__)

Gpus = tuple[Gpu, ...]
LEASES = "leases"  # folder under NOCTURNE_HOME


def train_where_it_fits(
    request: TrainingRequest,
    workdir: Path,
    settings: Settings,
    *,
    on_line: Callable[[str], None] = logger.info,
    watch: Callable[[Gpus], AbstractContextManager[None]] = lambda _: contextlib.nullcontext(),
) -> tuple[TrainingReport, Gpus]:
    """Carry out a request: networks on leased cards where there are any, all else here.

    Parameters
    ----------
    request : TrainingRequest
    workdir : Path
        For what a fresh interpreter is given and leaves.
    settings : Settings
        Names the folder of leases.
    on_line : callable, optional
        Called with every line of progress; by default they go to the log.
    watch : callable, optional
        Gives what is open while it trains, from the cards it trains on.

    Returns
    -------
    report : TrainingReport
    gpus : tuple of Gpu
        Those it was trained on; empty for the processor.
    """
    gpus = find_gpus() if request.spec.get("kind") in NETWORK_KINDS else ()
    if not gpus:
        with watch(()):
            return carry_out(request, lambda epoch: on_line(str(epoch))), ()
    wanted = choose_lease_size(request.spec["devices"], gpus)
    with lease_cards(gpus, wanted, settings.home / LEASES) as lease:
        names = ", ".join(gpu.name for gpu in lease.gpus)
        logger.info("%s: training on %s in a fresh interpreter", request.candidate, names)
        with watch(lease.gpus):
            return train_in_fresh_interpreter(request, workdir, on_line, lease=lease), lease.gpus

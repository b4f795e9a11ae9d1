"""Training in a fresh interpreter, watched from here line by line.

Used by ``step`` where there is a GPU: CUDA does not survive the fork that an Airflow task is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import tasks
from tasks.errors import CardLostError, TrainingError, TrainingStoppedError
from tasks.training.cards.failures import tells_lost_card
from tasks.training.cards.gpu import describe_environment
from tasks.training.cards.lease import Lease
from tasks.training.request import TrainingReport, TrainingRequest

ERROR_MARK = "tasks.training: "  # before the error message on the error stream
EXIT_STOPPED = 3  # ended from outside: a retry may succeed
N_TAIL_LINES = 15


def train_in_fresh_interpreter(
    request: TrainingRequest,
    workdir: Path,
    on_line: Callable[[str], None],
    *,
    lease: Lease | None = None,
) -> TrainingReport:
    """Carry out a request with ``python -m tasks.training``.

    Parameters
    ----------
    request : TrainingRequest
    workdir : Path
        Holds the request and the error stream while training runs.
    on_line : callable
        Called with every line of progress.
    lease : Lease, optional
        The cards that the interpreter sees; by default those that this process sees.

    Returns
    -------
    TrainingReport

    Raises
    ------
    TrainingError
        When the interpreter exits with another code than 0; with its own message where it gave one.
    TrainingStoppedError
        When a signal or a lost card ended it.

    Notes
    -----
    The interpreter ends when this process does, however that ends: it is killed on the way out, and
    it looks for its parent every second. Until it has ended it holds the lease itself, so that a
    retry does not get its card before.
    """
    request_file = workdir / "request.json"
    error_file = workdir / "errors.txt"
    request.write(request_file)
    root = str(Path(tasks.__file__).resolve().parent.parent)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH")) if p),
        **(describe_environment(lease.gpus) if lease else {}),
    }
    command = [sys.executable, "-m", "tasks.training", str(request_file)]
    with (
        error_file.open("wb") as errors,
        subprocess.Popen(
            [*command, "--parent", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            pass_fds=lease.descriptors if lease else (),
            text=True,
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                on_line(line.rstrip())
        finally:
            if sys.exc_info()[0] is not None:
                process.kill()
        code = process.wait()
    if code != 0:
        raise _failure(request.candidate, code, error_file.read_text(errors="replace"))
    return TrainingReport.read(Path(request.output))


def _failure(candidate: str, code: int, errors: str) -> TrainingError:
    _, mark, message = errors.rpartition(ERROR_MARK)
    if mark:
        kind = TrainingStoppedError if code == EXIT_STOPPED else TrainingError
        return kind(message.strip())
    tail = "\n".join(errors.strip().splitlines()[-N_TAIL_LINES:])
    if tells_lost_card(tail):  # TensorFlow aborts the process
        return CardLostError(
            f"The card that trained {candidate!r} was lost:\n{tail}",
            expected="a card that answers until the training has ended",
            hint="look at `nvidia-smi` and the kernel's log; a retry takes another card",
        )
    if code < 0:
        return TrainingStoppedError(
            f"The training of {candidate!r} was ended by signal {-code}.",
            expected="an interpreter that ends by itself",
            hint="signal 9 often means that the machine ran out of memory: lower 'batch_size'; "
            "a retry goes on from the last checkpoint",
        )
    return TrainingError(
        f"The training of {candidate!r} ended with the exit code {code}:\n{tail}",
        expected="the exit code 0",
        hint="repeat it by hand with 'python -m tasks.training REQUEST.json' and read the whole error",
    )

"""Carry out one training request in this interpreter: ``python -m tasks.training REQUEST.json``.

Started by ``tasks.training.cards.interpreter`` where there is a GPU, or by hand on a bare machine.
Prints a line per epoch; exits with 0 when the result folder is there, 1 when training failed,
2 when the request was wrong, 3 when training was ended from outside and may be repeated, with the
reason on the error stream.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from tasks.errors import NocturneError, RequestError
from tasks.training.cards.interpreter import ERROR_MARK, EXIT_STOPPED
from tasks.training.progress import Epoch
from tasks.training.request import TrainingRequest, carry_out

EXIT_FAILED = 1
EXIT_WRONG_REQUEST = 2
PARENT_CHECK_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, train, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tasks.training", description=__doc__)
    parser.add_argument("request", type=Path, metavar="REQUEST.json")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this process has ended")
    options = parser.parse_args(arguments)
    if options.parent is not None:
        threading.Thread(target=_end_with, args=(options.parent,), daemon=True).start()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's greetings are not progress
    try:
        report = carry_out(TrainingRequest.read(options.request), _print_epoch)
    except NocturneError as error:
        print(f"{ERROR_MARK}{error}", file=sys.stderr, flush=True)  # noqa: T201
        if isinstance(error, RequestError):
            return EXIT_WRONG_REQUEST
        return EXIT_STOPPED if error.is_retryable else EXIT_FAILED
    print(f"{report.candidate}: trained in {report.seconds:.1f} s", flush=True)  # noqa: T201
    return 0


def _print_epoch(epoch: Epoch) -> None:
    print(epoch, flush=True)  # noqa: T201


def _end_with(parent: int) -> None:
    # A killed task must not leave its training behind: the retry would compete with it for the GPU.
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())

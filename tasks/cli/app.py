"""The command ``nocturne`` itself: its groups of commands, and what an error becomes.

Each module beside this one adds its commands to ``app``; imports stay light so that ``--help`` is quick.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from tasks import __version__
from tasks.cli import data, nights, privacy, reproduce, rollback, score, services, workflows
from tasks.cli.console import complain
from tasks.errors import NocturneError, RequestError

EXIT_FAILED = 1
EXIT_WRONG_REQUEST = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143

app = typer.Typer(
    name="nocturne",
    help="Retrain your models every night, and only let a better one through.",
    epilog="Exit codes: 0 done, 1 the night or a service failed, 2 the request was wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (services, nights, rollback, reproduce, score, workflows, data, privacy):
    module.add_commands(app)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _prepare(
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what each step logs.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR,
        format="%(asctime)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    for handler in logging.getLogger().handlers:
        # Great Expectations sets levels of its own on its loggers; the handler has the last word.
        handler.setLevel(logging.INFO if verbose else logging.ERROR)
    # TensorFlow greets with a page of warnings unless it is told before its import.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if verbose else "3")


class _Stop:
    """Notes that the process was asked to end, and with which code, before it is interrupted.

    What is interrupted may make another error of it: a library in the middle of its import, or
    TensorFlow in the middle of a call. What was asked for stays what was asked for.
    """

    def __init__(self) -> None:
        self.code: int | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        self.code = EXIT_INTERRUPTED if number == signal.SIGINT else EXIT_TERMINATED
        raise KeyboardInterrupt


def _leave_at_once(code: int) -> None:
    """End without Python's own end: all that must be closed was, on the way up to here.

    TensorFlow's threads may still be in the step that was interrupted, and abort the process when
    what they use is taken down around them.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def main() -> None:
    """Run the command line and exit with its code."""
    stop = _Stop()
    # Both ways nights are closed, and scratch folders, which hold data, are removed.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        app()
    except BaseException as error:
        if stop.code is not None:
            _leave_at_once(stop.code)
        if isinstance(error, RequestError):
            complain(error)
            sys.exit(EXIT_WRONG_REQUEST)
        if isinstance(error, NocturneError):
            complain(error)
            sys.exit(EXIT_FAILED)
        if not isinstance(error, BrokenPipeError):
            raise
        # The reader of our output has gone (`nocturne schema | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

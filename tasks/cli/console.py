"""What the commands print: progress and complaints on stderr, results on stdout.

On a terminal progress is a live line; in a pipe it is one plain line per event.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tasks.errors import NocturneError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class Tell(Protocol):
    """Tells the progress of long work: what goes on, and how much of it is done."""

    def __call__(self, text: str, *, done: int = 0, total: int = 0) -> None:
        """Show a line of progress."""


def escape(text: str) -> str:
    r"""Write a text so that the terminal shows it and obeys nothing in it.

    Neither markup such as ``[red]``, nor escape sequences, nor a change of the direction of writing
    that a value or a column's name may hold; line breaks stay.

    Examples
    --------
    >>> print(escape("a\x1b[31m\n[red]b"))
    a\x1b[31m
    \[red]b
    """
    if not text.isprintable():
        signs = (c if c.isprintable() or c == "\n" else c.encode("unicode_escape") for c in text)
        text = "".join(c if isinstance(c, str) else c.decode() for c in signs)
    return escape_markup(text)


def complain(error: NocturneError) -> None:
    """Print an error on stderr: what happened, what was expected, what to do."""
    err.print(f"[bold red]{escape(error.what)}[/]", soft_wrap=True)
    if error.expected:
        err.print(f"  [bold]Expected:[/] {escape(error.expected)}", soft_wrap=True)
    if error.hint:
        err.print(f"  [bold]What to do:[/] {escape(error.hint)}", soft_wrap=True)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201 - the command's result


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout; numbers in columns whose name begins with ``>`` align to the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        is_number = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(escape(cell.replace("\n", "\\n")) for cell in row))
    out.print(table)


@contextmanager
def hide_native_messages() -> Iterator[None]:
    """Hide what compiled code writes to stderr past Python, unless the command is verbose."""
    if logging.getLogger().isEnabledFor(logging.INFO):
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def show_progress(title: str) -> Iterator[Tell]:
    """Show the progress of long work on stderr.

    Parameters
    ----------
    title : str

    Yields
    ------
    Tell
    """
    if not err.is_terminal:
        began = time.monotonic()
        said: set[str] = set()

        def say(text: str, *, done: int = 0, total: int = 0) -> None:
            if text not in said:
                said.add(text)
                count = f" [{done}/{total}]" if total else ""
                err.print(
                    escape(f"{title}: {time.monotonic() - began:5.1f} s{count} {text}"),
                    soft_wrap=True,
                )

        yield say
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("[bold]{task.fields[title]}"),
        BarColumn(bar_width=24),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    ) as progress:
        bar = progress.add_task("", title=escape(title), total=None)

        def move(text: str, *, done: int = 0, total: int = 0) -> None:
            progress.update(
                bar, description=escape(text), completed=done, total=total or None, refresh=True
            )

        yield move

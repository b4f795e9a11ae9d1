"""What the commands print: text from data is shown and not obeyed."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tasks.cli import console
from tasks.errors import SourceError

EVIL = "[red]a[/] \x1b[31mb \u202ec"
SHOWN = "[red]a[/] \\x1b[31mb \\u202ec"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What was written; without colours, so that every escape sequence in it is one of the data."""
    written = io.StringIO()
    for name in ("out", "err"):
        made = Console(file=written, width=200, highlight=False)
        monkeypatch.setattr(console, name, made)
    return written


def test_an_error_shows_text_of_the_data(screen: io.StringIO) -> None:
    """Neither markup nor escape sequences nor marks of direction are obeyed; its lines stay lines."""
    console.complain(SourceError(f"first\n{EVIL}", expected=EVIL, hint=EVIL))
    said = screen.getvalue()
    assert said.count(SHOWN) == 3
    assert "first\n" in said
    assert "\x1b[31m" not in said
    assert "\u202e" not in said


def test_a_cell_of_a_table_is_one_line(screen: io.StringIO) -> None:
    """Also where a column's name has several."""
    console.print_table("Columns", ["column", ">missing"], [[f"a\n{EVIL}", "1"]])
    assert f"a\\n{SHOWN}" in screen.getvalue()


def test_letters_of_all_languages_are_shown(screen: io.StringIO) -> None:
    """Only what cannot be printed is written otherwise."""
    console.complain(SourceError("Größe 東京 🦉"))
    assert "Größe 東京 🦉" in screen.getvalue()

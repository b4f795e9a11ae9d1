"""Commands that are called in the tests' own process leave it as it was."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tasks.cli import console


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command says how much of the log is shown, also to pytest's own handlers."""
    root = logging.getLogger()
    level, levels = root.level, [(handler, handler.level) for handler in root.handlers]
    yield
    root.setLevel(level)
    for handler, before in levels:
        handler.setLevel(before)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are not folded, whoever imported the console first."""
    monkeypatch.setattr(console.out, "width", 200)

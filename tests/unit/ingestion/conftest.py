"""What the tests of the readers share: files that are read from a folder of the test's own."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.ingestion.cutoff import Cutoff
from tasks.ingestion.files import read_files
from tasks.ingestion.parts import Part
from tasks.workflow import Columns, FilesSource

PLANTS = Columns(id="code", target="kind", features=("height",))

Read = Callable[..., list[Part]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read files of ``tmp_path``; keywords are keys of ``source``, but for columns, night and zone."""

    def read_parts(
        path: str = "*.csv",
        columns: Columns = PLANTS,
        night: str = "2026-01-07",
        zone: str = "UTC",
        **source: Any,
    ) -> list[Part]:
        described = FilesSource.model_validate({"kind": "files", "path": path, **source})
        cutoff = Cutoff.of_night(datetime.date.fromisoformat(night), zone)
        return list(read_files(described, columns, tmp_path, cutoff, has_split=False))

    return read_parts


@pytest.fixture
def rows_of() -> Callable[[list[Part]], list[tuple[Any, ...]]]:
    """Tell source, line, code, height and kind of every row."""

    def tell(parts: list[Part]) -> list[tuple[Any, ...]]:
        return [
            (p.source, line, row["code"], row["height"], row["kind"])
            for p in parts
            for line, row in zip(p.lines.to_pylist(), p.rows.to_pylist(), strict=True)
        ]

    return tell


@pytest.fixture
def unparsed_of() -> Callable[[list[Part]], list[tuple[int, str, str]]]:
    """Tell line, reason and text of every line that became no row."""

    def tell(parts: list[Part]) -> list[tuple[int, str, str]]:
        return [(u.line, u.reason, u.text) for p in parts for u in p.unparsed]

    return tell

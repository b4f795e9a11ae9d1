"""JSON Lines: values as text, and lines that are no object."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import SourceError
from tasks.ingestion import jsonl_files, text_blocks
from tasks.workflow import Columns

Read = Callable[..., Any]


def read_values(read: Read, tmp_path: Path, value: str) -> list[Any]:
    (tmp_path / "a.jsonl").write_text(f'{{"code": "A1", "height": {value}, "kind": "x"}}\n')
    return [row["height"] for p in read("*.jsonl", format="jsonl") for row in p.rows.to_pylist()]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"1.50"', "1.50"),
        ("1.50", "1.50"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("1e400", "1e400"),
        ("NaN", "NaN"),
        ("true", "true"),
        ("null", None),
        ('""', ""),
        ('{"cm": [1, 2.5, null], "é": "x"}', '{"cm": [1, 2.5, null], "é": "x"}'),
        ("[]", "[]"),
        ("[" + "9" * 5_000 + "]", "[Infinity]"),
    ],
)
def test_values_are_text(read: Read, tmp_path: Path, value: str, text: str | None) -> None:
    """Numbers keep their digits, booleans their names, objects and lists their JSON."""
    assert read_values(read, tmp_path, value) == [text]


def test_types_may_change_from_line_to_line(tmp_path: Path, read: Read, rows_of: Read) -> None:
    """A key may be missing, keys may stand in any order, others are not read."""
    (tmp_path / "a.jsonl").write_text(
        '{"code": 1, "height": "a", "kind": true}\n\n{"x": 0, "kind": "b", "code": "A2"}\r\n'
    )
    assert rows_of(read("*.jsonl", format="jsonl")) == [
        ("a.jsonl", 1, "1", "a", "true"),
        ("a.jsonl", 3, "A2", None, "b"),
    ]


@pytest.mark.parametrize("block_bytes", [text_blocks.BLOCK_BYTES, 30])
def test_lines_that_are_no_object_are_reported(
    tmp_path: Path,
    read: Read,
    rows_of: Read,
    unparsed_of: Read,
    monkeypatch: pytest.MonkeyPatch,
    block_bytes: int,
) -> None:
    """With their number and what is wrong; the rest of the file is read."""
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(jsonl_files, "LINES_AT_ONCE", 3)
    good = b'{"code": "A%d", "height": 1, "kind": "x"}\n'
    (tmp_path / "a.jsonl").write_bytes(
        good % 1
        + b'{"code": "A2", "hei\n'  # 2
        + b"[1, 2]\n"  # 3
        + b'{"code": "caf\xe9"}\n'  # 4
        + b'{"code": "a\\u0000b"}\n'  # 5
        + b'{"code": "\\ud800", "height": 1}\n'  # 6
        + b"\0\0\n"  # 7
        + b'{"code": 1} {"code": 2}\n'  # 8
        + good % 9
    )
    parts = read("*.jsonl", format="jsonl")
    assert [row[1:3] for row in rows_of(parts)] == [(1, "A1"), (9, "A9")]
    assert [(line, reason) for line, reason, _ in unparsed_of(parts)] == [
        (2, "no JSON (Unterminated string starting at, column 16)"),
        (3, "no JSON object"),
        (4, "bytes that are not utf-8"),
        (5, "a NUL byte"),
        (6, "a value that is no Unicode text"),
        (7, "a NUL byte"),
        (8, "no JSON (Extra data, column 13)"),
    ]
    assert unparsed_of(parts)[2][2] == '{"code": "caf\\xe9"}'


def test_a_value_nested_without_end_is_reported(
    tmp_path: Path, read: Read, unparsed_of: Read
) -> None:
    """It brings the parser to its limit, not to its knees."""
    (tmp_path / "a.jsonl").write_text('{"code": ' + "[" * 200_000 + "\n")
    ((line, reason, text),) = unparsed_of(read("*.jsonl", format="jsonl"))
    assert (line, reason) == (1, "JSON that is nested too deeply")
    assert len(text) == 1_000


def test_a_key_that_no_object_has_is_refused(tmp_path: Path, read: Read) -> None:
    """One file may do without it, all of them may not."""
    (tmp_path / "a.jsonl").write_text('{"code": 1, "hight": 1, "kind": "x"}\n')
    with pytest.raises(SourceError, match=r"has no column 'height'\.\nExpected: 'hight', perhaps"):
        read("*.jsonl", format="jsonl")
    (tmp_path / "b.jsonl").write_text('{"code": 1, "height": 1}\n')
    assert len(read("*.jsonl", format="jsonl")) >= 2


def test_the_id_that_the_workflow_names_must_be_there(tmp_path: Path, read: Read) -> None:
    """Otherwise rows would get another id."""
    (tmp_path / "a.jsonl").write_text('{"cod": 1, "height": 1, "kind": "x"}\n')
    with pytest.raises(SourceError, match="has no column 'code'"):
        read("*.jsonl", format="jsonl")


@pytest.mark.parametrize("content", ["", "\n\n", "7\n"])
def test_a_file_without_objects_has_no_rows(
    tmp_path: Path, read: Read, rows_of: Read, content: str
) -> None:
    """It still tells its columns."""
    (tmp_path / "a.jsonl").write_text(content)
    parts = read("*.jsonl", format="jsonl")
    assert rows_of(parts) == []
    assert set(parts[0].rows.schema.names) == {"code", "height", "kind"}


def test_compressed_and_other_encodings(tmp_path: Path, read: Read) -> None:
    """As CSV; a byte order mark is passed over."""
    text = '{"height": "Bäume"}\n'.encode("utf-16")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text))
    columns = Columns(features=("height",))
    (part,) = [
        part
        for part in read("*.gz", columns, format="jsonl", encoding="utf-16")
        if part.rows.num_rows
    ]
    assert part.rows.to_pylist() == [{"height": "Bäume"}]

"""Searching all that a night has written for personal values, however they are spelled or packed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import io
import json
import sqlite3
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq


def spell(value: str) -> set[bytes]:
    """Every way in which a value may stand in a file."""
    ways = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
        html.escape(value, quote=False),
        repr(value)[1:-1],
        value.replace("'", "''"),
        value.replace('"', '""'),
        urllib.parse.quote(value),
        urllib.parse.quote_plus(value),
        value.encode().hex(),
        # Without a key anybody can try values: such a digest protects nothing.
        hashlib.sha256(value.encode()).hexdigest()[:32],
        hashlib.md5(value.encode()).hexdigest(),
    }
    spelled = {way.encode() for way in ways}
    spelled |= {value.encode(code) for code in ("utf-16-le", "utf-16-be")}
    # In base64 a text may begin at any of three places; its inner signs are the same.
    inner = [base64.b64encode(b"\0" * n + value.encode())[4 if n else 0 : -4] for n in range(3)]
    # Shorter ones stand in random text by chance.
    return spelled | {way for way in inner if len(way) >= 8}


def read_everything(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file as bytes, and as what can be read out of it."""
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        yield f"name of {name}", name.encode()
        if path.is_file():
            yield from unpack(name, path.read_bytes())
            if path.suffix == ".db":
                with sqlite3.connect(path) as database:
                    yield f"{name} (dump)", "\n".join(database.iterdump()).encode()


def unpack(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file's bytes, and those of what is packed in it."""
    yield name, content
    if content[:4] == b"PAR1":
        file = pq.ParquetFile(io.BytesIO(content))
        yield f"{name} (metadata)", repr([file.metadata.metadata, file.schema_arrow]).encode()
        for group in range(file.num_row_groups):
            yield (
                f"{name} (rows)",
                "\n".join(
                    str(value)
                    for column in file.read_row_group(group).columns
                    for value in column.to_pylist()
                ).encode(),
            )
            for i in range(file.metadata.num_columns):
                statistics = file.metadata.row_group(group).column(i).statistics
                yield f"{name} (statistics)", repr(statistics).encode()
    elif content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield from unpack(f"{name}/{member}", archive.read(member))
    elif content[:2] == b"\x1f\x8b":
        yield from unpack(f"{name} (gunzipped)", gzip.decompress(content))
    elif content[:8] == b"\x89PNG\r\n\x1a\n":
        for kind, chunk in list_png_chunks(content):
            yield f"{name} ({kind})", inflate_text(kind, chunk)
    elif name.endswith((".html", ".svg")):
        yield f"{name} (unescaped)", html.unescape(content.decode()).encode()


def list_png_chunks(content: bytes) -> Iterator[tuple[str, bytes]]:
    at = 8
    while at < len(content):
        length = int.from_bytes(content[at : at + 4])
        yield content[at + 4 : at + 8].decode("latin-1"), content[at + 8 : at + 8 + length]
        at += length + 12


def inflate_text(kind: str, chunk: bytes) -> bytes:
    """The text of a chunk; zTXt's and iTXt's may be deflated."""
    for start in range(len(chunk)) if kind in {"zTXt", "iTXt"} else ():
        try:
            return chunk + zlib.decompress(chunk[start:])
        except zlib.error:
            continue
    return chunk


def find_needles(
    haystacks: Iterable[tuple[str, bytes]], needles: Mapping[str, set[bytes]]
) -> dict[str, set[str]]:
    """Find where each of the needles stands, in any of its spellings."""
    found: dict[str, set[str]] = {}
    for place, content in haystacks:
        for name, ways in needles.items():
            if any(way in content for way in ways):
                found.setdefault(name, set()).add(place)
    return found

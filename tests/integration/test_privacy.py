"""A night with every method of privacy leaves no personal value behind: all that it wrote is searched.

The same night without ``privacy`` shows the same values, so that the search is known to find them.
"""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import html
import io
import json
import logging
import os
import sqlite3
import tempfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from tasks.errors import NocturneError, PrivacyError
from tasks.night import run_night
from tasks.privacy.decryption import decrypt_file
from tasks.privacy.keys import read_keyring
from tasks.settings import Settings
from tasks.workflow import read_workflow

pytestmark = pytest.mark.integration

NIGHT = date(2026, 1, 3)
N_PEOPLE = 96
KEYS = {
    "NOCTURNE_PSEUDONYM_KEY": base64.b64encode(bytes(range(100, 132))).decode(),
    "NOCTURNE_ENCRYPTION_KEYS": "k1:" + base64.b64encode(bytes(range(60, 92))).decode(),
}
HEADER = [
    "customer", "name", "email", "card", "born", "note", "phone", "age", "zip", "town",
    "visits", "score", "back",
]  # fmt: skip

PRIVACY: list[dict[str, Any]] = [
    {"drop": {"columns": ["phone"]}},
    {"pseudonymise": {"columns": ["customer"]}},
    {"encrypt": {"columns": ["name"]}},
    {"mask": {"columns": ["email"], "keep": "domain"}},
    {"mask": {"columns": ["card"], "keep": "last", "n": 4}},
    {"mask": {"columns": ["note"]}},
    {"generalise": {"columns": ["born"], "period": "year"}},
    {"generalise": {"columns": ["age"], "width": 10}},
    {"generalise": {"columns": ["zip"], "length": 2}},
    {"generalise": {"columns": ["town"], "min_rows": 5}},
    {"k_anonymity": {"columns": ["age", "zip"], "k": 2}},
]

# Signs that mean something in HTML, JSON, SQL and CSV, and letters beyond ASCII.
NASTY_NAME = "Zo\u00eb <script>alert('qzMarkup')</script> \"O'Qzarnik\" & S\u00f8nner, \u6771\u4eac"


def make_person(i: int) -> dict[str, str]:
    """A person whose every personal value can be recognised, in any text."""
    return {
        "customer": f"QZCUST-{70413 + 17 * i}",
        "name": NASTY_NAME if i == 5 else f"Qzwilhelmina Quorvex{i:03d}",
        "email": f"qzmail.{i:03d}@shop.example",
        "card": f"4929 8173 {5200 + i} {1000 + i}",
        "born": str(date(1951, 3, 2) + timedelta(days=173 * i)),
        "note": f"called on qzday {i:03d}",
        "phone": f"+49 555 7308{i:03d}",
        "age": f"{20 + 10 * (i % 4) + 1.0731 + i / 1000:.4f}",
        "zip": f"{'AB' if i % 2 else 'CD'}7QZ{300 + i}",
        "town": ["Rome", "Paris"][i // 2 % 2],
        "visits": str(3 + 7 * (i % 3 == 0) + i % 2),
        "score": f"{(i * 37 % 50) / 10}",
        "back": "yes" if i % 3 == 0 else "no",
    }


# People on whom something else happens: i is beyond the others, so every value of theirs is their own.
BAD_AGE = {**make_person(201), "age": "qzforty"}
BAD_VISITS = {**make_person(202), "visits": "many"}
ALONE = {**make_person(203), "age": "97.5311", "zip": "XW7QZ503"}  # nobody shares 90 and XW
RARE_TOWN = {**make_person(204), "town": "Qzkr\u00e4hwinkel"}
UNPARSED = make_person(205)
SPECIAL = (make_person(0), make_person(5), BAD_AGE, BAD_VISITS, ALONE, RARE_TOWN, UNPARSED)
PERSONAL = ("customer", "name", "email", "card", "born", "note", "phone", "age", "zip")


def write_people(folder: Path) -> None:
    """The CSV file: people, two of them twice, and a line with too many values."""
    people = [make_person(i) for i in range(N_PEOPLE)]
    rows = [*people, people[0], people[5], BAD_AGE, BAD_VISITS, ALONE, RARE_TOWN]
    folder.mkdir()
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows([[row[name] for name in HEADER] for row in rows])
        writer.writerow([*(UNPARSED[name] for name in HEADER), "one too many"])


def write_workflow(folder: Path, privacy: list[dict[str, Any]]) -> Path:
    """The workflow and its suites, whose expectations fail on personal columns: reports show values."""
    personal = [
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "email"}},
        {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "town", "value_set": ["Rome"]}},
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "name", "regex": "^x"}},
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "id", "regex": "^x"}},
        {"type": "expect_column_value_lengths_to_equal", "kwargs": {"column": "card", "value": 3}},
    ]  # fmt: skip
    for sub in ("workflows", "expectations"):
        (folder / sub).mkdir()
    for part in ("raw", "clean"):
        count = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}
        failing = [{**e, "severity": "warning"} for e in personal] if part == "raw" else []
        suite = {"name": f"people_{part}", "expectations": [count, *failing]}
        (folder / "expectations" / f"people_{part}.json").write_text(json.dumps(suite))
    keep = ["name", "email", "card", "born", "note"]
    workflow = {
        "name": "people",
        "description": "Who comes back?",
        "schedule": None,
        "source": {"kind": "files", "path": "../inbox/*.csv"},
        "columns": {
            "id": "customer",
            "target": "back",
            "features": ["age", "zip", "town", "visits", "score"],
            # Without privacy nothing is dropped, so the search must find telephone numbers too.
            "keep": keep if privacy else [*keep, "phone"],
        },
        "expectations": {"raw": "people_raw", "clean": "people_clean"},
        "privacy": privacy,
        "cleaning": [
            {"drop_duplicates": {"by": ["customer"]}},
            {"encode": {"columns": ["zip", "town"], "by": "one_hot", "max_categories": 12}},
        ],
        "split": {"by": "hash", "validation": 0.15, "holdout": 0.25},
        "mining": {"clusters": {"pca": 2, "k": 2}},
        "candidates": {"small": {"kind": "mlp", "dense": [4], "epochs": 2, "batch_size": 16}},
        "baseline": {"max_iter": 50},
        "promotion": {"floor": 0.0},
    }
    path = folder / "workflows" / "people.yaml"
    path.write_text(yaml.safe_dump(workflow, allow_unicode=True), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Left:
    """What a night has left behind."""

    home: Path
    folder: Path
    said: str
    """Everything that was logged or printed."""
    error: NocturneError | None


def run(folder: Path, privacy: list[dict[str, Any]], capture: Any) -> Left:
    """Walk a night in a home of its own, listening to every logger and to both streams."""
    write_people(folder / "inbox")
    path = write_workflow(folder, privacy)
    settings = Settings.from_environment(
        {
            "NOCTURNE_HOME": str(folder / "home"),
            "NOCTURNE_WORKFLOWS": str(path.parent),
            "NOCTURNE_EXPECTATIONS": str(folder / "expectations"),
        }
    )
    (folder / "home" / "tmp").mkdir(parents=True)
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    root = logging.getLogger()
    level, temporary = root.level, tempfile.tempdir
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    tempfile.tempdir = str(folder / "home" / "tmp")  # what is forgotten there is searched too
    error = None
    try:
        run_night(settings, read_workflow(path), path.parent, NIGHT)
    except NocturneError as caught:
        error = caught
        root.error("The night failed.", exc_info=caught)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        tempfile.tempdir = temporary
    printed = capture.readouterr()
    return Left(folder / "home", folder, log.getvalue() + printed.out + printed.err, error)


# --- the search ---------------------------------------------------------------------------------


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
    spelled |= {value.encode("latin-1")} if value.isascii() else set()
    # In base64 a text may begin at any of three places; its inner signs are the same.
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + value.encode())
        spelled.add(encoded[4 if shift else 0 : -4])
    return {way for way in spelled if len(way) >= 4}


def make_needles(privacy: bool) -> dict[str, set[bytes]]:
    """What to search for, by a name that the failing test shows."""
    needles = {
        f"{name} of {person['customer']}": spell(person[name])
        for person in SPECIAL
        for name in PERSONAL
    }
    needles["rare town"] = spell(RARE_TOWN["town"])
    if privacy:
        # What stands in the values of all people, whoever it is.
        for name, part in {
            "customers": "QZCUST-",
            "names": "Quorvex",
            "emails": "qzmail",
            "cards": "4929 8173",
            "notes": "qzday",
            "phones": "555 7308",
            "zips": "7QZ",
            "markup": "qzMarkup",
            "alone": "XW***",  # generalised, and still nobody else's
        }.items():
            needles[name] = spell(part) if len(part) > 5 else {part.encode()}
        for name, value in KEYS.items():
            key = value.rpartition(":")[2]
            needles[name] = {key.encode(), base64.b64decode(key), base64.b64decode(key).hex().encode()}
    return needles


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
            yield f"{name} (rows)", "\n".join(
                str(value)
                for column in file.read_row_group(group).columns
                for value in column.to_pylist()
            ).encode()
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


def search(left: Left, needles: dict[str, set[bytes]]) -> dict[str, set[str]]:
    """Where each of the needles stands."""
    found: dict[str, set[str]] = {}
    haystacks = [("log and streams", left.said.encode()), *read_everything(left.home)]
    for place, content in haystacks:
        for name, ways in needles.items():
            if any(way in content for way in ways):
                found.setdefault(name, set()).add(place)
    return found


# --- the nights ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Left]]:
    """One night with privacy, one without, and one that k-anonymity stops."""
    capture = pytest.MonkeyPatch()
    for name, value in KEYS.items():
        capture.setenv(name, value)
    stopping = [
        {"k_anonymity": {**s["k_anonymity"], "action": "stop"}} if "k_anonymity" in s else s
        for s in PRIVACY
    ]
    try:
        yield {
            name: run(tmp_path_factory.mktemp(name), privacy, _Streams())
            for name, privacy in (("protected", PRIVACY), ("bare", []), ("stopped", stopping))
        }
    finally:
        capture.undo()


class _Streams:
    """Replaced below by pytest's capture; fixtures of a module cannot ask for it."""

    def readouterr(self) -> Any:
        raise NotImplementedError

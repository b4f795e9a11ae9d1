"""A night with every method of privacy leaves no personal value behind: all that it wrote is searched.

The same night without ``privacy`` shows the same values, so that the search is known to find them.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import gzip
import hashlib
import html
import io
import json
import logging
import os
import shutil
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
from tasks.workflow import load_workflow

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
BAD_AGES = (  # two, so that k-anonymity lets a missing age pass
    {**make_person(201), "age": "qzforty"},
    {**make_person(211), "age": "qzsixty"},
)
BAD_VISITS = {**make_person(202), "visits": "many"}
ALONE = {**make_person(203), "age": "97.5311", "zip": "XW7QZ503"}  # nobody shares 90 and XW
RARE_TOWN = {**make_person(204), "town": "Qzkr\u00e4hwinkel"}
UNPARSED = make_person(205)
SPECIAL = (make_person(0), make_person(5), *BAD_AGES, BAD_VISITS, ALONE, RARE_TOWN, UNPARSED)
PERSONAL = ("customer", "name", "email", "card", "born", "note", "phone", "age", "zip")


def write_people(folder: Path) -> None:
    """The CSV file: people, two of them twice, and a line with too many values."""
    people = [make_person(i) for i in range(N_PEOPLE)]
    rows = [*people, people[0], people[5], *BAD_AGES, BAD_VISITS, ALONE, RARE_TOWN]
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
            {"encode": {"columns": ["town"], "by": "one_hot"}},  # a column for each town
            {"encode": {"columns": ["zip"], "by": "ordinal"}},
        ],
        "split": {"by": "hash", "validation": 0.15, "holdout": 0.25},
        "mining": {"clusters": {"pca": 2, "k": 2}},
        # What is found without privacy is found in the data; training would only take time.
        "candidates": {"small": {"kind": "mlp", "dense": [4], "epochs": 1}} if privacy else {},
        "promotion": {"floor": 0.0},
    }
    path = folder / "workflows" / "people.yaml"
    path.write_text(yaml.safe_dump(workflow, allow_unicode=True), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Left:
    """What a night has left behind."""

    home: Path
    said: str
    """Everything that was logged, or printed by Python."""
    error: NocturneError | None


def run(folder: Path, privacy: list[dict[str, Any]], empty_database: Path) -> Left:
    """Walk a night in a home of its own, listening to every logger and to both streams."""
    (folder / "home" / "mlflow").mkdir(parents=True)
    shutil.copy(empty_database, folder / "home" / "mlflow" / "mlflow.db")
    write_people(folder / "inbox")
    path = write_workflow(folder, privacy)
    settings = Settings.from_environment(
        {
            "NOCTURNE_HOME": str(folder / "home"),
            "NOCTURNE_WORKFLOWS": str(path.parent),
            "NOCTURNE_EXPECTATIONS": str(folder / "expectations"),
        }
    )
    error = None
    with listen(folder / "home") as said:
        try:
            run_night(settings, load_workflow(path, settings), path.parent, NIGHT)
        except NocturneError as caught:
            error = caught
            logging.getLogger().exception("The night failed.")
    return Left(folder / "home", said.getvalue(), error)


@contextlib.contextmanager
def listen(home: Path) -> Iterator[io.StringIO]:
    """Hear all that is logged and printed, by Python or past it; temporary files go into the home."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    root, temporary = logging.getLogger(), tempfile.tempdir
    level = root.level
    (home / "tmp").mkdir()
    with (
        (home / "streams.txt").open("wb") as streams,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        kept = [os.dup(1), os.dup(2)]
        os.dup2(streams.fileno(), 1)
        os.dup2(streams.fileno(), 2)
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        tempfile.tempdir = str(home / "tmp")  # what is forgotten there is searched too
        try:
            yield said
        finally:
            tempfile.tempdir = temporary
            root.setLevel(level)
            root.removeHandler(handler)
            for number, descriptor in zip((1, 2), kept, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)


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
    # In base64 a text may begin at any of three places; its inner signs are the same.
    inner = [base64.b64encode(b"\0" * n + value.encode())[4 if n else 0 : -4] for n in range(3)]
    # Shorter ones stand in random text by chance.
    return spelled | {way for way in inner if len(way) >= 8}


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
            needles[name] = {
                key.encode(),
                base64.b64decode(key),
                base64.b64decode(key).hex().encode(),
            }
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
def nights(
    tmp_path_factory: pytest.TempPathFactory, _mlflow_template: Path
) -> Iterator[dict[str, Left]]:
    """One night with privacy, one without, and one that k-anonymity stops."""
    stopping = [
        {"k_anonymity": {**step["k_anonymity"], "action": "stop"}}
        if "k_anonymity" in step
        else step
        for step in PRIVACY
    ]
    with pytest.MonkeyPatch.context() as environment:
        for name, value in KEYS.items():
            environment.setenv(name, value)
        yield {
            name: run(tmp_path_factory.mktemp(name), privacy, _mlflow_template)
            for name, privacy in (("protected", PRIVACY), ("bare", []), ("stopped", stopping))
        }


def find_dataset(left: Left, name: str) -> Path:
    """The folder of a dataset that a step has published."""
    (manifest,) = left.home.glob(f"mlflow/artifacts/people/*/artifacts/{name}/*/manifest.json")
    return manifest.parent


def open_dataset(left: Left, name: str, column: str, folder: Path) -> list[dict[str, Any]]:
    """Its rows, with a column decrypted by who has the key."""
    keyring = read_keyring(KEYS)
    assert keyring is not None
    output = folder / f"{name}.parquet"
    decrypt_file(find_dataset(left, name), [column], output, keyring, workflow="people")
    rows: list[dict[str, Any]] = pq.read_table(output).to_pylist()
    return rows


def test_no_personal_value_is_left(nights: dict[str, Left]) -> None:
    """Not in an artifact, database, report, picture, file's name, log or stream of the night."""
    left = nights["protected"]
    assert left.error is None
    assert list(left.home.glob("**/*.keras"))  # trained models are searched too
    assert len(list(read_everything(left.home))) > 100
    assert search(left, make_needles(privacy=True)) == {}


def test_the_search_finds_what_is_not_protected(nights: dict[str, Left]) -> None:
    """Every value that the night above hides is found in the same night without privacy."""
    left = nights["bare"]
    assert left.error is None
    needles = make_needles(privacy=False)
    found = search(left, needles)
    assert set(found) == set(needles)
    # Not in the data alone: reports show values, and they are searched too.
    assert any("data_docs" in place for place in found["name of QZCUST-70413"])


def test_every_row_went_where_it_belongs(nights: dict[str, Left], tmp_path: Path) -> None:
    """Suppressed, rejected and unparsed rows are all in quarantine, readable with the key alone."""
    left = nights["protected"]
    clean = open_dataset(left, "clean", "name", tmp_path)
    names = {row["name"] for row in clean}
    # Everybody once, for two came twice, and the rare town is no reason to leave anybody out.
    assert names == {make_person(i)["name"] for i in range(N_PEOPLE)} | {RARE_TOWN["name"]}
    assert len(clean) == N_PEOPLE + 1
    assert all(len(row["id"]) == 32 for row in clean)

    quarantine = open_dataset(left, "quarantine", "row", tmp_path)
    rows = [json.loads(row["row"]) for row in quarantine]
    by_name = {
        row["name"]: (row, kept["reason"])
        for row, kept in zip(rows, quarantine, strict=True)
        if "name" in row
    }
    assert set(by_name) == {row["name"] for row in (*BAD_AGES, BAD_VISITS, ALONE)}
    suppressed, reason = by_name[ALONE["name"]]
    assert reason == "shares (age, zip) with fewer than 2 rows"
    assert not {"age", "zip"} & set(suppressed)
    for person in BAD_AGES:
        assert by_name[person["name"]][0]["age"] is None
    assert by_name[BAD_VISITS["name"]][0]["card"] == "****1202"
    (line,) = [row["text"] for row in rows if "text" in row]
    assert next(csv.reader([line])) == [*UNPARSED.values(), "one too many"]
    assert len(rows) == 5


def test_a_night_that_k_anonymity_stops_tells_no_value(nights: dict[str, Left]) -> None:
    """Nor does anything of it that was written before it stopped."""
    left = nights["stopped"]
    assert isinstance(left.error, PrivacyError)
    assert "rows share their (age, zip) with fewer than 2 rows" in str(left.error)
    assert "PrivacyError" in left.said
    assert search(left, make_needles(privacy=True)) == {}

"""A night with every method of privacy leaves no personal value behind: all that it wrote is searched.

The same night without ``privacy`` shows the same values, so that the search is known to find them.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from leak_search import find_needles, read_everything, spell

from tasks.errors import NocturneError, PrivacyError, SourceError
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
        "zip": f"{'AB' if i % 2 else 'CD'}7QZKV{300 + i}",
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
ALONE = {**make_person(203), "age": "97.5311", "zip": "XW7QZKV503"}  # nobody shares 90 and XW
RARE_TOWN = {**make_person(204), "town": "Qzkr\u00e4hwinkel"}
UNPARSED = make_person(205)
SPECIAL = (make_person(0), make_person(5), *BAD_AGES, BAD_VISITS, ALONE, RARE_TOWN, UNPARSED)
PERSONAL = ("customer", "name", "email", "card", "born", "note", "phone", "age", "zip")


def write_people(folder: Path, *, has_header: bool = True) -> None:
    """The CSV file: people, two of them twice, and a line with too many values."""
    people = [make_person(i) for i in range(N_PEOPLE)]
    rows = [*people, people[0], people[5], *BAD_AGES, BAD_VISITS, ALONE, RARE_TOWN]
    folder.mkdir()
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([HEADER] if has_header else [])
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


def run(
    folder: Path, privacy: list[dict[str, Any]], empty_database: Path, *, has_header: bool = True
) -> Left:
    """Walk a night in a home of its own, listening to every logger and to both streams."""
    (folder / "home" / "mlflow").mkdir(parents=True)
    shutil.copy(empty_database, folder / "home" / "mlflow" / "mlflow.db")
    write_people(folder / "inbox", has_header=has_header)
    path = write_workflow(folder, privacy)
    settings = Settings.from_environment(
        {
            "NOCTURNE_HOME": str(folder / "home"),
            "NOCTURNE_WORKFLOWS": str(path.parent),
            "NOCTURNE_EXPECTATIONS": str(folder / "expectations"),
        }
    )
    error = None
    with listen(folder / "home") as said, pytest.MonkeyPatch.context() as environment:
        for name, value in KEYS.items():
            environment.setenv(name, value)  # as Airflow's tasks have them
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
            "zips": "7QZKV",  # shorter, and random text would have it by chance
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


def search(left: Left, needles: dict[str, set[bytes]]) -> dict[str, set[str]]:
    """Where each of the needles stands."""
    said = ("log and streams", left.said.encode())
    return find_needles([said, *read_everything(left.home)], needles)


# --- the nights ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def empty_database(_mlflow_template: Path) -> Path:
    """MLflow's, made once for all homes."""
    return _mlflow_template


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Left:
    """The night with every method of privacy, and a model."""
    return run(tmp_path_factory.mktemp("protected"), PRIVACY, empty_database)


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


def test_no_personal_value_is_left(protected: Left) -> None:
    """Not in an artifact, database, report, picture, file's name, log or stream of the night."""
    assert protected.error is None
    assert list(protected.home.glob("**/*.keras"))  # trained models are searched too
    assert len(list(read_everything(protected.home))) > 100
    assert search(protected, make_needles(privacy=True)) == {}


def test_the_search_finds_what_is_not_protected(tmp_path: Path, empty_database: Path) -> None:
    """Every value that the night above hides is found in the same night without privacy."""
    left = run(tmp_path, [], empty_database)
    assert left.error is None
    needles = make_needles(privacy=False)
    found = search(left, needles)
    assert set(found) == set(needles)
    # Not in the data alone: reports show values, and they are searched too.
    assert any("data_docs" in place for place in found["name of QZCUST-70413"])


def test_every_row_went_where_it_belongs(protected: Left, tmp_path: Path) -> None:
    """Suppressed, rejected and unparsed rows are all in quarantine, readable with the key alone."""
    clean = open_dataset(protected, "clean", "name", tmp_path)
    names = {row["name"] for row in clean}
    # Everybody once, for two came twice, and the rare town is no reason to leave anybody out.
    assert names == {make_person(i)["name"] for i in range(N_PEOPLE)} | {RARE_TOWN["name"]}
    assert len(clean) == N_PEOPLE + 1
    assert all(len(row["id"]) == 32 for row in clean)

    quarantine = open_dataset(protected, "quarantine", "row", tmp_path)
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


def test_a_night_that_k_anonymity_stops_tells_no_value(
    tmp_path: Path, empty_database: Path
) -> None:
    """Nor does anything of it that was written before it stopped."""
    stopping = [
        {"k_anonymity": {**step["k_anonymity"], "action": "stop"}}
        if "k_anonymity" in step
        else step
        for step in PRIVACY
    ]
    left = run(tmp_path, stopping, empty_database)
    assert isinstance(left.error, PrivacyError)
    assert "1 of 103 rows share their (age, zip) with fewer than 2 rows" in str(left.error)
    assert "PrivacyError" in left.said
    assert search(left, make_needles(privacy=True)) == {}


def test_a_file_without_a_header_shows_no_value(tmp_path: Path, empty_database: Path) -> None:
    """Its first line is a person, and must not be listed as the columns that there are."""
    left = run(tmp_path, PRIVACY, empty_database, has_header=False)
    if not isinstance(left.error, SourceError):
        pytest.fail(f"ended otherwise: {left.error}")
    assert search(left, make_needles(privacy=True)) == {}

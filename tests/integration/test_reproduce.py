"""`nocturne reproduce`: the same weights from what was recorded, and an answer where they are not."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from tests_support import write_flowers

from tasks.cli.reproduce import print_reproduction
from tasks.cli.reproduce import reproduce as train_again
from tasks.errors import RequestError, TrackingError
from tasks.night import run_night
from tasks.registry import CHAMPION, find_by_alias, find_version
from tasks.reproduction import reproduce
from tasks.settings import Settings
from tasks.tracking import Night, connect, tags
from tasks.tracking.nights import PINNED_WORKFLOW
from tasks.workflow import find_workflow

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a home of this module alone, with the small workflow."""
    folder = tmp_path_factory.mktemp("reproduce with a space")
    return {"NOCTURNE_HOME": str(folder / "home"), **write_flowers(folder)}


@pytest.fixture(scope="module")
def home(variables: dict[str, str]) -> Settings:
    """Settings of that home."""
    return Settings.from_environment(variables)


@pytest.fixture(scope="module")
def night(home: Settings) -> Night:
    """A night that made the first champion."""
    workflow, file = find_workflow("flowers", home)
    return run_night(home, workflow, file.parent, datetime.date(2026, 1, 3))


@pytest.fixture
def kept(home: Settings, night: Night) -> Iterator[Path]:
    """The pinned workflow's file; a test may change it, and it is restored."""
    client = connect(home)
    folder = client.get_run(night.run_id).info.artifact_uri
    file = Path(folder.removeprefix("file://").replace("%20", " ")) / PINNED_WORKFLOW
    text = file.read_text(encoding="utf-8")
    yield file
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def command(
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[str], tuple[int, dict[str, Any]]]:
    """The command, which gives its exit code and what it prints as JSON."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def call(version: str) -> tuple[int, dict[str, Any]]:
        code = 0
        try:
            train_again("flowers", version, as_json=True)
        except typer.Exit as end:
            code = end.exit_code
        return code, json.loads(capsys.readouterr().out)

    return call


def test_a_version_is_reproduced(
    home: Settings, night: Night, command: Callable[[str], tuple[int, dict[str, Any]]]
) -> None:
    """The same weights bit for bit, and so the same answers and figures; nothing is left behind."""
    client = connect(home)
    runs_before = len(client.search_runs([night.experiment_id]))
    code, found = command("champion")
    assert code == 0
    assert found["is_same"]
    assert found["weights"]["n_different"] == 0
    assert found["predictions"]["part"] == "holdout"
    assert found["predictions"]["largest_difference"] == 0.0
    assert all(circumstance["is_same"] for circumstance in found["circumstances"])
    assert {"train_loss", "validation_accuracy"} <= found["metrics"].keys()
    assert all(then == now for then, now in found["metrics"].values())
    assert (found["version"], found["candidate"], found["night"]) == ("1", "small", "2026-01-03")
    assert len(client.search_runs([night.experiment_id])) == runs_before
    assert not list((home.home / "scratch").iterdir())


def test_other_settings_give_other_weights(
    kept: Path, command: Callable[[str], tuple[int, dict[str, Any]]]
) -> None:
    """The settings are found to be others than those that the night noted."""
    document = json.loads(kept.read_text(encoding="utf-8"))
    document["workflow"]["candidates"]["small"]["learning_rate"] = 0.02
    kept.write_text(json.dumps(document), encoding="utf-8")
    code, found = command("1")
    assert code == 1
    assert not found["is_same"]
    assert found["weights"]["n_different"] > 100
    assert found["weights"]["largest_difference"] > 0.0
    assert found["predictions"]["largest_difference"] > 0.0
    changed = {c["name"] for c in found["circumstances"] if not c["is_same"]}
    assert changed == {"settings"}
    assert found["verdict"] == "Other weights, and other circumstances: settings."


def test_changed_code_is_said(
    home: Settings,
    night: Night,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The commit does not tell, for files may differ from it: the step's fingerprint does."""
    monkeypatch.setattr("tasks.tracking.provenance.digest_code", lambda _: "other code")
    found = reproduce(home, "flowers", "1")
    print_reproduction(found)
    assert re.search(r"code .* no\b", capsys.readouterr().out)
    assert [c.name for c in found.circumstances if not c.is_same] == ["code"]
    assert found.is_same


def test_altered_rows_are_not_trained_on(home: Settings, night: Night) -> None:
    """Their digest is checked first."""
    client = connect(home)
    runs = client.search_runs(
        [night.experiment_id], filter_string=f"tags.`{tags.STEP}` = 'clean'", max_results=1
    )
    folder = Path(runs[0].info.artifact_uri.removeprefix("file://").replace("%20", " "))
    file = next(folder.glob("clean/*/*.parquet"))
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        with pytest.raises(TrackingError, match="was altered"):
            reproduce(home, "flowers", "1")
    finally:
        file.write_bytes(content)
    assert not list((home.home / "scratch").iterdir())


@pytest.mark.parametrize(
    ("model", "version", "message"),
    [
        ("flower", "1", r"(?s)no registered model 'flower'.*'flowers', perhaps"),
        ("flowers", "7", r"(?s)'flowers' has no version '7'.*'1'"),
        ("flowers", "champoin", r"(?s)no version 'champoin'.*'champion', perhaps"),
    ],
)
def test_an_unknown_version_is_answered_with_the_nearest(
    home: Settings, night: Night, model: str, version: str, message: str
) -> None:
    """The exit code of a wrong request, and nothing is trained."""
    with pytest.raises(RequestError, match=message):
        find_version(connect(home), model, version)


def test_the_champion_is_untouched(home: Settings, night: Night) -> None:
    """After all of the above."""
    champion = find_by_alias(connect(home), "flowers", CHAMPION)
    assert champion is not None
    assert champion.version == "1"

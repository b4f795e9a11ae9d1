"""``nocturne score``: what it prints and writes; the work is tested with ``tasks.scoring_run``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
import yaml
from scoring_support import as_arrived, make_customers, make_shop, register_champion, write_csv
from typer.testing import CliRunner, Result

from tasks.cli import score as command
from tasks.dataset import Dataset
from tasks.errors import RequestError, ScoringError
from tasks.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture
def shop(
    client: MlflowClient, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A workflow file with its rows; gives the folder."""
    folder = tmp_path / "workflows"
    write_csv(make_customers(650), folder / "customers.csv")
    document = make_shop().model_dump(mode="json", by_alias=True, exclude_unset=True)
    (folder / "shop.yaml").write_text(yaml.safe_dump(document))
    for part in ("raw", "clean"):
        (folder / f"shop_{part}.json").write_text(json.dumps({"name": f"shop_{part}", "expectations": []}))  # fmt: skip
    for name, value in (("HOME", settings.home), ("WORKFLOWS", folder), ("EXPECTATIONS", folder)):
        monkeypatch.setenv(f"NOCTURNE_{name}", str(value))
    return folder


def run(*arguments: str) -> Result:
    app = typer.Typer()
    command.add_commands(app)
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_a_person_reads_figures_and_drift(
    client: MlflowClient, settings: Settings, shop: Path, tmp_path: Path
) -> None:
    """And finds the predictions in a folder of their own; a program reads the same as JSON."""
    rows = as_arrived(make_customers(600))
    register_champion(client, settings, make_shop(), rows, tmp_path / "night")
    shown = run("shop", "--night", "2026-01-09", "--out", str(tmp_path / "out"))
    assert "shop, version 1" in shown.stdout
    assert "650 predictions, 0 rows refused" in shown.stdout
    assert "No drift in 5 columns of 50 new rows." in shown.stdout
    assert Dataset.open(tmp_path / "out" / "predictions").n_rows == 650
    document = json.loads(run("shop", "--night", "2026-01-09", "--json").stdout)
    assert (document["n_scored"], document["night"]) == (650, "2026-01-09")
    assert document["repeats"]
    with pytest.raises(RequestError, match="exists already"):
        run("shop", "--out", str(tmp_path / "out"))


def test_without_a_champion_it_says_how_to_get_one(shop: Path) -> None:
    """The error reaches the command line, which prints it."""
    with pytest.raises(ScoringError, match="shop has no champion"):
        run("shop")

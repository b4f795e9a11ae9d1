"""``nocturne profile`` and ``validate``, on real steps in a scratch night."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tasks.cli import data, scratch
from tasks.errors import RequestError, SourceError, SuiteError

WORKFLOW = """\
name: plants
description: Test.
source: {kind: files, path: plants.csv}
columns: {id: plant, target: kind, features: [x], keep: [note, seen, blank]}
expectations: {raw: plants_raw, clean: plants_clean}
cleaning:
  - convert: {columns: [seen], to: date, unconvertible: missing}
  - scale: {to: standard}
split: {by: hash, validation: 0.2, holdout: 0.3}
"""
EVIL = "<script>alert(1)</script> [bold]"


def write_rows(
    folder: Path, *, n: int = 80, kinds: tuple[str, ...] = ("fern", "moss"), x: float = 0.0
) -> None:
    lines = ["plant,kind,x,note,seen,blank"]
    for i in range(n):
        seen = ("1969-01-01", "2300-01-01", "1500-06-01", "soon")[i % 4]
        lines.append(f"p{i},{kinds[i % len(kinds)]},{i + x},{EVIL},{seen},")
    (folder / "plants.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _mlflow_template: Path) -> Path:
    """A folder with the workflow and its rows, and scratch nights whose database is there already."""

    class PreparedDirectory(tempfile.TemporaryDirectory[str]):
        def __enter__(self) -> str:
            home = super().__enter__()
            (Path(home) / "mlflow").mkdir()
            shutil.copy(_mlflow_template, Path(home) / "mlflow" / "mlflow.db")
            return home

    monkeypatch.setattr(scratch.tempfile, "TemporaryDirectory", PreparedDirectory)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("NOCTURNE_WORKFLOWS", str(tmp_path))
    monkeypatch.setenv("NOCTURNE_EXPECTATIONS", str(tmp_path / "expectations"))
    monkeypatch.setenv("NOCTURNE_HOME", str(tmp_path / "home"))
    (tmp_path / "plants.yaml").write_text(WORKFLOW)
    write_rows(tmp_path)
    return tmp_path


def nocturne(*arguments: str) -> Result:
    app = typer.Typer()
    data.add_commands(app)
    return CliRunner().invoke(app, list(arguments))


def test_what_is_proposed_is_written_and_holds(folder: Path) -> None:
    """Both suites hold on the same rows without a warning, and nothing else is left behind."""
    proposed = nocturne("profile", "plants")
    assert proposed.exit_code == 0, proposed.output
    files = sorted(p.name for p in (folder / "expectations").iterdir())
    assert files == ["plants_clean.json", "plants_raw.json"]
    assert "nocturne validate plants" in proposed.stdout

    found = nocturne("validate", "plants", "--json", "--docs", str(folder / "docs"))
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    assert document["status"] == "passed"
    assert [document[stage]["n_failed"] for stage in ("raw", "clean")] == [0, 0]
    for stage in ("raw", "clean"):
        page = (folder / "docs" / f"{stage}.html").read_text()
        assert "expectations hold" in page
        assert "<script" not in page
    assert list((folder / "tmp").iterdir()) == []
    assert not (folder / "home").exists()


def test_profile_shows_text_of_the_data_as_text(folder: Path) -> None:
    """Markup is printed and not obeyed; --print writes JSON alone and no file."""
    shown = nocturne("profile", "plants", "--print")
    assert shown.exit_code == 0, shown.output
    assert not (folder / "expectations").exists()
    suites = json.loads(shown.stdout)
    assert [suite["name"] for suite in suites.values()] == ["plants_raw", "plants_clean"]
    by_column = {e["kwargs"].get("column"): e for e in suites["raw"]["expectations"]}
    assert by_column["note"]["kwargs"]["value_set"] == [EVIL]
    assert "blank" not in by_column
    assert by_column["seen"]["kwargs"]["max_value"].startswith(
        "2379-12"
    )  # 2300 and a tenth of 799.6


def write_suites(folder: Path, stage: str = "raw", **changes: object) -> None:
    (folder / "expectations").mkdir(exist_ok=True)
    for name in ("raw", "clean"):
        item = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "kind"}}
        expectations = (
            [item, {**item, "kwargs": {"column": "x"}, **changes}] if name == stage else [item]
        )
        suite = {"name": f"plants_{name}", "expectations": expectations}
        (folder / "expectations" / f"plants_{name}.json").write_text(json.dumps(suite))


def test_a_critical_failure_is_shown_and_exits_with_1(folder: Path) -> None:
    """With what was promised and found; the clean data are not reached."""
    write_suites(
        folder,
        type="expect_column_values_to_be_in_set",
        kwargs={"column": "note", "value_set": ["[red]a"]},
    )
    found = nocturne("validate", "plants")
    assert found.exit_code == 1
    assert "✓ critical   kind: promised values to not be null" in found.stdout
    assert '✗ critical   note: promised values to be in set (value_set ["[red]a"])' in found.stdout
    assert EVIL in found.stdout
    assert "A night would stop:" in found.stderr
    assert "The clean data" not in found.stdout


def test_a_warning_exits_with_0(folder: Path) -> None:
    """A night would go on."""
    write_suites(
        folder, "clean", type="expect_column_max_to_be_between", severity="warning",
        kwargs={"column": "x", "max_value": 0},
    )  # fmt: skip
    found = nocturne("validate", "plants")
    assert found.exit_code == 0, found.output
    assert "✗ warning    x: promised max to be between" in found.stdout


def test_marked_expectations_are_shown_as_quarantining(folder: Path) -> None:
    """Two of 80 rows: within the limit."""
    write_suites(
        folder, type="expect_column_values_to_be_between", meta={"quarantine": True},
        kwargs={"column": "x", "max_value": 77},
    )  # fmt: skip
    found = nocturne("validate", "plants")
    assert found.exit_code == 0, found.output
    assert "✗ quarantine x: promised values to be between" in found.stdout
    assert "2 rows go to quarantine." in found.stdout


def test_existing_suites_are_not_overwritten(folder: Path) -> None:
    """Before anything is read; --force does it."""
    write_suites(folder)
    file = folder / "expectations" / "plants_raw.json"
    kept = file.read_text()
    refused = nocturne("profile", "plants")
    assert isinstance(refused.exception, RequestError)
    assert "--force" in str(refused.exception)
    assert file.read_text() == kept
    assert nocturne("profile", "plants", "--force").exit_code == 0
    assert "Proposed by" in file.read_text()


def test_where_cleaning_fails_the_raw_suite_is_proposed(folder: Path) -> None:
    """One class only: the reason is told, and the exit code."""
    write_rows(folder, kinds=("fern",))
    shown = nocturne("profile", "plants")
    assert shown.exit_code == 1
    assert [p.name for p in (folder / "expectations").iterdir()] == ["plants_raw.json"]
    assert "no suite for clean data was proposed" in shown.stderr
    assert "fern" in shown.stderr


def test_other_errors_keep_their_class(folder: Path) -> None:
    """A suite that cannot be read is a wrong request; a source that is not there is told."""
    write_suites(folder, type="expect_nothing")
    assert isinstance(nocturne("validate", "plants").exception, SuiteError)
    (folder / "plants.csv").unlink()
    gone = nocturne("validate", "plants")
    assert gone.exit_code == 1
    assert "plants.csv" in gone.stderr
    assert isinstance(nocturne("profile", "plants", "--print").exception, SourceError)


@pytest.mark.parametrize("place", ["plants.csv", "plants.csv/below", "/proc/below"])
def test_a_folder_that_cannot_be_written_is_refused_before_the_work(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Not after minutes, and not with a traceback."""
    write_suites(folder)
    refused = nocturne("validate", "plants", "--docs", str(folder / place))
    assert isinstance(refused.exception, RequestError)
    assert "--docs" in str(refused.exception)
    monkeypatch.setenv("NOCTURNE_EXPECTATIONS", str(folder / place))
    refused = nocturne("profile", "plants")
    assert isinstance(refused.exception, RequestError)
    assert "NOCTURNE_EXPECTATIONS" in str(refused.exception)
    assert "ingest" not in refused.output


@pytest.mark.parametrize(
    ("command", "taught"), [("profile", "nocturne profile wine"), ("validate", "Exit codes: 0")]
)
def test_help_teaches(command: str, taught: str) -> None:
    """With an example."""
    shown = " ".join(nocturne(command, "--help").stdout.split())
    assert taught in shown

"""The ingest step against a real MLflow."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from tests_support import make_night

from tasks.dataset import Dataset
from tasks.errors import SourceError
from tasks.ingestion import step as ingestion
from tasks.ingestion import writing
from tasks.settings import Settings
from tasks.tracking import Handoff, TaskIdentity, open_step
from tasks.workflow import Workflow, find_workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient


def make_workflow(**changes: Any) -> Workflow:
    return Workflow.model_validate(
        {
            "name": "plants",
            "description": "Test.",
            "source": {"kind": "files", "path": "*.csv"},
            "columns": {"target": "kind", "features": ["height"]},
            "expectations": {"raw": "plants_raw", "clean": "plants_clean"},
            "split": {"by": "hash"},
            "candidates": {"mlp": {"kind": "mlp"}},
            **changes,
        }
    )


def ingest(
    client: MlflowClient,
    settings: Settings,
    workflow: Workflow,
    folder: Path,
    date: str = "2026-01-07",
) -> dict[str, Handoff]:
    night = make_night(client, settings, date=datetime.date.fromisoformat(date), key=date)
    with open_step(client, settings, night, "ingest", inputs={}, task=TaskIdentity()) as step:
        return ingestion.run(step, workflow, settings, base_folder=folder)


def load(client: MlflowClient, handoff: Handoff) -> Dataset:
    return Dataset.open(Path(client.download_artifacts(handoff.run_id, handoff.path)))


def test_files_become_raw_rows_and_unparsed_lines(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    """Every line of the files is in one of the two, and the counts are logged."""
    (tmp_path / "a.csv").write_text("height,kind\n1.5,fern\n2\ntall,moss\n")
    (tmp_path / "b.csv").write_text("kind,height\nfern,3\n")
    handoffs = ingest(client, settings, make_workflow(), tmp_path)
    raw, unparsed = load(client, handoffs["raw"]), load(client, handoffs["unparsed"])
    assert raw.table(["id", "height", "kind"]).to_pylist() == [
        {"id": "a.csv:2", "height": "1.5", "kind": "fern"},
        {"id": "a.csv:4", "height": "tall", "kind": "moss"},
        {"id": "b.csv:2", "height": "3", "kind": "fern"},
    ]
    assert unparsed.table(["id", "reason"]).to_pylist() == [
        {"id": "a.csv:3", "reason": "1 values where the header has 2"}
    ]
    assert (handoffs["raw"].n_rows, handoffs["unparsed"].n_rows) == (3, 1)
    data = client.get_run(handoffs["raw"].run_id).data
    assert (data.metrics["rows_in"], data.metrics["rows_unparsed"]) == (3, 1)
    assert data.tags["nocturne.dataset_sha256"] == raw.sha256
    assert data.params["source.kind"] == "files"


def test_the_same_rows_are_the_same_dataset_on_any_night(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    """Content decides, not the date; and digits grow from night to night."""
    workflow, path = find_workflow("digits", settings)
    whole = [
        ingest(client, settings, workflow, path.parent, date)
        for date in ("2026-01-10", "2026-02-01")
    ]
    assert whole[0]["raw"].sha256 == whole[1]["raw"].sha256
    assert whole[0]["raw"].n_rows == 1797
    first = ingest(client, settings, workflow, path.parent, "2026-01-01")
    assert first["raw"].n_rows == 179


def test_a_query_is_ingested_by_the_variable_that_names_its_database(
    client: MlflowClient,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The night's own midnight is the cutoff, and the URL is written nowhere."""
    connection = sqlite3.connect(tmp_path / "s3cret.db")
    connection.execute("CREATE TABLE plants (code, height, kind, at)")
    connection.execute("INSERT INTO plants VALUES (7, 1.5, 'fern', '2026-01-06 23:00')")
    connection.execute("INSERT INTO plants VALUES (8, 2.5, 'fern', '2026-01-07 01:00')")
    connection.commit()
    connection.close()
    monkeypatch.setenv("SHOP", f"sqlite:///{tmp_path}/s3cret.db")
    workflow = make_workflow(
        source={
            "kind": "sql",
            "connection": "SHOP",
            "query": "SELECT * FROM plants WHERE at < :cutoff",
        },
        columns={"id": "code", "target": "kind", "features": ["height"]},
    )
    raw = load(client, (handoffs := ingest(client, settings, workflow, tmp_path))["raw"])
    assert raw.table().to_pylist() == [
        {"id": "7", "source": "SHOP", "line": 1, "kind": "fern", "height": 1.5}
    ]
    params = client.get_run(handoffs["raw"].run_id).data.params
    assert params["source.connection"] == "SHOP"
    assert "s3cret" not in str(params) + str(raw.manifest)


def test_a_series_is_ingested_without_a_target(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    """Dates and numbers keep their types."""
    workflow = make_workflow(
        source={"kind": "statsmodels", "dataset": "nile"},
        columns={"features": ["nile"], "time": "time"},
        split={"by": "time"},
        candidates={},
    )
    raw = load(client, ingest(client, settings, workflow, tmp_path)["raw"])
    assert raw.manifest.columns == {
        "id": "string",
        "source": "string",
        "line": "int64",
        "nile": "double",
        "time": "date32[day]",
    }


def test_credentials_in_a_url_are_refused() -> None:
    """The workflow file is pinned to every night: a password in it would be kept for ever."""
    with pytest.raises(ValidationError, match="a URL with a user, password or key"):
        make_workflow(source={"kind": "files", "path": "memory://ann:s3cret@shop/a.csv"})


PEOPLE = """name,city,height,kind
Ann Smith,Oslo,1,fern
Bob Brown,Oslo,2,fern
Eve Jones,Rome,3,moss
Liz Green,Lima
"""


@pytest.mark.parametrize("has_second_pass", [False, True])
def test_privacy_comes_before_everything_that_is_written(
    client: MlflowClient,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    has_second_pass: bool,
) -> None:
    """Names are masked in rows and lines; a city of one person is held back with its row."""
    (tmp_path / "a.csv").write_text(PEOPLE)
    privacy: list[dict[str, Any]] = [{"mask": {"columns": ["name"]}}]
    if has_second_pass:
        privacy.append({"k_anonymity": {"columns": ["city"], "k": 2}})
    workflow = make_workflow(
        columns={"target": "kind", "features": ["height"], "keep": ["name", "city"]},
        privacy=privacy,
    )
    handoffs = ingest(client, settings, workflow, tmp_path)
    raw = load(client, handoffs["raw"]).table().to_pylist()
    unparsed = load(client, handoffs["unparsed"]).table().to_pylist()
    assert [row["line"] for row in raw] == [2, 3] if has_second_pass else [2, 3, 4]
    assert {row["line"] for row in unparsed} == ({4, 5} if has_second_pass else {5})
    assert raw[0]["name"].startswith("*")
    written = str(raw) + str(unparsed) + caplog.text
    assert not any(name in written for name in ("Ann", "Bob", "Eve", "Liz", "Lima"))
    assert ("Rome" in written) != has_second_pass
    metrics = client.get_run(handoffs["raw"].run_id).data.metrics
    assert metrics["rows_in"] + metrics["rows_unparsed"] == 4


def test_progress_and_counts_of_each_file_are_logged(
    client: MlflowClient,
    settings: Settings,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line for each file, and one now and then while a long one is read."""
    monkeypatch.setattr(writing, "ROWS_PER_MESSAGE", 2)
    (tmp_path / "a.csv").write_text("height,kind\n1,a\n2\n3,b\n")
    with caplog.at_level("INFO"):
        ingest(client, settings, make_workflow(), tmp_path)
    assert "Read a.csv: 2 rows, 1 lines that did not parse." in caplog.messages
    assert "Ingested 2 rows so far." in caplog.messages


@pytest.mark.parametrize(
    ("changes", "content", "message"),
    [
        ({}, "height,kind\n", "plants holds no rows"),
        ({}, "height,kind\n1\n", "1 lines did not parse, the first: 1 values where the header"),
        (
            {
                "privacy": [{"k_anonymity": {"columns": ["height"], "k": 2}}],
            },
            "height,kind\n1,a\n2,b\n",
            "Privacy holds back every row",
        ),
        ({"split": {"by": "source"}}, "height,kind\n1,a\n", "has no column 'split'"),
        (
            {
                "source": {"kind": "sklearn", "dataset": "iris"},
                "columns": {"target": "target", "features": ["petal_width_cm"]},
                "split": {"by": "source"},
            },
            "",
            "iris does not say which rows are the hold-out",
        ),
        (
            {
                "source": {"kind": "sklearn", "dataset": "iris"},
                "columns": {"target": "target", "features": ["petal_widht_cm"]},
            },
            "",
            "'petal_widht_cm'.\nExpected: 'petal_width_cm', perhaps",
        ),
    ],
)
def test_an_unusable_source_hands_nothing_over(
    client: MlflowClient,
    settings: Settings,
    tmp_path: Path,
    changes: dict[str, Any],
    content: str,
    message: str,
) -> None:
    """The error says what to change, and the run has no artifact."""
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(SourceError, match=message):
        ingest(client, settings, make_workflow(**changes), tmp_path)
    (experiment,) = (e for e in client.search_experiments() if e.name == "digits")
    runs = client.search_runs(
        [experiment.experiment_id], filter_string="tags.`nocturne.step` = 'ingest'"
    )
    assert [client.list_artifacts(run.info.run_id) for run in runs] == [[]]

"""The ingest step against a real MLflow."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests_support import make_night

from tasks.dataset import Dataset
from tasks.errors import SourceError
from tasks.ingestion import step as ingestion
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


@pytest.mark.parametrize(
    ("changes", "content", "message"),
    [
        ({}, "height,kind\n", "plants holds no rows"),
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

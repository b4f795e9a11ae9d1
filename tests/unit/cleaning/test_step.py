"""The clean step against a real MLflow: every row is somewhere, and the parts can be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from tests_support import make_night

from tasks.cleaning import step as cleaning
from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.columns import QUARANTINE_SCHEMA
from tasks.errors import CleaningError
from tasks.preparation import Preparation
from tasks.settings import Settings
from tasks.tracking import Handoff, TaskIdentity, open_step
from tasks.workflow import Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

UNPARSED = {"id": "a:9", "source": "a", "line": 9, "reason": "1 values", "row": "{}"}


def make_workflow(**changes: Any) -> Workflow:
    return Workflow.model_validate(
        {
            "name": "plants",
            "description": "Test.",
            "source": {"kind": "files", "path": "*.csv"},
            "columns": {"target": "kind", "features": ["x"]},
            "expectations": {"raw": "plants_raw", "clean": "plants_clean"},
            "cleaning": [{"drop_duplicates": {"by": ["x", "kind"]}}],
            "split": {"by": "source"},
            "candidates": {"mlp": {"kind": "mlp"}},
            **changes,
        }
    )


def make_rows(*rows: tuple[str | None, str | None, str]) -> pa.Table:
    """Raw rows of (x, kind, split), from line 2 on."""
    return pa.table(
        {
            "id": [f"a:{i}" for i in range(2, len(rows) + 2)],
            "source": ["a"] * len(rows),
            "line": pa.array(range(2, len(rows) + 2), pa.int64()),
            "x": pa.array([r[0] for r in rows], pa.string()),
            "kind": pa.array([r[1] for r in rows], pa.string()),
            "split": pa.array([r[2] for r in rows], pa.string()),
        }
    )


def clean(
    client: MlflowClient,
    settings: Settings,
    workflow: Workflow,
    rows: pa.Table,
    rejected: dict[int, str] | None = None,
) -> dict[str, Handoff]:
    night = make_night(client, settings)
    with open_step(client, settings, night, "clean", inputs={}, task=TaskIdentity()) as step:
        with (
            DatasetWriter(step.workdir / "r", rows.schema) as raw,
            DatasetWriter(step.workdir / "u", QUARANTINE_SCHEMA) as unparsed,
        ):
            raw.write(rows)
            unparsed.write(pa.RecordBatch.from_pylist([UNPARSED], schema=QUARANTINE_SCHEMA))
        handoffs = [step.publish(w.folder, w.folder.name) for w in (raw, unparsed)]
        if rejected is not None:
            schema = pa.schema([("row", pa.int64()), ("reason", pa.string())])
            with DatasetWriter(step.workdir / "j", schema) as judged:
                judged.write(pa.table([list(rejected), list(rejected.values())], schema=schema))
            handoffs.append(step.publish(judged.folder, "j"))
        return cleaning.run(step, workflow, settings, *handoffs)


def fetch(client: MlflowClient, handoff: Handoff) -> Path:
    return Path(client.download_artifacts(handoff.run_id, handoff.path))


GOOD = [
    ("1", "fern", "train"),
    ("2", "moss", "train"),
    ("3", "fern", "holdout"),
    ("4", "moss", "holdout"),
]


def test_every_row_is_clean_quarantined_or_a_duplicate(
    client: MlflowClient, settings: Settings
) -> None:
    """Four good rows, two unusable, one duplicate, one untrained class, one unparsed line: nine."""
    rows = make_rows(
        *GOOD,
        ("tall", "fern", "train"),
        ("5", "fern", "test"),
        (" 1.0 ", "fern", "holdout"),
        ("6", "rare", "holdout"),
    )
    handoffs = clean(client, settings, make_workflow(), rows)
    cleaned = Dataset.open(fetch(client, handoffs["clean"])).table()
    assert cleaned.to_pylist() == [
        {"id": "a:2", "split": "train", "kind": "fern", "x": 1.0},
        {"id": "a:3", "split": "train", "kind": "moss", "x": 2.0},
        {"id": "a:4", "split": "holdout", "kind": "fern", "x": 3.0},
        {"id": "a:5", "split": "holdout", "kind": "moss", "x": 4.0},
    ]
    quarantined = Dataset.open(fetch(client, handoffs["quarantine"])).table(["line", "reason"])
    assert quarantined.to_pylist() == [
        {"line": 9, "reason": "1 values"},
        {"line": 6, "reason": "x: not a number: 'tall'"},
        {"line": 7, "reason": "split: none of train, validation, holdout: 'test'"},
        {"line": 9, "reason": "kind: a class without training rows: 'rare'"},
    ]
    report = json.loads(fetch(client, handoffs["report"]).read_text())
    assert report["quarantined_by_reason"] == {
        "line does not parse": 1,
        "x: not a number": 1,
        "split: none of train, validation, holdout": 1,
        "kind: a class without training rows": 1,
    }
    assert report["duplicates_kept"] == ["the first by x, kind"]
    assert report["columns"]["x"] == {"missing": 0, "changes": {}}
    counts = [report[f"rows_{k}"] for k in ("in", "out", "quarantined", "duplicate")]
    assert counts == [9, 4, 4, 1]
    metrics = client.get_run(handoffs["clean"].run_id).data.metrics
    assert (metrics["rows_train"], metrics["rows_validation"], metrics["rows_holdout"]) == (2, 0, 2)


def test_preparation_knows_the_training_classes_and_reads_the_clean_rows(
    client: MlflowClient, settings: Settings
) -> None:
    """Training takes the clean dataset and the preparation as they are."""
    handoffs = clean(client, settings, make_workflow(), make_rows(*GOOD))
    preparation = Preparation.from_json(fetch(client, handoffs["preparation"]).read_text())
    cleaned = Dataset.open(fetch(client, handoffs["clean"])).table()
    assert preparation.classes == ("fern", "moss")
    assert preparation.inputs(cleaned).tolist() == [[1.0], [2.0], [3.0], [4.0]]
    assert preparation.encode(cleaned["kind"]).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        ([("tall", "fern", "train"), ("1", None, "train")], {}, r"left no row\.\n.*x: not a number \(1 rows\)"),
        ([("1", "fern", "holdout")], {}, "none is for training"),
        ([("1", "fern", "train"), ("2", "fern", "holdout")], {}, "the class 'fern' of 'kind'"),
        (GOOD[:2], {}, "in the part 'holdout'"),
        ([*GOOD[:2], ("9", "rare", "holdout")], {}, "in the part 'holdout'"),
        (GOOD, {"split": {"by": "source", "validation": 1e-9}}, "in the part 'validation'"),
        (GOOD, {"columns": {"target": "kind", "features": ["y"]}, "cleaning": []}, "no column 'y'"),
    ],
)  # fmt: skip
def test_data_that_cannot_train_a_model_are_refused(
    client: MlflowClient,
    settings: Settings,
    rows: list[tuple[str | None, str | None, str]],
    changes: dict[str, Any],
    message: str,
) -> None:
    """The error says what is lacking and what to do."""
    with pytest.raises(CleaningError, match=message):
        clean(client, settings, make_workflow(**changes), make_rows(*rows))


def test_rows_that_validation_rejected_go_to_quarantine(
    client: MlflowClient, settings: Settings
) -> None:
    """With validation's words, beside what cleaning itself finds; the counts add up."""
    rows = make_rows(*GOOD, ("tall", "fern", "train"), ("7", "moss", "train"))
    handoffs = clean(client, settings, make_workflow(), rows, {4: "x: odd", 5: "x: not prime"})
    quarantined = Dataset.open(fetch(client, handoffs["quarantine"])).table(["line", "reason"])
    assert quarantined.to_pylist()[1:] == [
        {"line": 6, "reason": "raw suite: an expectation is not met: 'x: odd'; x: not a number: 'tall'"},
        {"line": 7, "reason": "raw suite: an expectation is not met: 'x: not prime'"},
    ]  # fmt: skip
    report = json.loads(fetch(client, handoffs["report"]).read_text())
    assert report["quarantined_by_reason"]["raw suite: an expectation is not met"] == 2
    assert (report["rows_in"], report["rows_out"], report["rows_quarantined"]) == (7, 4, 3)

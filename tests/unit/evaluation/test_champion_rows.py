"""What the champion was trained on, found in what its night has left in MLflow."""

from __future__ import annotations

import datetime
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pyarrow as pa
import pytest
from cleaning_support import make_workflow

from tasks.dataset import DatasetWriter
from tasks.evaluation.champion_rows import compare_with_champion
from tasks.evaluation.contenders import Contender
from tasks.evaluation.seen import ChampionRows
from tasks.settings import Settings
from tasks.tracking import Handoff, Night, TaskIdentity, open_night, open_step
from tasks.tracking.steps import record_outputs
from tasks.workflow import Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

BY_SOURCE = make_workflow(split={"by": "source"})
HOLDOUT = pa.chunked_array([["h1", "h2", "h3"]])

Clean = Callable[[Workflow, Sequence[str]], tuple[Night, Handoff]]


@pytest.fixture
def clean(client: MlflowClient, settings: Settings, tmp_path: Path) -> Clean:
    """Make a night that has cleaned rows with these training ids."""

    def make(workflow: Workflow, training: Sequence[str]) -> tuple[Night, Handoff]:
        key = f"night of {','.join(training)} {workflow.split.by}"
        night = open_night(
            client, settings, workflow, datetime.date(2026, 1, 2), key=key, runner="local", folder=tmp_path
        )  # fmt: skip
        with open_step(client, settings, night, "clean", inputs={}, task=TaskIdentity()) as step:
            table = pa.table({"id": list(training), "split": ["train"] * len(training)})
            with DatasetWriter(step.workdir / "clean", table.schema) as writer:
                writer.write(table)
            handoff = step.publish(step.workdir / "clean", "clean")
            record_outputs(client, step.run_id, {"clean": handoff})
        return night, handoff

    return make


@pytest.fixture
def compare(client: MlflowClient, settings: Settings, clean: Clean) -> Callable[..., ChampionRows]:
    """Compare tonight's hold-out with a champion of a night; tonight trains on the ids t1 and t2."""

    def run(workflow: Workflow, night_run_id: str | None, **changes: Any) -> ChampionRows:
        night, rows = clean(workflow, ["t1", "t2"])
        champion = Contender("champion", Handoff("run", "model", "digest"), "3", night_run_id)
        with open_step(client, settings, night, "evaluate", inputs={}, task=TaskIdentity()) as step:
            given = {"clean": rows, "holdout": HOLDOUT, "time": None, **changes}
            return compare_with_champion(step, workflow, champion, **given)

    return run


@pytest.mark.parametrize("holdout", [0.2, 0.3])
def test_the_same_rule_deals_no_holdout_row_to_training(
    compare: Callable[..., ChampionRows], clean: Clean, holdout: float
) -> None:
    """A hash of the id puts the hold-out first: a larger one held all rows of a smaller one."""
    then, _ = clean(make_workflow(split={"by": "hash", "holdout": holdout}), ["h1"])
    found = compare(make_workflow(split={"by": "hash", "holdout": 0.2}), then.run_id)
    assert found == ChampionRows("by the split's rule", 0)


@pytest.mark.parametrize(
    "then",
    [
        make_workflow(split={"by": "hash", "holdout": 0.1}),
        make_workflow(columns={"id": "number", "target": "left", "features": ["age"]}),
        make_workflow(name="others"),
        BY_SOURCE,
    ],
)
def test_another_rule_is_looked_through(
    compare: Callable[..., ChampionRows],
    clean: Clean,
    then: Workflow,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two of the champion's training rows are judged by tonight: that is said, and stops nobody."""
    night, _ = clean(then, ["t9", "h1", "h3"])
    with caplog.at_level(logging.WARNING):
        found = compare(make_workflow(split={"by": "hash", "holdout": 0.2}), night.run_id)
    assert found == ChampionRows("by its ids", 2)
    assert "trained on 2 of tonight's 3 hold-out rows" in caplog.text


def test_a_champion_of_the_same_rows_needs_no_looking(
    compare: Callable[..., ChampionRows], clean: Clean, client: MlflowClient
) -> None:
    """Tonight's own training rows hold no hold-out row: they need not even be there any more."""
    other = make_workflow(split={"by": "source", "validation": 0.1})
    night, rows = clean(other, ["t1", "t2"])
    key = night.run_id
    remove(client, rows)
    assert compare(BY_SOURCE, key) == ChampionRows("by its ids", 0)


def test_what_is_no_longer_recorded_is_unknown(
    compare: Callable[..., ChampionRows],
    clean: Clean,
    client: MlflowClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A version without a night, a night that was deleted, a dataset that was removed."""
    unknown = ChampionRows("unknown", None)
    assert compare(BY_SOURCE, None) == unknown
    assert compare(BY_SOURCE, "0" * 32) == unknown
    night, rows = clean(BY_SOURCE, ["h1"])
    remove(client, rows)
    assert compare(BY_SOURCE, night.run_id) == unknown
    assert "is not known" in caplog.text


def remove(client: MlflowClient, rows: Handoff) -> None:
    """Remove a dataset from the artifact store, as housekeeping might."""
    root = urlsplit(client.get_run(rows.run_id).info.artifact_uri)
    shutil.rmtree(Path(url2pathname(root.path)) / rows.path)

"""The suites in expectations/ load, belong to a workflow, and hold on the data they were written for."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from tasks.cli.scratch import STAGES, ScratchNight
from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.ingestion.builtin import read_sklearn
from tasks.ingestion.raw import shape_raw_rows
from tasks.night import begin_night
from tasks.settings import Settings
from tasks.tracking import TaskIdentity
from tasks.validation.checks import judge
from tasks.validation.results import ValidationResult
from tasks.validation.suites import read_suite
from tasks.validation.view import open_view
from tasks.workflow import SklearnSource, find_workflow, load_workflows

if TYPE_CHECKING:
    from mlflow import MlflowClient

SUITES = sorted((Path(__file__).resolve().parents[2] / "expectations").glob("*.json"))


def judge_raw(name: str, rows: pa.Table, settings: Settings, folder: Path) -> ValidationResult:
    """Judge raw rows by the workflow's suite."""
    workflow, _ = find_workflow(name, settings)
    with DatasetWriter(folder / "rows", rows.schema) as writer:
        writer.write(rows)
    view = open_view(Dataset.open(folder / "rows"), workflow, "raw")
    suite = read_suite(settings.expectations_dir / f"{workflow.expectations.raw}.json")
    return judge(view, suite).result


def list_failures(name: str, date: str, settings: Settings, client: MlflowClient) -> list[str]:
    """Walk a night until its data are judged, and list every expectation that failed, warnings too."""
    workflow, path = find_workflow(name, settings)
    night = begin_night(
        settings,
        workflow,
        path.parent,
        datetime.date.fromisoformat(date),
        key="test",
        task=TaskIdentity(),
    )
    walked = ScratchNight(settings, workflow, night, client, lambda _text, **_counts: None)
    walked.validate()
    judged = [walked.read_validation(stage) for stage in STAGES]
    return [
        f"{e['column']}: {e['promised']}; {e['found']}"
        for document in judged
        for e in document["expectations"]  # type: ignore[index]
        if not e["success"]
    ]


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_suites_load_and_mix_severities(path: Path) -> None:
    """Every suite has promises that stop the night and promises that only warn."""
    stage = "clean" if path.stem.endswith("_clean") else "raw"
    severities = {e.severity.value for e in read_suite(path, stage=stage).expectations}
    assert severities == {"critical", "warning"}


def test_suites_and_workflows_belong_together(settings: Settings) -> None:
    """Every shipped suite is named by a shipped workflow."""
    workflows = [loaded.workflow for loaded in load_workflows(settings) if loaded.workflow]
    named = {n for w in workflows for n in (w.expectations.raw, w.expectations.clean)}
    assert {path.stem for path in SUITES} <= named


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("digits", "2026-01-01"),
        ("digits", "2026-01-02"),
        ("digits", "2026-01-10"),
        ("wine", "2026-01-01"),
        ("wine", "2026-01-03"),
        ("co2", "2026-01-01"),
        ("co2", "2026-01-10"),
    ],
)
def test_shipped_workflows_hold_without_a_warning(
    name: str, date: str, settings: Settings, client: MlflowClient
) -> None:
    """On the first night, with a part of the rows, and on the last."""
    assert list_failures(name, date, settings, client) == []


def test_mnist_holds_without_a_warning(
    real_data: Path, settings: Settings, client: MlflowClient
) -> None:
    """All 70,000 images."""
    settings = settings.model_copy(update={"mnist_file": real_data / "mnist.npz"})
    assert list_failures("mnist", "2026-01-01", settings, client) == []


def read_digits(settings: Settings) -> pa.Table:
    """Raw rows of the first night."""
    workflow, _ = find_workflow("digits", settings)
    assert isinstance(workflow.source, SklearnSource)
    parts = read_sklearn(workflow.source, datetime.date(2026, 1, 1))
    rows = [shape_raw_rows(part, workflow.columns, has_split=False) for part in parts]
    return pa.Table.from_batches(rows)


def spoil(raw: pa.Table, column: str, value: object) -> pa.Table:
    """Give the first row another value."""
    values = [value, *raw[column].to_pylist()[1:]]
    index = raw.schema.get_field_index(column)
    return raw.set_column(index, column, pa.array(values, raw.schema.field(column).type))


def paint(raw: pa.Table, pixel: int) -> pa.Table:
    """Fill the first image with one value."""
    images = np.stack([np.array(x).reshape(8, 8, 1) for x in raw["image"].to_pylist()])
    images[0] = pixel
    column = array_to_tensor_column(images.astype(np.uint8))
    return raw.set_column(raw.schema.get_field_index("image"), "image", column)


@pytest.mark.parametrize(
    ("change", "critical", "warned"),
    [
        (lambda raw: spoil(raw, "label", 10), {"label"}, {"label"}),  # also the shares
        (lambda raw: spoil(raw, "label", None), {"label"}, set()),
        (lambda raw: spoil(raw, "id", "digits:2"), {"id"}, set()),
        (lambda raw: paint(raw, 17), {"image_max"}, {"image_empty_fraction"}),
        (lambda raw: paint(raw, 0), set(), {"image_max", "image_empty_fraction"}),
        (lambda raw: raw.slice(0, 99), {None}, set()),
    ],
    ids=["class", "no class", "id twice", "pixel too bright", "blank", "too few"],
)
def test_the_digits_suite_notices(
    change: object,
    critical: set[str | None],
    warned: set[str],
    settings: Settings,
    tmp_path: Path,
) -> None:
    """One spoilt row is enough: the promises can fail."""
    assert callable(change)
    result = judge_raw("digits", change(read_digits(settings)), settings, tmp_path)
    assert {e.column for e in result.critical_failures} == critical
    assert {e.column for e in result.warnings} == warned

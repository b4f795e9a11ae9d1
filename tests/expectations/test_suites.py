"""The suites in expectations/ load, belong to a workflow, and hold on the data they were written for."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tasks.cleaning.batches import BatchCleaner
from tasks.dataset import array_to_tensor_column
from tasks.ingestion.builtin import read_sklearn
from tasks.ingestion.keras_datasets import read_keras
from tasks.ingestion.parts import Part
from tasks.ingestion.raw import shape_raw_rows
from tasks.settings import Settings
from tasks.validation.checks import ValidationResult, run_suite, summarise
from tasks.validation.profile import profile_rows
from tasks.validation.suites import read_suite
from tasks.workflow import KerasSource, SklearnSource, find_workflow, load_workflows

SUITES = sorted((Path(__file__).resolve().parents[2] / "expectations").glob("*.json"))


def judge(suite_name: str, rows: pa.Table, settings: Settings) -> ValidationResult:
    suite = read_suite(settings.expectations_dir / f"{suite_name}.json")
    frame = profile_rows(rows.to_batches())
    return summarise(run_suite(frame, suite), suite, frame)


def read_rows(
    name: str, night: datetime.date, settings: Settings, file: Path | None = None
) -> tuple[pa.Table, pa.Table]:
    """Raw and clean rows of a shipped workflow."""
    workflow, _ = find_workflow(name, settings)
    source = workflow.source
    parts: list[Part] = []
    if isinstance(source, SklearnSource):
        parts = read_sklearn(source, night)
    elif isinstance(source, KerasSource):
        parts = list(read_keras(source, file, night))
    has_split = isinstance(source, KerasSource)
    raw = [shape_raw_rows(part, workflow.columns, has_split=has_split) for part in parts]
    cleaner = BatchCleaner(workflow)
    clean = [cleaner.clean(batch).rows for batch in raw]
    return pa.Table.from_batches(raw), pa.Table.from_batches(clean)


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_suites_load_and_mix_severities(path: Path) -> None:
    """Every suite has promises that stop the night and promises that only warn."""
    severities = {e.severity.value for e in read_suite(path).expectations}
    assert severities == {"critical", "warning"}


def test_suites_and_workflows_belong_together(settings: Settings) -> None:
    """Every shipped suite is named by a shipped workflow."""
    workflows = [loaded.workflow for loaded in load_workflows(settings) if loaded.workflow]
    named = {n for w in workflows for n in (w.expectations.raw, w.expectations.clean)}
    assert {path.stem for path in SUITES} <= named


@pytest.mark.parametrize("date", ["2026-01-01", "2026-01-02", "2026-01-05", "2026-01-10"])
def test_digits_hold_without_a_warning_on_every_night(date: str, settings: Settings) -> None:
    """Also on the first, with a tenth of the rows."""
    raw, clean = read_rows("digits", datetime.date.fromisoformat(date), settings)
    for suite, rows in (("digits_raw", raw), ("digits_clean", clean)):
        failed = [e.in_words for e in judge(suite, rows, settings).expectations if not e.success]
        assert failed == []


def test_mnist_holds_without_a_warning(real_data: Path, settings: Settings) -> None:
    """All 70,000 images."""
    night = datetime.date(2026, 1, 1)
    raw, clean = read_rows("mnist", night, settings, real_data / "mnist.npz")
    for suite, rows in (("mnist_raw", raw), ("mnist_clean", clean)):
        failed = [e.in_words for e in judge(suite, rows, settings).expectations if not e.success]
        assert failed == []


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
    change: object, critical: set[str | None], warned: set[str], settings: Settings
) -> None:
    """One spoilt row is enough: the promises can fail."""
    raw, _ = read_rows("digits", datetime.date(2026, 1, 1), settings)
    assert callable(change)
    result = judge("digits_raw", change(raw), settings)
    assert {e.column for e in result.critical_failures} == critical
    assert {e.column for e in result.warnings} == warned

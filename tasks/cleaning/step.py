"""The clean step: raw rows in, clean rows with a part out, the rest in quarantine with its reason.

Body of one Airflow task; the only place of this stage that touches disk and MLflow.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tasks.cleaning.batches import BatchCleaner
from tasks.cleaning.fit import fit_preparation
from tasks.cleaning.quarantine import (
    UNPARSED_KIND,
    shape_quarantine,
)
from tasks.cleaning.report import CleaningReport
from tasks.cleaning.split import PARTS, TRAIN
from tasks.cleaning.tally import Class, Tally, check_parts, check_training_rows
from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.columns import ID_COLUMN, QUARANTINE_SCHEMA
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

UNTRAINED = "a class without training rows"


def run(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step takes the same first three
    raw: Handoff,
    unparsed: Handoff,
) -> dict[str, Handoff]:
    """Clean one night's rows.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    raw, unparsed : Handoff
        What ingestion handed over.

    Returns
    -------
    dict of str to Handoff
        ``clean`` and ``quarantine``, datasets; ``preparation``, a file ``preparation.json`` for
        :meth:`Preparation.from_json`; ``report``, a file ``cleaning.json`` with the counts of
        :class:`CleaningReport`.

    Raises
    ------
    CleaningError
        When a column cannot be used, no row is left, a part of the split is empty, or the training
        rows have one class only.

    Notes
    -----
    Rows are rejected, then compared for duplicates in the order of the workflow's cleaning steps,
    and split by their id. Validation and hold-out rows of a class that no training row has go to
    quarantine: no model could know it, and they come back as soon as a training row has it.
    Memory: a batch at a time, and what :class:`tasks.cleaning.duplicates.SeenRows` remembers.
    """
    # Fetching has checked the content against its digest.
    arrived = Dataset.open(step.fetch(raw), verify=False)
    lines = Dataset.open(step.fetch(unparsed), verify=False)
    clean, quarantine, tally, report = _clean(step.workdir, workflow, arrived, lines)
    preparation = fit_preparation(workflow.columns, tally.list_classes(TRAIN))
    return _hand_over(step, clean, quarantine, preparation.to_json(), report)


def _clean(
    workdir: Path, workflow: Workflow, arrived: Dataset, lines: Dataset
) -> tuple[DatasetWriter, DatasetWriter, Tally, CleaningReport]:
    cleaner = BatchCleaner(workflow)
    tally = Tally(workflow.columns.target)
    n_by_reason: Counter[str] = Counter()
    n_duplicates = 0
    origin = {"raw": arrived.sha256, "workflow": workflow.name}
    nothing = pa.RecordBatch.from_pylist([], schema=arrived.schema)
    schema = cleaner.clean(nothing).rows.schema
    with DatasetWriter(workdir / "quarantine", QUARANTINE_SCHEMA, origin=origin) as quarantine:
        for batch in lines.batches():
            quarantine.write(batch)
            n_by_reason[UNPARSED_KIND] += batch.num_rows
        with DatasetWriter(workdir / "clean", schema, origin=origin) as clean:
            for batch in arrived.batches():
                cleaned = cleaner.clean(batch)
                clean.write(cleaned.rows)
                quarantine.write(cleaned.quarantined)
                tally.add(cleaned.rows)
                n_by_reason.update(cleaned.n_by_kind)
                n_duplicates += cleaned.n_duplicates
        check_training_rows(tally, n_by_reason)
        untrained = tally.find_untrained_classes()
        if untrained:
            clean, n_removed = _remove_classes(clean, quarantine, untrained, arrived, tally.target)
            tally.remove_classes(untrained)
            n_by_reason[f"{tally.target}: {UNTRAINED}"] += n_removed
        check_parts(tally, needs_validation=workflow.split.validation > 0)
    report = CleaningReport(
        rows_in=arrived.n_rows + lines.n_rows,
        rows_out=_count_rows(clean),
        rows_duplicate=n_duplicates,
        quarantined_by_reason={k: n for k, n in n_by_reason.items() if n},
        rows_by_split=tally.to_counts(),
    )
    return clean, quarantine, tally, report


def _remove_classes(
    clean: DatasetWriter,
    quarantine: DatasetWriter,
    untrained: set[Class],
    arrived: Dataset,
    target: str,
) -> tuple[DatasetWriter, int]:
    """Write the clean dataset again without some classes, whose rows go to quarantine."""
    before = Dataset.open(clean.folder, verify=False)
    classes = pa.array(sorted(untrained), before.schema.field(target).type)
    folder = clean.folder.with_name("clean_trained")
    n_by_id: Counter[str] = Counter()
    with DatasetWriter(folder, before.schema, origin=clean.origin) as trained:
        for batch in before.batches():
            is_untrained = pc.is_in(batch.column(target), value_set=classes)
            n_by_id.update(batch.filter(is_untrained).column(ID_COLUMN).to_pylist())
            trained.write(batch.filter(pc.invert(is_untrained)))
    n_removed = n_by_id.total()
    for rows in _find_raw_rows(arrived, n_by_id):
        reason = f"{target}: {UNTRAINED}"
        texts = [f"{reason}: {value!r}" for value in rows.column(target).to_pylist()]
        quarantine.write(shape_quarantine(rows, texts))
    return trained, n_removed


def _find_raw_rows(arrived: Dataset, n_by_id: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Find rows as they came, by their ids, each id as often as it is counted."""
    scalars = [f.name for f in arrived.schema if not isinstance(f.type, pa.FixedShapeTensorType)]
    wanted = pa.array(list(n_by_id), pa.string())
    for batch in arrived.batches(scalars):
        found = batch.filter(pc.is_in(batch.column(ID_COLUMN), value_set=wanted))
        is_wanted = []
        for row_id in found.column(ID_COLUMN).to_pylist():
            is_wanted.append(n_by_id[row_id] > 0)
            n_by_id[row_id] -= 1
        if any(is_wanted):
            yield found.filter(pa.array(is_wanted))


def _hand_over(
    step: Step,
    clean: DatasetWriter,
    quarantine: DatasetWriter,
    preparation: str,
    report: CleaningReport,
) -> dict[str, Handoff]:
    preparation_file = step.workdir / "preparation.json"
    preparation_file.write_text(preparation, encoding="utf-8")
    report_file = step.workdir / "cleaning.json"
    report_file.write_text(
        json.dumps(report.to_json(), indent=1, ensure_ascii=False), encoding="utf-8"
    )
    handoffs = {
        "clean": step.publish(clean.folder, "clean", n_rows=_count_rows(clean)),
        "quarantine": step.publish(quarantine.folder, "quarantine", n_rows=_count_rows(quarantine)),
        "preparation": step.publish(preparation_file, "preparation"),
        "report": step.publish(report_file, "report"),
    }
    step.log_metrics(
        {
            "rows_in": report.rows_in,
            "rows_out": report.rows_out,
            "rows_quarantined": report.rows_quarantined,
            "rows_duplicate": report.rows_duplicate,
            **{f"rows_{part}": report.count_split(part) for part in PARTS},
        }
    )
    if clean.manifest is not None:
        step.set_tags({tags.DATASET_SHA256: clean.manifest.sha256})
    logger.info(
        "Cleaned %d rows: %d out, %d in quarantine, %d duplicates.",
        report.rows_in,
        report.rows_out,
        report.rows_quarantined,
        report.rows_duplicate,
    )
    return handoffs


def _count_rows(writer: DatasetWriter) -> int:
    return writer.manifest.n_rows if writer.manifest is not None else 0

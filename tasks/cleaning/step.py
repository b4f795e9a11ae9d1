"""The clean step: raw rows in, clean rows with a part out, the rest in quarantine with its reason.

Body of one Airflow task; the only place of this stage that touches disk and MLflow.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from tasks.cleaning.passes import Cleaned, Passes
from tasks.cleaning.split import PARTS
from tasks.dataset import Dataset, DatasetWriter
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

ROWS_PER_PROGRESS = 1_000_000  # a line in the log after so many rows


def run(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step takes the same first three
    raw: Handoff,
    unparsed: Handoff,
    rejected: Handoff | None = None,
) -> dict[str, Handoff]:
    """Clean one night's rows.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    raw, unparsed : Handoff
        What ingestion handed over.
    rejected : Handoff, optional
        What validation handed over: the places of rows that go to quarantine, and why.

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
    Two passes. In the first each row by itself is typed and judged; then it is known which rows
    are duplicates and which are for training; the steps that learn are fitted on training rows;
    in the second pass every row goes through them. Validation and hold-out rows of a class that no
    training row has go to quarantine, and come back as soon as a training row has it.
    Memory: some batches at a time, the training rows that are learned from (at most
    :data:`tasks.cleaning.learn.MAX_FIT_BYTES`), and about 50 bytes a row for digests.
    """
    # Fetching has checked the content against its digest.
    arrived = Dataset.open(step.fetch(raw), verify=False)
    lines = Dataset.open(step.fetch(unparsed), verify=False)
    reasons: dict[int, str] = {}
    if rejected is not None:
        table = Dataset.open(step.fetch(rejected), verify=False).table(["row", "reason"])
        reasons = dict(zip(table["row"].to_pylist(), table["reason"].to_pylist(), strict=True))
    cleaned = Passes(
        step.workdir,
        workflow,
        arrived,
        lines,
        rejected=reasons,
        on_progress=_make_progress(arrived.n_rows),
    ).run()
    return _hand_over(step, cleaned)


def _make_progress(n_rows: int) -> Callable[[str, int], None]:
    told = {"settled": 0, "finished": 0}

    def tell(name: str, n_done: int) -> None:
        if n_done - told[name] >= ROWS_PER_PROGRESS:
            told[name] = n_done
            logger.info("%s %d of %d rows so far.", name.capitalize(), n_done, n_rows)

    return tell


def _hand_over(step: Step, cleaned: Cleaned) -> dict[str, Handoff]:
    clean, quarantine, report = cleaned.clean, cleaned.quarantine, cleaned.report
    preparation_file = step.workdir / "preparation.json"
    preparation_file.write_text(cleaned.preparation.to_json(), encoding="utf-8")
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
            "rows_added": report.rows_added,
            "rows_merged": report.rows_merged,
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

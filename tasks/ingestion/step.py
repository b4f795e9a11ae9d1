"""The ingest step: read what had arrived by tonight and hand over the raw dataset.

Body of one Airflow task; the only place of this stage that touches disk and MLflow.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tasks.dataset import DatasetWriter
from tasks.dataset.columns import SPLIT_COLUMN
from tasks.errors import SourceError
from tasks.ingestion.builtin import read_sklearn
from tasks.ingestion.cutoff import Cutoff
from tasks.ingestion.files import read_files
from tasks.ingestion.keras_datasets import read_keras
from tasks.ingestion.locations import hide_credentials
from tasks.ingestion.parts import Part
from tasks.ingestion.raw import name_needed_columns
from tasks.ingestion.series import read_statsmodels
from tasks.ingestion.sql import read_sql
from tasks.ingestion.writing import write_protected_rows, write_rows
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.workflow import KerasSource, SklearnSource, SqlSource, StatsmodelsSource, Workflow

logger = logging.getLogger(__name__)


def run(
    step: Step, workflow: Workflow, settings: Settings, *, base_folder: Path | None = None
) -> dict[str, Handoff]:
    """Ingest one night's rows.

    Parameters
    ----------
    step : Step
    workflow : Workflow
    settings : Settings
    base_folder : Path, optional
        The workflow file's folder, from which the paths of files are taken; by default the folder
        of workflow files.

    Returns
    -------
    dict of str to Handoff
        ``raw``, the rows; ``unparsed``, the lines that became no row, and the rows that privacy
        holds back, in the columns of the quarantine and often empty.

    Raises
    ------
    SourceError
        When the source is missing or broken, lacks a column, or has no row for this night.
    PrivacyError
        When rows cannot be protected as the workflow says.

    Notes
    -----
    Rows stream from the source to the dataset; only the built-in data sets are in memory as a whole.
    Where the workflow has privacy, no row and no line is written before it is protected.
    """
    # Keras always says which images are for testing; others do where the workflow relies on it.
    has_split = isinstance(workflow.source, KerasSource) or workflow.split.by == "source"
    described = describe_source(workflow)
    parts = _read_source(step, workflow, settings, base_folder, has_split=has_split)
    if workflow.privacy:
        from tasks.privacy.protector import Protector

        protector = Protector(workflow)
        raw, unparsed = write_protected_rows(
            step.workdir, workflow, parts, described, protector, has_split=has_split
        )
        for (column, what), n_values in sorted(protector.changes.items()):
            logger.info("Privacy of %s: %d values %s.", column, n_values, what)
    else:
        raw, unparsed = write_rows(step.workdir, workflow, parts, described, has_split=has_split)
    handoffs = {
        "raw": step.publish(raw.folder, "raw", n_rows=_count_rows(raw)),
        "unparsed": step.publish(unparsed.folder, "unparsed", n_rows=_count_rows(unparsed)),
    }
    step.log_params({f"source.{k}": v for k, v in described.items()})
    step.log_metrics({"rows_in": _count_rows(raw), "rows_unparsed": _count_rows(unparsed)})
    if raw.manifest is not None:
        step.set_tags({tags.DATASET_SHA256: raw.manifest.sha256})
    logger.info(
        "Ingested %d rows of %s; lines that did not parse: %d.",
        _count_rows(raw),
        workflow.name,
        _count_rows(unparsed),
    )
    return handoffs


def describe_source(workflow: Workflow) -> dict[str, Any]:
    """Describe a workflow's source as JSON values, without the credentials of a URL."""
    described = workflow.source.model_dump(mode="json")
    if "path" in described:
        described["path"] = hide_credentials(described["path"])
    return described


def _read_source(
    step: Step, workflow: Workflow, settings: Settings, base_folder: Path | None, *, has_split: bool
) -> Iterable[Part]:
    source, night = workflow.source, step.night.date
    if isinstance(source, KerasSource):
        return read_keras(source, settings.mnist_file, night)
    if isinstance(source, SklearnSource | StatsmodelsSource):
        if has_split:
            raise SourceError(
                f"{source.kind}'s {source.dataset} does not say which rows are the hold-out.",
                expected=f"a source with a column {SPLIT_COLUMN!r} for 'split: {{by: source}}'",
                hint="set 'split: {by: hash}' or 'split: {by: time}' in the workflow file",
            )
        if isinstance(source, StatsmodelsSource):
            return read_statsmodels(source, night)
        return read_sklearn(source, night)
    cutoff = Cutoff.of_night(night, workflow.timezone)
    if isinstance(source, SqlSource):
        needed = name_needed_columns(workflow.columns, has_split=has_split)
        return read_sql(source, workflow.columns, needed, cutoff, os.environ)
    folder = base_folder if base_folder is not None else settings.workflows_dir
    return read_files(source, workflow.columns, folder, cutoff, has_split=has_split)


def _count_rows(writer: DatasetWriter) -> int:
    return writer.manifest.n_rows if writer.manifest is not None else 0

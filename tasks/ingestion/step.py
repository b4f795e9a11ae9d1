"""The ingest step: read what had arrived by tonight and hand over the raw dataset.

Body of one Airflow task; the only place of this stage that touches disk and MLflow.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import pyarrow as pa

from tasks.dataset import DatasetWriter
from tasks.dataset.columns import QUARANTINE_SCHEMA, SPLIT_COLUMN
from tasks.errors import SourceError
from tasks.ingestion.builtin import read_sklearn
from tasks.ingestion.files import read_files
from tasks.ingestion.keras_datasets import read_keras
from tasks.ingestion.parts import Part
from tasks.ingestion.raw import shape_raw_rows, shape_unparsed_lines
from tasks.settings import Settings
from tasks.tracking import Handoff, Step, tags
from tasks.workflow import KerasSource, SklearnSource, Workflow

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
        ``raw``, the rows; ``unparsed``, the lines that became no row, in the columns of the
        quarantine and often empty.

    Raises
    ------
    SourceError
        When the source is missing or broken, lacks a column, or has no row for this night.

    Notes
    -----
    Rows stream from the source to the dataset; only the built-in data sets are in memory as a whole.
    """
    # MNIST always says which images are for testing; files do where the workflow relies on it.
    has_split = isinstance(workflow.source, KerasSource) or workflow.split.by == "source"
    parts = _read_source(step, workflow, settings, base_folder, has_split=has_split)
    raw, unparsed = _write(step, workflow, parts, has_split=has_split)
    handoffs = {
        "raw": step.publish(raw.folder, "raw", n_rows=_count_rows(raw)),
        "unparsed": step.publish(unparsed.folder, "unparsed", n_rows=_count_rows(unparsed)),
    }
    step.log_params({f"source.{k}": v for k, v in workflow.source.model_dump(mode="json").items()})
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


def _read_source(
    step: Step, workflow: Workflow, settings: Settings, base_folder: Path | None, *, has_split: bool
) -> Iterable[Part]:
    source = workflow.source
    if isinstance(source, KerasSource):
        return read_keras(source, settings.mnist_file, step.night.date)
    if isinstance(source, SklearnSource):
        if has_split:
            raise SourceError(
                f"scikit-learn's {source.dataset} does not say which rows are the hold-out.",
                expected=f"a source with a column {SPLIT_COLUMN!r} for 'split: {{by: source}}'",
                hint="set 'split: {by: hash}' in the workflow file",
            )
        return read_sklearn(source, step.night.date)
    folder = base_folder if base_folder is not None else settings.workflows_dir
    return read_files(source, workflow.columns, folder, has_split=has_split)


def _write(
    step: Step, workflow: Workflow, parts: Iterable[Part], *, has_split: bool
) -> tuple[DatasetWriter, DatasetWriter]:
    # No date in the origin: the same rows are the same dataset, whichever night reads them.
    origin = {"source": workflow.source.model_dump(mode="json")}
    remaining = iter(parts)
    first = next(remaining)  # every reader yields one; it decides the types of the columns
    schema = shape_raw_rows(first, workflow.columns, has_split=has_split).schema
    n_rows = 0
    with (
        DatasetWriter(step.workdir / "raw", schema, origin=origin) as raw,
        DatasetWriter(step.workdir / "unparsed", QUARANTINE_SCHEMA, origin=origin) as unparsed,
    ):
        for part in chain([first], remaining):
            rows = shape_raw_rows(part, workflow.columns, has_split=has_split)
            n_rows += rows.num_rows
            raw.write(_match_types(rows, schema, part.source))
            if part.unparsed:
                unparsed.write(shape_unparsed_lines(part))
        if not n_rows:
            raise SourceError(
                f"The source of {workflow.name} holds no rows.",
                expected="at least one row under the header",
                hint="see 'source' in the workflow file and what lies there",
            )
    return raw, unparsed


def _match_types(rows: pa.RecordBatch, schema: pa.Schema, where: str) -> pa.RecordBatch:
    if rows.schema.equals(schema):
        return rows
    try:
        return rows.cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise SourceError(
            f"{where} has the columns {dict(zip(rows.schema.names, rows.schema.types, strict=True))}: {error}",
            expected=f"those of the first file: {dict(zip(schema.names, schema.types, strict=True))}",
            hint="write the files with one schema",
        ) from error


def _count_rows(writer: DatasetWriter) -> int:
    return writer.manifest.n_rows if writer.manifest is not None else 0

"""Parts become the raw dataset and the lines that became no row, both as streams.

Between the readers and ``step.py``; with privacy, nothing is written before it is protected.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.columns import QUARANTINE_SCHEMA
from tasks.errors import SourceError
from tasks.ingestion.parts import Part
from tasks.ingestion.raw import match_types, shape_raw_rows, shape_unparsed_lines
from tasks.workflow import Workflow

ROWS_PER_MESSAGE = 1_000_000  # of progress in the log

logger = logging.getLogger(__name__)


class RowProtector(Protocol):
    """What this stage asks of the privacy: see ``tasks.privacy.protector``."""

    @property
    def needs_second_pass(self) -> bool:
        """Whether all rows must be counted before any can be released."""

    def protect(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Protect rows with the source's own columns."""

    def protect_text(self, text: str) -> str:
        """Protect a line that became no row."""

    def count(self, rows: pa.RecordBatch) -> None:
        """Count protected rows of the raw dataset."""

    def release(self, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Give the rows to write, and those to hold back in the columns of the quarantine."""


def write_rows(
    folder: Path,
    workflow: Workflow,
    parts: Iterable[Part],
    source: Mapping[str, Any],
    *,
    has_split: bool,
) -> tuple[DatasetWriter, DatasetWriter]:
    """Write what a source gives.

    Parameters
    ----------
    folder : Path
        Gets the datasets ``raw`` and ``unparsed``.
    workflow : Workflow
    parts : iterable of Part
        At least one; the first decides the types of the columns.
    source : mapping
        Its description, for the manifests.
    has_split : bool
        Whether the source's ``split`` column is kept.

    Returns
    -------
    raw, unparsed : DatasetWriter
        Closed.

    Raises
    ------
    SourceError
        When there is no row, or a part does not fit to the first.
    """
    # No date in the origin: the same rows are the same dataset, whichever night reads them.
    origin = {"source": dict(source), "workflow": workflow.name}
    batches = _shape_parts(workflow, parts, has_split=has_split)
    first = next(batches)
    tally = _Tally()
    with (
        DatasetWriter(folder / "raw", first[1].schema, origin=origin) as raw,
        DatasetWriter(folder / "unparsed", QUARANTINE_SCHEMA, origin=origin) as unparsed,
    ):
        for part, rows in chain([first], batches):
            raw.write(rows)
            tally.add(part)
            if part.unparsed:
                unparsed.write(shape_unparsed_lines(part))
        tally.check(workflow)
    return raw, unparsed


def write_protected_rows(
    folder: Path,
    workflow: Workflow,
    parts: Iterable[Part],
    source: Mapping[str, Any],
    protector: RowProtector,
    *,
    has_split: bool,
) -> tuple[DatasetWriter, DatasetWriter]:
    """Write what a source gives after it was protected.

    Parameters
    ----------
    folder : Path
        Gets the datasets ``raw`` and ``unparsed``; and, where all rows have to be counted before
        one can be released, for that time ``protected``.
    workflow, parts, source, has_split
        As for :func:`write_rows`.
    protector : RowProtector

    Returns
    -------
    raw, unparsed : DatasetWriter
        Closed. Rows that are held back are in ``unparsed``.

    Raises
    ------
    SourceError
        As :func:`write_rows`.
    PrivacyError
        When rows cannot be protected, or none is left.
    """
    origin = {"source": dict(source), "workflow": workflow.name}
    protected = (replace(part, rows=protector.protect(part.rows)) for part in parts)
    batches = _shape_parts(workflow, protected, has_split=has_split)
    first = next(batches)
    name = "protected" if protector.needs_second_pass else "raw"
    tally = _Tally()
    with DatasetWriter(folder / "unparsed", QUARANTINE_SCHEMA, origin=origin) as unparsed:
        with DatasetWriter(folder / name, first[1].schema, origin=origin) as raw:
            for part, rows in chain([first], batches):
                raw.write(rows)
                tally.add(part)
                if protector.needs_second_pass:
                    protector.count(rows)
                if part.unparsed:
                    unparsed.write(shape_unparsed_lines(part, protector.protect_text))
            tally.check(workflow)
        if protector.needs_second_pass:
            raw = _release(folder, raw, unparsed, protector, origin)
    return raw, unparsed


def _release(
    folder: Path,
    counted: DatasetWriter,
    unparsed: DatasetWriter,
    protector: RowProtector,
    origin: Mapping[str, Any],
) -> DatasetWriter:
    """Let counted rows pass a second time; the first copy is removed."""
    nothing = pa.RecordBatch.from_pylist([], schema=counted.schema)
    schema = protector.release(nothing)[0].schema
    n_rows = 0
    with DatasetWriter(folder / "raw", schema, origin=origin) as raw:
        for batch in Dataset.open(counted.folder, verify=False).batches():
            released, held_back = protector.release(batch)
            raw.write(released)
            n_rows += released.num_rows
            if held_back.num_rows:
                unparsed.write(held_back)
        if not n_rows:
            raise SourceError(
                "Privacy holds back every row of the night.",
                expected="at least one combination that k rows share",
                hint="generalise the columns further, or lower 'k' in 'privacy.k_anonymity'",
            )
    shutil.rmtree(counted.folder)
    return raw


def _shape_parts(
    workflow: Workflow, parts: Iterable[Part], *, has_split: bool
) -> Iterator[tuple[Part, pa.RecordBatch]]:
    """Give every part's rows the columns of the raw dataset, and the types of the first."""
    schema: pa.Schema | None = None
    for part in parts:
        rows = shape_raw_rows(part, workflow.columns, has_split=has_split)
        schema = schema or rows.schema
        yield part, match_types(rows, schema, part.source)


class _Tally:
    """Counts rows and lines, says how far it has come, and that there must be a row."""

    def __init__(self) -> None:
        self._n_rows = 0
        self._n_unparsed = 0
        self._n_told = 0
        self._first_reason = ""

    def add(self, part: Part) -> None:
        self._n_rows += part.rows.num_rows
        self._n_unparsed += len(part.unparsed)
        if part.unparsed and not self._first_reason:
            self._first_reason = part.unparsed[0].reason
        if self._n_rows >= self._n_told + ROWS_PER_MESSAGE:
            self._n_told = self._n_rows - self._n_rows % ROWS_PER_MESSAGE
            logger.info("Ingested %s rows so far.", f"{self._n_told:,}")

    def check(self, workflow: Workflow) -> None:
        if self._n_rows:
            return
        lines = f" {self._n_unparsed} lines did not parse, the first: {self._first_reason}."
        raise SourceError(
            f"The source of {workflow.name} holds no rows." + (lines if self._n_unparsed else ""),
            expected="at least one row that had arrived by this night",
            hint="see 'source' in the workflow file and what lies there",
        )

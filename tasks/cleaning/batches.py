"""Clean the rows batch by batch: convert, reject, drop duplicates, split.

Pure but for the memory of rows already seen; ``step.py`` streams the raw dataset through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from tasks.cleaning.duplicates import SeenRows
from tasks.cleaning.quarantine import Problem, reject_rows, shape_quarantine
from tasks.cleaning.split import split_by_hash, split_by_source
from tasks.cleaning.types import convert_types
from tasks.cleaning.unusable import find_unusable_rows
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import CleaningError, nearest
from tasks.workflow import HashSplit, Workflow


@dataclass(frozen=True)
class CleanedBatch:
    """What became of the rows of one batch.

    Parameters
    ----------
    rows : pyarrow.RecordBatch
        Clean rows: ``id``, ``split``, the target and the inputs.
    quarantined : pyarrow.RecordBatch
        With the columns of the quarantine.
    n_by_kind : mapping of str to int
        Quarantined rows by their first reason, without values.
    n_duplicates : int
    """

    rows: pa.RecordBatch
    quarantined: pa.RecordBatch
    n_by_kind: Mapping[str, int]
    n_duplicates: int


class BatchCleaner:
    """Cleans batches in their order, remembering what duplicates are compared with.

    Parameters
    ----------
    workflow : Workflow
        Its columns, cleaning steps and split.
    """

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        columns = workflow.columns
        self._seen = [
            SeenRows([ID_COLUMN if name == columns.id else name for name in s.drop_duplicates.by])
            for s in workflow.cleaning
        ]

    def clean(self, raw: pa.RecordBatch) -> CleanedBatch:
        """Clean some rows.

        Parameters
        ----------
        raw : pyarrow.RecordBatch
            With the columns of the raw dataset.

        Returns
        -------
        CleanedBatch

        Raises
        ------
        CleaningError
            When a column is missing or its type can never be converted.
        """
        columns = self.workflow.columns
        self._check_columns(raw)
        rows, problems = convert_types(raw, columns)
        problems += find_unusable_rows(rows, columns)
        parts, more = self._split(rows)
        rejection = reject_rows([*problems, *more], raw.num_rows)
        is_rejected = pa.array(rejection.is_rejected)
        quarantined = shape_quarantine(raw.filter(is_rejected), rejection.reasons)

        rows = rows.select([ID_COLUMN, columns.target, *columns.inputs])
        rows = rows.add_column(1, SPLIT_COLUMN, parts).filter(pa.array(~rejection.is_rejected))
        n_usable = rows.num_rows
        for seen in self._seen:
            rows = rows.filter(pa.array(seen.find_first(rows)))
        return CleanedBatch(
            rows=rows,
            quarantined=quarantined,
            n_by_kind=rejection.n_by_kind,
            n_duplicates=n_usable - rows.num_rows,
        )

    def _split(self, rows: pa.RecordBatch) -> tuple[pa.Array, tuple[Problem, ...]]:
        split, key = self.workflow.split, self.workflow.name
        ids = rows.column(ID_COLUMN).fill_null("")  # a row without id is rejected anyway
        if isinstance(split, HashSplit):
            return split_by_hash(ids, split, key), ()
        return split_by_source(ids, rows.column(SPLIT_COLUMN), split, key)

    def _check_columns(self, raw: pa.RecordBatch) -> None:
        columns = self.workflow.columns
        needed = [ID_COLUMN, columns.target, *columns.inputs]
        if not isinstance(self.workflow.split, HashSplit):
            needed.append(SPLIT_COLUMN)
        for name in needed:
            if name not in raw.schema.names:
                raise CleaningError(
                    f"The raw data have no column {name!r}.",
                    expected=nearest(name, raw.schema.names),
                    hint="correct 'columns' or 'split' in the workflow file",
                )

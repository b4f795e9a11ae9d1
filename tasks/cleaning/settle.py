"""First pass of the cleaning: each row by itself. Typed, with a class and an id, or to quarantine.

Pure, batch by batch; ``step.py`` streams the raw dataset through it and keeps what comes out for
the second pass, when it is known which rows there are to learn from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.cleaning.classes import to_classes
from tasks.cleaning.duplicates import Digests, digest_rows
from tasks.cleaning.quarantine import reject_rows, shape_quarantine
from tasks.cleaning.split import TRAIN, hash_ids, split_by_hash, split_by_source, to_folds
from tasks.cleaning.unusable import find_unidentified_rows, find_unusable_rows
from tasks.cleaning.values import to_values
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import CleaningError, nearest
from tasks.preparation.build import CleaningOperation, build_operations
from tasks.preparation.frame import Column, Frame, filter_rows, find_missing, read_column, to_arrow
from tasks.preparation.transformer import Problem, Transformer
from tasks.preparation.transformers.calendar import CalendarParts
from tasks.preparation.transformers.mark_missing import MarkMissing
from tasks.workflow import Columns, HashSplit, NoSplit, SourceSplit, Workflow
from tasks.workflow.cleaning import DropDuplicates

RAW_SUITE, NOT_MET = "raw suite", "an expectation is not met"  # rows that validation rejected

# Names in the scratch that no column of a user can have.
POSITION = "\0position"
FOLD = "\0fold"


@dataclass(frozen=True)
class SettledBatch:
    """What became of the rows of one batch.

    Parameters
    ----------
    rows : pyarrow.RecordBatch
        Usable rows: id, split (null where time decides), :data:`POSITION` in the raw dataset,
        :data:`FOLD`, the target, the inputs and the time with their types, and what is kept.
    digests : tuple of ndarray of shape (n_usable,), uint64
        Of the id, and of what each ``drop_duplicates`` compares.
    quarantined : pyarrow.RecordBatch
        With the columns of the quarantine.
    n_by_kind : mapping of str to int
        Quarantined rows by their first reason, without values.
    n_missing : mapping of str to int
        Missing values on arrival by column, of all rows of the batch.
    changes : mapping of (column, what) to int
    """

    rows: pa.RecordBatch
    digests: tuple[Digests, ...]
    quarantined: pa.RecordBatch
    n_by_kind: Mapping[str, int]
    n_missing: Mapping[str, int]
    changes: Mapping[tuple[str, str], int]


class RowSettler:
    """Settles batches; keeps nothing from one to the next.

    Parameters
    ----------
    workflow : Workflow

    Attributes
    ----------
    plain : tuple of Transformer or DropDuplicates
        The operations of the first pass.
    later : tuple of Transformer
        Those of the second: the first that learns, needs all rows or adds columns, and all behind it.
    duplicates : tuple of DropDuplicates
    """

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        operations = build_operations(workflow)
        n_plain = next(
            (i for i, o in enumerate(operations) if _is_for_second_pass(o)), len(operations)
        )
        self.plain = operations[:n_plain]
        self.later = tuple(o for o in operations[n_plain:] if isinstance(o, Transformer))
        self.duplicates = tuple(o for o in operations if isinstance(o, DropDuplicates))
        marking = [i for i, o in enumerate(self.plain) if isinstance(o, MarkMissing)]
        self._last_marking = marking[-1] if marking else -1

    def settle(
        self, raw: pa.RecordBatch, first: int, rejected: Mapping[int, str] | None = None
    ) -> SettledBatch:
        """Settle some rows.

        Parameters
        ----------
        raw : pyarrow.RecordBatch with n_rows rows
            With the columns of the raw dataset.
        first : int
            The place of its first row in that dataset.
        rejected : mapping of int to str, optional
            Places in the batch of rows that validation rejected, and why.

        Returns
        -------
        SettledBatch

        Raises
        ------
        CleaningError
            When a column is missing or its type can never be converted.
        """
        workflow, columns = self.workflow, self.workflow.columns
        self._check_columns(raw)
        named = dict.fromkeys(n for n in (columns.target, *columns.inputs, columns.time) if n)
        frame: Frame = {name: read_column(raw.column(name), name) for name in named}
        ids = raw.column(ID_COLUMN)
        problems = _list_rejected(rejected or {})
        problems += find_unidentified_rows(ids)
        id_digests = digest_rows({ID_COLUMN: ids}, [ID_COLUMN])
        frame, digests, counted, changes = self._transform(frame, raw, id_digests, problems)
        target = None
        if columns.target is not None:
            target, more = self._read_target(frame.pop(columns.target), columns.target)
            problems += more
        problems += find_unusable_rows(frame, columns)
        hashes = hash_ids(id_digests, workflow.name)
        parts = self._split(raw, hashes, problems)

        rejection = reject_rows(problems, raw.num_rows)
        is_usable = ~rejection.is_rejected
        arrays = {
            ID_COLUMN: ids,
            SPLIT_COLUMN: parts,
            POSITION: pa.array(np.arange(first, first + raw.num_rows)),
            FOLD: pa.array(to_folds(hashes)),
            **({str(columns.target): target} if target is not None else {}),
            **{name: to_arrow(column) for name, column in frame.items()},
            **{name: raw.column(name) for name in columns.keep},
        }
        rows = pa.RecordBatch.from_pydict(arrays)
        all_digests = (id_digests, *digests)
        if not is_usable.all():
            rows = rows.filter(pa.array(is_usable))
            all_digests = tuple(d[is_usable] for d in all_digests)
        quarantined = (
            raw.filter(pa.array(rejection.is_rejected))
            if len(rejection.reasons)
            else raw.slice(0, 0)
        )
        return SettledBatch(
            rows=rows,
            digests=all_digests,
            quarantined=shape_quarantine(quarantined, rejection.reasons),
            n_by_kind=rejection.n_by_kind,
            n_missing=counted,
            changes=changes,
        )

    def _read_target(self, column: Column, name: str) -> tuple[pa.Array, tuple[Problem, ...]]:
        if self.workflow.class_column is None:
            return to_values(column, name)
        return to_classes(column, name, self.workflow.columns.classes)

    def _transform(
        self,
        frame: Frame,
        raw: pa.RecordBatch,
        id_digests: Digests,
        problems: list[Problem],
    ) -> tuple[Frame, list[Digests], dict[str, int], Counter[tuple[str, str]]]:
        changes: Counter[tuple[str, str]] = Counter()
        digests: list[Digests] = []
        counted: dict[str, int] = {}
        for i, operation in enumerate(self.plain):
            if isinstance(operation, DropDuplicates):
                digests.append(self._digest(operation, frame, raw, id_digests))
                continue
            transformed = operation.transform(frame)
            frame = transformed.frame
            problems += transformed.problems
            changes.update(transformed.changes)
            if i == self._last_marking:
                counted = {n: int(find_missing(c).sum()) for n, c in frame.items()}
        return frame, digests, counted, changes

    def _digest(
        self, step: DropDuplicates, frame: Frame, raw: pa.RecordBatch, id_digests: Digests
    ) -> Digests:
        names = list_compared(step, self.workflow.columns)
        others = {  # columns that are only kept
            name: read_column(raw.column(name), name)
            for name in names
            if name not in frame and name != ID_COLUMN
        }
        return digest_rows({**frame, **others}, names, known={ID_COLUMN: id_digests})

    def _split(
        self, raw: pa.RecordBatch, hashes: npt.NDArray[np.uint64], problems: list[Problem]
    ) -> pa.Array:
        split = self.workflow.split
        if isinstance(split, HashSplit):
            return split_by_hash(hashes, split)
        if isinstance(split, SourceSplit):
            parts, more = split_by_source(hashes, raw.column(SPLIT_COLUMN), split)
            problems += more
            return parts
        if isinstance(split, NoSplit):
            return pa.repeat(TRAIN, raw.num_rows)
        return pa.nulls(raw.num_rows, pa.string())  # by time, when all times are known

    def _check_columns(self, raw: pa.RecordBatch) -> None:
        needed = [ID_COLUMN, *self.workflow.columns.read]
        if isinstance(self.workflow.split, SourceSplit):
            needed.append(SPLIT_COLUMN)
        for name in needed:
            if name not in raw.schema.names:
                raise CleaningError(
                    f"The raw data have no column {name!r}.",
                    expected=nearest(name, raw.schema.names),
                    hint="correct 'columns' or 'split' in the workflow file",
                )


def list_compared(step: DropDuplicates, columns: Columns) -> list[str]:
    """Names of the columns that a step compares, the id under the name it has in datasets."""
    return [ID_COLUMN if name == columns.id else name for name in step.by]


def read_settled(
    rows: pa.RecordBatch, names: Sequence[str], is_kept: npt.NDArray[np.bool_] | None = None
) -> Frame:
    """Read some columns of settled rows as a frame.

    Parameters
    ----------
    rows : pyarrow.RecordBatch with n_rows rows
        As :meth:`RowSettler.settle` makes them.
    names : sequence of str
    is_kept : ndarray of shape (n_rows,), bool, optional

    Returns
    -------
    Frame
    """
    frame: Frame = {name: read_column(rows.column(name), name) for name in names}
    return frame if is_kept is None else filter_rows(frame, is_kept)


def _is_for_second_pass(operation: CleaningOperation) -> bool:
    # The calendar needs no other rows; but what it puts in the place of a date has no name yet when
    # the second pass, and the checks between the two, read the columns that arrived.
    return isinstance(operation, Transformer) and (
        operation.is_learned or operation.needs_all_rows or isinstance(operation, CalendarParts)
    )


def _list_rejected(rejected: Mapping[int, str]) -> list[Problem]:
    if not rejected:
        return []
    rows = np.array(list(rejected), dtype=np.int64)
    return [Problem(RAW_SUITE, NOT_MET, rows, list(rejected.values()))]

"""Second pass of the cleaning, second half: settled rows through the fitted steps to clean rows.

Pure, batch by batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.cleaning.quarantine import reject_rows
from tasks.cleaning.settle import FOLD, POSITION, read_settled
from tasks.cleaning.split import TRAIN, TimeBounds
from tasks.cleaning.tally import Class, count_by_part
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.preparation.frame import Frame, count_rows, to_arrow
from tasks.preparation.preparation import find_unusable
from tasks.preparation.transformer import Problem, Transformer
from tasks.workflow import Columns


@dataclass(frozen=True)
class FinishedBatch:
    """What became of the settled rows of one batch, or of a whole series.

    Parameters
    ----------
    rows : pyarrow.RecordBatch
        Clean rows: ``id``, ``split``, the target, the features or the image, the time, and what is
        kept.
    n_by_part : mapping of (part, class) to int
    rejected : mapping of int to str
        Places in the raw dataset of rows that still cannot be used, and why.
    n_by_kind : mapping of str to int
        The same rows by their first reason, without values.
    changes : mapping of (column, what) to int
    """

    rows: pa.RecordBatch
    n_by_part: Mapping[tuple[str, Class], int]
    rejected: Mapping[int, str]
    n_by_kind: Mapping[str, int]
    changes: Mapping[tuple[str, str], int]


class RowFinisher:
    """Finishes batches of settled rows.

    Parameters
    ----------
    columns : Columns
    transformers : sequence of Transformer
        Fitted.
    features : sequence of str
        Names of the features that come out; empty for images.
    bounds : TimeBounds, optional
        Where time decides the split.
    class_column : str, optional
        The target, where it holds classes: rows are counted by it.
    """

    def __init__(
        self,
        columns: Columns,
        transformers: Sequence[Transformer],
        features: Sequence[str],
        bounds: TimeBounds | None,
        class_column: str | None,
    ) -> None:
        self.class_column = class_column
        self.columns = columns
        self.transformers = transformers
        self.features = features
        self.bounds = bounds

    def finish(self, settled: pa.RecordBatch, is_kept: npt.NDArray[np.bool_]) -> FinishedBatch:
        """Finish some rows.

        Parameters
        ----------
        settled : pyarrow.RecordBatch with n_rows rows
        is_kept : ndarray of shape (n_rows,), bool
            False for duplicates.

        Returns
        -------
        FinishedBatch
        """
        columns = self.columns
        if not is_kept.all():
            settled = settled.filter(pa.array(is_kept))
        frame = read_settled(settled, list_inputs(columns))
        times = frame[columns.time] if columns.time is not None else None
        parts = settled.column(SPLIT_COLUMN)
        if self.bounds is not None and times is not None:
            parts = self.bounds.name_parts(np.asarray(times))
        is_training = np.asarray(pc.equal(parts, TRAIN))
        folds = np.where(is_training, np.asarray(settled.column(FOLD)), -1)
        frame, problems, changes = transform_rows(self.transformers, frame, folds)
        problems += find_unusable(frame, self.features)
        rejection = reject_rows(problems, settled.num_rows)
        rows = shape_clean_rows(columns, settled, parts, frame, self.features, times)
        places = np.asarray(settled.column(POSITION))[rejection.is_rejected].tolist()
        if places:
            rows = rows.filter(pa.array(~rejection.is_rejected))
        return FinishedBatch(
            rows=rows,
            n_by_part=count_by_part(rows, self.class_column),
            rejected=dict(zip(places, rejection.reasons, strict=True)),
            n_by_kind=rejection.n_by_kind,
            changes=changes,
        )


def list_inputs(columns: Columns) -> list[str]:
    """Names of the columns that the learning steps see: the inputs and the time."""
    names = [*columns.inputs, *([columns.time] if columns.time is not None else [])]
    return list(dict.fromkeys(names))


def transform_rows(
    transformers: Sequence[Transformer], frame: Frame, folds: npt.NDArray[np.int64] | None
) -> tuple[Frame, list[Problem], Counter[tuple[str, str]]]:
    """Send rows through fitted transformers; the number of rows stays."""
    problems: list[Problem] = []
    changes: Counter[tuple[str, str]] = Counter()
    for transformer in transformers:
        transformed = transformer.transform(frame, folds)
        frame = transformed.frame
        problems += transformed.problems
        changes.update(transformed.changes)
    return frame, problems, changes


def shape_clean_rows(
    columns: Columns,
    settled: pa.RecordBatch,
    parts: pa.Array,
    frame: Frame,
    features: Sequence[str],
    times: npt.NDArray[np.datetime64] | None,
) -> pa.RecordBatch:
    """Give rows the columns of the clean dataset.

    Parameters
    ----------
    columns : Columns
    settled : pyarrow.RecordBatch with n_rows rows
        Gives the id, the target and what is kept.
    parts : pyarrow.StringArray of length n_rows
    frame : Frame with n_rows rows
        Gives the features, or the image.
    features : sequence of str
    times : ndarray of shape (n_rows,), datetime64[us], optional

    Returns
    -------
    pyarrow.RecordBatch with n_rows rows
    """
    arrays: dict[str, pa.Array] = {ID_COLUMN: settled.column(ID_COLUMN), SPLIT_COLUMN: parts}
    if columns.target is not None:
        arrays[columns.target] = settled.column(columns.target)
    if columns.image is not None:
        arrays[columns.image.column] = settled.column(columns.image.column)
    for name in features:
        arrays[name] = to_arrow(frame[name])
    if times is not None and columns.time is not None and columns.time not in arrays:
        arrays[columns.time] = to_arrow(times)
    for name in columns.keep:
        arrays[name] = settled.column(name)
    if frame and count_rows(frame) != settled.num_rows:  # none where only kept columns are read
        raise ValueError("a step of the cleaning changed the number of rows")
    return pa.RecordBatch.from_pydict(arrays)

"""The second pass for a series whose steps need all rows in order of time: a grid, gaps filled from their neighbours.

Pure; in place of ``finish.py``, which sees a batch at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.cleaning.finish import (
    FinishedBatch,
    list_inputs,
    shape_clean_rows,
    transform_rows,
)
from tasks.cleaning.learn import find_good_rows
from tasks.cleaning.quarantine import reject_rows
from tasks.cleaning.settle import FOLD, POSITION, read_settled
from tasks.cleaning.split import TRAIN, TimeBounds
from tasks.cleaning.tally import count_by_part
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import CleaningError
from tasks.preparation.frame import Frame, count_rows
from tasks.preparation.preparation import find_unusable
from tasks.preparation.time_grid import find_gaps
from tasks.preparation.transformer import Problem, Transformer
from tasks.preparation.transformers.series import RegularGrid
from tasks.workflow import Columns

# A series is in memory as a whole, some hundred bytes a row: 50 years of five-minute values.
MAX_SERIES_ROWS = 5_000_000


@dataclass(frozen=True)
class FinishedSeries(FinishedBatch):
    """What became of the settled rows of a series: its clean rows are in order of time.

    Parameters
    ----------
    n_added : int
        Rows of the grid that no row arrived for, and that could be filled.
    n_merged : int
        Rows that were averaged into a step together with an earlier one.
    gaps : tuple of mapping
        Missing steps in a row: ``first`` and ``last`` as ISO 8601, ``n_steps``; none without a grid.
    """

    n_added: int
    n_merged: int
    gaps: tuple[Mapping[str, Any], ...]


def sort_series(settled: pa.Table, columns: Columns) -> pa.RecordBatch:
    """Bring settled rows in order of time, in one piece.

    Raises
    ------
    CleaningError
        When there are more than :data:`MAX_SERIES_ROWS`.
    """
    if settled.num_rows > MAX_SERIES_ROWS:
        raise CleaningError(
            f"The series has {settled.num_rows:,} rows.",
            expected=f"at most {MAX_SERIES_ROWS:,}, which is what the memory is planned for",
            hint="let a coarser 'source' or fewer files in, or leave the steps in time order out",
        )
    order = np.argsort(np.asarray(settled[columns.time].to_numpy()), kind="stable")
    return settled.take(pa.array(order)).combine_chunks().to_batches()[0]


def finish_series(
    columns: Columns,
    transformers: Sequence[Transformer],
    features: Sequence[str],
    settled: pa.RecordBatch,
    bounds: TimeBounds | None,
    class_column: str | None,
) -> FinishedSeries:
    """Finish a whole series.

    Parameters
    ----------
    columns : Columns
    transformers : sequence of Transformer
        Fitted on the training rows.
    features : sequence of str
        Names of the features that come out.
    settled : pyarrow.RecordBatch
        In order of time.
    bounds : TimeBounds, optional
        Where time decides the split.
    class_column : str, optional
        The target, where it holds classes: rows are counted by it.

    Returns
    -------
    FinishedSeries
    """
    time = str(columns.time)
    # The ids go along, so that it is known which row of the grid came from which row.
    frame: Frame = {
        **read_settled(settled, list_inputs(columns)),
        ID_COLUMN: settled.column(ID_COLUMN),
    }
    folds = None
    if bounds is None:
        is_training = np.asarray(pc.equal(settled.column(SPLIT_COLUMN), TRAIN))
        folds = np.where(is_training, np.asarray(settled.column(FOLD)), -1)
    gaps = _find_gaps(transformers, np.asarray(frame[time]))
    n_before = count_rows(frame)
    problems: list[Problem] = []
    changes: Counter[tuple[str, str]] = Counter()
    times = frame[time]
    for transformer in transformers:
        frame, more, changed = transform_rows([transformer], frame, folds)
        problems += more
        changes.update(changed)
        times = frame.get(time, times)  # until a step takes the calendar from it
    ids = frame.pop(ID_COLUMN)
    problems += find_unusable(frame, features)

    place = pc.index_in(ids, value_set=settled.column(ID_COLUMN))
    is_added = np.asarray(place.is_null())
    rejection = reject_rows(_leave_out(problems, is_added), len(ids))
    positions = np.asarray(settled.column(POSITION).take(place).fill_null(-1))
    # A step of the grid that could not be filled was never a row: it is not added.
    is_good = find_good_rows(problems, len(ids))

    grid = settled.take(place)
    grid = grid.set_column(grid.schema.get_field_index(ID_COLUMN), ID_COLUMN, ids)
    parts = grid.column(SPLIT_COLUMN)
    if bounds is not None:
        parts = bounds.name_parts(np.asarray(times))
    rows = shape_clean_rows(columns, grid, parts, frame, features, np.asarray(times))
    rows = rows.filter(pa.array(is_good))
    return FinishedSeries(
        rows=rows,
        n_by_part=count_by_part(rows, class_column),
        rejected=dict(
            zip(positions[rejection.is_rejected].tolist(), rejection.reasons, strict=True)
        ),
        n_by_kind=rejection.n_by_kind,
        changes=changes,
        n_added=int((is_added & is_good).sum()),
        n_merged=n_before - int((~is_added).sum()),
        gaps=gaps,
    )


def _find_gaps(
    transformers: Sequence[Transformer], times: npt.NDArray[np.datetime64]
) -> tuple[Mapping[str, Any], ...]:
    grid = next((t for t in transformers if isinstance(t, RegularGrid)), None)
    if grid is None:
        return ()
    return tuple(
        {"first": str(gap.first), "last": str(gap.last), "n_steps": int(gap.n_steps)}
        for gap in find_gaps(times, grid.every)
    )


def _leave_out(problems: Sequence[Problem], is_added: npt.NDArray[np.bool_]) -> list[Problem]:
    """Keep the problems of rows that came from somewhere."""
    left = []
    for problem in problems:
        is_told = ~is_added[problem.rows]
        values = problem.values
        if values is not None:
            values = [v for v, told in zip(values, is_told, strict=True) if told]
        left.append(Problem(problem.column, problem.kind, problem.rows[is_told], values))
    return left

"""The raw series on tonight's time grid, and the windows by which forecasts are judged.

Pure functions on tables, used by the evaluate step. Models are given raw values, as they would be when
they are served; what came is raw too, so that nobody is judged by a value that cleaning has filled in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import EvaluationError, nearest
from tasks.preparation.build import build_typing
from tasks.preparation.frame import Frame, filter_rows, find_kind, read_column, take_rows
from tasks.preparation.transformer import Transformer
from tasks.preparation.transformers.series import RegularGrid
from tasks.preparation.windows import ForecastShape, find_starts
from tasks.workflow import Workflow
from tasks.workflow.cleaning import DropDuplicates

HOLDOUT, VALIDATION = "holdout", "validation"

# Forecasts of all models lie in memory: 160 MB a model. Of a longer series every second window, every
# third, and so on, is judged: neighbours say nearly the same.
MAX_VALUES = 20_000_000
_SECOND = np.timedelta64(1_000_000, "us")


@dataclass(frozen=True)
class RawSeries:
    """Raw values step by step.

    Parameters
    ----------
    times : ndarray of shape (n_steps,), datetime64[us]
        Rising.
    columns : tuple of str
    values : ndarray of shape (n_steps, n_columns), float64
        Times as seconds since 1970; NaN where nothing was measured.
    """

    times: npt.NDArray[np.datetime64]
    columns: tuple[str, ...]
    values: npt.NDArray[np.float64]

    def cut(
        self, starts: npt.NDArray[np.int64], length: int, columns: Sequence[str]
    ) -> npt.NDArray[np.float64]:
        """Cut pieces out.

        Parameters
        ----------
        starts : ndarray of shape (n_pieces,), int64
            Places of their first steps.
        length : int
        columns : sequence of str

        Returns
        -------
        ndarray of shape (n_pieces, length, n_columns), float64
        """
        values = self.values[:, [self.columns.index(name) for name in columns]]
        return np.asarray(values[starts[:, np.newaxis] + np.arange(length)])


@dataclass(frozen=True)
class Origins:
    """The first steps ahead of the windows that are judged.

    Parameters
    ----------
    places : ndarray of shape (n_windows,), int64
        In the raw series, in order of time within each part.
    is_holdout : ndarray of shape (n_windows,), bool
        False marks a validation window.
    stride : int
        Steps from one window to the next.
    """

    places: npt.NDArray[np.int64]
    is_holdout: npt.NDArray[np.bool_]
    stride: int

    def keep(self, is_kept: npt.NDArray[np.bool_]) -> Origins:
        """Keep some of them."""
        return Origins(self.places[is_kept], self.is_holdout[is_kept], self.stride)


def arrange_series(
    raw: pa.Table,
    clean: pa.Table,
    workflow: Workflow,
    columns: Sequence[str],
    shape: ForecastShape,
    quarantined: pa.ChunkedArray | None = None,
) -> RawSeries:
    """Bring raw rows on the time grid that the clean rows are on.

    Parameters
    ----------
    raw : pyarrow.Table
        With the id, the time, ``columns``, and what ``drop_duplicates`` compares.
    clean : pyarrow.Table with at least one row
        Id and time of the clean rows, in order of time.
    workflow : Workflow
        Says how columns get their types, and which rows repeat another one.
    columns : sequence of str
        That models read, or forecast.
    shape : ForecastShape
        Tonight's.
    quarantined : pyarrow.ChunkedArray, optional
        Ids of rows that cannot be used.

    Returns
    -------
    RawSeries
        Without a grid, the rows that cleaning has kept; on a grid, its steps from the first clean
        row on, rows of one step averaged.

    Raises
    ------
    EvaluationError
        When a clean row is not among the raw ones, or a column holds no numbers.
    """
    firsts = pc.index_in(clean[ID_COLUMN], value_set=raw[ID_COLUMN].combine_chunks())
    if shape.every is None:
        if firsts.null_count:
            raise EvaluationError(
                f"{firsts.null_count} of {clean.num_rows} clean rows are not among the raw rows.",
                expected="every clean row's id among the raw rows",
                hint="clear the tasks ingest and clean together, so that they belong to each other",
            )
        frame = _type_columns(raw.take(firsts), workflow)
        times = np.asarray(clean[shape.time].to_numpy(), dtype="M8[us]")
        return RawSeries(times, tuple(columns), _stack(frame, columns))
    usable = raw.filter(_find_usable(raw[ID_COLUMN], clean[ID_COLUMN], quarantined))
    frame = _drop_repeats(_type_columns(usable, workflow), workflow)
    anchor = np.asarray(clean[shape.time].slice(0, 1).to_numpy(), dtype="M8[us]")
    gridded = _place_on_grid(frame, columns, shape.time, shape.every, anchor)
    return RawSeries(np.asarray(gridded[shape.time]), tuple(columns), _stack(gridded, columns))


def find_origins(series: RawSeries, clean: pa.Table, shape: ForecastShape) -> Origins:
    """Find the windows whose whole horizon lies in the hold-out, or in the validation rows.

    Parameters
    ----------
    series : RawSeries
    clean : pyarrow.Table
        Time and split of the clean rows, in order of time.
    shape : ForecastShape
        Tonight's.

    Returns
    -------
    Origins
        Validation windows first. Every second, third, ... alone where forecasts of all of them
        would take more than :data:`MAX_VALUES` numbers.

    Raises
    ------
    EvaluationError
        When the hold-out has no window, or the raw series not the clean rows' times.
    """
    times = np.asarray(clean[shape.time].to_numpy(), dtype="M8[us]")
    found = {
        part: find_starts(times, np.asarray(pc.equal(clean[SPLIT_COLUMN], part)), shape)
        for part in (VALIDATION, HOLDOUT)
    }
    if not len(found[HOLDOUT]):
        n_rows = pc.sum(pc.equal(clean[SPLIT_COLUMN], HOLDOUT)).as_py() or 0
        raise EvaluationError(
            f"No forecast can be judged: the hold-out's {n_rows} steps hold no {shape.horizon} that "
            f"follow each other and {shape.window} before them.",
            expected=f"at least {shape.n_steps} clean steps without a gap, the last {shape.horizon} "
            "of them in the hold-out",
            hint="raise 'split.holdout', shorten 'predict.window' or 'predict.horizon', or let "
            "cleaning fill the gaps",
        )
    n_values = sum(map(len, found.values())) * shape.horizon * len(shape.columns)
    stride = -(-n_values // MAX_VALUES)
    starts = np.concatenate([part[::stride] for part in found.values()])
    n_validation = len(found[VALIDATION][::stride])
    places = np.searchsorted(series.times, times[starts])
    # Neighbours of a window follow each other on the clean rows' grid, so they do here.
    is_there = places + shape.n_steps <= len(series.times)
    is_there[is_there] = series.times[places[is_there]] == times[starts[is_there]]
    if not is_there.all():
        raise EvaluationError(
            f"The raw series has no step at {times[starts[~is_there]][0]}, where a clean row is.",
            expected="the steps of the clean rows",
            hint="clear the tasks ingest and clean together, so that they belong to each other",
        )
    return Origins(places + shape.window, np.arange(len(starts)) >= n_validation, stride)


def list_compared_columns(workflow: Workflow) -> list[str]:
    """Names of the columns that tell repeated rows, as they are in the raw dataset."""
    own_id = workflow.columns.id
    names = [name for step in _list_drops(workflow) for name in step.by]
    return [ID_COLUMN if name == own_id else name for name in dict.fromkeys(names)]


def _list_drops(workflow: Workflow) -> list[DropDuplicates]:
    settings = [step.settings for step in workflow.cleaning]
    return [step for step in settings if isinstance(step, DropDuplicates)]


def _find_usable(
    ids: pa.ChunkedArray, clean_ids: pa.ChunkedArray, quarantined: pa.ChunkedArray | None
) -> pa.Array:
    """Find the rows that cleaning has looked at: an id's first, unless it went to quarantine."""
    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    is_first = np.zeros(len(ids), dtype=bool)
    is_first[np.unique(codes, return_index=True)[1]] = True
    is_first &= np.asarray(ids.is_valid())
    if quarantined is not None:
        was_refused = pc.is_in(ids, value_set=quarantined.combine_chunks())
        is_clean = pc.is_in(ids, value_set=clean_ids.combine_chunks())  # a repeated id's first row
        is_first &= ~np.asarray(was_refused) | np.asarray(is_clean)
    return pa.array(is_first)


def _type_columns(raw: pa.Table, workflow: Workflow) -> Frame:
    frame: Frame = {name: read_column(raw[name], name) for name in raw.column_names}
    kept = {name: frame.pop(name) for name in raw.column_names if name == ID_COLUMN}
    for transformer in build_typing(workflow):
        frame = transformer.transform(frame).frame
    return {**kept, **frame}


def _drop_repeats(frame: Frame, workflow: Workflow) -> Frame:
    import pandas as pd

    for step in _list_drops(workflow):
        names = [ID_COLUMN if name == workflow.columns.id else name for name in step.by]
        compared = pd.DataFrame({n: np.asarray(frame[n]) for n in names if n in frame})
        frame = filter_rows(frame, ~compared.duplicated(keep=step.keep).to_numpy())
    return frame


def _place_on_grid(
    frame: Frame,
    columns: Sequence[str],
    time: str,
    every: str,
    anchor: npt.NDArray[np.datetime64],
) -> Frame:
    """Average rows by the steps of the grid that begins at ``anchor``, a time of shape (1,)."""
    times = np.asarray(frame[time])
    rows = np.flatnonzero(times >= anchor)  # false for missing times
    chosen = take_rows({name: _get_numbers(frame, name) for name in columns if name != time}, rows)
    # A row of nothing at the anchor: wherever the first row lies, the grid begins there.
    placed: Frame = {
        name: np.concatenate([[np.nan], np.asarray(column)]) for name, column in chosen.items()
    }
    placed[time] = np.concatenate([anchor, times[rows]])
    grid: Transformer = RegularGrid(time, every)
    return grid.transform(placed).frame


def _stack(frame: Frame, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    return np.stack([_get_numbers(frame, name) for name in columns], axis=1)


def _get_numbers(frame: Frame, name: str) -> npt.NDArray[np.float64]:
    if name not in frame:
        raise EvaluationError(
            f"The raw rows have no column {name!r}.",
            expected=nearest(name, list(frame)),
            hint="the champion reads a column that no longer arrives: remove its alias, so that "
            "tonight's best model can take its place",
        )
    column = frame[name]
    kind = find_kind(column)
    if kind == "date":
        since = np.asarray(column) - np.datetime64(0, "us")
        return np.asarray(since / _SECOND, dtype=np.float64)  # NaT becomes NaN
    if kind != "number":
        raise EvaluationError(
            f"The raw column {name!r} holds {kind}s.",
            expected="numbers, of which windows are made",
            hint=f"add 'convert: {{columns: [{name}], to: number}}' to 'cleaning'",
        )
    return np.asarray(column)

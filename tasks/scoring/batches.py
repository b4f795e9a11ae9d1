"""Batches of raw rows through the champion; what it refuses costs the row and not the batch.

Pure but for the model it calls; ``step.py`` writes what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import tensor_column_to_array
from tasks.errors import ScoringError, get_first_line

if TYPE_CHECKING:
    import pandas as pd

# Rows that are given to the model at once, and all that is in memory of the predictions: 6 MiB of
# images of 28 x 28 pixels. More are no faster.
ROWS_PER_BATCH = 4096
# A model that has refused so many rows and predicted none is asked no further.
MAX_REFUSED_AT_FIRST = 200
MAX_REASON_CHARACTERS = 300

# A model numbers the rows of the piece it was given, which says nothing to a reader.
_NUMBERED = re.compile(r"^Row \d+ cannot be predicted: ")

Predict = Callable[[pa.RecordBatch], pa.RecordBatch]


@dataclass(frozen=True)
class Scored:
    """What became of a batch.

    Parameters
    ----------
    rows : pyarrow.RecordBatch with n_rows rows
        As they were given.
    places : ndarray of shape (n_scored,), int64
        Of the rows that were predicted, rising.
    outputs : pyarrow.Table with n_scored rows
        What the model says of them.
    refused : ndarray of shape (n_refused,), int64
        Places of the others, rising.
    reasons : tuple of str of length n_refused
    """

    rows: pa.RecordBatch
    places: npt.NDArray[np.int64]
    outputs: pa.Table
    refused: npt.NDArray[np.int64]
    reasons: tuple[str, ...]


@dataclass
class _Pieces:
    """What the pieces of a batch have come to so far."""

    outputs: list[tuple[int, pa.RecordBatch]] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


def score_batches(batches: Iterable[pa.RecordBatch], predict: Predict) -> Iterator[Scored]:
    """Let a model predict batches of rows.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
    predict : callable
        From rows to as many predictions; may raise anything.

    Yields
    ------
    Scored
        One per batch that has rows.

    Raises
    ------
    ScoringError
        When the first :data:`MAX_REFUSED_AT_FIRST` rows are refused, or all that there are.

    Notes
    -----
    A batch that raises is halved until the rows that are at fault stand alone: of b such rows among
    n it costs about b log2(n) calls, each on fewer rows.
    """
    n_scored, n_refused = 0, 0
    first_reason = ""
    for rows in batches:
        if not rows.num_rows:
            continue
        pieces = _Pieces()
        patience = MAX_REFUSED_AT_FIRST - n_refused if not n_scored else None
        _predict(rows, 0, predict, pieces, patience)
        scored = _join(rows, pieces)
        n_scored += len(scored.places)
        n_refused += len(scored.refused)
        first_reason = first_reason or next(iter(scored.reasons), "")
        yield scored
    if n_refused and not n_scored:
        raise _refuse_all(n_refused, first_reason)
    if not n_scored:
        raise ScoringError(
            "There is no row to score.",
            expected="at least one row that has arrived",
            hint="see 'scoring.source' in the workflow file, or 'source', and what lies there",
        )


def make_predict(model: Any, columns: tuple[str, ...], *, of_images: bool) -> Predict:
    """Make the call of a served model: Arrow rows in, Arrow columns out.

    Parameters
    ----------
    model : mlflow.pyfunc.PyFuncModel
        Of classes or numbers.
    columns : tuple of str
        The raw columns it reads.
    of_images : bool
        Whether the only column holds tensors, which the model is given as one array.

    Returns
    -------
    callable
        Gives ``prediction``, and of classes a column ``probability_<class>`` for each.
    """

    def predict(rows: pa.RecordBatch) -> pa.RecordBatch:
        given: Any
        if of_images:
            given = tensor_column_to_array(rows.column(columns[0]))
        else:
            given = rows.select(list(columns)).to_pandas()
        said = model.predict(given)
        return pa.RecordBatch.from_arrays(
            [_to_arrow(said[name]) for name in said.columns], [str(n) for n in said.columns]
        )

    return predict


def _to_arrow(values: pd.Series[Any]) -> pa.Array:
    column = pa.Array.from_pandas(values)
    # pandas may keep text in any of Arrow's types for it; a dataset has one.
    is_text = pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type)
    return column.cast(pa.string()) if is_text else column


def _predict(
    rows: pa.RecordBatch, start: int, predict: Predict, pieces: _Pieces, patience: int | None
) -> None:
    try:
        pieces.outputs.append((start, predict(rows)))
    except Exception as error:  # noqa: BLE001 - a model runs its own code, which may raise anything
        reason = tell_reason(error)
    else:
        return
    if rows.num_rows > 1:
        half = rows.num_rows // 2
        _predict(rows.slice(0, half), start, predict, pieces, patience)
        _predict(rows.slice(half), start + half, predict, pieces, patience)
        return
    pieces.refused.append((start, reason))
    if patience is not None and not pieces.outputs and len(pieces.refused) >= patience:
        raise _refuse_all(len(pieces.refused), pieces.refused[0][1])


def tell_reason(error: Exception) -> str:
    """Tell in one line why a row was refused."""
    # What happened; the lines below it say what was expected, the same for every row.
    text = " ".join(get_first_line(error).split())
    return _NUMBERED.sub("", text)[:MAX_REASON_CHARACTERS]


def _refuse_all(n_refused: int, reason: str) -> ScoringError:
    return ScoringError(
        f"The champion refuses all of the first {n_refused} rows; the first: {reason}",
        expected="rows such as the champion was trained on",
        hint="see 'scoring.source' in the workflow file, and what has changed at the source",
    )


def _join(rows: pa.RecordBatch, pieces: _Pieces) -> Scored:
    places = [
        np.arange(start, start + outputs.num_rows, dtype=np.int64)
        for start, outputs in pieces.outputs
    ]
    return Scored(
        rows,
        np.concatenate(places) if places else np.empty(0, dtype=np.int64),
        pa.Table.from_batches([outputs for _, outputs in pieces.outputs])
        if pieces.outputs
        else pa.table({}),
        np.array([place for place, _ in pieces.refused], dtype=np.int64),
        tuple(reason for _, reason in pieces.refused),
    )

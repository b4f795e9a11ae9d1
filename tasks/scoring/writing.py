"""What is written of a scoring: predictions with the version that made them, and refused rows with the reason.

Pure functions from what the champion said to rows of the published datasets.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset.columns import ID_COLUMN, LINE_COLUMN, QUARANTINE_SCHEMA, SOURCE_COLUMN
from tasks.preparation.windows import ForecastShape
from tasks.scoring.batches import Scored
from tasks.scoring.windows import LatestWindow


@dataclass(frozen=True)
class Stamp:
    """What every prediction says of its origin.

    Parameters
    ----------
    model_version : str
    night : datetime.date
        What had arrived by then was read.
    scored_at : datetime.datetime
        When the scoring was opened, with a zone; a retry writes the same.
    """

    model_version: str
    night: datetime.date
    scored_at: datetime.datetime

    def make_columns(self, n_rows: int) -> dict[str, pa.Array]:
        """Make columns of the same values for so many rows."""
        values = {
            "model_version": pa.scalar(self.model_version, pa.string()),
            "night": pa.scalar(self.night, pa.date32()),
            "scored_at": pa.scalar(self.scored_at, pa.timestamp("us", "UTC")),
        }
        return {name: pa.repeat(value, n_rows) for name, value in values.items()}


def shape_predictions(
    scored: Scored, is_new: npt.NDArray[np.bool_] | None, stamp: Stamp
) -> pa.RecordBatch:
    """Shape what was predicted of a batch.

    Parameters
    ----------
    scored : Scored
        Of a champion of classes or numbers, with n_scored rows.
    is_new : ndarray of shape (n_rows,), bool, optional
        Whether a row of the batch has arrived since the champion's night.
    stamp : Stamp

    Returns
    -------
    pyarrow.RecordBatch with n_scored rows
        ``id``, ``prediction``, of classes ``probability_<class>`` (float32) for each, ``is_new``
        (missing where it is not known), and the stamp.
    """
    n_rows = len(scored.places)
    outputs = scored.outputs.combine_chunks()
    new = pa.nulls(n_rows, pa.bool_()) if is_new is None else pa.array(is_new[scored.places])
    ids = scored.rows.column(ID_COLUMN)
    columns = {
        ID_COLUMN: ids if n_rows == len(ids) else ids.take(pa.array(scored.places)),
        **{
            name: outputs[name].chunk(0) if outputs[name].num_chunks else outputs[name]
            for name in outputs.column_names
        },
        "is_new": new,
        **stamp.make_columns(n_rows),
    }
    return pa.RecordBatch.from_pydict(columns)


def shape_refused(scored: Scored) -> pa.RecordBatch:
    """Shape the rows of a batch that the champion refused.

    Returns
    -------
    pyarrow.RecordBatch with :data:`tasks.dataset.columns.QUARANTINE_SCHEMA`
        ``row`` holds what is no tensor, as JSON.
    """
    refused = scored.rows.take(pa.array(scored.refused))
    own = {ID_COLUMN, SOURCE_COLUMN, LINE_COLUMN}
    shown = [
        field.name
        for field in refused.schema
        if field.name not in own and not isinstance(field.type, pa.FixedShapeTensorType)
    ]
    places: Mapping[str, Any] = {
        name: refused.column(name) for name in own if name in refused.schema.names
    }
    texts = [
        json.dumps(row, default=str, ensure_ascii=False)
        for row in refused.select(shown).to_pylist()
    ]
    return pa.RecordBatch.from_pydict(
        {
            ID_COLUMN: places[ID_COLUMN],
            SOURCE_COLUMN: places[SOURCE_COLUMN],
            LINE_COLUMN: places[LINE_COLUMN],
            "reason": list(scored.reasons),
            "row": texts,
        },
        schema=QUARANTINE_SCHEMA,
    )


def shape_forecast(
    values: npt.NDArray[np.float64], window: LatestWindow, shape: ForecastShape, stamp: Stamp
) -> pa.RecordBatch:
    """Shape a forecast: one row per step ahead and column.

    Parameters
    ----------
    values : ndarray of shape (horizon, n_columns), float64
    window : LatestWindow
        Says the times.
    shape : ForecastShape
        Names the columns.
    stamp : Stamp

    Returns
    -------
    pyarrow.RecordBatch with horizon * n_columns rows
        ``time``, ``step`` (from 1), ``column``, ``prediction`` in the column's own unit, and the
        stamp.
    """
    n_columns = len(shape.columns)
    n_rows = shape.horizon * n_columns
    steps = np.arange(1, shape.horizon + 1, dtype=np.int64)
    return pa.RecordBatch.from_pydict(
        {
            "time": pa.array(np.repeat(window.ahead, n_columns), pa.timestamp("us")),
            "step": np.repeat(steps, n_columns),
            "column": pa.array(list(shape.columns) * shape.horizon, pa.string()),
            "prediction": values.reshape(-1),
            **stamp.make_columns(n_rows),
        }
    )

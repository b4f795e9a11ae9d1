"""Suppressed rows as rows of the quarantine, without what made them recognisable.

Pure; used by ``Protector``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa

from tasks.dataset.columns import ID_COLUMN, LINE_COLUMN, QUARANTINE_SCHEMA, SOURCE_COLUMN


def shape_suppressed_rows(
    rows: pa.RecordBatch, reasons: Sequence[str], personal: Collection[str]
) -> pa.RecordBatch:
    """Give suppressed rows the columns of the quarantine.

    Parameters
    ----------
    rows : pyarrow.RecordBatch with n_rows rows
        Of the raw dataset, protected.
    reasons : sequence of n_rows str
        Without values.
    personal : collection of str
        Columns that are left out; tensors are, too.

    Returns
    -------
    pyarrow.RecordBatch with :data:`QUARANTINE_SCHEMA`
    """
    left_out = {ID_COLUMN, SOURCE_COLUMN, LINE_COLUMN, *personal}
    others = [
        field.name
        for field in rows.schema
        if field.name not in left_out and not isinstance(field.type, pa.FixedShapeTensorType)
    ]
    texts = [
        json.dumps({k: _to_json(v) for k, v in row.items()}, ensure_ascii=False)
        for row in (rows.select(others).to_pylist() if others else [{}] * rows.num_rows)
    ]
    return pa.RecordBatch.from_arrays(
        [
            rows.column(ID_COLUMN),
            rows.column(SOURCE_COLUMN),
            rows.column(LINE_COLUMN),
            pa.array(reasons, pa.string()),
            pa.array(texts, pa.string()),
        ],
        schema=QUARANTINE_SCHEMA,
    )


def _to_json(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no NaN
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)

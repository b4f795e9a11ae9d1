"""Rows of a database's driver as Arrow columns, of types that do not change from batch to batch.

Used by ``sql.py``.
"""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from tasks.errors import SourceError

_MAX_EXACT_INTEGER = 2**53  # past it a float would be another number
_TIMESTAMP = pa.timestamp("us")
_ZONED_TIMESTAMP = pa.timestamp("us", "UTC")


def choose_type(values: Sequence[Any]) -> pa.DataType:
    """Choose the type of a column by its first values.

    Parameters
    ----------
    values : sequence
        As a driver gives them, None where missing.

    Returns
    -------
    pyarrow.DataType
        int64, float64, bool, date32, timestamp in microseconds (UTC where it has a zone), or
        string: for text, decimals, which keep their digits, JSON, times of day, several types in
        one column, and a column without values.
    """
    kinds = {_find_kind(value) for value in values if value is not None}
    if kinds == {pa.int64(), pa.float64()} and not _has_large_integer(values):
        return pa.float64()
    return kinds.pop() if len(kinds) == 1 else pa.string()


def make_column(values: Sequence[Any], kind: pa.DataType, name: str, where: str) -> pa.Array:
    """Make a column of a type that earlier values have chosen.

    Raises
    ------
    SourceError
        When a value does not fit into it, or is none that can be read.
    """
    if pa.types.is_string(kind):
        return pa.array([_to_text(value, name, where) for value in values], kind)
    found = choose_type(values)
    is_widened = pa.types.is_floating(kind) and pa.types.is_integer(found)
    has_values = any(value is not None for value in values)
    if has_values and found != kind and (not is_widened or _has_large_integer(values)):
        raise SourceError(
            f"{where}: the column {name!r} has values of the type {found}, "
            f"and the first rows {kind}.",
            expected="one type in a column",
            hint=f"cast it in the query, for example CAST({name} AS ...)",
        )
    return pa.array(values, kind)


def _find_kind(value: object) -> pa.DataType:
    kind = pa.string()
    if isinstance(value, bool):
        kind = pa.bool_()
    elif isinstance(value, int):
        kind = pa.int64() if -(2**63) <= value < 2**63 else pa.string()
    elif isinstance(value, float):
        kind = pa.float64()
    elif isinstance(value, datetime.datetime):
        kind = _TIMESTAMP if value.tzinfo is None else _ZONED_TIMESTAMP
    elif isinstance(value, datetime.date):
        kind = pa.date32()
    return kind


def _has_large_integer(values: Sequence[Any]) -> bool:
    return any(isinstance(v, int) and abs(v) > _MAX_EXACT_INTEGER for v in values)


def _to_text(value: object, name: str, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, decimal.Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, int | float | datetime.timedelta | uuid.UUID):
        return str(value)
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    raise SourceError(
        f"{where}: the column {name!r} holds values of the type {type(value).__name__}.",
        expected="numbers, text, booleans, dates, times or JSON",
        hint="cast it in the query, or leave it out of 'columns'",
    )

"""Values of a driver as Arrow columns."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tasks.errors import SourceError
from tasks.ingestion.sql_types import choose_type, make_column

UTC = datetime.UTC
DAY = datetime.date(1500, 1, 2)
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=UTC)
HIDDEN = uuid.UUID(int=7)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None, -(2**63)], pa.int64(), [1, None, -(2**63)]),
        ([1, 2.5], pa.float64(), [1.0, 2.5]),
        ([2**60 + 1, 2.5], pa.string(), [str(2**60 + 1), "2.5"]),
        ([2**63], pa.string(), [str(2**63)]),
        ([True, None], pa.bool_(), [True, None]),
        ([True, 1], pa.string(), ["true", "1"]),
        ([DAY, None], pa.date32(), [DAY, None]),
        ([NOON.replace(tzinfo=None)], pa.timestamp("us"), [NOON.replace(tzinfo=None)]),
        ([NOON], pa.timestamp("us", "UTC"), [NOON]),
        ([NOON, DAY], pa.string(), ["2026-01-02T12:00:00+00:00", "1500-01-02"]),
        ([Decimal("1E+2"), Decimal("0.10")], pa.string(), ["100", "0.10"]),
        ([None, None], pa.string(), [None, None]),
        ([{"a": [1]}, HIDDEN], pa.string(), ['{"a": [1]}', str(HIDDEN)]),
        ([datetime.time(9, 30)], pa.string(), ["09:30:00"]),
    ],
)
def test_types_are_chosen_so_that_no_value_changes(
    values: list[Any], kind: pa.DataType, expected: list[Any]
) -> None:
    """Numbers, dates and times as such; decimals and mixtures as text with all their digits."""
    assert choose_type(values) == kind
    assert make_column(values, kind, "x", "here").to_pylist() == expected


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int64(), [1.5]),
        (pa.float64(), [2**60 + 1]),
        (pa.date32(), ["soon"]),
        (pa.timestamp("us"), [NOON]),
        (pa.bool_(), [1]),
    ],
)
def test_a_later_value_of_another_type_is_refused(kind: pa.DataType, values: list[Any]) -> None:
    """Naming both types, and never the value."""
    with pytest.raises(SourceError, match=r"'x' has values of the type .* and the first rows"):
        make_column(values, kind, "x", "here")


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string(), pa.date32()])
def test_missing_values_fit_every_type(kind: pa.DataType) -> None:
    """A batch without values takes the type of the first."""
    assert make_column([None], kind, "x", "here").equals(pa.nulls(1, kind))
    assert make_column([1], pa.float64(), "x", "here").to_pylist() == [1.0]

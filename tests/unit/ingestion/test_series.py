"""statsmodels' series as parts."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tasks.errors import SourceError
from tasks.ingestion.series import read_statsmodels
from tasks.workflow import StatsmodelsSource


def read(dataset: str, night: str = "2026-01-01", nights: int | None = None) -> pa.Table:
    arrives = {"arrives": {"from": "2026-01-01", "nights": nights}} if nights else {}
    source = StatsmodelsSource.model_validate(
        {"kind": "statsmodels", "dataset": dataset, **arrives}
    )
    parts = read_statsmodels(source, datetime.date.fromisoformat(night))
    return pa.Table.from_batches([part.rows for part in parts])


@pytest.mark.parametrize(
    ("dataset", "n_rows", "n_missing", "first"),
    [
        ("co2", 2284, 59, {"time": datetime.date(1958, 3, 29), "co2": 316.1}),
        ("sunspots", 309, 0, {"time": datetime.date(1700, 1, 1), "sunspots": 5.0}),
        ("nile", 100, 0, {"time": datetime.date(1871, 1, 1), "nile": 1120.0}),
    ],
)
def test_series_have_their_published_values(
    dataset: str, n_rows: int, n_missing: int, first: dict[str, object]
) -> None:
    """Dates in order, values as float64, missing weeks missing."""
    rows = read(dataset)
    assert rows.num_rows == n_rows
    assert rows.column(dataset).null_count == n_missing
    assert rows.slice(0, 1).to_pylist() == [first]
    times = rows.column("time").combine_chunks()
    assert pc.all(pc.greater(times[1:], times[:-1])).as_py()


def test_a_series_arrives_from_its_beginning() -> None:
    """A quarter on the first of four nights; the next begins with the same rows."""
    first, second = read("nile", nights=4), read("nile", "2026-01-02", nights=4)
    assert (first.num_rows, second.num_rows) == (25, 50)
    assert second.slice(0, 25).equals(first)
    with pytest.raises(SourceError, match="No row of nile had arrived"):
        read("nile", "2025-12-31", nights=4)

"""A feature over time, collected from clean rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.reporting import series
from tasks.reporting.cleaned import tabulate_gaps
from tasks.reporting.series import (
    collect_series,
    find_open_gaps,
    list_features,
    list_series_columns,
    mark_gaps,
    thin_series,
)

DAYS = np.arange("2001-01-01", "2001-01-11", dtype="datetime64[D]").astype("datetime64[us]")
NO_GAPS = tabulate_gaps({})


def make_batch(times: np.ndarray, values: list[float], **more: list[float]) -> pa.RecordBatch:
    n_rows = len(values)
    columns = {"time": pa.array(times), "co2": values, "split": ["train"] * n_rows, **more}
    return pa.RecordBatch.from_pydict(columns)


def test_batches_become_one_line_in_order_of_time() -> None:
    """Clean rows need not be in order of time; the line is."""
    late, early = (
        make_batch(DAYS[5:], [6.0, 7, 8, 9, 10]),
        make_batch(DAYS[:5], [1.0, 2, 3, 4, 5]),
    )
    found = collect_series([late, early], time="time", feature="co2", n_rows=10, gaps=NO_GAPS)
    assert found.rows["value"].tolist() == list(range(1, 11))
    assert found.rows["time"].is_monotonic_increasing
    assert not found.rows["is_filled"].any()
    assert (found.name, found.n_rows) == ("co2", 10)


def test_filled_rows_are_known_by_the_indicator_or_the_gap() -> None:
    """The third by its indicator, the fifth and sixth because nothing arrived for them."""
    indicator = [0.0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    batch = make_batch(DAYS, [1.0] * 10, co2_was_missing=indicator)
    gaps = tabulate_gaps({"gaps": [{"first": "2001-01-05", "last": "2001-01-06", "n_steps": 2}]})
    found = collect_series([batch], time="time", feature="co2", n_rows=10, gaps=gaps)
    assert np.flatnonzero(found.rows["is_filled"]).tolist() == [2, 4, 5]


@pytest.mark.parametrize("first", ["", "yesterday", "9" * 40, "2001-13-45"])
def test_a_gap_that_is_no_time_marks_nothing(first: str) -> None:
    """A report from elsewhere does not stop the charts."""
    gaps = tabulate_gaps({"gaps": [{"first": first, "last": "2001-01-06", "n_steps": 2}]})
    assert not mark_gaps(DAYS, gaps).any()


def test_a_long_series_keeps_its_extremes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 30,000 rows a bounded number stays, and among them the one spike."""
    monkeypatch.setattr(series, "MAX_ROWS", 300)
    values = np.sin(np.arange(30_000) / 50)
    values[17_123] = 99.0
    times = np.datetime64("2001-01-01", "us") + np.arange(30_000) * np.timedelta64(1, "h")
    batches = [make_batch(times[i : i + 3000], values[i : i + 3000].tolist()) for i in range(0, 30_000, 3000)]  # fmt: skip
    found = collect_series(batches, time="time", feature="co2", n_rows=30_000, gaps=NO_GAPS)
    assert found.rows["value"].max() == 99.0
    assert 100 < len(found.rows) <= 300
    assert found.n_rows == 30_000


def test_thinning_keeps_a_filled_row_per_bucket() -> None:
    """Two buckets of six rows: least, greatest and the filled one of each."""
    rows = pd.DataFrame({"value": [1.0, 5, 2, 3, 3, 3, 9, 8, 7, 6, 6, 6], "is_filled": False})
    rows.loc[3, "is_filled"] = True
    assert thin_series(rows, 2).index.tolist() == [0, 1, 3, 6, 9]
    assert len(thin_series(rows, 4)) == 12


def test_irregular_times_have_no_gaps() -> None:
    """Where there is no step, none can be missing; months count as steps."""
    irregular = DAYS[[0, 1, 3, 4, 7, 9]]
    assert find_open_gaps(irregular) == []
    months = np.arange("2001-01", "2002-01", dtype="datetime64[M]").astype("datetime64[us]")
    assert find_open_gaps(months) == []
    assert find_open_gaps(np.delete(months, 6)) == [5]
    assert find_open_gaps(DAYS[:1]) == []


def test_only_numbers_over_a_date_are_drawn() -> None:
    """Text, parts and indicators are not, and nothing is without a date; six are enough."""
    fields = [("time", pa.timestamp("us")), ("id", pa.string()), ("split", pa.string())]
    numbers = [(f"x{i}", pa.float64()) for i in range(9)]
    schema = pa.schema([*fields, *numbers, ("x0_was_missing", pa.float64())])
    assert list_features(schema, "time") == [f"x{i}" for i in range(6)]
    assert list_features(schema, "id") == []
    assert list_features(schema, "when") == []
    assert list_series_columns(schema, "time", "x0") == ["time", "x0", "split", "x0_was_missing"]
    assert list_series_columns(schema, "time", "x1") == ["time", "x1", "split"]


def test_no_rows_make_an_empty_series() -> None:
    """There is then no chart."""
    assert collect_series([], time="time", feature="co2", n_rows=0, gaps=NO_GAPS).rows.empty

"""The raw series stands on the grid of the clean rows, and windows are judged where they belong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cleaning_support import as_raw, clean, read
from series_support import make_days, make_series_workflow

from tasks.dataset import Dataset
from tasks.errors import EvaluationError
from tasks.evaluation import series as module
from tasks.evaluation.series import RawSeries, arrange_series, find_origins
from tasks.preparation.windows import ForecastShape
from tasks.workflow import Workflow

GRID = [{"regular_grid": {"every": "1d"}}]
FILLED = [*GRID, {"impute": {"columns": ["flow"], "by": "interpolate"}}]
PLAIN = ForecastShape("time", ("flow",), 3, 2)
DAILY = ForecastShape("time", ("flow",), 3, 2, every="1d")


def arrange(
    folder: Path, rows: pa.Table, shape: ForecastShape, **changes: Any
) -> tuple[RawSeries, pa.Table]:
    """Clean rows with the real cleaning, and arrange the raw ones beside."""
    workflow: Workflow = make_series_workflow(**changes)
    cleaned = clean(folder, workflow, rows)
    table = read(cleaned.clean).sort_by("time")
    quarantined = Dataset.open(cleaned.quarantine.folder).table(["id"])["id"]
    return arrange_series(rows, table, workflow, ["flow"], shape, quarantined), table


def test_without_a_grid_the_rows_are_those_that_cleaning_kept(tmp_path: Path) -> None:
    """In order of time, without repeats and without what went to quarantine."""
    rows = make_days([str(i) for i in range(12)])
    extra = as_raw(
        {"time": ["2024-01-13", "2024-01-02"], "flow": ["many", "1"]}, ids=["bad", "again"]
    )
    rows = pa.concat_tables([rows.slice(6), rows.slice(0, 6), extra])
    changes = {"cleaning": [{"drop_duplicates": {"by": ["time"]}}]}
    found, _ = arrange(tmp_path, rows, PLAIN, **changes)
    assert found.values[:, 0].tolist() == [float(i) for i in range(12)]


def test_a_grid_averages_measured_values_and_leaves_gaps_open(tmp_path: Path) -> None:
    """A day of two rows has their mean, a day without one stays unknown: nobody is judged by a filled gap."""
    rows = make_days([str(i) for i in range(12)], without=(4,))
    second = as_raw({"time": ["2024-01-08T06:00"], "flow": ["17"]}, ids=["second"])
    found, table = arrange(tmp_path, pa.concat_tables([rows, second]), DAILY, cleaning=FILLED)
    assert table["flow"].to_pylist()[4] == 4.0  # filled for training
    expected = [0, 1, 2, 3, np.nan, 5, 6, 12, 8, 9, 10, 11]
    np.testing.assert_array_equal(found.values[:, 0], expected)


def test_the_grid_begins_where_the_clean_rows_grid_does(tmp_path: Path) -> None:
    """Rows come at ever other hours, and the first one could not be used: steps are those of the cleaning."""
    hours = [22, 1, 5, 3, 7, 2, 9, 1, 4, 8, 6, 5]
    times = [f"2024-01-{i + 1:02d}T{hour:02d}:00" for i, hour in enumerate(hours)]
    rows = as_raw({"time": times, "flow": ["", *(str(i) for i in range(1, 12))]})
    found, table = arrange(tmp_path, rows, DAILY, cleaning=FILLED)
    # Steps begin at 22:00, when the first, unusable row came.
    assert str(found.times[0]) == "2024-01-01T22:00:00.000000"
    assert set(table["time"].to_numpy().tolist()) <= set(found.times.tolist())
    by_time = dict(zip(found.times.tolist(), found.values[:, 0].tolist(), strict=True))
    for time, flow in zip(table["time"].to_numpy().tolist(), table["flow"], strict=True):
        assert by_time[time] == flow.as_py()


def test_repeats_are_not_averaged(tmp_path: Path) -> None:
    """What cleaning dropped as a repeat does not count twice on the grid either."""
    rows = make_days([str(i) for i in range(12)])
    repeats = as_raw({"time": ["2024-01-03"], "flow": ["99"]}, ids=["late"])
    changes = {"cleaning": [{"drop_duplicates": {"by": ["time"]}}, *FILLED]}
    found, _ = arrange(tmp_path, pa.concat_tables([rows, repeats]), DAILY, **changes)
    assert found.values[2, 0] == 2.0


def test_a_clean_row_without_a_raw_one_is_refused(tmp_path: Path) -> None:
    """Raw and clean data of two nights do not belong together."""
    rows = make_days([str(i) for i in range(12)])
    _, table = arrange(tmp_path, rows, PLAIN)
    with pytest.raises(EvaluationError, match="2 of 12 clean rows are not among the raw rows"):
        arrange_series(rows.slice(2), table, make_series_workflow(), ["flow"], PLAIN)


def test_a_horizon_lies_wholly_in_its_part(tmp_path: Path) -> None:
    """Of twenty days 12 train, 4 validate, 4 judge: three horizons of two days each, whose windows reach back."""
    found, table = arrange(tmp_path, make_days([str(i) for i in range(20)]), PLAIN)
    origins = find_origins(found, table, PLAIN)
    assert origins.places.tolist() == [12, 13, 14, 16, 17, 18]
    assert origins.is_holdout.tolist() == [False] * 3 + [True] * 3
    assert origins.stride == 1
    windows = found.cut(origins.places - 3, 3, ["flow"])
    assert windows[3, :, 0].tolist() == [13.0, 14.0, 15.0]


def test_windows_do_not_span_a_gap(tmp_path: Path) -> None:
    """Days that cleaning left open are in no window and in no horizon."""
    rows = make_days([str(i) for i in range(20)], without=(13,))
    found, table = arrange(tmp_path, rows, DAILY, cleaning=GRID)
    places = find_origins(found, table, DAILY).places
    assert len(places)
    assert all(13 not in range(p - 3, p + 2) for p in places.tolist())


def test_a_long_series_is_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second window where all would take too much memory."""
    monkeypatch.setattr(module, "MAX_VALUES", 6)
    found, table = arrange(tmp_path, make_days([str(i) for i in range(20)]), PLAIN)
    origins = find_origins(found, table, PLAIN)
    assert (origins.places.tolist(), origins.stride) == ([12, 14, 16, 18], 2)


def test_a_holdout_shorter_than_the_horizon_is_refused(tmp_path: Path) -> None:
    """The error counts steps and says what to change."""
    found, table = arrange(tmp_path, make_days([str(i) for i in range(20)]), PLAIN)
    with pytest.raises(EvaluationError, match="hold-out's 4 steps hold no 5") as raised:
        find_origins(found, table, ForecastShape("time", ("flow",), 3, 5))
    assert "split.holdout" in str(raised.value.hint)

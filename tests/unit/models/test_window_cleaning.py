"""A window is cleaned by itself, as the training rows were, however many are cleaned at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from tasks.errors import CleaningError
from tasks.models.window_cleaning import clean_windows
from tasks.preparation import Preparation
from tasks.preparation.transformers.series import FillInTime

DAY = 86_400.0
START = 19_723 * DAY  # 2024-01-01


def on_days(*flows: list[float], days: tuple[float, ...] = (0, 1, 2)) -> npt.NDArray[np.float64]:
    """Windows of ``flow`` on these days after the first of January."""
    times = START + np.array(days) * DAY
    return np.stack([np.stack([flow, times], axis=1) for flow in flows])


def scale(flow: list[float]) -> npt.NDArray[np.float64]:
    return (np.array(flow) - 20.0) / np.sqrt(200.0 / 3.0)


def test_a_gap_is_filled_from_the_window_alone(gridded_series: Preparation) -> None:
    """10, nothing, 14: twelve, and it says so; the windows beside it, full of other values, are not looked at."""
    windows = on_days([1000.0, 1000.0, 1000.0], [10.0, np.nan, 14.0], [-5.0, -5.0, -5.0])
    cleaned = clean_windows(gridded_series, windows)
    assert cleaned.is_usable.all()
    np.testing.assert_allclose(cleaned.inputs[1, :, 0], scale([10.0, 12.0, 14.0]), rtol=1e-6)
    assert cleaned.inputs[:, :, 1].tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_what_only_the_future_could_fill_stays_missing(gridded_series: Preparation) -> None:
    """Nothing lies behind a window's last step, nor before its first: such windows cannot be used."""
    windows = on_days([1.0, 2.0, np.nan], [1.0, 2.0, 3.0], [np.nan, 2.0, 3.0])
    cleaned = clean_windows(gridded_series, windows)
    assert cleaned.is_usable.tolist() == [False, True, False]
    assert np.isnan(cleaned.inputs[[0, 2]]).all()
    with pytest.raises(CleaningError, match="Window 0 cannot be forecast: step 2, flow: missing"):
        cleaned.refuse()


@pytest.mark.parametrize("by", ["interpolate", "forward_fill"])
@pytest.mark.parametrize("max_gap", [None, 1, 3])
def test_all_at_once_is_one_by_one(
    gridded_series: Preparation, by: Any, max_gap: int | None
) -> None:
    """Two hundred windows with gaps, laid end to end, give the bits that each gives to the rows' own cleaning."""
    grid, _, last = gridded_series.transformers
    fill = FillInTime(["flow"], "time", by, max_gap, indicator=True)
    fill.columns_, fill.indicators_ = ["flow"], ["flow"]
    assert gridded_series.forecast is not None
    shape = replace(gridded_series.forecast, window=8)
    preparation = replace(gridded_series, transformers=(grid, fill, last), forecast=shape)
    rng = np.random.default_rng(2)
    flows = rng.normal(20, 5, (200, 8))
    flows[rng.random((200, 8)) < 0.3] = np.nan
    windows = on_days(*flows.tolist(), days=tuple(range(8)))
    together = clean_windows(preparation, windows)
    assert 0 < together.is_usable.sum() < 200
    for window, inputs, is_usable in zip(windows, together.inputs, together.is_usable, strict=True):
        times = window[:, 1].astype("M8[s]").astype("M8[us]")
        rows = pa.table({"flow": window[:, 0], "time": times})
        try:
            expected = preparation.inputs(preparation.clean(rows))
        except CleaningError:
            assert not is_usable
        else:
            assert is_usable
            assert inputs.tobytes() == expected.tobytes()


def test_windows_far_apart_in_time_are_cleaned_in_parts(gridded_series: Preparation) -> None:
    """Windows of nine centuries, laid end to end, would not fit 64 bits: they are filled some at a time."""
    _, fill, last = gridded_series.transformers
    assert isinstance(fill, FillInTime)
    preparation = replace(gridded_series, transformers=(fill, last))
    days = (0.0, 150_000.0, 300_000.0)
    windows = on_days(*[[10.0, np.nan, 14.0]] * 400, days=days)
    cleaned = clean_windows(preparation, windows)
    assert cleaned.is_usable.all()
    expected = np.tile(scale([10.0, 12.0, 14.0]), (400, 1))
    np.testing.assert_allclose(cleaned.inputs[:, :, 0], expected, rtol=1e-6)


def test_times_out_of_order_are_sorted_by_the_grid(gridded_series: Preparation) -> None:
    """As rows are that come in any order: the window is cleaned by itself."""
    windows = on_days([10.0, 14.0, 12.0], [1.0, 2.0, 3.0])
    windows[0, :, 1] = windows[0, [0, 2, 1], 1]
    cleaned = clean_windows(gridded_series, windows)
    assert cleaned.is_usable.all()
    np.testing.assert_allclose(cleaned.inputs[0, :, 0], scale([10.0, 12.0, 14.0]), rtol=1e-6)


def test_windows_are_cleaned_as_rows_are(gridded_series: Preparation) -> None:
    """The features of a window are to the bit what the preparation makes of its rows."""
    windows = on_days([10.0, np.nan, 14.0])
    times = np.array([START, START + DAY, START + 2 * DAY]).astype("M8[s]").astype("M8[us]")
    rows = pa.table({"flow": windows[0, :, 0], "time": times})
    expected = gridded_series.inputs(gridded_series.clean(rows))
    assert clean_windows(gridded_series, windows).inputs[0].tobytes() == expected.tobytes()


def test_steps_that_do_not_follow_each_other_are_no_window(gridded_series: Preparation) -> None:
    """With a day left out, three rows are four steps of the grid."""
    cleaned = clean_windows(gridded_series, on_days([1.0, 2.0, 3.0], days=(0, 1, 3)))
    with pytest.raises(CleaningError, match="its times make 4 steps of the grid and not 3"):
        cleaned.refuse()


def test_a_window_without_a_time_cannot_be_used(gridded_series: Preparation) -> None:
    """A step without a time has no place on the grid."""
    windows = on_days([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    windows[1, 1, 1] = np.nan
    cleaned = clean_windows(gridded_series, windows)
    assert cleaned.is_usable.tolist() == [True, False]


def test_no_windows_give_no_inputs(gridded_series: Preparation) -> None:
    """An empty batch is no error."""
    cleaned = clean_windows(gridded_series, np.empty((0, 3, 2)))
    assert cleaned.inputs.shape == (0, 3, 2)
    cleaned.refuse()

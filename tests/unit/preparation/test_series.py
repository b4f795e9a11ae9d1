"""Gaps filled in order of time, and the regular grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset.tensors import array_to_tensor_column
from tasks.errors import CleaningError
from tasks.preparation.transformers.series import FillInTime, RegularGrid

NAN = float("nan")


def at(*texts: Any) -> Any:
    return np.array(texts, "M8[us]")


def days(*numbers: Any) -> Any:
    return (np.datetime64("2024-01-01", "us") + np.array(numbers) * np.timedelta64(1, "D")).astype(
        "M8[us]"
    )


def fill(values: Any, times: Any = None, **params: Any) -> Any:
    frame = {
        "t": days(*range(len(values))) if times is None else times,
        "x": np.array(values, float),
    }
    return FillInTime(["x"], time="t", **params).fit(frame).transform(frame)


def same(column: Any, expected: Any) -> Any:
    return np.array_equal(column, expected, equal_nan=True)


def test_interpolation_goes_by_time_and_not_by_row() -> None:
    """One day after 10 and three days before 14 is 11."""
    assert fill([10, NAN, 14], days(0, 1, 4)).frame["x"].tolist() == [10, 11, 14]


def test_nothing_is_extrapolated() -> None:
    """The beginning stays missing; the end is filled forward alone."""
    values = [NAN, 1, NAN, 3, NAN]
    assert same(fill(values).frame["x"], [NAN, 1, 2, 3, NAN])
    assert same(fill(values, by="forward_fill").frame["x"], [NAN, 1, 1, 3, 3])


@pytest.mark.parametrize(
    ("by", "max_gap", "expected"),
    [
        ("interpolate", 1, [0, 1, 2, NAN, NAN, 5, NAN]),
        ("interpolate", 2, [0, 1, 2, 3, 4, 5, NAN]),
        ("forward_fill", 1, [0, 0, 2, NAN, NAN, 5, 5]),
        ("forward_fill", 2, [0, 0, 2, 2, 2, 5, 5]),
    ],
)
def test_a_gap_longer_than_the_longest_stays_missing_whole(
    by: str, max_gap: Any, expected: Any
) -> None:
    """It is not filled in part."""
    out = fill([0, NAN, 2, NAN, NAN, 5, NAN], by=by, max_gap=max_gap)
    assert same(out.frame["x"], expected)


def test_a_long_gap_at_the_end_stays_missing_whole() -> None:
    """Forward filling counts it as any other."""
    assert same(fill([1, NAN, NAN], by="forward_fill", max_gap=1).frame["x"], [1, NAN, NAN])


def test_rows_may_come_in_any_order_and_go_out_in_it() -> None:
    """Known answer by sorting first."""
    rng = np.random.default_rng(0)
    values = np.where(rng.random(50) < 0.4, NAN, rng.normal(size=50))
    for by in ("interpolate", "forward_fill"):
        expected = fill(values, by=by, max_gap=2).frame["x"]
        order = rng.permutation(50)
        out = fill(values[order], days(*order), by=by, max_gap=2)
        assert same(out.frame["x"], expected[order])


def test_changes_are_counted_by_column() -> None:
    """What was filled and how."""
    assert dict(fill([1, NAN, NAN, 4, NAN]).changes) == {("x", "interpolated in time"): 2}
    out = fill([1, NAN, NAN, 4, NAN], by="forward_fill")
    assert dict(out.changes) == {("x", "filled forward in time"): 3}


def test_rows_without_a_time_are_nobodys_neighbour() -> None:
    """They keep what they have, and what they lack."""
    times = at("2024-01-01", "NaT", "2024-01-02", "NaT", "2024-01-03")
    assert same(fill([1, 50, NAN, NAN, 3], times).frame["x"], [1, 50, 2, NAN, 3])


def test_neighbours_at_one_time_give_the_value_before() -> None:
    """Nothing by nothing is not computed."""
    assert fill([1, NAN, 3], days(0, 0, 0)).frame["x"].tolist() == [1, 1, 3]


def test_infinite_neighbours_raise_no_warning() -> None:
    """What comes of them is told after the last step."""
    out = fill([-np.inf, NAN, np.inf]).frame["x"]
    assert not np.isfinite(out).any()


def test_equal_neighbours_give_exactly_their_value() -> None:
    """No rounding."""
    assert fill([0.1, NAN, NAN, 0.1]).frame["x"].tolist() == [0.1] * 4


def test_a_column_of_missing_values_stays_so() -> None:
    """There is no neighbour."""
    assert np.isnan(fill([NAN, NAN]).frame["x"]).all()


def test_text_and_dates_are_filled_forward_when_they_are_named() -> None:
    """By default it is numbers alone."""
    frame = {
        "t": days(2, 0, 1),
        "x": np.array([NAN, 1.0, 2.0]),
        "word": pa.array([None, "a", None]),
        "day": at("NaT", "2020-01-01", "NaT"),
    }
    named = FillInTime(["word", "day"], time="t", by="forward_fill").fit(frame).transform(frame)
    assert named.frame["word"].to_pylist() == ["a", "a", "a"]
    assert (named.frame["day"] == np.datetime64("2020-01-01")).all()
    assert FillInTime(None, time="t", by="forward_fill").fit(frame).columns_ == ["x"]
    with pytest.raises(CleaningError, match="holds texts"):
        FillInTime(["word"], time="t", by="interpolate").fit(frame)


def test_indicators_tell_what_was_missing_and_are_chosen_when_fitting() -> None:
    """Filled or not."""
    train = {"t": days(0, 1), "x": np.array([NAN, 1.0]), "y": np.array([1.0, 2.0])}
    fit = FillInTime(time="t", indicator=True).fit(train)
    out = fit.transform({"t": days(0, 1), "x": np.array([1.0, 2.0]), "y": np.array([NAN, 2.0])})
    assert list(out.frame) == ["t", "x", "y", "x_was_missing"]
    assert out.frame["x_was_missing"].tolist() == [0.0, 0.0]
    with pytest.raises(CleaningError, match="x_was_missing"):
        FillInTime(time="t", indicator=True).fit({**train, "x_was_missing": np.zeros(2)})


@pytest.mark.parametrize("make", [lambda: FillInTime(time="t"), lambda: RegularGrid("t", "1d")])
def test_there_is_no_order_without_times(make: Any) -> None:
    """The column must be there and hold dates."""
    with pytest.raises(CleaningError, match="which is not there"):
        make().fit({"x": np.zeros(1)}).transform({"x": np.zeros(1)})
    with pytest.raises(CleaningError, match="holds numbers"):
        make().fit({"t": np.zeros(1)}).transform({"t": np.zeros(1)})


@pytest.mark.parametrize("by", ["interpolate", "forward_fill"])
def test_filling_keeps_a_transformers_manners(check_manners: Callable[..., None], by: str) -> None:
    """JSON, no row, inputs untouched; it needs all rows."""
    frame = {"t": days(3, 0, 1, 2), "x": np.array([4.0, 1.0, NAN, 2.0])}
    fit = FillInTime(time="t", by=by, max_gap=3, indicator=True).fit(frame)
    assert fit.needs_all_rows
    assert fit.is_learned
    check_manners(fit, frame)


def grid_frame() -> Any:
    return {
        "t": at("2024-01-01T05:10", "2024-01-01T00:10", "2024-01-01T00:40", "2024-01-01T02:30"),
        "x": np.array([5.0, 1.0, 2.0, NAN]),
        "word": pa.array(["last", None, "a", "b"]),
        "day": at("2020-01-05", "NaT", "2020-01-01", "2020-01-02"),
        "id": pa.array(["r5", "r0", "r1", "r2"]),
    }


def test_a_grid_has_every_step_in_order() -> None:
    """Numbers are averaged over those that are there, else the first that is there is taken."""
    out = RegularGrid("t", "1h").transform(grid_frame())
    frame = out.frame
    expected = np.datetime64("2024-01-01T00:10", "us") + np.arange(6) * np.timedelta64(1, "h")
    assert (frame["t"] == expected).all()
    assert same(frame["x"], [1.5, NAN, NAN, NAN, NAN, 5])
    assert frame["word"].to_pylist() == ["a", None, "b", None, None, "last"]
    assert frame["day"].astype(str).tolist()[0].startswith("2020-01-01")
    assert np.isnat(frame["day"]).tolist() == [False, True, False, True, True, False]
    assert dict(out.changes) == {("t", "steps added"): 3, ("t", "rows averaged into a step"): 1}


def test_added_rows_have_their_time_as_id_and_others_keep_the_first() -> None:
    """Every row can be told from every other."""
    ids = RegularGrid("t", "1h").transform(grid_frame()).frame["id"].to_pylist()
    assert ids == [
        "r0", "2024-01-01T01:10:00", "r2", "2024-01-01T03:10:00", "2024-01-01T04:10:00", "r5",
    ]  # fmt: skip


def test_the_rows_add_up() -> None:
    """Rows in + added = rows out + averaged."""
    rng = np.random.default_rng(0)
    times = days(0)[0] + rng.integers(0, 10**10, 300) * np.timedelta64(1, "us")
    out = RegularGrid("t", "7min").transform({"t": times, "x": rng.normal(size=300)})
    added, averaged = (
        out.changes.get(("t", w), 0) for w in ("steps added", "rows averaged into a step")
    )
    assert 300 + added == len(out.frame["t"]) + averaged
    assert averaged > 0


def test_a_number_that_is_alone_in_its_step_is_kept_to_the_bit() -> None:
    """Minus zero and the greatest float too."""
    x = np.array([-0.0, 1.7e308, 0.1, 5e-324])
    out = RegularGrid("t", "1d").transform({"t": days(0, 1, 2, 3), "x": x}).frame["x"]
    assert out.tobytes() == x.tobytes()


def test_months_begin_with_the_month() -> None:
    """Of their own lengths, in the past too."""
    frame = {"t": at("1899-11-30", "1900-02-28"), "x": np.array([1.0, 2.0])}
    out = RegularGrid("t", "1mo").transform(frame).frame
    assert out["t"].astype("M8[D]").astype(str).tolist() == [
        "1899-11-01", "1899-12-01", "1900-01-01", "1900-02-01",
    ]  # fmt: skip


def test_images_of_added_steps_are_missing() -> None:
    """Of a step with several, the first that is there is taken."""
    images = np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1)
    frame = {"t": days(0, 0, 2), "image": array_to_tensor_column(images)}
    out = RegularGrid("t", "1d").transform(frame).frame["image"]
    assert out.type == frame["image"].type
    assert np.asarray(out.is_null()).tolist() == [False, True, False]
    assert out.storage[0].as_py() == [0, 1, 2, 3]


def test_rows_without_a_time_stand_at_the_end_with_a_problem() -> None:
    """Nothing is lost: they go to quarantine with what they hold."""
    times = at("NaT", "2024-01-01", "2024-01-03")
    frame = {"t": times, "x": np.array([9.0, 1.0, 3.0]), "id": pa.array(["a", "b", "c"])}
    out = RegularGrid("t", "1d").transform(frame)
    (problem,) = out.problems
    assert (problem.column, problem.kind, problem.rows.tolist()) == ("t", "missing time", [3])
    assert same(out.frame["x"], [1, NAN, 3, 9])
    assert out.frame["id"].to_pylist() == ["b", "2024-01-02T00:00:00", "c", "a"]
    alone = RegularGrid("t", "1d").transform({"t": at("NaT", "NaT"), "x": np.zeros(2)})
    assert alone.problems[0].rows.tolist() == [0, 1]


def test_a_grid_that_would_be_too_long_is_refused() -> None:
    """A year-1 date in data by the minute."""
    frame = {"t": at("0001-01-01", "2024-01-01")}
    with pytest.raises(CleaningError, match="10,000,000"):
        RegularGrid("t", "1min").transform(frame)


def test_the_grid_keeps_a_transformers_manners(check_manners: Callable[..., None]) -> None:
    """JSON, no row, one row, inputs untouched; it needs all rows and learns nothing."""
    grid = RegularGrid("t", "1h")
    assert grid.needs_all_rows
    assert not grid.is_learned
    check_manners(grid, grid_frame())
    one = {"t": days(0), "x": np.array([NAN])}
    assert np.isnan(grid.transform(one).frame["x"]).tolist() == [True]

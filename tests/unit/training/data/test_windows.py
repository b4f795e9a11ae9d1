"""Windows of a series: their steps, what follows them, and what is refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from training_support import write

from tasks.dataset import Dataset
from tasks.errors import CleaningError, TrainingError
from tasks.preparation import Preparation
from tasks.preparation.windows import ForecastShape
from tasks.training.data import array_builder
from tasks.training.data import rows as rows_module
from tasks.training.data import windows as module
from tasks.training.data.parts import load_part
from tasks.training.data.statistics import compute_statistics
from tasks.training.data.windows import Windows

DAY = np.timedelta64(1, "D")


def test_windows_and_what_follows_them(tmp_path: Path) -> None:
    """Ten days: the 7 of training hold 4 windows of 3 with 1 ahead."""
    found = load(tmp_path, ["train"] * 7 + ["holdout"] * 3, window=3, horizon=1)
    assert found.n_rows == 4
    inputs, targets = found.take(np.array([3, 0]))
    assert inputs.dtype == targets.dtype == np.float32
    assert inputs.tolist() == [
        [[3, 103], [4, 104], [5, 105]],
        [[0, 100], [1, 101], [2, 102]],
    ]
    assert targets.tolist() == [[[6, 106]], [[3, 103]]]


def test_a_part_looks_back_into_the_one_before(tmp_path: Path) -> None:
    """Hold-out windows begin in the training rows; their horizons are the hold-out's own."""
    found = load(tmp_path, ["train"] * 7 + ["holdout"] * 3, "holdout", window=3, horizon=2)
    inputs, targets = found.take(slice(None))
    assert inputs[:, :, 0].tolist() == [[4, 5, 6], [5, 6, 7]]
    assert targets[:, :, 0].tolist() == [[7, 8], [8, 9]]
    assert found.series[:, 0].tolist() == [4, 5, 6, 7, 8, 9]  # and no step that is not needed
    assert found.is_own.tolist() == [False] * 3 + [True] * 3


def test_some_columns_are_forecast(tmp_path: Path) -> None:
    """The window has every feature, the horizon those asked for, in the order asked for."""
    found = load(tmp_path, ["train"] * 6, window=2, horizon=2, columns=("b",))
    inputs, targets = found.take(np.array([1]))
    assert inputs.tolist() == [[[1, 101], [2, 102]]]
    assert targets.tolist() == [[[103], [104]]]
    swapped = load(tmp_path / "2", ["train"] * 6, window=2, horizon=1, columns=("b", "a"))
    assert swapped.take(np.array([0]))[1].tolist() == [[[102, 2]]]


def test_rows_in_any_order_give_the_same_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The series is in order of time, in memory or in a file, however small the pieces."""
    splits = ["train"] * 20 + ["validation"] * 5
    expected = load(tmp_path, splits, window=4, horizon=2)
    order = np.random.default_rng(1).permutation(25)
    monkeypatch.setattr(rows_module, "BATCH_BYTES", 48)
    monkeypatch.setattr(module, "BATCH_BYTES", 48)
    for bound in (10**9, 0):
        monkeypatch.setattr(array_builder, "MAX_ARRAY_BYTES", bound)
        found = load(
            tmp_path / str(bound), splits, window=4, horizon=2, order=order, scratch=tmp_path / "s"
        )
        np.testing.assert_array_equal(found.series, expected.series)
        np.testing.assert_array_equal(found.starts, expected.starts)
    assert isinstance(found.series.base, np.memmap)


def test_the_first_layer_is_adapted_on_each_own_step_once(tmp_path: Path) -> None:
    """Neither on the windows, which hold the middle of a series more often, nor on another part."""
    splits = ["train"] * 8 + ["validation"] * 4
    training = load(tmp_path, splits, window=3, horizon=2)
    statistics = compute_statistics(training.iterate_inputs())
    assert statistics.mean.tolist() == [3.5, 103.5]
    validation = load(tmp_path / "2", splits, "validation", window=3, horizon=2)
    assert compute_statistics(validation.iterate_inputs()).mean.tolist() == [9.5, 109.5]


def test_a_share_is_the_latest_windows(tmp_path: Path) -> None:
    """History is cut from its old end."""
    found = load(tmp_path, ["train"] * 12, window=2, horizon=1, share=0.3)
    assert found.n_rows == 3
    assert found.take(slice(None))[1][:, 0, 0].tolist() == [9, 10, 11]
    assert found.series[:, 0].tolist() == [7, 8, 9, 10, 11]


def test_a_gap_of_the_grid_is_in_no_window(tmp_path: Path) -> None:
    """Days 0-4 and 6-9: windows of 2 with 1 ahead begin at 0-2 and at 6 and 7."""
    found = load(tmp_path, ["train"] * 10, window=2, horizon=1, every="1d", missing=5)
    assert found.take(slice(None))[0][:, 0, 0].tolist() == [0, 1, 2, 6, 7]


@pytest.mark.parametrize(("n_steps", "is_enough"), [(5, True), (4, False)])
def test_a_window_longer_than_the_series_is_refused(
    tmp_path: Path, n_steps: int, is_enough: bool
) -> None:
    """The message says how many steps there are and how many are needed."""
    splits = ["train"] * n_steps + ["holdout"] * 20
    if is_enough:
        assert load(tmp_path, splits, window=3, horizon=2).n_rows == 1
        return
    with pytest.raises(TrainingError, match=r"has 4 steps to train on(.|\n)*at least 5 steps"):
        load(tmp_path, splits, window=3, horizon=2)


def test_a_part_that_is_too_short_has_no_windows(tmp_path: Path) -> None:
    """Training goes on without validation windows."""
    found = load(tmp_path, ["train"] * 9 + ["validation"], "validation", window=3, horizon=2)
    assert found.n_rows == 0
    inputs, targets = found.take(slice(None))
    assert inputs.shape == (0, 3, 2)
    assert targets.shape == (0, 2, 2)


def test_two_rows_of_one_time_are_refused(tmp_path: Path) -> None:
    """Which of them comes next is unknown."""
    with pytest.raises(CleaningError, match="more than one row at 2024-01-04"):
        load(tmp_path, ["train"] * 9, window=3, horizon=2, repeated=3)


def test_a_missing_value_is_refused(tmp_path: Path) -> None:
    """It would be in as many windows as a window has steps."""
    with pytest.raises(TrainingError, match="The column 'a' of the train rows holds 1 values"):
        load(tmp_path, ["train"] * 9, window=3, horizon=2, unknown=4)


def test_memory_does_not_grow_with_the_length_of_windows() -> None:
    """A batch is copied out of the series; the 20,000 windows of 500 steps would be 80 MB."""
    series = np.arange(20_520, dtype=np.float32)[:, np.newaxis]
    is_own = np.ones(len(series), dtype=bool)
    tracemalloc.start()
    windows = Windows(series, np.arange(20_000), 500, 20, np.array([0]), is_own)
    for start in range(0, 20_000, 100):
        windows.take(np.arange(start, start + 100))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def load(
    folder: Path,
    splits: list[str],
    part: Any = "train",
    *,
    window: int,
    horizon: int,
    columns: tuple[str, ...] = ("a", "b"),
    every: str | None = None,
    missing: int | None = None,
    repeated: int | None = None,
    unknown: int | None = None,
    order: npt.NDArray[np.int64] | None = None,
    **options: Any,
) -> Windows:
    """Load the windows of a series of days in which ``a`` counts from 0 and ``b`` from 100."""
    shape = ForecastShape("day", columns, window=window, horizon=horizon, every=every)
    preparation = Preparation(None, (), None, None, ("a", "b"), kind="forecast", forecast=shape)
    dataset = write_series(folder, splits, missing, repeated, unknown, order)
    found = load_part(dataset, preparation, part, **options)
    assert isinstance(found, Windows)
    return found


def write_series(
    folder: Path,
    splits: list[str],
    missing: int | None,
    repeated: int | None,
    unknown: int | None,
    order: npt.NDArray[np.int64] | None,
) -> Dataset:
    n_rows = len(splits)
    steps = np.arange(n_rows)
    days = np.datetime64("2024-01-01", "us") + steps * DAY
    if repeated is not None:
        days[repeated + 1] = days[repeated]
    values = steps.astype(float)
    if unknown is not None:
        values[unknown] = np.nan
    kept = steps[steps != missing] if missing is not None else steps
    kept = kept if order is None else order
    table = pa.table({"day": days, "split": splits, "b": steps + 100.0, "a": values})
    return write(folder / "series", table.take(pa.array(kept)))

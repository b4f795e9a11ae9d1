"""Columns of a series are exchanged between the windows of the hold-out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter
from tasks.errors import InterpretationError
from tasks.interpretation.permutation import Importances
from tasks.interpretation.series import group_features, measure_series
from tasks.preparation import Preparation
from tasks.preparation.windows import ForecastShape

N_STEPS = 400
SHAPE = ForecastShape("time", ("load",), window=4, horizon=2)
PREPARATION = Preparation(
    None, (), None, None, ("wind", "load", "load_was_missing"), kind="forecast", forecast=SHAPE
)


def write(folder: Path, n_holdout: int) -> Dataset:
    rng = np.random.default_rng(6)
    is_train = np.arange(N_STEPS) < N_STEPS - n_holdout
    # White noise, known two steps ahead: what a window ends with is what comes after it.
    load = np.repeat(rng.normal(size=N_STEPS // 2), 2) * 3.0
    rows = pa.table(
        {
            "time": np.arange(N_STEPS).astype("M8[h]").astype("M8[us]"),
            "split": np.where(is_train, "train", "holdout"),
            "wind": rng.normal(size=N_STEPS),
            "load": load,
            "load_was_missing": np.zeros(N_STEPS),
        }
    ).take(rng.permutation(N_STEPS))  # a dataset's order need not be that of time
    with DatasetWriter(folder / "clean", rows.schema) as writer:
        writer.write(rows)
    return Dataset.open(folder / "clean")


def repeat_last(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.repeat(windows[:, -1:, 1:2], SHAPE.horizon, axis=1)


def measure(folder: Path, n_holdout: int = 300, seed: int = 1, metric: str = "mse") -> Importances:
    clean = write(folder, n_holdout)
    return measure_series(repeat_last, clean, PREPARATION, SHAPE, metric=metric, seed=seed)


def test_the_column_that_is_read_matters_alone(tmp_path: Path) -> None:
    """The others are exactly nothing; an indicator of missing values goes with its column."""
    found = measure(tmp_path)
    assert [row.column for row in found.rows] == ["load", "wind"]
    assert (found.is_error, found.n_rows) == (True, 300 - SHAPE.horizon + 1)
    load, wind = found.rows
    assert load.mean > 0.2
    assert (wind.mean, wind.sd) == (0.0, 0.0)


def test_errors_are_of_standardised_values(tmp_path: Path) -> None:
    """Two independent values differ by twice the variance, which is 1; half the windows end with what follows."""
    found = measure(tmp_path)
    rows = write(tmp_path / "again", 300).table().to_pandas().sort_values("time")
    load, sd = rows["load"].to_numpy(), rows.query("split == 'train'")["load"].std(ddof=0)
    starts = np.arange(N_STEPS - 300 - SHAPE.window, N_STEPS - SHAPE.n_steps + 1)
    errors = [load[s + 4 : s + 6] - load[s + 3] for s in starts]
    assert found.score == pytest.approx(np.mean(np.square(errors)) / sd**2, rel=1e-5)


def test_the_seed_decides(tmp_path: Path) -> None:
    """The same figures for the same seed."""
    one, same, other = (measure(tmp_path / str(i), seed=s) for i, s in enumerate((1, 1, 2)))
    assert one == same != other


@pytest.mark.parametrize("n_holdout", [0, SHAPE.horizon])
def test_fewer_than_two_windows_cannot_exchange_anything(tmp_path: Path, n_holdout: int) -> None:
    """A hold-out as long as the horizon has one window."""
    with pytest.raises(InterpretationError, match=f"among {n_holdout // 2} windows"):
        measure(tmp_path, n_holdout=n_holdout)


def test_a_column_that_is_named_like_an_indicator_stands_alone() -> None:
    """Only what was made of a feature goes with it."""
    assert group_features(("a_was_missing", "b")) == {"a_was_missing": [0], "b": [1]}

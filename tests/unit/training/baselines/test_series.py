"""Baselines of series: known forecasts of a ramp and of periodic series, and their errors by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from training_support import write

from tasks.dataset import Dataset
from tasks.errors import TrainingError
from tasks.preparation import Preparation
from tasks.preparation.windows import ForecastShape
from tasks.training.baselines import fit_baseline
from tasks.training.data.parts import load_part

LAST = {"kind": "last_value"}
HOUR = np.timedelta64(3_600_000_000, "us")


def make_preparation(
    columns: tuple[str, ...], window: int, horizon: int, season: int | None = None
) -> Preparation:
    shape = ForecastShape("time", columns, window, horizon, season)
    return Preparation(
        None, (), None, None, columns, ("time", *columns), kind="forecast", forecast=shape
    )


def write_series(folder: Path, values: npt.ArrayLike, n_train: int, n_validation: int) -> Dataset:
    n_steps = len(np.asarray(values))
    parts = ["train", "validation", "holdout"]
    counts = [n_train, n_validation, n_steps - n_train - n_validation]
    return write(
        folder,
        pa.table(
            {
                "split": np.repeat(parts, counts).tolist(),
                "time": np.datetime64("2026-01-01", "us") + np.arange(n_steps) * HOUR,
                "x": np.asarray(values, dtype=np.float64),
            }
        ),
    )


def test_persistence_on_a_ramp_is_wrong_by_the_steps_ahead(tmp_path: Path) -> None:
    """0, 1, 2, ...: one step ahead by 1, two by 2, in standard deviations of the training steps."""
    dataset = write_series(tmp_path / "ramp", np.arange(20.0), 12, 4)
    result = fit_baseline(dataset, make_preparation(("x",), 3, 2), LAST, name="last", seed=1)
    variance = (12**2 - 1) / 12  # of 0 to 11
    assert result.metrics == pytest.approx(
        {
            "train_loss": (1 + 4) / 2 / variance,
            "train_mae": 1.5 / variance**0.5,
            "validation_loss": (1 + 4) / 2 / variance,
            "validation_mae": 1.5 / variance**0.5,
        }
    )
    assert (result.n_training_rows, result.n_validation_rows) == (8, 3)
    assert (result.n_parameters, result.n_iterations, result.is_converged) == (0, 0, True)


@pytest.mark.parametrize(("own", "of_series"), [(4, None), (None, 4), (4, 3)])
def test_the_last_season_of_a_periodic_series_is_exact(
    tmp_path: Path, own: int | None, of_series: int | None
) -> None:
    """Also beyond one season ahead; the baseline's own season goes before the series'."""
    dataset = write_series(tmp_path / "periodic", [5.0, 1.0, 7.0, 2.0] * 8, 24, 4)
    preparation = make_preparation(("x",), 6, 7, of_series)
    spec = {"kind": "seasonal_naive", "season": own}
    result = fit_baseline(dataset, preparation, spec, name="season", seed=1)
    assert result.metrics["train_loss"] == 0.0
    assert "validation_loss" not in result.metrics  # four steps have no room for seven


@pytest.mark.parametrize(
    ("season", "message"),
    [(None, "'season' has no season to repeat"), (7, "season of 7 steps, and a window has 6")],
)
def test_a_season_that_cannot_be_repeated_is_refused(
    tmp_path: Path, season: int | None, message: str
) -> None:
    """With the key to correct."""
    dataset = write_series(tmp_path / "periodic", [5.0, 1.0] * 10, 20, 0)
    spec = {"kind": "seasonal_naive", "season": season}
    with pytest.raises(TrainingError, match=message) as caught:
        fit_baseline(dataset, make_preparation(("x",), 6, 2), spec, name="season", seed=1)
    assert "predict." in str(caught.value)


def test_a_rising_season_goes_on_rising(tmp_path: Path) -> None:
    """A linear autoregression follows trend and season to a level that training never saw."""
    steps = np.arange(60.0)
    dataset = write_series(tmp_path / "rising", steps + 5 * np.sin(steps * np.pi / 3), 40, 10)
    spec = {"kind": "linear_autoregression", "alpha": 0.0}
    preparation = make_preparation(("x",), 8, 4)
    result = fit_baseline(dataset, preparation, spec, name="linear", seed=1)
    holdout = load_part(dataset, preparation, "holdout")
    inputs, targets = holdout.take(slice(None))
    np.testing.assert_allclose(result.network.predict_on_batch(inputs), targets, atol=1e-3)
    assert result.n_parameters == 8 * 4 + 4
    assert result.metrics["validation_mae"] < 1e-4


def test_a_constant_series_is_no_division_by_zero(tmp_path: Path) -> None:
    """It goes on as it was."""
    dataset = write_series(tmp_path / "flat", [3.5] * 20, 14, 6)
    spec = {"kind": "linear_autoregression", "alpha": 1.0}
    result = fit_baseline(dataset, make_preparation(("x",), 4, 2), spec, name="linear", seed=1)
    assert result.metrics["validation_loss"] == 0.0
    assert result.network.predict_on_batch(np.full((1, 4, 1), 3.5)).ravel().tolist() == [3.5, 3.5]


def test_the_linear_baseline_reaches_what_is_published_for_etth1(
    real_data: Path, tmp_path: Path
) -> None:
    """12/4/4 months, standardised on train, 96 hours to 24: MSE 0.297 and MAE 0.343, published 0.318 and 0.361."""
    with (real_data / "ETTh1.csv").open() as file:
        names, *rows = [row[1:] for row in csv.reader(file)]
    values = np.array(rows[:14_400], dtype=np.float64)
    values = (values - values[:8640].mean(axis=0)) / values[:8640].std(axis=0)
    columns = {name: values[:, i] for i, name in enumerate(names)}
    times = np.datetime64("2016-07-01", "us") + np.arange(14_400) * HOUR
    parts = np.repeat(["train", "validation", "holdout"], [8640, 2880, 2880]).tolist()
    dataset = write(tmp_path / "ett", pa.table({"split": parts, "time": times, **columns}))
    preparation = make_preparation(tuple(names), 96, 24)
    spec = {"kind": "linear_autoregression", "alpha": 1.0}
    result = fit_baseline(dataset, preparation, spec, name="linear", seed=1)
    inputs, targets = load_part(dataset, preparation, "holdout").take(slice(None))
    errors = result.network.predict(inputs, batch_size=512, verbose=0) - targets
    assert len(targets) == 2857
    assert (errors**2).mean() == pytest.approx(0.2974, abs=5e-4)
    assert np.abs(errors).mean() == pytest.approx(0.3428, abs=5e-4)

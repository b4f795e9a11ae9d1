"""The few rows of a night's predictions that charts show, read from real datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.reporting import predictions as module
from tasks.reporting.forecasts import MEASURED
from tasks.reporting.predictions import read_forecasts, read_mistakes, read_numbers


def write(folder: Path, columns: dict[str, Any], rows_per_part: int = 1000) -> Dataset:
    table = pa.table(columns)
    with DatasetWriter(folder, table.schema) as writer:
        for start in range(0, len(table), rows_per_part):
            writer.write(table.slice(start, rows_per_part))
    return Dataset.open(folder)


def make_scores(challenger: str, **roles: str) -> dict[str, Any]:
    models = {
        name: {"role": role, "holdout": {"rmse": place, "mse": place}}
        for place, (name, role) in enumerate(roles.items(), start=1)
    }
    return {"metric": "rmse", "is_error": True, "challenger": challenger, "models": models}


@pytest.fixture
def numbers(tmp_path: Path) -> Dataset:
    """A hundred hold-out rows behind ten validation rows, in parts of seven."""
    true = np.arange(110.0)
    columns = {
        "id": [f"r{i}" for i in range(110)],
        "split": ["validation"] * 10 + ["holdout"] * 100,
        "target": true,
        "mlp": true + 1,
        "trees": true + 2,
        "line": true + 3,
    }
    return write(tmp_path / "predictions", columns, rows_per_part=7)


def test_numbers_are_read_with_the_best_baseline(numbers: Dataset) -> None:
    """Hold-out rows alone; of two baselines the one with the smaller error."""
    scores = make_scores("mlp", mlp="candidate", trees="baseline", line="baseline")
    found = read_numbers(numbers, {**scores, "n_holdout": 100}, "price")
    assert found.rows["id"].tolist() == [f"r{i}" for i in range(10, 110)]
    assert (found.rows["predicted"] - found.rows["true"]).tolist() == [1.0] * 100
    assert (found.rows["baseline"] - found.rows["true"]).tolist() == [2.0] * 100
    assert (found.n_rows, found.target, found.baseline) == (100, "price", "trees")


def test_of_many_numbers_evenly_spaced_ones_are_read(
    numbers: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fourth of a hundred where thirty are allowed, whatever the partitions."""
    monkeypatch.setattr(module, "MAX_NUMBERS", 30)
    scores = make_scores("mlp", mlp="candidate")
    found = read_numbers(numbers, {**scores, "n_holdout": 100}, "price")
    assert found.rows["id"].tolist() == [f"r{i}" for i in range(10, 110, 4)]
    assert (found.n_rows, found.baseline) == (100, None)
    assert "baseline" not in found.rows


def make_forecasts(folder: Path, n_windows: int, stride: int = 1) -> tuple[Dataset, np.ndarray]:
    """Windows two steps ahead of a series whose value is its step; the models are 1 and 2 too high."""
    steps = np.datetime64("2001-01-01", "us") + np.arange(100) * np.timedelta64(1, "h")
    starts = np.arange(20, 20 + n_windows * stride, stride)
    target = (starts[:, None] + np.arange(2))[:, :, None] * np.array([1.0, -1.0])
    order = np.random.default_rng(1).permutation(n_windows)  # not in order of time
    columns = {
        "time": pa.array(steps[starts][order], pa.timestamp("us")),
        "split": ["holdout"] * n_windows,
        "target": array_to_tensor_column(target[order]),
        "lstm": array_to_tensor_column(target[order] + 1),
        "line": array_to_tensor_column(target[order] + 2),
    }
    return write(folder / f"every_{stride}", columns), steps


FORECAST = {"horizon": {"columns": ["x", "minus_x"]}, "metric": "mse"}
MODELS = {"lstm": "candidate", "line": "baseline"}


@pytest.mark.parametrize("stride", [1, 2])
def test_windows_are_read_with_their_own_times(tmp_path: Path, stride: int) -> None:
    """The first column of three windows and what came before them, also where windows are apart."""
    predictions, steps = make_forecasts(tmp_path, 30, stride)
    scores = {**make_scores("lstm", **MODELS), **FORECAST}
    found = read_forecasts(predictions, scores, steps)
    assert found is not None
    assert found.column == "x"
    rows = found.rows
    first = 20 + 2 * stride
    ahead = rows[(rows["window"] == 1) & rows["is_ahead"]]
    assert ahead[ahead["model"] == MEASURED]["value"].tolist() == [first, first + 1]
    assert ahead[ahead["model"] == "lstm"]["value"].tolist() == [first + 1, first + 2]
    assert ahead[ahead["model"] == "line"]["value"].tolist() == [first + 2, first + 3]
    # The value of the series is the place of its step.
    measured = rows[rows["model"] == MEASURED]
    assert (steps[measured["value"].astype(int)] == measured["time"].to_numpy()).all()
    assert measured["is_ahead"].tolist() == [False, False, True, True] * 3


def test_without_the_series_the_windows_tell_the_times(tmp_path: Path) -> None:
    """Each begins to look ahead at a step."""
    predictions, steps = make_forecasts(tmp_path, 10)
    found = read_forecasts(predictions, {**make_scores("lstm", lstm="candidate"), **FORECAST})
    assert found is not None
    measured = found.rows[found.rows["model"] == MEASURED]
    assert (steps[measured["value"].astype(int)] == measured["time"].to_numpy()).all()
    assert set(found.rows["model"]) == {MEASURED, "lstm"}


def test_without_a_hold_out_there_are_no_windows(tmp_path: Path) -> None:
    """Then there is no chart."""
    predictions, _ = make_forecasts(tmp_path, 3)
    table = predictions.table().set_column(1, "split", pa.array(["validation"] * 3))
    moved = write(tmp_path / "moved", {name: table[name] for name in table.column_names})
    assert read_forecasts(moved, {**make_scores("lstm", **MODELS), **FORECAST}) is None


def test_mistakes_are_the_most_confident_of_the_hold_out(tmp_path: Path) -> None:
    """Without images of the rows they come without pictures."""
    columns = {
        "id": ["a", "b", "c", "d"],
        "split": ["holdout", "holdout", "holdout", "validation"],
        "target": ["ant"] * 4,
        "cnn": ["bee", "ant", "bee", "bee"],
        "cnn_confidence": [0.6, 0.9, 0.8, 0.99],
    }
    found = read_mistakes(write(tmp_path / "predictions", columns), "cnn", None)
    assert found.rows["id"].tolist() == ["c", "a"]
    assert (found.n_wrong, found.images) == (2, None)

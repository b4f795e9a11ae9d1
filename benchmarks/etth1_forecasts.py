"""Forecasts of ETTh1 as published papers make them: the recurrent candidates against the classical baselines.

    python benchmarks/etth1_forecasts.py path/to/ETTh1.csv

The standard split (12, 4 and 4 months of 30 days), all seven columns standardised with the training
months, a window of 96 hours, 24 hours ahead. Trains through Nocturne's own trainer and baselines and
prints mean squared and mean absolute error over all windows of the test months. Early stopping looks at
the validation months alone.

Published at this horizon (multivariate): Informer 0.577, LSTM with attention 0.650 (Zhou et al., "Informer",
AAAI 2021, https://doi.org/10.1609/aaai.v35i12.17325).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.dataset import Dataset, DatasetWriter
from tasks.preparation import Preparation
from tasks.preparation.windows import ForecastShape
from tasks.workflow import RecurrentCandidate
from tasks.workflow.baselines import choose_baselines

HOURS_A_MONTH = 30 * 24
N_TRAIN, N_OTHER = 12 * HOURS_A_MONTH, 4 * HOURS_A_MONTH
WINDOW, HORIZON, SEASON = 96, 24, 24
COLUMNS = ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
CANDIDATES: dict[str, dict[str, Any]] = {
    "rnn": {"kind": "rnn", "units": [64], "learning_rate": 0.001},
    "lstm": {"kind": "lstm", "units": [64], "learning_rate": 0.001},
    "gru": {"kind": "gru", "units": [64], "learning_rate": 0.001},
}
COMMON = {"batch_size": 64, "epochs": 12, "patience": 3, "clip_norm": 1.0, "dropout": 0.2}


def main() -> None:
    """Read the arguments, train everybody, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("etth1", type=Path, help="ETTh1.csv of the ETDataset")
    parser.add_argument("--only", nargs="*", help="candidates to train (default: all)")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as scratch:
        dataset = write_dataset(Path(scratch) / "etth1", pd.read_csv(options.etth1))
        print(f"{'model':22} {'MSE':>7} {'MAE':>7} {'parameters':>11} {'epochs':>7} {'seconds':>8}")
        for name, baseline in choose_baselines(
            "forecast", of_images=False, has_season=True
        ).items():
            show_baseline(dataset, name, baseline.model_dump() | {"season": SEASON}, options.seed)
        for name in CANDIDATES if options.only is None else options.only:
            show_candidate(dataset, name, CANDIDATES[name], options.seed)


def show_baseline(dataset: Dataset, name: str, spec: dict[str, Any], seed: int) -> None:
    """Fit a baseline and print its figures."""
    from tasks.training.baselines import fit_baseline

    spec = {k: v for k, v in spec.items() if k != "season" or name == "seasonal_naive"}
    result = fit_baseline(dataset, PREPARATION, spec, name=name, seed=seed)
    mse, mae = score(result.network, dataset)
    print(f"{name:22} {mse:7.4f} {mae:7.4f} {result.n_parameters:11,} {'':7} {result.seconds:8.1f}")


def show_candidate(dataset: Dataset, name: str, settings: dict[str, Any], seed: int) -> None:
    """Train a network and print its figures."""
    from tasks.training.trainer import train

    spec = RecurrentCandidate.model_validate({**COMMON, **settings}).model_dump(mode="json")
    result = train(dataset, PREPARATION, spec, name=name, seed=seed)
    mse, mae = score(result.network, dataset)
    epochs = f"{result.best_epoch}/{result.n_epochs}"
    print(
        f"{name:22} {mse:7.4f} {mae:7.4f} {result.n_parameters:11,} {epochs:>7} "
        f"{result.seconds:8.1f}",
        flush=True,
    )


def score(network: Any, dataset: Dataset) -> tuple[float, float]:
    """Mean squared and mean absolute error over the test windows, in standard deviations of training."""
    from tasks.training.data.parts import load_part

    train_rows = dataset.table(list(COLUMNS)).slice(0, N_TRAIN).to_pandas()
    scale = train_rows.std(ddof=0).to_numpy()
    test = load_part(dataset, PREPARATION, "holdout")
    errors = []
    for first in range(0, test.n_rows, 256):
        inputs, truth = test.take(slice(first, min(first + 256, test.n_rows)))
        errors.append((network.predict_on_batch(inputs) - truth) / scale)
    whole = np.concatenate(errors)
    return float((whole**2).mean()), float(np.abs(whole).mean())


def write_dataset(folder: Path, table: pd.DataFrame) -> Dataset:
    """Put the months into the container, as cleaning leaves a series."""
    table = table.iloc[: N_TRAIN + 2 * N_OTHER]
    parts = ["train"] * N_TRAIN + ["validation"] * N_OTHER + ["holdout"] * N_OTHER
    times = pd.to_datetime(table["date"]).to_numpy().astype("M8[us]")
    rows = pa.table(
        {
            "id": table["date"].astype(str).tolist(),
            "split": parts,
            "time": times,
            **{name: table[name].to_numpy(dtype="float64") for name in COLUMNS},
        }
    )
    with DatasetWriter(folder, rows.schema) as writer:
        writer.write(rows)
    return Dataset.open(folder)


PREPARATION = Preparation(
    None,
    (),
    None,
    None,
    COLUMNS,
    kind="forecast",
    forecast=ForecastShape("time", COLUMNS, WINDOW, HORIZON, SEASON),
)


if __name__ == "__main__":
    main()

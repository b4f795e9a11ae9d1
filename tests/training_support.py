"""Tiny clean rows to train on, and settings of candidates, for the tests of models and training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import Dataset, DatasetWriter
from tasks.preparation import Preparation
from tasks.preparation.windows import ForecastShape
from tasks.workflow import CnnCandidate, MlpCandidate, RecurrentCandidate

CNN: dict[str, Any] = CnnCandidate.model_validate(
    {
        "kind": "cnn",
        "convolutions": [{"filters": 2, "kernel": 3}],
        "dense": [8],
        "epochs": 3,
        "batch_size": 16,
        "learning_rate": 0.01,
    }
).model_dump(mode="json")
MLP: dict[str, Any] = MlpCandidate.model_validate(
    {"kind": "mlp", "dense": [8], "epochs": 3, "batch_size": 16, "learning_rate": 0.01}
).model_dump(mode="json")
LSTM: dict[str, Any] = RecurrentCandidate.model_validate(
    {"kind": "lstm", "units": [8], "epochs": 3, "batch_size": 16, "learning_rate": 0.01}
).model_dump(mode="json")
BASELINE: dict[str, Any] = {"kind": "logistic_regression", "max_iter": 200}

IMAGES = Preparation("side", ("left", "right"), "image", (6, 6, 1), ())
PRICES = Preparation("price", (), None, None, ("width", "height"), kind="regression")
WAVES = Preparation(
    None,
    (),
    None,
    None,
    ("a", "b"),
    ("time", "a", "b"),
    kind="forecast",
    forecast=ForecastShape("time", ("b",), window=12, horizon=3),
)
TABLE = Preparation("kind", (3, 5), None, None, ("width", "height"))


def write(folder: Path, rows: pa.Table) -> Dataset:
    with DatasetWriter(folder, rows.schema) as writer:
        writer.write(rows)
    return Dataset.open(folder)


def make_splits(n_rows: int) -> list[str]:
    """Of ten rows one is a validation and two are hold-out rows."""
    return [
        ("validation" if i % 10 == 9 else "holdout" if i % 10 in (3, 6) else "train")
        for i in range(n_rows)
    ]


def make_images(n_rows: int = 100) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Noise with a bright stripe on the left or the right; the first pixel is always 0."""
    rng = np.random.default_rng(8)
    images = rng.integers(0, 120, (n_rows, 6, 6, 1), dtype=np.uint8)
    sides = ["left" if (i + i // 10) % 2 else "right" for i in range(n_rows)]
    for image, side in zip(images, sides, strict=True):
        image[:, 1 if side == "left" else 4] += 100
        image[0, 0] = 0
    return images, sides


def make_waves(n_steps: int = 200) -> pa.Table:
    """Hourly sines of 12 and 24 steps; 60 % train, 20 % validation, 20 % hold-out, by time."""
    steps = np.arange(n_steps)
    parts = np.array(["train", "validation", "holdout"])
    hour = np.timedelta64(3_600_000_000, "us")
    return pa.table(
        {
            "id": [f"r{i}" for i in steps],
            "split": parts[np.searchsorted([0.6, 0.8], steps / n_steps, "right")],
            "time": np.datetime64("2026-01-01", "us") + steps * hour,
            "a": np.sin(2 * np.pi * steps / 12),
            "b": 100.0 + 10.0 * np.sin(2 * np.pi * steps / 24),
        }
    )

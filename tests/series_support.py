"""Small series, what cleaning learned of them, and a forecaster whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from cleaning_support import as_raw

from tasks.models.predictor import NETWORK_FILE, PREPARATION_FILE
from tasks.preparation import Preparation
from tasks.preparation.transformers.scale import Scale
from tasks.preparation.transformers.series import FillInTime, RegularGrid
from tasks.preparation.windows import ForecastShape
from tasks.workflow import Workflow

WINDOW, HORIZON = 3, 2


def make_plain_preparation() -> Preparation:
    """Forecasts ``flow``, scaled by (x - 20) / 8.16, from it and ``rain``; no grid."""
    scale = Scale(["flow"]).fit({"flow": np.array([10.0, 20.0, 30.0])})
    return Preparation(
        target=None,
        classes=(),
        image_column=None,
        image_shape=None,
        features=("flow", "rain"),
        transformers=(scale,),
        kind="forecast",
        forecast=ForecastShape("time", ("flow",), WINDOW, HORIZON),
    )


def make_gridded_preparation() -> Preparation:
    """Forecasts ``flow`` day by day; gaps of one day within a window are interpolated."""
    frame = {
        "flow": np.array([10.0, np.nan, 30.0]),
        "time": np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "M8[us]"),
    }
    fill = FillInTime(["flow"], time="time", max_gap=1, indicator=True).fit(frame)
    scale = Scale(["flow"]).fit({"flow": np.array([10.0, 20.0, 30.0])})
    return Preparation(
        target=None,
        classes=(),
        image_column=None,
        image_shape=None,
        features=("flow", "flow_was_missing"),
        raw_features=("flow", "time"),
        transformers=(RegularGrid("time", "1d"), fill, scale),
        kind="forecast",
        forecast=ForecastShape("time", ("flow",), WINDOW, HORIZON, every="1d"),
    )


def save_last_value(folder: Path, preparation: Preparation, plus: float = 0.0) -> Path:
    """Write a network that repeats the window's last value of the first feature, in clean units."""
    import keras

    inputs = keras.Input(preparation.input_shape)
    last = keras.layers.Cropping1D((preparation.input_shape[0] - 1, 0))(inputs)
    steps = keras.layers.Dense(preparation.output_shape[0])
    outputs = steps(keras.layers.Flatten()(last))
    network = keras.Model(inputs, keras.layers.Reshape(preparation.output_shape)(outputs))
    weights = np.zeros((len(preparation.features), preparation.output_shape[0]), dtype=np.float32)
    weights[0] = 1.0
    steps.set_weights([weights, np.full(preparation.output_shape[0], plus)])
    folder.mkdir(parents=True)
    network.save(folder / NETWORK_FILE)
    (folder / PREPARATION_FILE).write_text(preparation.to_json(), encoding="utf-8")
    return folder


def make_series_workflow(**changes: Any) -> Workflow:
    """Forecast ``flow`` two days ahead from three; the latest fifth judges, the fifth before chooses."""
    return Workflow.model_validate(
        {
            "name": "river",
            "description": "Test.",
            "source": {"kind": "files", "path": "*.csv"},
            "columns": {"time": "time", "features": ["flow"]},
            "expectations": {"raw": "river_raw", "clean": "river_clean"},
            "cleaning": [],
            "split": {"by": "time", "validation": 0.2, "holdout": 0.2},
            "predict": {"kind": "forecast", "window": WINDOW, "horizon": HORIZON},
            "candidates": {"mlp": {"kind": "mlp"}},
            **changes,
        }
    )


def make_days(flow: list[str], *, without: tuple[int, ...] = ()) -> pa.Table:
    """Make raw rows of the days from 2024-01-01 on; texts, as a CSV file has them."""
    days = np.datetime64("2024-01-01") + np.arange(len(flow))
    kept = [i for i in range(len(flow)) if i not in without]
    return as_raw({"time": [str(days[i]) for i in kept], "flow": [flow[i] for i in kept]})

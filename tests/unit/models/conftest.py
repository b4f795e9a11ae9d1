"""Model folders as training writes them, made directly: an untrained network and a fitted baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from series_support import make_gridded_preparation, make_plain_preparation

from tasks.models.predictor import ESTIMATOR_FILE, NETWORK_FILE, PREPARATION_FILE
from tasks.preparation import Preparation
from tasks.workflow import CnnCandidate

CNN = CnnCandidate.model_validate(
    {"kind": "cnn", "convolutions": [{"filters": 2}], "dense": [5]}
).model_dump(mode="json")


@pytest.fixture
def images() -> npt.NDArray[np.uint8]:
    """Seven images of 6x6 pixels, values 0 to 255."""
    return np.random.default_rng(3).integers(0, 256, (7, 6, 6, 1), dtype=np.uint8)


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """A network for 6x6 images and the classes ``cat``, ``dog`` and ``emu``."""
    import keras

    from tasks.models.networks import build_network

    network = build_network(
        CNN,
        name="cnn",
        kind="classification",
        input_shape=(6, 6, 1),
        output_shape=(3,),
        mean=np.full((6, 6, 1), 100.0),
        variance=np.full((6, 6, 1), 2500.0),
        seed=1,
    )
    folder = tmp_path / "image_model"
    folder.mkdir()
    assert isinstance(network, keras.Model)
    network.save(folder / NETWORK_FILE)
    preparation = Preparation("animal", ("cat", "dog", "emu"), "picture", (6, 6, 1), ())
    (folder / PREPARATION_FILE).write_text(preparation.to_json(), encoding="utf-8")
    return folder


@pytest.fixture
def table() -> pa.Table:
    """Raw rows: a column that no model reads, integers and text that is a number."""
    return pa.table(
        {
            "name": ["a", "b", "c", "d"],
            "width": pa.array([1, 2, 8, 9], pa.int64()),
            "height": ["0.5", "1", "-1.5", "-2"],
        }
    )


@pytest.fixture
def table_folder(tmp_path: Path) -> Path:
    """A logistic regression on ``width`` and ``height`` with the classes 10 and 20."""
    import skops.io

    folder = tmp_path / "table_model"
    folder.mkdir()
    skops.io.dump(fit_table_pipeline(), folder / ESTIMATOR_FILE)
    preparation = Preparation("kind", (10, 20), None, None, ("width", "height"))
    (folder / PREPARATION_FILE).write_text(preparation.to_json(), encoding="utf-8")
    return folder


def fit_table_pipeline() -> Any:
    """Fit four rows: narrow ones are code 0, wide ones code 1."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    X = np.array([[1, 0.5], [2, 1], [8, -1.5], [9, -2]], dtype=np.float32)
    steps = [("scaler", StandardScaler()), ("classifier", LogisticRegression())]
    return Pipeline(steps).fit(X, [0, 0, 1, 1])


@pytest.fixture
def plain_series() -> Preparation:
    """Forecasts ``flow`` from ``flow`` and ``rain``; rows follow each other as they are."""
    return make_plain_preparation()


@pytest.fixture
def gridded_series() -> Preparation:
    """Forecasts ``flow`` day by day; gaps of one day within a window are interpolated."""
    return make_gridded_preparation()

"""A tiny clean dataset of images and one of a table, with their preparations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from training_support import IMAGES, make_images, make_splits, write

from tasks.dataset import Dataset, array_to_tensor_column


@pytest.fixture
def image_rows(tmp_path: Path) -> Dataset:
    """100 images: 70 for training, 10 for validation, 20 held out."""
    images, sides = make_images()
    return write(
        tmp_path / "images",
        pa.table(
            {
                "id": [f"r{i}" for i in range(100)],
                "split": make_splits(100),
                "side": sides,
                "image": array_to_tensor_column(images),
            }
        ),
    )


@pytest.fixture
def table_rows(tmp_path: Path) -> Dataset:
    """60 rows with two overlapping classes; 42 for training, 6 for validation."""
    rng = np.random.default_rng(9)
    kinds = np.array([3, 5])[rng.integers(0, 2, 60)]
    return write(
        tmp_path / "table",
        pa.table(
            {
                "id": [f"r{i}" for i in range(60)],
                "split": make_splits(60),
                "kind": kinds,
                "height": rng.normal(1000.0, 50.0, 60),
                "width": kinds + rng.normal(0.0, 1.0, 60),
            }
        ),
    )


@pytest.fixture
def preparation_file(tmp_path: Path) -> Path:
    """The preparation of the images, as cleaning hands it over."""
    file = tmp_path / "preparation.json"
    file.write_text(IMAGES.to_json(), encoding="utf-8")
    return file

"""A part of the split as arrays: its rows, in order, in their own dtype."""

from __future__ import annotations

import numpy as np
import pytest
from training_support import IMAGES, TABLE, make_images, make_splits

from tasks.dataset import Dataset
from tasks.training import parts as module
from tasks.training.parts import load_part


@pytest.mark.parametrize(("part", "n_rows"), [("train", 70), ("validation", 10), ("holdout", 20)])
@pytest.mark.parametrize("batch_bytes", [1, 5000, 10**9])
def test_images_come_back_as_they_were(
    image_rows: Dataset, part: str, n_rows: int, batch_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uint8 stays uint8, whatever the size of a batch."""
    monkeypatch.setattr(module, "BATCH_BYTES", batch_bytes)
    images, sides = make_images()
    chosen = [i for i, split in enumerate(make_splits(100)) if split == part]
    found = load_part(image_rows, IMAGES, part)
    assert found.n_rows == n_rows
    assert found.inputs.dtype == np.uint8
    np.testing.assert_array_equal(found.inputs, images[chosen])
    assert found.codes.tolist() == [["left", "right"].index(sides[i]) for i in chosen]


def test_features_stand_in_the_order_of_the_preparation(table_rows: Dataset) -> None:
    """The dataset has height before width, the preparation the other way round."""
    found = load_part(table_rows, TABLE, "train")
    assert found.inputs.shape == (42, 2)
    assert found.inputs.dtype == np.float32
    assert found.inputs[:, 1].min() > 500 > found.inputs[:, 0].max()


def test_a_part_without_rows_is_empty(table_rows: Dataset) -> None:
    """A split need not have validation rows."""
    found = load_part(table_rows, TABLE, "nowhere")
    assert found.n_rows == 0
    assert found.inputs.shape == (0, 2)

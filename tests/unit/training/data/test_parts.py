"""A part of the split, as rows or windows: the right ones, in order, and nothing that would harm a fit."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from training_support import IMAGES, TABLE, make_images, make_splits, write

from tasks.dataset import Dataset
from tasks.errors import TrainingError
from tasks.preparation import Preparation
from tasks.training.data import array_builder
from tasks.training.data import rows as module
from tasks.training.data.parts import PartName, load_part
from tasks.training.data.rows import Rows

NUMBERS = Preparation("price", (), None, None, ("size",), kind="regression")


@pytest.mark.parametrize(("part", "n_rows"), [("train", 70), ("validation", 10), ("holdout", 20)])
@pytest.mark.parametrize("batch_bytes", [1, 5000, 10**9])
def test_images_come_back_as_they_were(
    image_rows: Dataset,
    part: PartName,
    n_rows: int,
    batch_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """uint8 stays uint8, whatever the size of a batch."""
    monkeypatch.setattr(module, "BATCH_BYTES", batch_bytes)
    images, sides = make_images()
    chosen = [i for i, split in enumerate(make_splits(100)) if split == part]
    found = load_part(image_rows, IMAGES, part)
    assert isinstance(found, Rows)
    assert found.n_rows == n_rows
    assert found.inputs.dtype == np.uint8
    np.testing.assert_array_equal(found.inputs, images[chosen])
    assert found.targets.tolist() == [["left", "right"].index(sides[i]) for i in chosen]


def test_features_stand_in_the_order_of_the_preparation(table_rows: Dataset) -> None:
    """The dataset has height before width, the preparation the other way round."""
    found = load_part(table_rows, TABLE, "train")
    assert isinstance(found, Rows)
    assert found.inputs.shape == (42, 2)
    assert found.inputs.dtype == np.float32
    assert found.inputs[:, 1].min() > 500 > found.inputs[:, 0].max()


def test_numbers_are_a_column(tmp_path: Path) -> None:
    """The targets of a regression have the shape of a network's output."""
    dataset = write_numbers(tmp_path, [1.0, 2.0, 3.0], [10.0, 20.0, 30.0])
    found = load_part(dataset, NUMBERS, "train")
    assert isinstance(found, Rows)
    assert found.targets.dtype == np.float32
    assert found.targets.tolist() == [[10.0], [20.0], [30.0]]
    inputs, targets = found.take(np.array([2, 0]))
    assert inputs.tolist() == [[3.0], [1.0]]
    assert targets.tolist() == [[30.0], [10.0]]
    assert [a.tolist() for a in found.iterate_inputs()] == [[[1.0], [2.0], [3.0]]]


def test_a_part_without_rows_is_empty(tmp_path: Path) -> None:
    """A split need not have validation rows."""
    found = load_part(write_numbers(tmp_path, [1.0], [1.0]), NUMBERS, "validation")
    assert isinstance(found, Rows)
    assert found.n_rows == 0
    assert found.inputs.shape == (0, 1)
    assert found.targets.shape == (0, 1)


def test_without_training_rows_nothing_can_be_fitted(tmp_path: Path) -> None:
    """The one part that must have rows."""
    dataset = write(
        tmp_path / "none", pa.table({"split": ["holdout"], "size": [1.0], "price": [1.0]})
    )
    with pytest.raises(TrainingError, match="There is no training row"):
        load_part(dataset, NUMBERS, "train")


def test_a_larger_share_holds_the_smaller_one(image_rows: Dataset) -> None:
    """Rounded up to whole rows, in the order of the dataset, the same at every call."""
    whole = load_part(image_rows, IMAGES, "train").inputs.reshape(70, -1).tolist()
    places = {}
    for share in (0.5, 0.1, 1.0):
        found = load_part(image_rows, IMAGES, "train", share=share, seed=3)
        places[share] = [
            whole.index(row) for row in found.inputs.reshape(found.n_rows, -1).tolist()
        ]
        assert places[share] == sorted(places[share])
    assert (len(places[0.1]), len(places[0.5])) == (7, 35)
    assert set(places[0.1]) < set(places[0.5]) < set(places[1.0])
    other = load_part(image_rows, IMAGES, "train", share=0.5, seed=4)
    assert other.inputs.reshape(35, -1).tolist() != [whole[i] for i in places[0.5]]


@pytest.mark.parametrize(("n_rows", "share", "expected"), [(30, 0.1, 3), (7, 0.1, 1), (3, 0.67, 3)])
def test_shares_are_rounded_up(n_rows: int, share: float, expected: int) -> None:
    """Never to none, and not by the error of a product in floating point."""
    assert module.count_share(n_rows, share) == expected


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5])
def test_a_share_is_a_share(image_rows: Dataset, share: float) -> None:
    """Nothing, or more than there is, cannot be read."""
    with pytest.raises(TrainingError, match=f"A share of {share:g}"):
        load_part(image_rows, IMAGES, "train", share=share)


@pytest.mark.parametrize(
    ("sizes", "prices", "column", "n_bad"),
    [([1.0, np.nan, np.inf], [1.0] * 3, "size", 2), ([1.0] * 3, [1.0, 2.0, np.nan], "price", 1)],
)
def test_a_value_that_is_no_number_is_refused(
    tmp_path: Path, sizes: list[float], prices: list[float], column: str, n_bad: int
) -> None:
    """One NaN in one batch makes every weight NaN."""
    dataset = write_numbers(tmp_path, sizes, prices)
    with pytest.raises(TrainingError, match=f"column '{column}' of the train rows holds {n_bad} "):
        load_part(dataset, NUMBERS, "train")


def test_a_large_array_lies_in_a_file(
    image_rows: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would not fit into memory is mapped, read-only, with the same values; small arrays are not."""
    in_memory = load_part(image_rows, IMAGES, "train", scratch=tmp_path / "scratch")
    assert not (tmp_path / "scratch").exists()
    monkeypatch.setattr(array_builder, "MAX_ARRAY_BYTES", 1000)
    monkeypatch.setattr(module, "BATCH_BYTES", 3000)
    mapped = load_part(image_rows, IMAGES, "train", scratch=tmp_path / "scratch")
    assert isinstance(mapped, Rows)
    assert isinstance(mapped.inputs.base, np.memmap)
    assert not mapped.inputs.flags.writeable
    assert [f.name for f in (tmp_path / "scratch").iterdir()] == ["train-inputs.npy"]
    np.testing.assert_array_equal(mapped.inputs, in_memory.inputs)
    half = load_part(image_rows, IMAGES, "train", share=0.5, scratch=tmp_path / "scratch")
    assert half.n_rows == 35
    np.testing.assert_array_equal(
        mapped.inputs, in_memory.inputs
    )  # its file was replaced, not changed


def test_it_says_what_was_read(image_rows: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    """One line of facts."""
    with caplog.at_level(logging.INFO, "tasks.training.data.parts"):
        load_part(image_rows, IMAGES, "train")
    assert "train: 70 rows of shape (6, 6, 1), " in caplog.text


def write_numbers(folder: Path, sizes: list[float], prices: list[float]) -> Dataset:
    return write(
        folder / "numbers",
        pa.table({"split": ["train"] * len(sizes), "size": sizes, "price": prices}),
    )

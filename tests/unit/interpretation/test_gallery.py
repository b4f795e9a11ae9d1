"""Which images are explained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.errors import InterpretationError
from tasks.interpretation.gallery import Pictured, choose_images, read_images

# id, split, target, predicted, confidence
ROWS = [
    ("a", "holdout", "cat", "cat", 0.99),
    ("b", "holdout", "cat", "cat", 0.98),
    ("c", "holdout", "dog", "dog", 0.70),
    ("d", "holdout", "dog", "cat", 0.60),
    ("e", "holdout", "emu", "cat", 0.90),
    ("f", "holdout", "emu", "dog", 0.90),
    ("g", "validation", "emu", "dog", 1.00),
    ("h", "holdout", "emu", "emu", 0.50),
]


def write(folder: Path, rows: pa.Table) -> Dataset:
    with DatasetWriter(folder, rows.schema) as writer:
        writer.write(rows)
    return Dataset.open(folder)


def make_predictions(folder: Path, rows: list[tuple[str, str, str, str, float]]) -> Dataset:
    names = ["id", "split", "target", "cnn", "cnn_confidence"]
    return write(
        folder / "predictions",
        pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))),
    )


def test_mistakes_come_first_by_confidence(tmp_path: Path) -> None:
    """Equal ones by id; a validation row is never among them."""
    chosen = choose_images(make_predictions(tmp_path, ROWS), "cnn", n_wrong=2, n_right=0)
    assert chosen == (
        Pictured("e", "emu", "cat", 0.9, True),
        Pictured("f", "emu", "dog", 0.9, True),
    )


def test_every_class_is_shown_right_before_a_second_of_any(tmp_path: Path) -> None:
    """The most confident of each class, and only then the next of a class."""
    chosen = choose_images(make_predictions(tmp_path, ROWS), "cnn", n_wrong=0)
    assert [one.id for one in chosen] == ["a", "c", "h", "b"]
    assert not any(one.is_wrong for one in chosen)


def test_a_model_that_is_wrong_nowhere_has_right_ones_alone(tmp_path: Path) -> None:
    """No mistake is no gap."""
    chosen = choose_images(make_predictions(tmp_path, ROWS[:3]), "cnn")
    assert [one.id for one in chosen] == ["a", "c", "b"]


def test_one_row_is_one_image(tmp_path: Path) -> None:
    """Right or wrong."""
    assert [o.id for o in choose_images(make_predictions(tmp_path, ROWS[3:4]), "cnn")] == ["d"]


def test_images_come_in_the_order_they_were_chosen(tmp_path: Path) -> None:
    """Whatever their order in the dataset, and with their own numbers."""
    pixels = np.arange(24, dtype=np.uint8).reshape(3, 2, 2, 2)
    clean = write(
        tmp_path / "clean",
        pa.table({"id": ["a", "b", "c"], "image": array_to_tensor_column(pixels)}),
    )
    pictured = tuple(Pictured(i, 0, 0, 1.0, False) for i in ("c", "a"))
    found = read_images(clean, "image", pictured)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, pixels[[2, 0]])
    with pytest.raises(InterpretationError, match="1 of 1 images are not among the clean rows"):
        read_images(clean, "image", (Pictured("z", 0, 0, 1.0, False),))

"""A checkpoint is there whole or not at all, and is only gone on from where it belongs."""

from __future__ import annotations

import logging
from pathlib import Path

import keras
import numpy as np
import pytest

from tasks.errors import TrainingError
from tasks.training.checkpoint import (
    CHECKPOINT_FILE,
    Checkpoint,
    assign_variables,
    copy_variables,
)
from tasks.training.progress import Epoch

EPOCH = Epoch(1, 3, {"loss": 0.5, "accuracy": 0.8}, {"loss": 0.6, "accuracy": 0.7}, 1.5, 0.001)


def make_checkpoint(**changes: object) -> Checkpoint:
    values: dict[str, object] = {
        "key": "k",
        "batch_size": 8,
        "epochs": (EPOCH,),
        "best_epoch": 1,
        "variables": [np.arange(12.0, dtype="float32"), np.array(3), *(np.ones(2),) * 10],
        "best_weights": [np.zeros((2, 3))],
    }
    return Checkpoint(**{**values, **changes})  # type: ignore[arg-type]


def test_a_checkpoint_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """With more than ten arrays their order is that of the numbers and not of the names."""
    written = make_checkpoint()
    written.write(tmp_path / "new" / "folder")
    read = Checkpoint.read(tmp_path / "new" / "folder", "k")
    assert read is not None
    assert (read.epochs, read.batch_size, read.best_epoch) == ((EPOCH,), 8, 1)
    for found, expected in zip(read.variables, written.variables, strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(read.best_weights[0], np.zeros((2, 3)))
    assert [p.name for p in (tmp_path / "new" / "folder").iterdir()] == [CHECKPOINT_FILE]


def test_none_is_read_where_none_is(tmp_path: Path) -> None:
    """A first try has nothing to go on from."""
    assert Checkpoint.read(tmp_path, "k") is None


def test_one_of_another_training_is_left_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The key says of what it is."""
    make_checkpoint().write(tmp_path)
    with caplog.at_level(logging.INFO):
        assert Checkpoint.read(tmp_path, "other") is None
    assert "begins anew" in caplog.text


@pytest.mark.parametrize("content", [b"", b"half", b"PK\x03\x04 half of an archive"])
def test_one_that_is_broken_is_left_aside(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A night at two o'clock goes on without it."""
    (tmp_path / CHECKPOINT_FILE).write_bytes(content)
    assert Checkpoint.read(tmp_path, "k") is None
    assert "cannot be read" in caplog.text


def test_one_that_was_cut_off_is_left_aside(tmp_path: Path) -> None:
    """As a copy on a full disk is."""
    make_checkpoint().write(tmp_path)
    file = tmp_path / CHECKPOINT_FILE
    file.write_bytes(file.read_bytes()[:-200])
    assert Checkpoint.read(tmp_path, "k") is None


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    """A file with objects in it is no checkpoint."""
    with (tmp_path / CHECKPOINT_FILE).open("wb") as file:
        np.savez(file, state=np.array([{"key": "k"}], dtype=object))
    assert Checkpoint.read(tmp_path, "k") is None


def test_variables_take_their_values() -> None:
    """What was copied is assigned again."""
    variables = [keras.Variable(np.zeros((2, 3))), keras.Variable(np.zeros(()))]
    assign_variables(variables, [np.ones((2, 3)), np.array(7.0)], name="cnn")
    found = copy_variables(variables)
    np.testing.assert_array_equal(found[0], np.ones((2, 3)))
    assert found[1] == 7.0


@pytest.mark.parametrize(
    "values",
    [[np.ones((3, 2)), np.array(7.0)], [np.ones((2, 3))], [np.ones((2, 3)), np.array(7.0)] * 2],
    ids=["another shape", "too few", "too many"],
)
def test_values_that_do_not_fit_change_nothing(values: list[np.ndarray]) -> None:
    """The error names the candidate, and all variables stay as they were."""
    variables = [keras.Variable(np.zeros((2, 3))), keras.Variable(np.zeros(()))]
    with pytest.raises(TrainingError, match="checkpoint of the candidate 'cnn'"):
        assign_variables(variables, values, name="cnn")
    assert all((array == 0).all() for array in copy_variables(variables))

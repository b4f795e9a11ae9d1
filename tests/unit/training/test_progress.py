"""Epochs as a line for people and as tidy rows for charts."""

from __future__ import annotations

from tasks.training.progress import Epoch, tidy_history

TRAIN = {"loss": 0.5, "accuracy": 0.75}
WITH = Epoch(2, 9, TRAIN, {"loss": 0.25, "accuracy": 0.875}, 1.25, 0.001)
WITHOUT = Epoch(1, 9, TRAIN, None, 0.04, 0.001)


def test_a_line_says_what_was_measured() -> None:
    """Validation only where there was one."""
    assert str(WITHOUT) == "epoch 1/9: loss 0.5000, accuracy 0.7500, 0.0 s"
    assert str(WITH) == (
        "epoch 2/9: loss 0.5000, accuracy 0.7500, validation loss 0.2500, accuracy 0.8750, 1.2 s"
    )


def test_history_has_a_row_per_epoch_and_part() -> None:
    """One observation a row, as charts want it."""
    assert tidy_history([WITHOUT, WITH]) == [
        {"epoch": 1, "part": "train", "loss": 0.5, "accuracy": 0.75},
        {"epoch": 2, "part": "train", "loss": 0.5, "accuracy": 0.75},
        {"epoch": 2, "part": "validation", "loss": 0.25, "accuracy": 0.875},
    ]

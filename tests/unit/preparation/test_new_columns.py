"""New columns of a frame."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.errors import CleaningError
from tasks.preparation.new_columns import add_columns, make_indicators, replace_column

A, B = np.array([1.0]), np.array([2.0])


def test_new_columns_stand_in_the_place_of_the_old_one() -> None:
    """The order of the others stays; the frame that came in too."""
    frame = {"a": A, "b": A, "c": A}
    assert list(replace_column(frame, "b", {"b_1": B, "b": B}, "step")) == ["a", "b_1", "b", "c"]
    assert list(frame) == ["a", "b", "c"]


def test_no_column_is_written_over() -> None:
    """Neither at the end nor in a place."""
    with pytest.raises(CleaningError, match="'c'"):
        replace_column({"a": A, "c": A}, "a", {"c": B}, "step")
    with pytest.raises(CleaningError, match="'a'"):
        add_columns({"a": A}, {"a": B}, "step")


def test_indicators_are_made_of_columns_that_are_there() -> None:
    """0 and 1 as numbers."""
    made = make_indicators({"a": np.array([True, False])}, ["a", "gone"])
    assert {name: column.tolist() for name, column in made.items()} == {"a_was_missing": [1.0, 0.0]}

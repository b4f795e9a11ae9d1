"""How many hold-out rows are looked at, and which."""

from __future__ import annotations

import numpy as np

from tasks.interpretation.sample import MAX_ROWS, MIN_ROWS, bound_rows, draw_places


def test_few_rows_are_all_looked_at() -> None:
    """In their order, whatever the seed."""
    assert draw_places(4, 4, seed=1).tolist() == draw_places(4, 9, seed=2).tolist() == [0, 1, 2, 3]


def test_many_rows_are_drawn_once_each() -> None:
    """Rising, without repetition, the same for the same seed."""
    drawn = draw_places(1000, 100, seed=1)
    assert len(drawn) == 100
    assert (np.diff(drawn) > 0).all()
    assert drawn.max() < 1000
    assert (drawn == draw_places(1000, 100, seed=1)).all()
    assert (drawn != draw_places(1000, 100, seed=2)).any()


def test_wide_rows_are_fewer_within_bounds() -> None:
    """The cells that the model reads are bounded, but not below a useful number of rows."""
    assert bound_rows(1, 1, 5, 10**9) == MAX_ROWS
    assert bound_rows(100, 100, 5, 10**8) == 2000
    assert bound_rows(10_000, 10_000, 5, 10**8) == MIN_ROWS

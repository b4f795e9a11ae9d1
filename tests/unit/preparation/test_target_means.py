"""Smoothed shares of the classes by category."""

from __future__ import annotations

import numpy as np

from tasks.preparation.target_means import compute_target_means


def test_a_category_is_drawn_towards_the_overall_share() -> None:
    """By hand: p = 3/4, category 0 has 1/2 of 2 rows, so lambda is 2 x 3/16 / (2 x 3/16 + 1/4) = 3/5."""
    means, without = compute_target_means(
        np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2, None, 5
    )
    np.testing.assert_allclose(means.by_category[:, 0], [0.6 * 0.5 + 0.4 * 0.75, 1.0])
    assert means.overall.tolist() == [0.75]
    assert without == []


def test_rows_of_no_category_count_for_the_overall_share_alone() -> None:
    """A category without a row has the overall share."""
    means, _ = compute_target_means(np.array([-1, -1, 0]), np.array([0, 1, 2]), 2, None, 5)
    np.testing.assert_allclose(means.overall, [1 / 3] * 3)
    np.testing.assert_allclose(means.by_category[1], means.overall)


def test_each_fold_is_left_out_once_and_rows_of_no_fold_never() -> None:
    """Folds are taken modulo their number; -1 is none."""
    codes, classes = np.zeros(4, np.int64), np.array([0, 1, 1, 1])
    _, without = compute_target_means(codes, classes, 1, np.array([0, 3, 4, -1]), 2)
    assert [m.overall.tolist() for m in without] == [[1.0], [2 / 3]]

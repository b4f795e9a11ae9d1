import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from tasks.mining.clusters.agreement import count_pairs, measure_purity, measure_rand_index


def test_rows_of_no_group_are_counted_last() -> None:
    """Of two rows of noise one has the second class, and one none."""
    counts = count_pairs(np.array([0, -1, -1]), np.array([0, 1, -1]), n_first=1, n_second=2)
    assert counts.tolist() == [[1, 0, 0], [0, 1, 1]]


def test_rows_without_classes_have_one_column() -> None:
    """Without classes all rows are counted under none."""
    assert count_pairs(np.array([0, 1]), np.array([-1, -1]), 2, 0).tolist() == [[1], [1], [0]]


@pytest.mark.parametrize("seed", range(3))
def test_the_rand_index_is_scikit_learns(seed: int) -> None:
    """From the counts comes what adjusted_rand_score finds in the rows."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 4, 300), rng.integers(-1, 3, 300)
    second[:150] = first[:150] % 3
    counts = count_pairs(first, second, 4, 3)
    assert measure_rand_index(counts) == pytest.approx(adjusted_rand_score(first, second))


@pytest.mark.parametrize("counts", [[[5]], [[1, 0], [0, 1]], [[0]]])
def test_divisions_that_cannot_differ_agree(counts: list[list[int]]) -> None:
    """One group on both sides, or every row for itself: the index is 1, and nothing is divided by 0."""
    assert measure_rand_index(np.array(counts)) == 1.0


def test_the_rand_index_of_billions_of_rows_does_not_overflow() -> None:
    """Couples of rows are counted exactly: four billion squared is past 64 bits."""
    assert measure_rand_index(np.array([[4_000_000_000, 0], [0, 4_000_000_000]])) == 1.0


def test_purity_without_rows_is_unknown() -> None:
    """There is no share of nothing."""
    assert measure_purity(np.zeros((2, 3), dtype=np.int64)) is None

import numpy as np
import pytest

from tasks.mining.clusters.matching import choose_names, count_moves, number_clusters


def test_the_first_night_numbers_by_size() -> None:
    """The largest is 0; of equals, the first."""
    found = number_clusters(np.array([5, 20, 5]))
    assert found.numbers.tolist() == [1, 0, 2]
    assert found.is_new.all()
    assert found.next_number == 3


def test_clusters_keep_their_numbers_whatever_the_order() -> None:
    """The same rows under other labels have the same numbers."""
    overlap = np.array([[0, 30, 0], [10, 0, 0], [0, 0, 0]])
    found = number_clusters(np.array([10, 30]), overlap, old=[0, 5], next_number=6)
    assert found.numbers.tolist() == [5, 0]
    assert not found.is_new.any()
    assert (found.gone, found.next_number) == ((), 6)


@pytest.mark.parametrize(("stayed", "number"), [(51, 0), (50, 1)])
def test_a_match_needs_more_than_half_of_the_old_rows(stayed: int, number: int) -> None:
    """51 of 100 are enough, 50 are not: the old cluster is gone, and the new one gets a new number."""
    overlap = np.array([[stayed, 100 - stayed], [0, 0]])  # the others are noise tonight
    found = number_clusters(np.array([stayed]), overlap, old=[0], next_number=1)
    assert found.numbers.tolist() == [number]
    assert found.gone == (() if number == 0 else (0,))


def test_two_clusters_that_merge_leave_the_larger_ones_number() -> None:
    """60 and 40 rows become one cluster: the second is gone."""
    found = number_clusters(np.array([100]), np.array([[60, 0], [40, 0], [0, 0]]), [3, 8], 9)
    assert found.numbers.tolist() == [3]
    assert found.gone == (8,)


def test_of_a_cluster_that_splits_the_larger_part_keeps_the_number() -> None:
    """70 and 30: the smaller part is new."""
    found = number_clusters(np.array([30, 70]), np.array([[30, 70, 0], [0, 0, 0]]), [2], 5)
    assert found.numbers.tolist() == [5, 2]
    assert found.next_number == 6


def test_a_number_of_any_earlier_night_is_not_given_again() -> None:
    """Cluster 9 was gone long ago: the next is 10."""
    found = number_clusters(np.array([4]), np.array([[0, 0], [0, 0]]), [0], next_number=10)
    assert (found.numbers.tolist(), found.gone, found.next_number) == ([10], (0,), 11)


def test_an_earlier_night_of_noise_alone_matches_nothing() -> None:
    """There was no cluster to keep."""
    found = number_clusters(np.array([4]), np.array([[4, 0]]), [], next_number=3)
    assert found.numbers.tolist() == [3]


def test_moves_count_rows_from_and_to_noise() -> None:
    """Of 23 rows 3 went to noise, 4 came from it, 1 changed its cluster and 15 stayed."""
    overlap = np.array([[10, 1, 3], [0, 5, 0], [4, 0, 0]])
    found = count_moves(overlap, [0, 1], np.array([0, 1]))
    assert (found.n_rows, found.n_moved) == (23, 8)
    assert found.moves == ((-1, 0, 4), (0, -1, 3), (0, 1, 1))


def test_rows_that_stay_noise_do_not_move() -> None:
    """Noise tonight as last night is no change."""
    assert count_moves(np.array([[5]]), [], np.array([], dtype=int)).n_moved == 0


def test_matched_clusters_keep_their_names() -> None:
    """New ones, and those whose name is not known, have none yet."""
    overlap = np.array([[0, 30, 0, 0], [10, 0, 0, 0], [0, 0, 0, 0]])
    found = number_clusters(np.array([10, 30, 7]), overlap, old=[0, 5], next_number=6)
    assert choose_names(found, {0: "large", 6: "never"}) == {1: "large"}

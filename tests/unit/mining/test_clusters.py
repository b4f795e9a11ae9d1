import numpy as np
import pytest

from tasks.errors import MiningError
from tasks.mining.clusters import count_classes, find_clusters, measure_purity

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
SIZES = (50, 30, 20)


def make_blobs() -> tuple[np.ndarray, np.ndarray]:
    """Three groups, ten apart, of spread 0.5: nobody could mistake them."""
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(3), SIZES)
    return (CENTRES[groups] + rng.normal(scale=0.5, size=(100, 2))).astype(np.float32), groups


@pytest.mark.parametrize("k", [3, (2, 6)])
def test_three_separated_groups_are_found(k: int | tuple[int, int]) -> None:
    """Given or chosen, three clusters are the three groups, numbered from the largest."""
    X, groups = make_blobs()
    found = find_clusters(X, k=k, seed=7)
    assert found.k == 3
    assert found.sizes.tolist() == list(SIZES)
    np.testing.assert_array_equal(found.labels, groups)
    np.testing.assert_allclose(found.centres, CENTRES, atol=0.5)
    assert found.silhouette > 0.85


def test_the_silhouette_curve_is_kept_and_its_top_is_chosen() -> None:
    """Every k of the range is on the curve, and none is above the chosen one."""
    X, _ = make_blobs()
    found = find_clusters(X, k=(2, 6), seed=7)
    assert list(found.curve) == [2, 3, 4, 5, 6]
    assert max(found.curve, key=lambda k: found.curve[k]) == 3


def test_a_given_k_has_a_curve_of_one_point() -> None:
    """Nothing else was tried, so nothing else is shown."""
    X, _ = make_blobs()
    found = find_clusters(X, k=4, seed=7)
    assert found.curve == {4: found.silhouette}


def test_the_silhouette_of_two_pairs_is_worked_by_hand() -> None:
    """Pairs 1 apart and 10 away: a = 1, b = 10.5 for the outer rows and 9.5 for the inner ones."""
    X = np.array([[0.0], [1.0], [10.0], [11.0]], dtype=np.float32)
    expected = np.mean([1 - 1 / 10.5, 1 - 1 / 9.5])
    assert find_clusters(X, k=2, seed=7).silhouette == pytest.approx(expected, abs=1e-6)


def test_typical_rows_are_the_nearest_to_their_centre_in_order() -> None:
    """At most five per cluster, members of it, by rising distance."""
    X, _ = make_blobs()
    found = find_clusters(X, k=3, seed=7)
    for cluster, rows in enumerate(found.typical_rows):
        distances = np.linalg.norm(X - found.centres[cluster], axis=1)
        members = np.flatnonzero(found.labels == cluster)
        assert list(rows) == members[np.argsort(distances[members])][:5].tolist()


def test_further_rows_go_to_the_nearest_centre() -> None:
    """Assigning the fitted rows gives their labels."""
    X, groups = make_blobs()
    found = find_clusters(X, k=3, seed=7)
    np.testing.assert_array_equal(found.assign(X), groups)


def test_the_same_seed_gives_the_same_clusters() -> None:
    """Chance is an argument."""
    X = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    first, second = (find_clusters(X, k=(2, 5), seed=11) for _ in range(2))
    assert first.curve == second.curve
    np.testing.assert_array_equal(first.labels, second.labels)


@pytest.mark.parametrize("k", [5, (5, 9)])
def test_fewer_rows_than_clusters_are_refused(k: int | tuple[int, int]) -> None:
    """Five clusters need more than five rows."""
    with pytest.raises(MiningError, match=r"(?s)5 training rows for 5 clusters.*at least 6 rows"):
        find_clusters(np.eye(5, dtype=np.float32), k=k, seed=7)


def test_a_range_beyond_the_rows_ends_below_them() -> None:
    """Of six rows at most five clusters can be made."""
    X = np.arange(6, dtype=np.float32)[:, None] ** 2
    assert list(find_clusters(X, k=(2, 40), seed=7).curve) == [2, 3, 4, 5]


def test_repeated_points_are_refused_when_too_few_are_distinct() -> None:
    """Two distinct points cannot make three clusters."""
    X = np.repeat(np.array([[0.0], [1.0]], dtype=np.float32), 10, axis=0)
    with pytest.raises(MiningError, match=r"hold only 2 distinct points"):
        find_clusters(X, k=3, seed=7)


def test_classes_are_counted_per_cluster() -> None:
    """Rows of cluster 1 and class 2 are counted in row 1, column 2."""
    counts = count_classes(np.array([0, 1, 1, 1]), np.array([0, 2, 2, 1]), k=2, n_classes=3)
    assert counts.tolist() == [[1, 0, 0], [0, 1, 2]]


@pytest.mark.parametrize(
    ("counts", "purity"),
    [([[5, 0], [0, 5]], 1.0), ([[5, 5], [5, 5]], 0.5), ([[8, 2], [3, 7]], 0.75), ([[4], [0]], 1.0)],
)
def test_purity_is_the_share_of_the_most_frequent_classes(
    counts: list[list[int]], purity: float
) -> None:
    """The largest of each row, summed, over all rows."""
    assert measure_purity(np.array(counts)) == purity


def test_iris_falls_into_its_two_obvious_groups() -> None:
    """The silhouette of standardised iris is highest at two clusters, about 0.58 (well known)."""
    from sklearn.datasets import load_iris

    from tasks.mining.components import fit_components

    components = fit_components(load_iris().data, n_components=4, seed=7)
    found = find_clusters(components.scores, k=(2, 6), seed=7)
    assert found.k == 2
    assert found.silhouette == pytest.approx(0.58, abs=0.01)
    assert sorted(found.sizes) == [50, 100]

import numpy as np
import pytest

from tasks.mining.clusters.models import Assigned
from tasks.mining.clusters.tally import N_MEMBERS, Tally


def make_rows(n_rows: int = 500) -> tuple[np.ndarray, Assigned, np.ndarray]:
    rng = np.random.default_rng(4)
    labels = rng.integers(-1, 3, n_rows)
    X = rng.normal(1e4, 1, size=(n_rows, 2)) + labels[:, None]
    assigned = Assigned(labels, rng.random(n_rows).round(2), rng.random(n_rows).round(2))
    return X.astype(np.float32), assigned, rng.integers(0, 2, n_rows)


def count(batch_rows: int) -> tuple[Tally, np.ndarray, Assigned, np.ndarray]:
    X, assigned, codes = make_rows()
    tally = Tally(3, 2, n_classes=2, center=np.array([1e4, 1e4]))
    for i in range(0, len(X), batch_rows):
        part = slice(i, i + batch_rows)
        batch = Assigned(assigned.labels[part], assigned.distance[part], assigned.clarity[part])
        tally.add(X[part], batch, codes[part])
    return tally, X, assigned, codes


@pytest.mark.parametrize("batch_rows", [1, 7, 500])
def test_what_is_counted_does_not_depend_on_the_batches(batch_rows: int) -> None:
    """Sizes, means, classes and members are those of all rows at once."""
    tally, X, assigned, codes = count(batch_rows)
    labels = assigned.labels
    assert tally.sizes.tolist() == [int((labels == c).sum()) for c in range(3)]
    assert tally.n_noise == int((labels == -1).sum())
    np.testing.assert_array_equal(tally.labels, labels)
    for cluster in range(3):
        members = X[labels == cluster].astype(np.float64)
        np.testing.assert_allclose(tally.compute_means()[cluster], members.mean(axis=0), rtol=1e-10)
        assert tally.class_counts_[cluster, :2].tolist() == [
            int((codes[labels == cluster] == c).sum()) for c in range(2)
        ]
        # The least distances, of equals the first rows.
        places = np.flatnonzero(labels == cluster)
        expected = places[np.argsort(assigned.distance[places], kind="stable")][:N_MEMBERS]
        assert tally.typical_.list_of(cluster) == expected.tolist()
        expected = places[np.argsort(assigned.clarity[places], kind="stable")][:N_MEMBERS]
        assert tally.border_.list_of(cluster) == expected.tolist()


def test_mean_and_spread_of_all_rows_count_noise_too() -> None:
    """They are NumPy's, also far from zero, where plain sums of squares would lose all digits."""
    tally, X, _, _ = count(100)
    mean, std = tally.compute_overall()
    np.testing.assert_allclose(mean, X.astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, X.astype(np.float64).std(axis=0), rtol=1e-9)


def test_a_cluster_without_rows_has_no_mean() -> None:
    """And no members."""
    tally = Tally(2, 1, n_classes=0, center=np.zeros(1))
    tally.add(np.array([[1.0]]), Assigned(np.array([1]), np.ones(1), np.ones(1)))
    assert np.isnan(tally.compute_means()[0, 0])
    assert tally.typical_.list_of(0) == []


def test_a_thousand_clusters_keep_their_labels() -> None:
    """More clusters than two bytes can number take four."""
    tally = Tally(40_000, 1, n_classes=0, center=np.zeros(1))
    tally.add(np.ones((1, 1)), Assigned(np.array([39_999]), np.ones(1), np.ones(1)))
    assert tally.labels.tolist() == [39_999]

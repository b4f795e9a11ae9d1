import numpy as np
import pytest

from tasks.errors import MiningError
from tasks.mining.clusters.search import refit, search_clusters
from tasks.mining.clusters.stability import measure_stability


def make_line(n_rows: int = 40) -> np.ndarray:
    return np.arange(n_rows, dtype=np.float64)[:, None]


def test_the_same_clusters_on_every_resample_are_perfectly_stable() -> None:
    """A rule that looks at the row alone gives the same clusters whatever is drawn."""
    Z = make_line()
    labels = (Z[:, 0] >= 10).astype(int)
    found = measure_stability(
        Z,
        labels,
        lambda rows, _: (rows[:, 0] >= 10).astype(int),
        n_clusters=2,
        n_bootstraps=5,
        seed=7,
    )
    assert found.adjusted_rand == (1.0,) * 5
    assert found.jaccard.tolist() == [1.0, 1.0]


def test_the_similarity_of_a_split_cluster_is_that_of_its_larger_part() -> None:
    """Rows 20 to 39 fall apart in two: only the larger part is still like the cluster."""
    Z = make_line()
    labels = (Z[:, 0] >= 20).astype(int)
    parts = []

    def split(rows: np.ndarray, _: int) -> np.ndarray:
        again = np.digitize(rows[:, 0], [20, 35])
        parts.append(np.mean(again[again > 0] == 1))
        return again

    found = measure_stability(Z, labels, split, n_clusters=2, n_bootstraps=4, seed=7)
    assert found.jaccard[0] == 1.0
    assert found.jaccard[1] == pytest.approx(np.mean(parts))


def test_a_search_that_fails_on_a_resample_is_not_similar() -> None:
    """All rows of the resample count as noise."""

    def fail(rows: np.ndarray, seed: int) -> np.ndarray:
        raise MiningError("only noise")

    labels = (make_line()[:, 0] >= 20).astype(int)
    found = measure_stability(make_line(), labels, fail, n_clusters=2, n_bootstraps=3, seed=7)
    assert found.jaccard.tolist() == [0.0, 0.0]
    assert found.adjusted_rand == (0.0,) * 3


def test_a_cluster_that_no_resample_holds_is_unknown() -> None:
    """Its label is on no row of the sample; the other one is measured."""
    found = measure_stability(
        make_line(), np.zeros(40, int), lambda rows, _: np.zeros(len(rows), int),
        n_clusters=2, n_bootstraps=3, seed=7,
    )  # fmt: skip
    assert found.jaccard[0] == 1.0
    assert np.isnan(found.jaccard[1])


def test_resamples_of_no_more_rows_than_clusters_are_left_out() -> None:
    """Two rows in two clusters show nothing."""
    found = measure_stability(
        make_line(2), np.array([0, 1]), lambda rows, _: np.zeros(len(rows), int),
        n_clusters=2, n_bootstraps=9, seed=7,
    )  # fmt: skip
    assert found.adjusted_rand == ()
    assert np.isnan(found.jaccard).all()


def test_rows_drawn_more_than_once_are_refitted_once() -> None:
    """About two thirds of the rows are in a resample, each once."""
    sizes = []

    def watch(rows: np.ndarray, _: int) -> np.ndarray:
        assert len(np.unique(rows)) == len(rows)
        sizes.append(len(rows))
        return np.zeros(len(rows), int)

    Z = make_line(1000)
    measure_stability(Z, np.zeros(1000, int), watch, n_clusters=1, n_bootstraps=4, seed=7)
    assert all(600 < size < 665 for size in sizes)


@pytest.mark.parametrize(("spread", "is_stable"), [(0.3, True), (30.0, False)])
def test_groups_that_are_apart_are_stable_and_a_cloud_is_not(
    spread: float, is_stable: bool
) -> None:
    """Four groups ten apart; with a spread of 30 there are none, and five clusters are an accident."""
    rng = np.random.default_rng(2)
    Z = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])[rng.integers(0, 4, 300)] + rng.normal(
        scale=spread, size=(300, 2)
    )
    k = 4 if is_stable else 7
    model = search_clusters(Z, by="kmeans", k=k, seed=7).model
    found = measure_stability(
        Z, model.assign(Z).labels, lambda rows, seed: refit(rows, by="kmeans", k=k, seed=seed),
        n_clusters=k, n_bootstraps=10, seed=7,
    )  # fmt: skip
    assert (found.jaccard.min() > 0.95) == is_stable
    assert (np.mean(found.adjusted_rand) > 0.95) == is_stable

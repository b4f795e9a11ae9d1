from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from tasks.errors import MiningError
from tasks.mining.clusters import search
from tasks.mining.clusters.search import draw, measure_silhouette, refit, search_clusters

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def make_blobs(n_rows: int = 100) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    groups = rng.integers(0, 3, n_rows)
    return (CENTRES[groups] + rng.normal(scale=0.5, size=(n_rows, 2))).astype(np.float32), groups


@pytest.mark.parametrize("by", ["kmeans", "minibatch_kmeans", "gaussian_mixture"])
@pytest.mark.parametrize("k", [3, (2, 6), None])
def test_three_groups_are_found_given_or_chosen(by: str, k: int | tuple[int, int] | None) -> None:
    """The number of groups is on top of the curve, and every number of the range is on it."""
    Z, groups = make_blobs()
    found = search_clusters(Z, by=by, k=k, seed=7)
    assert adjusted_rand_score(groups, found.model.assign(Z).labels) == 1.0
    assert list(found.curve) == {3: [], (2, 6): [2, 3, 4, 5, 6], None: list(range(2, 11))}[k]  # type: ignore[index]
    assert found.silhouette.mean is not None
    assert found.silhouette.mean > 0.85


def test_hdbscan_finds_the_number_itself() -> None:
    """No curve, and what it took for a cluster is told."""
    Z, groups = make_blobs()
    found = search_clusters(Z, by="hdbscan", k=None, seed=7)
    labels = found.model.assign(Z).labels
    assert adjusted_rand_score(groups[labels >= 0], labels[labels >= 0]) == 1.0
    assert (found.curve, found.min_cluster_size) == ({}, 5)


def test_a_fit_begins_on_a_sample_and_ends_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The centres are the means of all rows, not of the sample."""
    monkeypatch.setattr(search, "MAX_CHOICE_ROWS", 30)
    Z, groups = make_blobs(300)
    found = search_clusters(Z, by="kmeans", k=(2, 4), seed=7)
    assert (found.n_rows_choice, found.model.n_clusters) == (30, 3)
    means = np.stack([Z[groups == g].mean(axis=0) for g in range(3)])
    ours = found.model.centres  # type: ignore[attr-defined]
    np.testing.assert_allclose(
        ours[np.lexsort(ours.round().T)], means[np.lexsort(means.round().T)], atol=1e-4
    )


def test_of_equal_silhouettes_the_smallest_number_is_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fewer groups say the same."""
    Z, _ = make_blobs()
    same = search.Silhouette(0.5, {}, 100)
    monkeypatch.setattr(search, "measure_silhouette", lambda *_: same)
    assert search_clusters(Z, by="kmeans", k=(3, 5), seed=7).model.n_clusters == 3


def test_the_range_ends_below_the_number_of_distinct_rows() -> None:
    """Four points, many times: four clusters would be the points themselves."""
    Z = np.repeat([[0.0], [1.0], [10.0], [11.0]], 20, axis=0)
    assert list(search_clusters(Z, by="kmeans", k=(2, 9), seed=7).curve) == [2, 3]


def test_a_column_of_two_values_has_two_clusters() -> None:
    """Two distinct rows are two groups, whatever the range."""
    Z = np.repeat([[0.0], [1.0]], 20, axis=0)
    assert search_clusters(Z, by="kmeans", k=(2, 9), seed=7).model.n_clusters == 2


def test_fewer_rows_than_clusters_are_refused() -> None:
    """Three rows do not make three clusters of any meaning."""
    with pytest.raises(MiningError, match=r"(?s)3 training rows for 3 clusters.*at least 4.*lower"):
        search_clusters(np.arange(3.0)[:, None], by="kmeans", k=3, seed=7)


def test_fewer_distinct_rows_than_clusters_are_refused() -> None:
    """A hundred copies of two rows hold no three clusters."""
    Z = np.repeat([[0.0], [1.0]], 50, axis=0)
    with pytest.raises(MiningError, match=r"100 training rows looked at hold only 2 distinct"):
        search_clusters(Z, by="gaussian_mixture", k=3, seed=7)


def test_the_silhouette_leaves_noise_out() -> None:
    """Pairs 1 apart and 10 away, a = 1 and b = 10.5 or 9.5; the row of noise between does not count."""
    Z = np.array([[0.0], [1.0], [5.0], [10.0], [11.0]])
    found = measure_silhouette(Z, np.array([0, 0, -1, 1, 1]))
    assert found.mean == pytest.approx(np.mean([1 - 1 / 10.5, 1 - 1 / 9.5]))
    assert found.n_rows == 4
    assert found.by_cluster == pytest.approx({0: found.mean, 1: found.mean})


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2], [-1, -1, -1]])
def test_a_silhouette_that_is_not_defined_is_none(labels: list[int]) -> None:
    """One cluster, every row its own, or none: there is nothing to compare."""
    assert measure_silhouette(np.arange(3.0)[:, None], np.array(labels)).mean is None


def test_a_draw_is_without_repetition_in_order_and_the_same_for_a_seed() -> None:
    """Ten of a hundred; all of three."""
    first, second = (draw(100, 10, np.random.default_rng(5)) for _ in range(2))
    assert first.tolist() == second.tolist() == sorted(set(first.tolist()))
    assert len(first) == 10
    assert draw(3, 10, np.random.default_rng(5)).tolist() == [0, 1, 2]


def test_a_refit_scales_the_least_size_with_the_rows() -> None:
    """Of half the rows, a cluster is half as large; the full size would find none."""
    Z, groups = make_blobs(60)
    half = refit(Z[:30], by="hdbscan", k=3, min_cluster_size=14, share=0.5, seed=7)
    assert adjusted_rand_score(groups[:30][half >= 0], half[half >= 0]) == 1.0


def test_the_penguins_are_nearly_the_three_species(real_data: Path) -> None:
    """342 birds, four standardised measures, k = 3.

    ARI 0.79 and silhouette 0.447 are what KMeans(n_init=50) of scikit-learn 1.9 finds.
    """
    birds = pd.read_csv(real_data / "penguins.csv").dropna(subset=MEASURES)
    Z = StandardScaler().fit_transform(birds[MEASURES].to_numpy())
    found = search_clusters(Z, by="kmeans", k=3, seed=7)
    assert len(Z) == 342
    assert found.silhouette.mean == pytest.approx(0.447, abs=0.002)
    ari = adjusted_rand_score(birds["species"], found.model.assign(Z).labels)
    assert ari == pytest.approx(0.79, abs=0.01)


def test_the_irises_are_two_groups_by_the_silhouette() -> None:
    """Standardised: 0.58 at two clusters, 0.46 at three, as scikit-learn's KMeans has it."""
    Z = StandardScaler().fit_transform(load_iris().data)
    found = search_clusters(Z, by="kmeans", k=(2, 6), seed=7)
    assert found.model.n_clusters == 2
    assert found.curve[2] == pytest.approx(0.5818, abs=1e-3)
    assert found.curve[3] == pytest.approx(0.46, abs=5e-3)


def test_the_wines_are_the_three_cultivars() -> None:
    """Standardised, k-means at three: ARI 0.897 and silhouette 0.285, the well-known values."""
    wines = load_wine()
    Z = StandardScaler().fit_transform(wines.data)
    found = search_clusters(Z, by="kmeans", k=(2, 6), seed=7)
    assert found.model.n_clusters == 3
    assert found.silhouette.mean == pytest.approx(0.2849, abs=1e-3)
    assert adjusted_rand_score(wines.target, found.model.assign(Z).labels) == pytest.approx(
        0.897, abs=1e-3
    )

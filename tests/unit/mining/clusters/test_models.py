import numpy as np
import pytest

from tasks.errors import MiningError
from tasks.mining.clusters.models import Centres, fit_model

ALL = ("kmeans", "minibatch_kmeans", "gaussian_mixture", "hdbscan")
CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def make_blobs(sizes: tuple[int, ...] = (60, 40, 30)) -> tuple[np.ndarray, np.ndarray]:
    """Groups ten apart, of spread 0.5: nobody could mistake them."""
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return (CENTRES[groups] + rng.normal(scale=0.5, size=(len(groups), 2))).astype(
        np.float32
    ), groups


def fit(by: str, Z: np.ndarray, k: int = 3, **more: object):
    return fit_model(Z, by=by, k=None if by == "hdbscan" else k, seed=7, n_init=3, **more)


@pytest.mark.parametrize("by", ALL)
def test_every_algorithm_finds_groups_that_are_apart(by: str) -> None:
    """Rows of one group have one label, also rows that were not fitted."""
    Z, groups = make_blobs()
    model = fit(by, Z)
    assert model.n_clusters == 3
    labels = model.assign(np.vstack([Z, CENTRES + 0.3]).astype(np.float32)).labels
    partners = {(int(g), int(label)) for g, label in zip([*groups, 0, 1, 2], labels, strict=True)}
    assert len(partners) == 3
    assert len({label for _, label in partners}) == 3


@pytest.mark.parametrize("by", ALL)
def test_the_same_seed_gives_the_same_labels(by: str) -> None:
    """A retry assigns the same."""
    Z, _ = make_blobs()
    first, second = (fit(by, Z).assign(Z) for _ in range(2))
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.clarity, second.clarity)


def test_distance_and_clarity_are_worked_by_hand() -> None:
    """From (1, 0) to centres at 0 and 10: 1 away, and 8 nearer than the next."""
    centres = Centres(np.array([[0.0, 0.0], [10.0, 0.0], [50.0, 0.0]], dtype=np.float32))
    assigned = centres.assign(np.array([[1.0, 0.0], [5.0, 0.0]], dtype=np.float32))
    np.testing.assert_allclose(assigned.distance, [1.0, 5.0], atol=1e-5)
    np.testing.assert_allclose(assigned.clarity, [8.0, 0.0], atol=1e-5)


def test_a_mixture_measures_distance_in_its_own_spread() -> None:
    """Two units along a spread of 2 are one; between two components clarity is one half."""
    rng = np.random.default_rng(1)
    Z = np.vstack([rng.normal((m, 0), (2, 1), size=(4000, 2)) for m in (-10, 10)])
    model = fit("gaussian_mixture", Z, k=2)
    right = int(model.assign(np.array([[10.0, 0.0]])).labels[0])
    assigned = model.assign(np.array([[12.0, 0.0], [10.0, 1.0], [0.0, 0.0]]))
    assert assigned.labels[:2].tolist() == [right, right]
    np.testing.assert_allclose(assigned.distance[:2], [1.0, 1.0], atol=0.05)
    assert 0.5 <= assigned.clarity[2] < 0.99


def test_hdbscan_leaves_far_rows_as_noise() -> None:
    """A row far from all groups is noise, and so is a further row beside it."""
    Z, _ = make_blobs()
    Z = np.vstack([Z, [[60.0, 60.0]]]).astype(np.float32)
    model = fit("hdbscan", Z)
    assert model.assign(np.array([[61.0, 60.0], [0.1, 0.1]])).labels.tolist()[0] == -1
    assert model.assign(Z).labels[:-1].min() >= 0


def test_a_start_is_taken_up() -> None:
    """From centres of fewer rows the fit goes on: labels keep their order."""
    Z, groups = make_blobs()
    start = Centres(CENTRES[[2, 0, 1]].astype(np.float32))
    labels = fit_model(Z, by="kmeans", k=3, seed=7, start=start).assign(Z).labels
    np.testing.assert_array_equal(labels, np.array([1, 2, 0])[groups])


def test_noise_alone_is_refused_with_a_remedy() -> None:
    """Evenly spread rows hold no denser groups: the error names the key to lower."""
    Z = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), axis=-1).reshape(-1, 2)
    with pytest.raises(
        MiningError, match=r"(?s)calls all 144 rows noise.*min_cluster_size.*kmeans"
    ):
        fit_model(Z, by="hdbscan", k=None, min_cluster_size=70, seed=7)


def test_a_least_size_past_the_rows_is_refused() -> None:
    """No cluster of 500 rows is in 130."""
    Z, _ = make_blobs()
    with pytest.raises(MiningError, match=r"No cluster of 500 rows can be found in 130"):
        fit("hdbscan", Z, min_cluster_size=500)


def test_equal_rows_do_not_stop_a_mixture() -> None:
    """Components of equal rows have no spread of their own: a little is added."""
    Z = np.repeat(CENTRES, 10, axis=0)
    labels = fit("gaussian_mixture", Z).assign(Z).labels
    assert len(set(labels.tolist())) == 3

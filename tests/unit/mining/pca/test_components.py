from pathlib import Path

import numpy as np
import pytest

from tasks.errors import MiningError
from tasks.mining.pca.components import find_constant_inputs, fit_components


def make_rows(n_rows: int = 200, n_inputs: int = 6) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.normal(size=(n_rows, 3)) @ rng.normal(size=(3, n_inputs)) + rng.normal(
        scale=0.1, size=(n_rows, n_inputs)
    )


def test_explained_variance_equals_scikit_learns_on_standardised_rows() -> None:
    """The ratio is that of StandardScaler followed by PCA."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    X = make_rows()
    expected = PCA(4).fit(StandardScaler().fit_transform(X)).explained_variance_ratio_
    found = fit_components(X, n_components=4, seed=7)
    np.testing.assert_allclose(found.explained_variance_ratio, expected, rtol=1e-4)


def test_projecting_the_fitted_rows_gives_their_scores() -> None:
    """A row is projected the same way at fitting and afterwards."""
    X = make_rows()
    found = fit_components(X, n_components=3, seed=7)
    np.testing.assert_allclose(found.project(X), found.scores, atol=1e-4)


def test_standardising_divides_by_the_population_standard_deviation() -> None:
    """Of 0 and 2 the mean is 1 and the standard deviation 1, as StandardScaler has it."""
    found = fit_components(np.array([[0.0, 5.0], [2.0, 5.0]]), n_components=1, seed=7)
    assert found.mean.tolist() == [1.0, 5.0]
    assert found.scale.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("wanted", "found"), [(2, 2), (6, 5), (50, 5)])
def test_there_are_at_most_as_many_components_as_varying_inputs(wanted: int, found: int) -> None:
    """A constant input adds no direction."""
    X = make_rows()
    X[:, 2] = 4.0
    assert fit_components(X, n_components=wanted, seed=7).n_components == found


def test_directions_without_variance_are_left_out() -> None:
    """The columns of one category add up to 1: of four inputs three directions are left."""
    rng = np.random.default_rng(3)
    is_rome = rng.random(100) < 0.4
    X = np.column_stack([rng.normal(size=(100, 2)), is_rome, ~is_rome])
    found = fit_components(X, n_components=4, seed=7)
    assert found.n_components == found.scores.shape[1] == 3
    assert float(found.explained_variance_ratio.sum()) == pytest.approx(1)


def test_two_rows_have_one_direction() -> None:
    """From one to the other."""
    found = fit_components(np.array([[0.0, 0.0], [3.0, -4.0]]), n_components=2, seed=7)
    assert np.abs(found.components).tolist() == pytest.approx(np.full((1, 2), 0.5**0.5))
    assert found.explained_variance_ratio.tolist() == [1.0]


def test_repeated_rows_change_no_direction() -> None:
    """Every row ten times over is the same cloud."""
    X = make_rows()
    once, often = (fit_components(x, n_components=2, seed=7) for x in (X, np.tile(X, (10, 1))))
    np.testing.assert_allclose(np.abs(often.components), np.abs(once.components), atol=1e-4)


def test_the_same_rows_give_the_same_bits() -> None:
    """A retry on the same machine publishes the same artifact; wide rows take a solver by chance."""
    X = np.random.default_rng(4).normal(size=(600, 1100))
    first, second = (fit_components(X, n_components=3, seed=7) for _ in range(2))
    assert first.components.tobytes() == second.components.tobytes()
    assert first.scores.tobytes() == second.scores.tobytes()


def test_standardising_and_components_are_scikit_learns_on_images() -> None:
    """Images with borders that are always black: StandardScaler and PCA to float32's precision."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(5)
    images = np.zeros((400, 8, 8))
    images[:, 2:6, 1:7] = np.rint(255 * rng.beta(0.3, 0.9, (400, 4, 6)))
    images[:, 3, 2:6] = images[:, 4, 2:6] // 2
    X = images.reshape(400, -1)
    scaler = StandardScaler().fit(X)
    pca = PCA(5, svd_solver="full").fit(scaler.transform(X))
    found = fit_components(X, n_components=5, seed=7)
    np.testing.assert_allclose(found.mean, scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(found.scale, scaler.scale_, rtol=1e-6)
    assert set(found.scale[:16].tolist()) == {1.0}
    np.testing.assert_allclose(
        found.explained_variance_ratio, pca.explained_variance_ratio_, rtol=1e-4
    )
    np.testing.assert_allclose(np.abs(found.components), np.abs(pca.components_), atol=1e-3)
    np.testing.assert_allclose(
        np.abs(found.scores), np.abs(pca.transform(scaler.transform(X))), atol=5e-3
    )


def test_mnists_training_images_have_their_known_ratios(real_data: Path) -> None:
    """All 60,000, as BRIEF's row 9 has it: equal to plain scikit-learn's, 5.65 % and 4.08 %."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    with np.load(real_data / "mnist.npz") as data:
        X = data["x_train"].reshape(60_000, -1).astype(np.float32)
    found = fit_components(X, n_components=2, seed=7).explained_variance_ratio
    plain = PCA(2).fit(StandardScaler().fit_transform(X)).explained_variance_ratio_
    np.testing.assert_allclose(found, plain, rtol=1e-4)
    np.testing.assert_allclose(found, [0.0564671, 0.0407827], rtol=1e-3)


def test_the_inputs_are_left_as_they_were() -> None:
    """Nothing is changed in place."""
    X = make_rows().astype(np.float32)
    before = X.copy()
    fit_components(X, n_components=2, seed=7)
    np.testing.assert_array_equal(X, before)


def test_constant_inputs_are_refused() -> None:
    """Rows that are all alike have no components, and the error says so."""
    with pytest.raises(MiningError, match=r"All 3 inputs are constant over 10 training rows"):
        fit_components(np.ones((10, 3)), n_components=2, seed=7)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_values_that_are_no_numbers_are_refused_with_their_count(bad: float) -> None:
    """The error counts the rows and names the remedy; beyond float32 is infinite, too."""
    X = make_rows(10)
    X[3, 1] = bad
    with pytest.raises(MiningError, match=r"(?s)1 of 10 training rows hold a missing.*quarantine"):
        fit_components(X, n_components=2, seed=7)


def test_one_row_is_refused() -> None:
    """One row has no variance."""
    with pytest.raises(MiningError, match=r"There is 1 training row"):
        fit_components(np.ones((1, 3)), n_components=2, seed=7)


def test_no_rows_are_refused() -> None:
    """Nor has none."""
    with pytest.raises(MiningError, match=r"(?s)There are 0 training rows.*let more data arrive"):
        fit_components(np.ones((0, 3)), n_components=2, seed=7)


def test_values_too_far_apart_are_refused() -> None:
    """Each fits into float32, their distance does not."""
    X = np.zeros((10, 2))
    X[0], X[1] = 3.3e38, -3.3e38
    X[2:] = -3.3e38
    with pytest.raises(MiningError, match=r"(?s)further apart than float32 can tell.*clip"):
        fit_components(X, n_components=2, seed=7)


def test_an_input_that_never_varies_is_found() -> None:
    """By equality, not by a small spread."""
    X = np.array([[1.0, 5.0, 1e-9], [2.0, 5.0, 2e-9]])
    assert find_constant_inputs(X).tolist() == [False, True, False]


def test_weights_multiply_the_standardised_inputs() -> None:
    """An input that weighs twice has four times the variance, also for further rows."""
    X = np.random.default_rng(6).normal(5, 3, size=(200, 2))
    found = fit_components(X, n_components=2, seed=7, weights=np.array([2.0, 1.0]))
    plain = (X - X.mean(axis=0)) / X.std(axis=0) * [2, 1]
    assert found.scores.var(axis=0).sum() == pytest.approx(plain.var(axis=0).sum(), rel=1e-4)
    np.testing.assert_allclose(found.project(X), found.scores, atol=1e-4)
    assert found.explained_variance_ratio[0] == pytest.approx(0.8, abs=0.02)

import numpy as np
import pytest

from tasks.errors import MiningError
from tasks.mining.components import fit_components


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


def test_missing_values_are_refused_with_their_number() -> None:
    """The error counts the rows and names the remedy."""
    X = make_rows(10)
    X[3, 1] = np.nan
    with pytest.raises(MiningError, match=r"(?s)1 of 10 training rows hold a missing.*quarantine"):
        fit_components(X, n_components=2, seed=7)


def test_one_row_is_refused() -> None:
    """One row has no variance."""
    with pytest.raises(MiningError, match=r"There are 1 training rows"):
        fit_components(np.ones((1, 3)), n_components=2, seed=7)

import numpy as np
import pytest

from tasks.mining.pca.components import find_constant_inputs, fit_components
from tasks.mining.pca.variance import correlate_inputs, count_components, rank_inputs


@pytest.mark.parametrize(
    ("share", "n_components"), [(0.0, 1), (0.5, 1), (0.51, 2), (0.8, 2), (0.95, 3), (0.96, None)]
)
def test_components_are_counted_until_they_hold_the_share(
    share: float, n_components: int | None
) -> None:
    """0.5, then 0.8, then 0.95 together; more than all of them hold is nobody's."""
    assert count_components([0.5, 0.3, 0.15], share) == n_components


def test_all_of_the_variance_is_reached_in_spite_of_rounding() -> None:
    """Ten float32 tenths add up to a little less than 1."""
    assert count_components(np.full(10, 0.09999999, np.float32), 1.0) == 10


def test_correlations_are_those_of_the_inputs_with_the_scores() -> None:
    """The same numbers as numpy.corrcoef gives, whatever the inputs' units."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 4)) + rng.normal(scale=0.3, size=(300, 4))
    X *= [1, 1000, 0.01, 5]
    components = fit_components(X, n_components=3, seed=7)
    found = correlate_inputs(components, find_constant_inputs(X))
    for k in range(3):
        for j in range(4):
            expected = np.corrcoef(X[:, j], components.scores[:, k])[0, 1]
            assert found[k, j] == pytest.approx(expected, abs=1e-4)


def test_the_squared_correlations_of_an_input_with_all_components_add_up_to_one() -> None:
    """All components together tell an input entirely."""
    X = np.random.default_rng(2).normal(size=(50, 3))
    components = fit_components(X, n_components=3, seed=7)
    found = correlate_inputs(components, find_constant_inputs(X))
    np.testing.assert_allclose((found**2).sum(axis=0), 1, rtol=1e-5)


def test_a_constant_input_is_related_to_nothing() -> None:
    """Exactly 0, on every machine."""
    X = np.array([[0.0, 7.0], [1.0, 7.0], [3.0, 7.0]])
    components = fit_components(X, n_components=1, seed=7)
    assert correlate_inputs(components, find_constant_inputs(X))[0].tolist() == [
        pytest.approx(1),
        0.0,
    ]


@pytest.mark.parametrize(
    ("correlations", "ranked"),
    [
        ([0.2, -0.9, 0.4, 0.3], [1, 2, 3]),
        ([0.5, -0.5, 0.5], [0, 1, 2]),
        ([0.9, 0.09, 0.1], [0, 2]),
        ([0.02, 0.01], [0]),
    ],
)
def test_inputs_are_ranked_by_their_closeness(correlations: list[float], ranked: list[int]) -> None:
    """The sign does not matter; equals keep their order; what says nothing is left out."""
    assert rank_inputs(np.array(correlations), 3) == ranked

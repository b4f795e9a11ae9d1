import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from tasks.errors import MiningError
from tasks.mining.clusters.space import check_finite, fit_space


def make_rows(n_rows: int = 60, n_inputs: int = 4) -> np.ndarray:
    return np.random.default_rng(1).normal(3, 2, size=(n_rows, n_inputs)).astype(np.float32)


def test_narrow_tables_are_grouped_on_their_standardised_inputs() -> None:
    """The places are those of StandardScaler."""
    X = make_rows()
    space = fit_space(X, n_components=None, is_image=False, seed=7)
    np.testing.assert_allclose(space.place(X)[0], StandardScaler().fit_transform(X), atol=1e-5)
    assert (space.n_components, space.n_dimensions) == (None, 4)


def test_the_unit_of_an_input_does_not_count() -> None:
    """Millimetres or metres: the places are the same."""
    X = make_rows()
    places = [
        fit_space(rows, n_components=None, is_image=False, seed=7).place(rows)[0]
        for rows in (X, X * np.array([1000, 1, 1, 1], dtype=np.float32))
    ]
    np.testing.assert_allclose(places[0], places[1], atol=1e-5)


@pytest.mark.parametrize(
    ("n_inputs", "is_image", "asked", "found"),
    [
        (20, False, None, None),
        (21, False, None, 20),
        (30, False, 5, 5),
        (4, True, None, 4),
        (4, False, 1, 1),
        (4, False, 99, 4),
    ],
)
def test_images_and_wide_tables_are_grouped_on_components(
    n_inputs: int, is_image: bool, asked: int | None, found: int | None
) -> None:
    """On 20 unless the workflow file says how many, and at most as many as inputs vary."""
    X = make_rows(60, n_inputs)
    space = fit_space(X, n_components=asked, is_image=is_image, seed=7)
    assert space.n_components == found
    assert space.place(X)[0].shape == (60, found or n_inputs)


def test_the_map_is_the_first_two_components() -> None:
    """Where the rows are grouped on components, the map shows the first two of them."""
    X = make_rows()
    Z, on_map = fit_space(X, n_components=3, is_image=False, seed=7).place(X)
    np.testing.assert_array_equal(on_map, Z[:, :2])


def test_the_map_of_one_input_is_a_line() -> None:
    """There is no second component."""
    X = make_rows(20, 1)
    _, on_map = fit_space(X, n_components=None, is_image=False, seed=7).place(X)
    assert (on_map[:, 1] == 0).all()
    assert on_map[:, 0].std() > 0.9


def test_constant_inputs_are_left_out() -> None:
    """An input with one value says nothing, and would divide by 0."""
    X = make_rows()
    X[:, 2] = 5
    space = fit_space(X, n_components=None, is_image=False, seed=7)
    assert space.is_varying.tolist() == [True, True, False, True]
    assert space.place(X)[0].shape == (60, 3)


def test_constant_rows_are_refused() -> None:
    """Nothing varies: the error says so and where to look."""
    with pytest.raises(MiningError, match=r"(?s)All 3 inputs are constant over 9 .*'columns'"):
        fit_space(np.ones((9, 3), np.float32), n_components=None, is_image=False, seed=7)


def test_one_row_is_refused() -> None:
    """One row is no group."""
    with pytest.raises(MiningError, match=r"There are 1 training rows"):
        fit_space(np.ones((1, 3), np.float32), n_components=None, is_image=False, seed=7)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused_by_name(bad: float) -> None:
    """The error counts the rows and names the input."""
    X = make_rows(10, 3)
    X[[2, 5], 1] = bad
    with pytest.raises(MiningError, match=r"(?s)2 of 10 training rows .* first in '<b>'.*impute"):
        check_finite(X, ["a", "<b>", "c"])


def test_large_values_of_both_signs_are_numbers() -> None:
    """Their sum overflows to nothing that is no number."""
    check_finite(np.array([[3e38, -3e38], [3e38, 3e38]], dtype=np.float32), ["a", "b"])


def test_a_row_too_far_to_be_placed_is_refused() -> None:
    """Its distance from the others is past what a float holds."""
    X = make_rows() * np.float32(1e-6)
    space = fit_space(X, n_components=None, is_image=False, seed=7)
    far = np.full((1, 4), 3e38, dtype=np.float32)
    with pytest.raises(MiningError, match=r"(?s)too large to be compared.*clip"):
        space.place(far)


def make_town(shares: list[float], n_rows: int, seed: int = 2) -> np.ndarray:
    """One column of categories, one-hot, and a number beside it."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(len(shares), size=n_rows, p=shares)
    return np.c_[np.eye(len(shares))[codes], rng.normal(size=n_rows)].astype(np.float32)


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.25] * 4, [0.9, 0.09, 0.01]])
def test_a_column_of_categories_counts_as_much_as_a_number(shares: list[float]) -> None:
    """Over pairs of rows both add 2 to the squared distance in the mean, rare categories or not."""
    X = make_town(shares, 4000)
    groups = np.array([*[0] * len(shares), 1])
    space = fit_space(X, n_components=None, is_image=False, seed=7, groups=groups)
    Z = space.place(X)[0].astype(np.float64)
    first, second = Z[:2000], Z[2000:]
    apart = ((first - second) ** 2)[:, :-1].sum(axis=1)
    assert np.mean(apart) == pytest.approx(2, abs=0.25)
    assert len(np.unique(apart.round(3))) == 2  # the same category, or another one
    number = X[:, -1:]
    np.testing.assert_allclose(Z[:, -1:], StandardScaler().fit_transform(number), atol=1e-5)


def test_components_see_the_categories_of_a_column_as_one() -> None:
    """The variance of four categories together is that of one number."""
    X = make_town([0.25] * 4, 3000)
    groups = np.array([0, 0, 0, 0, 1])
    space = fit_space(X, n_components=5, is_image=False, seed=7, groups=groups)
    variance = space.place(X)[0].var(axis=0)
    assert variance.max() == pytest.approx(1, abs=0.05)  # the number's
    assert variance.sum() == pytest.approx(2, abs=0.05)

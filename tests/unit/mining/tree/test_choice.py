from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tasks.mining.tree.choice import MAX_CURVE, Size, choose_size, find_simplest
from tasks.mining.tree.growth import Growth


def make_size(n_leaves: int, mean: float, error: float = 0.01, depth: int = 3) -> Size:
    return Size(depth, 0.0, n_leaves, mean, error, 1.0)


def choose(X, y, growth: Growth, **options):
    return choose_size(
        X, y, growth, **{"max_depth": 4, "folds": 5, "choose": "simplest", **options}
    )


def test_the_scores_are_those_of_trees_grown_anew() -> None:
    """Mean and standard error of each size equal scikit-learn's cross_val_score on the same folds."""
    X, y = load_breast_cancer(return_X_y=True)
    growth = Growth(n_classes=2, min_leaf_rows=5, seed=3)
    found = choose(X, y, growth)
    folds = list(
        StratifiedKFold(5, shuffle=True, random_state=np.random.RandomState(3)).split(X, y)
    )
    for size in found.curve:
        model = DecisionTreeClassifier(
            max_depth=size.depth_limit,
            ccp_alpha=size.alpha,
            min_samples_leaf=5,
            random_state=np.random.RandomState(3),
        )
        # A RandomState goes on from fold to fold in cross_val_score; each of ours starts anew.
        scores = [
            model.set_params(random_state=np.random.RandomState(3))
            .fit(X[train], y[train])
            .score(X[test], y[test])
            for train, test in folds
        ]
        assert size.mean == pytest.approx(np.mean(scores))
        assert size.standard_error == pytest.approx(np.std(scores, ddof=1) / np.sqrt(5))
        whole = model.set_params(random_state=np.random.RandomState(3)).fit(X, y)
        assert (size.n_leaves, size.training) == (
            whole.get_n_leaves(),
            pytest.approx(whole.score(X, y)),
        )


def test_the_scores_of_numbers_are_r2_by_the_variance_of_all() -> None:
    """One less the mean squared error over it: cross_val_score's error on the same folds."""
    X, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    found = choose(X, y, Growth(n_classes=None, min_leaf_rows=10, seed=3), max_depth=3)
    folds = KFold(5, shuffle=True, random_state=np.random.RandomState(3))
    for size in (found.best, found.chosen):
        model = DecisionTreeRegressor(
            max_depth=size.depth_limit, ccp_alpha=size.alpha, min_samples_leaf=10, random_state=3
        )
        errors = cross_val_score(model, X, y, cv=folds, scoring="neg_mean_squared_error")
        folds.random_state = np.random.RandomState(3)
        assert size.mean == pytest.approx(1 + errors.mean(), abs=1e-9)


@pytest.mark.parametrize(
    ("sizes", "n_leaves"),
    [
        ([make_size(2, 0.5), make_size(4, 0.89), make_size(9, 0.9)], 4),  # just within 0.01
        ([make_size(2, 0.5), make_size(4, 0.88), make_size(9, 0.9)], 9),  # just beyond
        ([make_size(1, 0.9), make_size(4, 0.9), make_size(9, 0.9)], 1),
    ],
)
def test_the_simplest_is_within_one_standard_error(sizes: list[Size], n_leaves: int) -> None:
    """Breiman's rule: the fewest leaves whose mean is as good as the best less its error."""
    best = max(sizes, key=lambda s: (s.mean, -s.n_leaves))
    nearly = Size(**{**vars(best), "n_leaves": 9, "standard_error": 0.0101})
    assert find_simplest([*sizes, nearly], nearly).n_leaves == n_leaves


def test_iris_needs_two_questions() -> None:
    """Three leaves, and the whole-tree choice is no better than one standard error above."""
    X, y = load_iris(return_X_y=True)
    found = choose(X, y, Growth(n_classes=3, min_leaf_rows=5, seed=1))
    assert (found.chosen.n_leaves, found.chosen.depth_limit) == (3, 2)
    assert found.chosen.mean >= found.best.mean - found.best.standard_error
    best = choose(X, y, Growth(n_classes=3, min_leaf_rows=5, seed=1), choose="best")
    assert best.chosen == best.best == found.best


def test_noise_is_left_alone() -> None:
    """Where no question helps, one leaf is best, although the tree's own rows want more."""
    rng = np.random.default_rng(4)
    X, y = rng.random((300, 5)), rng.integers(0, 2, 300)
    found = choose(X, y, Growth(n_classes=2, min_leaf_rows=5, seed=1))
    assert found.chosen.n_leaves == 1
    assert found.curve[-1].training > 0.6


def test_the_curve_is_bounded_and_rises() -> None:
    """Of a large tree forty sizes stay, the chosen and the best among them."""
    rng = np.random.default_rng(4)
    X = rng.random((3000, 6))
    y = ((X[:, 0] * 7).astype(int) + (X[:, 1] * 5).astype(int)) % 2
    found = choose(X, y, Growth(n_classes=2, seed=1), max_depth=12)
    sizes = [size.n_leaves for size in found.curve]
    assert len(sizes) <= MAX_CURVE + 2
    assert sizes == sorted(set(sizes))
    assert {found.chosen, found.best} <= set(found.curve)
    assert sizes[0] == 1


@pytest.mark.parametrize("counts", [[30, 2], [3, 3, 3], [4, 1, 1]])
def test_classes_rarer_than_folds_are_no_error(counts: list[int]) -> None:
    """Some folds lack them, or all folds are drawn without regard to classes."""
    y = np.repeat(np.arange(len(counts)), counts)
    X = np.arange(len(y), dtype=np.float32)[:, None]
    found = choose(X, y, Growth(n_classes=len(counts)))
    assert 0 <= found.best.mean <= 1


def test_the_same_seed_chooses_the_same() -> None:
    """Bit by bit; a retry writes the same files."""
    X, y = load_breast_cancer(return_X_y=True)
    first, second = (choose(X, y, Growth(n_classes=2, seed=5)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("n_classes", [2, None])
def test_a_sample_of_one_value_has_one_leaf(n_classes: int | None) -> None:
    """Of rows that are checked together a sample may hold one class, or one number."""
    X = np.arange(40, dtype=np.float32)[:, None]
    y = np.zeros(40, dtype=np.int64 if n_classes else np.float64)
    found = choose(X, y, Growth(n_classes=n_classes))
    assert (found.chosen.n_leaves, found.chosen.mean) == (1, 1.0)

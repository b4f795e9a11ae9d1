from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.tree import DecisionTreeClassifier, export_text

from tasks.errors import MiningError
from tasks.mining.tree.growth import ROOT_ALPHA, Growth, check_rows, standardise

X = np.arange(20, dtype=np.float32).reshape(10, 2)
CLASSES = np.array([0, 1] * 5)
CLASS_GROWTH = Growth(n_classes=2)


def test_a_tree_is_scikit_learns() -> None:
    """The same options by hand give the same tree, and the same seed the same again."""
    rows, y = load_wine(return_X_y=True)
    growth = Growth(n_classes=3, criterion="entropy", min_leaf_rows=5, seed=11)
    ours = growth.grow(rows, y, depth_limit=3, alpha=0.01)
    by_hand = DecisionTreeClassifier(
        criterion="entropy",
        max_depth=3,
        min_samples_leaf=5,
        ccp_alpha=0.01,
        random_state=np.random.RandomState(11),
    ).fit(rows, y)
    assert export_text(ours) == export_text(by_hand)
    assert export_text(growth.grow(rows, y, depth_limit=3, alpha=0.01)) == export_text(ours)


def test_the_price_of_the_root_leaves_the_root() -> None:
    """No impurity is larger, not even entropy's."""
    y = np.arange(300) % 100
    growth = Growth(n_classes=100, criterion="entropy")
    model = growth.grow(np.arange(300.0)[:, None] % 100, y, depth_limit=9, alpha=ROOT_ALPHA)
    assert model.get_n_leaves() == 1


def test_more_leaves_than_are_read_are_pruned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the trees on the pruning path the largest that is allowed, or one not much smaller."""
    monkeypatch.setattr("tasks.mining.tree.growth.MAX_LEAVES", 12)
    rng = np.random.default_rng(0)
    rows = rng.random((400, 3))
    y = np.where(rng.random(400) < 0.2, rng.integers(0, 2, 400), rows[:, 0] > 0.5).astype(int)
    assert CLASS_GROWTH.grow(rows, y, depth_limit=20).get_n_leaves() > 40
    readable = CLASS_GROWTH.grow_readable(rows, y, depth_limit=20, alpha=0.0)
    assert 2 <= readable.get_n_leaves() <= 12


def check(rows: np.ndarray, y: np.ndarray, growth: Growth = CLASS_GROWTH, folds: int = 5) -> None:
    check_rows(rows, y, growth, folds=folds, target="kind")


def test_good_rows_pass() -> None:
    """Ten rows, two classes, five folds, leaves of five."""
    check(X, CLASSES, Growth(n_classes=2, min_leaf_rows=5))


@pytest.mark.parametrize(
    ("rows", "y", "message"),
    [
        (X[:, :0], CLASSES, "no input that the tree could ask about to decide 'kind'"),
        (X[:4], CLASSES[:4], "There are 4 training rows"),
        (X[:0], CLASSES[:0], "There are 0 training rows"),
        (np.where(X == 3, np.nan, X), CLASSES, "1 of 10 training rows hold a missing or infinite"),
        (np.where(X < 4, np.inf, X), CLASSES, "2 of 10 training rows hold a missing or infinite"),
        (np.ones_like(X), CLASSES, "All 2 inputs are constant over 10 training rows"),
        (X, np.ones(10, int), "All 10 training rows have the same 'kind'"),
    ],
)
def test_rows_without_a_tree_are_refused(rows: np.ndarray, y: np.ndarray, message: str) -> None:
    """Each with what happened, what was expected and what to do."""
    with pytest.raises(MiningError, match=message) as caught:
        check(rows, y)
    assert caught.value.expected
    assert caught.value.hint


def test_two_leaves_need_their_rows() -> None:
    """Ten rows cannot make two leaves of six."""
    with pytest.raises(MiningError, match="10 training rows") as caught:
        check(X, CLASSES, Growth(n_classes=2, min_leaf_rows=6))
    assert "at least 12" in str(caught.value)
    assert "mining.tree.min_leaf_rows" in str(caught.value)


def test_a_number_is_brought_near_zero() -> None:
    """And back, to the last digit that counts."""
    y = np.array([1e9 + 1, 1e9 + 3])
    z, mean, scale = standardise(y, "y")
    assert z.tolist() == [-1, 1]
    assert (z * scale + mean).tolist() == y.tolist()


@pytest.mark.parametrize("y", [[0.0, 1e308], [-1e308, 1e308], [0.0, 5e-324]])
def test_numbers_too_far_apart_are_refused(y: list[float]) -> None:
    """Their variance is no number, or nothing."""
    with pytest.raises(MiningError, match="too far apart, or too close together"):
        standardise(np.array(y), "y")


def test_mnists_pixels_decide_seven_in_eight(real_data: Path) -> None:
    """Ten questions of entropy on the 60,000 raw training images: 0.872 (computed, shared data)."""
    with np.load(real_data / "mnist.npz") as data:
        train, test = (
            data[f"x_{part}"].reshape(-1, 784).astype(np.float32) for part in ("train", "test")
        )
        y, true = data["y_train"].astype(np.int64), data["y_test"]
    growth = Growth(n_classes=10, criterion="entropy", seed=7)
    model = growth.grow(train, y, depth_limit=10)
    assert np.mean(model.predict(test) == true) == pytest.approx(0.872, abs=0.005)

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.inspection import permutation_importance
from sklearn.tree import DecisionTreeClassifier

from tasks.mining.tree.importance import Importance, measure_importances, sum_by_column
from tasks.preparation.originals import Original


def test_both_measures_are_scikit_learns() -> None:
    """The same shuffles as of the used columns alone; unused ones are nothing."""
    X, y = load_wine(return_X_y=True)
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    names = [f"c{i}" for i in range(13)]
    found = {f.name: f for f in measure_importances(model, X, y, names, seed=4)}
    impurity = dict(zip(names, model.feature_importances_, strict=True))
    assert {n: f.impurity for n, f in found.items()} == pytest.approx(impurity)
    used = np.flatnonzero(model.feature_importances_ > 0)
    order = used[np.argsort(-model.feature_importances_[used], kind="stable")]
    # Grown again on the used columns in that order, the tree is the same.
    again = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X[:, order], y)
    assert (again.predict(X[:, order]) == model.predict(X)).all()
    theirs = permutation_importance(
        again, X[:, order], y, n_repeats=5, random_state=np.random.RandomState(4)
    )
    for place, i in enumerate(order):
        assert found[f"c{i}"].permutation == pytest.approx(theirs.importances_mean[place])
        assert found[f"c{i}"].permutation_std == pytest.approx(theirs.importances_std[place])
    assert [f.permutation for n, f in found.items() if int(n[1:]) not in used] == [0.0] * (
        13 - len(used)
    )


def test_rows_are_not_changed() -> None:
    """What is shuffled is a copy."""
    X, y = load_wine(return_X_y=True)
    before = X.copy()
    model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y)
    measure_importances(model, X, y, [f"c{i}" for i in range(13)], seed=4)
    np.testing.assert_array_equal(X, before)


def test_the_most_important_are_shuffled_where_there_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others were not measured, which is not the same as 0."""
    monkeypatch.setattr("tasks.mining.tree.importance.MAX_SHUFFLED", 1)
    X, y = load_wine(return_X_y=True)
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    first, second, *_, last = measure_importances(model, X, y, [f"c{i}" for i in range(13)], seed=4)
    assert first.permutation is not None
    assert first.permutation > 0.1
    assert (second.permutation, second.permutation_std) == (None, None)
    assert second.impurity > 0
    assert last.permutation == 0.0


@pytest.mark.parametrize("n_rows", [0, 1])
def test_too_few_rows_leave_the_impurity_alone(n_rows: int) -> None:
    """R^2 of one row is not defined."""
    model = DecisionTreeClassifier().fit([[0.0, 1.0], [1.0, 1.0]], [0, 1])
    X = np.zeros((n_rows, 2))
    first, second = measure_importances(model, X, np.zeros(n_rows), ["a", "b"], seed=1)
    assert (first.name, first.impurity, first.permutation) == ("a", 1.0, None)
    assert (second.impurity, second.permutation) == (0.0, 0.0)


def test_a_root_alone_rests_on_nothing() -> None:
    """All are 0."""
    model = DecisionTreeClassifier().fit(np.zeros((4, 1)), [0, 1, 0, 1])
    (found,) = measure_importances(model, np.zeros((4, 1)), np.zeros(4), ["a"], seed=1)
    assert found == Importance("a", 0.0, 0.0, 0.0)


def test_the_categories_of_a_column_are_one_column() -> None:
    """Summed, and in the order of the sums."""
    towns = {
        f"town_{t}": Original(f"town_{t}", "town", category=t) for t in ("Rome", "Oslo", "Lima")
    }
    found = [
        Importance("x", 0.4, 0.1, 0.01),
        Importance("town_Rome", 0.35, 0.2, 0.02),
        Importance("town_Oslo", 0.25, 0.1, 0.02),
        Importance("town_Lima", 0.0, 0.0, 0.0),
    ]
    town, x = sum_by_column(found, {**towns, "x": Original("x", "x")})
    assert (town.name, town.impurity, town.permutation) == ("town", 0.6, pytest.approx(0.3))
    assert town.permutation_std is None
    assert x == found[0]

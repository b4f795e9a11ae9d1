"""Permutation importance: what is shuffled, what it costs, and that chance is an argument."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.inspection import permutation_importance
from sklearn.tree import DecisionTreeClassifier

from tasks.errors import InterpretationError
from tasks.interpretation.permutation import Importances, Places, measure_importances

RNG = np.random.default_rng(5)
X = RNG.integers(0, 2, (400, 2))  # the first column is the class, the second is noise


def score_first(places: Places) -> float:
    shuffled = np.take_along_axis(X, places, axis=0)
    return float((shuffled[:, 0] == X[:, 0]).mean())


def measure(**given: object) -> Importances:
    asked = {"metric": "accuracy", "is_error": False, "seed": 3} | given
    return measure_importances(score_first, ["informative", "noise"], len(X), **asked)


def test_shuffling_the_only_informative_column_leaves_chance() -> None:
    """Of two classes as frequent as each other half the rows are right by chance."""
    found = measure()
    first, _ = found.rows
    assert found.score == 1.0
    assert first.column == "informative"
    assert first.mean == pytest.approx(0.5, abs=0.04)
    assert 0.0 < first.sd < 0.05


def test_an_unused_column_is_exactly_nothing() -> None:
    """What the model does not read cannot make it worse."""
    noise = measure().rows[1]
    assert (noise.column, noise.mean, noise.sd) == ("noise", 0.0, 0.0)


def test_an_error_grows_where_a_score_falls() -> None:
    """Above 0 always means that the column matters."""
    right = measure()
    wrong = measure_importances(
        lambda places: 1.0 - score_first(places),
        ["informative", "noise"],
        len(X),
        metric="mae",
        is_error=True,
        seed=3,
    )
    assert (wrong.score, wrong.is_error) == (0.0, True)
    assert wrong.rows[0].mean == pytest.approx(right.rows[0].mean)


def test_chance_is_the_seed() -> None:
    """The same seed gives the same figures, another one others."""
    assert measure() == measure()
    assert measure(seed=4) != measure()


def test_a_metric_that_is_not_defined_says_nothing() -> None:
    """R2 of targets that are all the same is no number, and cannot get worse."""
    with pytest.raises(InterpretationError, match="r2 is nan"):
        measure_importances(lambda _: float("nan"), ["a"], 3, metric="r2", is_error=False, seed=1)


def test_the_figures_are_scikit_learns() -> None:
    """Shuffling places gives what shuffling values gives."""
    rows, y = load_wine(return_X_y=True)
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(rows, y)
    names = [f"c{i}" for i in range(rows.shape[1])]
    found = measure_importances(
        lambda places: model.score(np.take_along_axis(rows, places, axis=0), y),
        names,
        len(rows),
        metric="accuracy",
        is_error=False,
        seed=4,
    )
    theirs = permutation_importance(
        model, rows, y, n_repeats=5, random_state=np.random.RandomState(4)
    )
    means = {row.column: row.mean for row in found.rows}
    assert [means[n] for n in names] == pytest.approx(list(theirs.importances_mean))
    deviations = {row.column: row.sd for row in found.rows}
    assert [deviations[n] for n in names] == pytest.approx(list(theirs.importances_std))

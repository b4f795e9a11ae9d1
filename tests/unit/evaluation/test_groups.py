"""Everybody class by class and slice by slice, and what the challenger loses there."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tasks.evaluation.classification import ClassificationScorer
from tasks.evaluation.comparison import Judged, compare_models
from tasks.evaluation.groups import Group, measure_loss, score_groups
from tasks.evaluation.regression import RegressionScorer
from tasks.evaluation.slices import Slice

# A validation row, and six of the hold-out; the class 2 is in none of them.
TARGET = np.array([1, 0, 0, 0, 0, 1, 1])
IS_HOLDOUT = np.array([False, True, True, True, True, True, True])
CITIES = Slice("city", ("Rome", "Oslo"), np.array([0, 0, 0, 1, 1, 1, 1]))


def say(*classes: int) -> np.ndarray:
    """Probabilities of a model that names these classes."""
    return np.eye(3)[list(classes)] * 0.8 + 0.1


MODELS = {
    "new": say(0, 0, 0, 0, 0, 0, 1),  # all of class 0, half of class 1
    "old": say(0, 1, 0, 0, 0, 1, 1),  # three in four of class 0, all of class 1
    "broken": None,
}


def score(champion: str | None = "old", metric: str = "accuracy") -> dict[str, Group]:
    scorer = ClassificationScorer(TARGET, IS_HOLDOUT, ("a", "b", "c"))
    found = score_groups(scorer, MODELS, [CITIES], metric, challenger="new", champion=champion)  # type: ignore[arg-type]
    return {group.value: group for group in found}


def test_classes_are_judged_by_recall() -> None:
    """The challenger finds a quarter more of class a, and half of class b less."""
    a, b = score()["a"], score()["b"]
    assert (a.by, a.column, a.metric, a.n_rows) == ("class", None, "recall", 4)
    assert (a.scores["new"], a.scores["old"], a.loss) == (1.0, 0.75, -0.25)
    assert (b.scores["new"], b.scores["old"], b.loss) == (0.5, 1.0, 0.5)
    assert math.isnan(a.scores["broken"])


def test_a_class_that_the_holdout_lacks_is_shown_without_figures() -> None:
    """Nobody can lose there, and the document says that nobody was asked."""
    missing = score()["c"]
    assert missing.n_rows == 0
    assert math.isnan(missing.scores["new"])
    assert math.isnan(missing.loss)


def test_slices_are_judged_by_the_nights_metric() -> None:
    """On the hold-out alone: the validation row of Rome counts for nobody."""
    rome, oslo = score()["Rome"], score()["Oslo"]
    assert (rome.by, rome.column, rome.metric, rome.n_rows) == ("slice", "city", "accuracy", 2)
    assert (rome.scores["new"], rome.scores["old"], rome.loss) == (1.0, 0.5, -0.5)
    assert (oslo.scores["new"], oslo.scores["old"], oslo.loss) == (0.75, 1.0, 0.25)


def test_macro_f1_of_a_slice_is_of_the_classes_that_it_has() -> None:
    """Rome has rows of class a alone, one of two was taken for b: F1 of a is 2/3, and b has no say."""
    found = score(metric="macro_f1")
    assert found["Rome"].scores["old"] == pytest.approx(2 / 3)
    assert found["Oslo"].scores["old"] == 1.0
    assert found["Oslo"].scores["new"] == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_without_a_champion_nothing_is_lost() -> None:
    """The figures are there; a loss needs somebody to be compared with."""
    for group in score(champion=None).values():
        assert math.isnan(group.loss)
    assert score(champion=None)["a"].scores["new"] == 1.0


@pytest.mark.parametrize(("metric", "used"), [("rmse", "rmse"), ("mae", "mae"), ("r2", "rmse")])
def test_errors_are_lost_as_a_share_of_the_champions(metric: str, used: str) -> None:
    """Errors of 6 against 5 are a fifth more; R2, which needs the spread of all rows, stands back for rmse."""
    target, everybody = np.zeros(4), np.ones(4, dtype=bool)
    cut = Slice("city", ("Rome", "Oslo"), np.array([0, 0, 1, 1]))
    models = {"new": np.array([6.0, 6, 1, 1]), "old": np.array([5.0, 5, 2, 2])}
    scorer = RegressionScorer(target, everybody)
    rome, oslo = score_groups(scorer, models, [cut], metric, challenger="new", champion="old")  # type: ignore[arg-type]
    assert (rome.metric, rome.is_error, rome.scores["new"]) == (used, True, 6.0)
    assert rome.loss == pytest.approx(0.2)
    assert oslo.loss == pytest.approx(-0.5)


def test_an_error_where_the_champion_made_none_is_beyond_every_limit() -> None:
    """And none is none."""
    assert measure_loss("rmse", 0.1, 0.0) == 1.0
    assert measure_loss("rmse", 0.0, 0.0) == 0.0
    assert math.isnan(measure_loss("rmse", math.nan, 0.0))


def test_the_document_has_the_groups() -> None:
    """Null for what is no number."""
    models = {
        "new": Judged("candidate", MODELS["new"]),
        "champion": Judged("champion", MODELS["old"], "3"),
    }
    scorer = ClassificationScorer(TARGET, IS_HOLDOUT, ("a", "b", "c"))
    found = compare_models(
        models, scorer, "accuracy", significance=0.05, seed=1, slices=[CITIES]
    ).to_json()
    groups = json.loads(json.dumps(found["groups"], allow_nan=False))
    assert [g["value"] for g in groups] == ["a", "b", "c", "Rome", "Oslo"]
    assert groups[2] == {
        "by": "class",
        "column": None,
        "value": "c",
        "n_rows": 0,
        "metric": "recall",
        "is_error": False,
        "scores": {"new": None, "champion": None},
        "loss": None,
    }
    assert groups[4]["loss"] == 0.25

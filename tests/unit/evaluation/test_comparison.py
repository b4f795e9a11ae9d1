"""Who challenges: chosen on validation rows, judged on the hold-out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tasks.errors import EvaluationError
from tasks.evaluation.classification import ClassificationScorer
from tasks.evaluation.comparison import Judged, compare_models
from tasks.evaluation.regression import RegressionScorer

TARGET = np.array([0, 1, 0, 1, 0, 1])
IS_HOLDOUT = np.array([False, False, False, False, True, True])


def sure(*classes: int, confidence: float = 0.9) -> np.ndarray:
    """Probabilities of a model that is this sure of these classes."""
    chosen = np.eye(2)[list(classes)]
    return chosen * confidence + (1 - chosen) * (1 - confidence)


def compare(**candidates: np.ndarray):
    models = {name: Judged("candidate", p) for name, p in candidates.items()}
    models["naive"] = Judged("baseline", sure(0, 0, 0, 0, 0, 0))
    return compare_models(
        models,
        ClassificationScorer(TARGET, IS_HOLDOUT, (0, 1)),
        "accuracy",
        significance=0.05,
        seed=1,
    )


def compare_numbers(metric: str = "rmse", **candidates: list[float]):
    """Four validation and two hold-out rows, of which the true numbers are 1 to 6."""
    models = {name: Judged("candidate", np.array(p, float)) for name, p in candidates.items()}
    return compare_models(
        models, RegressionScorer(np.arange(1.0, 7.0), IS_HOLDOUT), metric, significance=0.05, seed=1
    )  # type: ignore[arg-type]


def test_challenger_is_chosen_on_validation_rows() -> None:
    """A candidate that is better on the hold-out alone is not chosen: the hold-out only judges."""
    comparison = compare(
        good_on_validation=sure(0, 1, 0, 1, 1, 0), good_on_holdout=sure(1, 0, 1, 1, 0, 1)
    )
    assert comparison.challenger == "good_on_validation"
    assert comparison.models["good_on_validation"].holdout["accuracy"] == 0.0
    assert comparison.models["good_on_holdout"].holdout["accuracy"] == 1.0


def test_tie_is_broken_by_log_loss() -> None:
    """Of two equally accurate candidates the better calibrated one challenges."""
    comparison = compare(
        timid=sure(0, 1, 0, 1, 0, 1, confidence=0.6), bold=sure(0, 1, 0, 1, 0, 1, confidence=0.9)
    )
    assert comparison.challenger == "bold"


def test_only_the_holdout_is_judged() -> None:
    """Hold-out figures and confusion count the hold-out's rows and no others."""
    comparison = compare(one=sure(0, 1, 0, 1, 0, 0))
    assert (comparison.n_validation, comparison.n_holdout) == (4, 2)
    assert comparison.models["one"].holdout["accuracy"] == 0.5
    assert comparison.details["confusion"]["one"] == [[1, 0], [1, 0]]


def test_one_candidate_needs_no_validation_rows() -> None:
    """Where there is no choice, nothing is needed to choose by."""
    everything = np.ones(6, dtype=bool)
    models = {"one": Judged("candidate", sure(0, 1, 0, 1, 0, 1))}
    comparison = compare_models(
        models,
        ClassificationScorer(TARGET, everything, (0, 1)),
        "accuracy",
        significance=0.05,
        seed=1,
    )
    assert comparison.challenger == "one"
    assert comparison.models["one"].validation is None


def test_two_candidates_without_validation_rows_are_refused() -> None:
    """A choice must not be made on the hold-out."""
    everything = np.ones(6, dtype=bool)
    models = {n: Judged("candidate", sure(0, 1, 0, 1, 0, 1)) for n in ("a", "b")}
    with pytest.raises(EvaluationError, match="no validation rows to choose by"):
        compare_models(
            models,
            ClassificationScorer(TARGET, everything, (0, 1)),
            "accuracy",
            significance=0.05,
            seed=1,
        )


def test_no_holdout_is_refused() -> None:
    """Nobody is judged on nothing."""
    models = {"a": Judged("candidate", sure(0, 1, 0, 1, 0, 1))}
    with pytest.raises(EvaluationError, match="0 hold-out rows"):
        nobody = ClassificationScorer(TARGET, np.zeros(6, dtype=bool), (0, 1))
        compare_models(models, nobody, "accuracy", significance=0.05, seed=1)


def test_of_errors_the_smaller_one_challenges() -> None:
    """A larger rmse is worse; of r2 the larger one is better, and both choose the same candidate here."""
    candidates = {"far": [3, 4, 5, 6, 5, 6], "near": [1, 2, 3, 5, 9, 9]}
    assert compare_numbers("rmse", **candidates).challenger == "near"
    assert compare_numbers("r2", **candidates).challenger == "near"


def test_a_tie_of_errors_is_broken_by_the_other_figure() -> None:
    """Errors 2, 0, 0, 0 and 1, 1, 1, 1 have one rmse; the mean absolute error of the first is smaller."""
    found = compare_numbers(even=[2, 3, 4, 5, 5, 6], once=[3, 2, 3, 4, 5, 6])
    assert found.models["even"].validation["rmse"] == found.models["once"].validation["rmse"]
    assert found.challenger == "once"


def test_a_model_without_numbers_stands_in_nobodys_way() -> None:
    """It has no figures and comes last; the others are compared as ever."""
    found = compare_numbers(diverged=[1, 2, 3, np.nan, 5, 6], sound=[9, 9, 9, 9, 9, 9])
    assert found.challenger == "sound"
    assert list(found.models) == ["sound", "diverged"]
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["models"]["diverged"]["holdout"] == {"rmse": None, "mae": None, "r2": None}
    assert document["models"]["diverged"]["interval"] == {"rmse": [None, None]}


def test_no_candidate_with_numbers_is_refused() -> None:
    """The error names the candidates."""
    with pytest.raises(EvaluationError, match="predictions of a, b are not numbers"):
        compare_numbers(a=[np.nan] * 6, b=[np.inf] * 6)


def test_models_are_in_order_of_their_places() -> None:
    """Candidates by their validation rows, baselines by the hold-out, the champion at the end."""
    models = {
        "champion": Judged("champion", np.arange(1.0, 7.0), "3"),
        "poor_baseline": Judged("baseline", np.zeros(6)),
        "b": Judged("candidate", np.array([2.0, 3, 4, 5, 5, 6])),
        "good_baseline": Judged("baseline", np.full(6, 5.5)),
        "a": Judged("candidate", np.array([1.0, 2, 3, 4, 9, 9])),
    }
    found = compare_models(
        models, RegressionScorer(np.arange(1.0, 7.0), IS_HOLDOUT), "mae", significance=0.05, seed=1
    )
    assert list(found.models) == ["a", "b", "good_baseline", "poor_baseline", "champion"]


def test_the_problem_of_a_model_is_noted() -> None:
    """How many rows it says no number for; those that could not be asked bring their own."""
    models = {
        "sound": Judged("candidate", np.full(6, 9.0), size_bytes=1200),
        "diverged": Judged("candidate", np.array([1.0, np.nan, 3, np.inf, 5, 6])),
        "champion": Judged("champion", None, "3", problem="could not be loaded: no such file"),
    }
    found = compare_models(
        models, RegressionScorer(np.arange(6.0), IS_HOLDOUT), "mae", significance=0.05, seed=1
    )
    document = found.to_json()["models"]
    assert document["sound"]["size_bytes"] == 1200
    assert "problem" not in document["sound"]
    assert document["diverged"]["problem"] == "predicts no number on 2 of 6 judged rows"
    champion = document["champion"]
    assert (champion["version"], champion["problem"]) == ("3", "could not be loaded: no such file")
    assert champion["holdout"] == {"rmse": None, "mae": None, "r2": None}
    assert champion["size_bytes"] is None
    assert found.paired is None


def test_challenger_and_champion_are_paired() -> None:
    """One hold-out row is won and none lost; the document says with whom."""
    models = {
        "new": Judged("candidate", sure(0, 1, 0, 1, 0, 1)),
        "champion": Judged("champion", sure(0, 1, 0, 1, 0, 0), "7"),
    }
    paired = compare_models(
        models,
        ClassificationScorer(TARGET, IS_HOLDOUT, (0, 1)),
        "accuracy",
        significance=0.1,
        seed=1,
    ).to_json()["paired"]
    assert (paired["with"], paired["metric"], paired["gain"]) == ("7", "accuracy", 0.5)
    assert paired["interval"] == [0.0, 1.0]
    assert paired["confidence"] == 0.8
    assert (paired["n_discordant"], paired["p_value"]) == ([1, 0], 0.5)


def test_a_holdout_without_a_class_is_scored_by_the_others() -> None:
    """No warning and no NaN in the document: the figures are of the classes that occur."""
    target = np.array([0, 1, 2, 0, 1, 1])
    models = {"one": Judged("candidate", np.eye(3)[[0, 1, 2, 0, 1, 0]] * 0.7 + 0.1)}
    scorer = ClassificationScorer(target, IS_HOLDOUT, ("a", "b", "c"))
    found = compare_models(models, scorer, "macro_f1", significance=0.05, seed=1).to_json()
    json.dumps(found, allow_nan=False)
    figures = found["models"]["one"]["holdout"]
    assert figures["accuracy"] == 0.5
    assert figures["roc_auc"] is None  # both hold-out rows are of class b
    assert figures["ece"] == pytest.approx(0.3)  # right once in two, and sure of 0.8 both times
    assert [g["n_rows"] for g in found["groups"]] == [0, 2, 0]


def test_a_metric_without_a_number_decides_nothing() -> None:
    """R2 of equal numbers: nobody has one, the errors break the tie, and the gain is none."""
    target = np.full(6, 3.0)
    models = {
        "far": Judged("candidate", target + 2),
        "near": Judged("candidate", target + 1),
        "champion": Judged("champion", target, "1"),
    }
    found = compare_models(
        models, RegressionScorer(target, IS_HOLDOUT), "r2", significance=0.05, seed=1
    )
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["challenger"] == "near"
    assert document["models"]["near"]["holdout"]["r2"] is None
    assert document["paired"]["gain"] is None
    assert document["paired"]["interval"] == [None, None]


def test_scores_document_is_json() -> None:
    """The document has every model's role, figures and confusion."""
    document = json.loads(json.dumps(compare(one=sure(0, 1, 0, 1, 0, 1)).to_json()))
    assert (document["kind"], document["metric"], document["is_error"]) == (
        "classification",
        "accuracy",
        False,
    )
    assert document["models"]["one"]["holdout"]["accuracy"] == 1.0
    assert document["models"]["naive"]["role"] == "baseline"
    assert document["confusion"]["one"] == [[1, 0], [0, 1]]
    assert document["classes"] == [0, 1]
    bins = document["calibration"]["one"]
    assert (sum(bins["n_rows"]), bins["confidence"][13]) == (2, pytest.approx(0.9))
    assert bins["accuracy"][0] is None
    numbers = compare_numbers(one=[1, 2, 3, 4, 5, 5]).to_json()
    assert (numbers["kind"], numbers["metric"], numbers["is_error"]) == ("regression", "rmse", True)
    assert numbers["models"]["one"]["holdout"]["mae"] == 0.5

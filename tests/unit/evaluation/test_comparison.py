"""Who challenges: chosen on validation rows, judged on the hold-out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tasks.errors import EvaluationError
from tasks.evaluation.comparison import Judged, compare_models

TARGET = np.array([0, 1, 0, 1, 0, 1])
IS_HOLDOUT = np.array([False, False, False, False, True, True])


def sure(*classes: int, confidence: float = 0.9) -> np.ndarray:
    """Probabilities of a model that is this sure of these classes."""
    chosen = np.eye(2)[list(classes)]
    return chosen * confidence + (1 - chosen) * (1 - confidence)


def compare(**candidates: np.ndarray):
    models = {name: Judged("candidate", p) for name, p in candidates.items()}
    models["baseline"] = Judged("baseline", sure(0, 0, 0, 0, 0, 0))
    return compare_models(models, TARGET, IS_HOLDOUT, (0, 1), "accuracy", seed=1)


def test_challenger_is_chosen_on_validation_rows() -> None:
    """A candidate that is better on the hold-out alone is not chosen: the hold-out only judges."""
    comparison = compare(
        good_on_validation=sure(0, 1, 0, 1, 1, 0), good_on_holdout=sure(1, 0, 1, 1, 0, 1)
    )
    assert comparison.challenger == "good_on_validation"
    assert comparison.models["good_on_validation"].holdout.accuracy == 0.0
    assert comparison.models["good_on_holdout"].holdout.accuracy == 1.0


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
    assert comparison.models["one"].holdout.accuracy == 0.5
    assert comparison.models["one"].confusion.tolist() == [[1, 0], [1, 0]]


def test_one_candidate_needs_no_validation_rows() -> None:
    """Where there is no choice, nothing is needed to choose by."""
    everything = np.ones(6, dtype=bool)
    models = {"one": Judged("candidate", sure(0, 1, 0, 1, 0, 1))}
    comparison = compare_models(models, TARGET, everything, (0, 1), "accuracy", seed=1)
    assert comparison.challenger == "one"
    assert comparison.models["one"].validation is None


def test_two_candidates_without_validation_rows_are_refused() -> None:
    """A choice must not be made on the hold-out."""
    everything = np.ones(6, dtype=bool)
    models = {n: Judged("candidate", sure(0, 1, 0, 1, 0, 1)) for n in ("a", "b")}
    with pytest.raises(EvaluationError, match="no validation rows to choose by"):
        compare_models(models, TARGET, everything, (0, 1), "accuracy", seed=1)


def test_no_holdout_is_refused() -> None:
    """Nobody is judged on nothing."""
    models = {"a": Judged("candidate", sure(0, 1, 0, 1, 0, 1))}
    with pytest.raises(EvaluationError, match="0 hold-out rows"):
        compare_models(models, TARGET, np.zeros(6, dtype=bool), (0, 1), "accuracy", seed=1)


def test_scores_document_is_json() -> None:
    """The document has every model's role, figures and confusion."""
    document = json.loads(json.dumps(compare(one=sure(0, 1, 0, 1, 0, 1)).to_json()))
    assert document["models"]["one"]["holdout"]["accuracy"] == 1.0
    assert document["models"]["baseline"]["role"] == "baseline"
    assert document["confusion"]["one"] == [[1, 0], [0, 1]]

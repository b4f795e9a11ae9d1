"""The figures of a classifier against hand-worked answers and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss

from tasks.errors import EvaluationError
from tasks.metrics import (
    align_probabilities,
    bootstrap_interval,
    compute_metric,
    count_confusion,
    score_predictions,
)


@pytest.fixture(scope="module")
def predicted() -> tuple[np.ndarray, np.ndarray]:
    """Random probabilities of three classes on 500 rows."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 3, 500), rng.dirichlet([1, 1, 1], 500)


def test_scores_by_hand() -> None:
    """Three of four right; F1 of 2/3 and 4/5; log loss of the four true probabilities."""
    target = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7]])
    scores = score_predictions(target, probabilities, 2)
    assert scores.accuracy == 0.75
    assert scores.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert scores.log_loss == pytest.approx(-np.log([0.8, 0.4, 0.9, 0.7]).mean())


def test_scores_agree_with_scikit_learn(predicted: tuple[np.ndarray, np.ndarray]) -> None:
    """Our figures, computed from the confusion matrix, are scikit-learn's."""
    target, probabilities = predicted
    scores = score_predictions(target, probabilities, 3)
    choice = probabilities.argmax(axis=1)
    assert scores.accuracy == pytest.approx(accuracy_score(target, choice))
    assert scores.macro_f1 == pytest.approx(f1_score(target, choice, average="macro"))
    assert scores.log_loss == pytest.approx(log_loss(target, probabilities))


def test_class_that_never_occurs_does_not_count() -> None:
    """A class without true or predicted rows is left out of macro F1."""
    target, choice = np.array([0, 1, 1]), np.array([0, 1, 0])
    assert compute_metric("macro_f1", count_confusion(target, choice, 5)) == pytest.approx(
        f1_score(target, choice, average="macro")
    )


def test_interval_is_as_wide_as_the_binomial(predicted: tuple[np.ndarray, np.ndarray]) -> None:
    """For accuracy the bootstrap's width is that of the normal approximation, 2 x 1.96 sd."""
    target, probabilities = predicted
    choice = probabilities.argmax(axis=1)
    low, high = bootstrap_interval("accuracy", target, choice, 3, seed=1)
    share = (target == choice).mean()
    assert low < share < high
    width = 2 * 1.96 * np.sqrt(share * (1 - share) / len(target))
    assert high - low == pytest.approx(width, rel=0.1)


def test_interval_is_reproducible(predicted: tuple[np.ndarray, np.ndarray]) -> None:
    """The same seed gives the same interval."""
    target, probabilities = predicted
    choice = probabilities.argmax(axis=1)
    assert bootstrap_interval("macro_f1", target, choice, 3, 7) == bootstrap_interval(
        "macro_f1", target, choice, 3, 7
    )


def test_probabilities_follow_the_wanted_classes() -> None:
    """Columns are reordered by class; an unseen class gets 0, an unwanted one is dropped."""
    known = np.array([[0.2, 0.3, 0.5]])
    assert align_probabilities(known, [0, 1, 2], ["2", "0", "9"]).tolist() == [[0.5, 0.2, 0.0]]


@pytest.mark.parametrize(
    ("target", "probabilities", "message"),
    [
        ([], np.zeros((0, 2)), "0 rows"),
        ([0, 1], np.zeros((2, 3)), "shape"),
        ([0, 1], np.array([[0.5, 0.5], [np.nan, 0.5]]), "not numbers on 1 of 2 rows"),
    ],
)
def test_unusable_predictions_are_refused(
    target: list[int], probabilities: np.ndarray, message: str
) -> None:
    """Nothing is scored on no rows, on other classes, or on NaN."""
    with pytest.raises(EvaluationError, match=message):
        score_predictions(np.array(target, dtype=np.int64), probabilities, 2)

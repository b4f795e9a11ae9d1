"""ROC AUC and recall, class by class, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import recall_score, roc_auc_score

from tasks.metrics.classes import count_confusion
from tasks.metrics.ranking import compute_recall, compute_roc_auc


def test_two_classes_agree_with_scikit_learn() -> None:
    """The area of the second class, with ties."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 400)
    second = np.round(rng.random(400), 1)
    found = compute_roc_auc(target, np.stack([1 - second, second], axis=1))
    assert found == pytest.approx(roc_auc_score(target, second))


def test_more_classes_agree_with_scikit_learn() -> None:
    """The mean over the classes, each against the others."""
    rng = np.random.default_rng(1)
    target, probabilities = rng.integers(0, 4, 500), rng.dirichlet([1, 1, 1, 1], 500)
    expected = roc_auc_score(target, probabilities, multi_class="ovr", average="macro")
    assert compute_roc_auc(target, probabilities) == pytest.approx(expected)


def test_a_class_that_no_row_has_is_left_out() -> None:
    """The mean of the two areas that there are: 1 and 3/4."""
    target = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.5, 0.3, 0.2], [0.4, 0.5, 0.1], [0.3, 0.6, 0.1], [0.2, 0.4, 0.4]])
    assert compute_roc_auc(target, probabilities) == pytest.approx((1.0 + 0.75) / 2)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_rows_of_one_class_have_no_area(n_classes: int) -> None:
    """Nobody can be told from nobody: no number, and no warning."""
    probabilities = np.full((5, n_classes), 1 / n_classes)
    assert np.isnan(compute_roc_auc(np.ones(5, dtype=np.int64), probabilities))


def test_recall_agrees_with_scikit_learn() -> None:
    """Row by row of the confusion matrix; a class without rows has none."""
    target, said = np.array([0, 0, 1, 1, 1, 3]), np.array([0, 1, 1, 1, 2, 0])
    found = compute_recall(count_confusion(target, said, 4))
    expected = recall_score(target, said, average=None, labels=[0, 1, 3], zero_division=0)
    np.testing.assert_allclose(found[[0, 1, 3]], expected)
    assert np.isnan(found[2])

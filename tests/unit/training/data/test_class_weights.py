"""What a row of each class weighs: by hand, as scikit-learn does, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from tasks.errors import TrainingError
from tasks.training.data.class_weights import compute_class_weights

CODES = np.array([0, 0, 0, 1, 2, 2])


def test_balanced_by_hand() -> None:
    """6 rows of 3 classes: 6 / (3 * 3), 6 / (3 * 1), 6 / (3 * 2)."""
    found = compute_class_weights("balanced", CODES, ["a", "b", "c"])
    assert found is not None
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx([2 / 3, 2.0, 1.0])


def test_balanced_as_scikit_learn() -> None:
    """The same rule."""
    codes = np.random.default_rng(2).choice(4, size=1000, p=[0.7, 0.2, 0.06, 0.04])
    expected = compute_class_weight("balanced", classes=np.arange(4), y=codes)
    found = compute_class_weights("balanced", codes, [3, 5, 8, 9])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_no_setting_is_no_weights() -> None:
    """Every row weighs the same."""
    assert compute_class_weights(None, CODES, ["a", "b", "c"]) is None


@pytest.mark.parametrize("setting", [{3: 2.0, 5: 1.0}, {"5": 1.0, "3": 2.0}])
def test_weights_by_class(setting: dict[Any, float]) -> None:
    """In the order of the classes; a request in JSON has text for keys."""
    found = compute_class_weights(setting, np.array([0, 1]), [3, 5])
    assert found is not None
    assert found.tolist() == [2.0, 1.0]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"cat": 1.0, "dgo": 1.0}, "names the class 'dgo'(.|\n)*'dog', perhaps"),
        ({"cat": 1.0}, r"misses the class 'dog'(.|\n)*each of \['cat', 'dog'\]"),
    ],
)
def test_classes_that_are_not_there(setting: dict[Any, float], message: str) -> None:
    """Unknown and missing ones are named."""
    with pytest.raises(TrainingError, match=message):
        compute_class_weights(setting, np.array([0, 1]), ["cat", "dog"])


def test_a_class_without_rows_cannot_be_balanced() -> None:
    """Its weight would be infinite."""
    with pytest.raises(TrainingError, match="The class 'c' has no training row"):
        compute_class_weights("balanced", np.array([0, 1, 1]), ["a", "b", "c"])

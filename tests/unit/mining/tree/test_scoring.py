from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from tasks.metrics import bootstrap_interval, count_confusion, score_predictions
from tasks.mining.tree.scoring import score_classes, score_numbers


def test_batches_score_as_all_rows_together() -> None:
    """Scores, confusion and interval are those that the networks get from the same predictions."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 500)
    probabilities = rng.dirichlet(np.ones(3), 500)
    batches = [(codes[i : i + 130], probabilities[i : i + 130]) for i in range(0, 500, 130)]
    found = score_classes(batches, 3, seed=9)
    assert found is not None
    together = score_predictions(codes, probabilities, 3)
    assert asdict(found.scores) == pytest.approx(asdict(together))
    predicted = probabilities.argmax(axis=1)
    assert (found.confusion == count_confusion(codes, predicted, 3)).all()
    for metric in ("accuracy", "macro_f1"):
        assert found.intervals[metric] == bootstrap_interval(metric, codes, predicted, 3, 9)
    assert found.n_rows == 500


def test_no_rows_have_no_score() -> None:
    """A workflow may have no validation rows; batches may be empty."""
    nothing = (np.zeros(0, dtype=np.int64), np.zeros((0, 2)))
    assert score_classes([], 2, seed=1) is None
    assert score_classes([nothing], 2, seed=1) is None
    assert score_numbers([], 1.0) is None


def test_numbers_score_as_scikit_learn_does_in_their_own_unit() -> None:
    """R^2 by the mean of the rows scored, errors times the scale."""
    rng = np.random.default_rng(2)
    z, estimated = rng.normal(3, 1, 400), rng.normal(3, 1, 400)
    batches = [(z[i : i + 90], estimated[i : i + 90]) for i in range(0, 400, 90)]
    found = score_numbers(batches, scale=50.0)
    assert found is not None
    assert found.r2 == pytest.approx(r2_score(z, estimated))
    assert found.mae == pytest.approx(mean_absolute_error(z * 50, estimated * 50))
    assert found.rmse == pytest.approx(root_mean_squared_error(z * 50, estimated * 50))


@pytest.mark.parametrize("z", [[0.1, 0.1, 0.1], [2.0], [0.0]])
def test_rows_that_are_all_the_same_have_no_r2(z: list[float]) -> None:
    """There is no variance to explain."""
    found = score_numbers([(np.array(z), np.zeros(len(z)))], 1.0)
    assert found is not None
    assert found.r2 is None
    assert found.mae == pytest.approx(z[0])


def test_a_row_beyond_all_bounds_is_no_crash() -> None:
    """Its square is infinite: no R^2 is told."""
    found = score_numbers([(np.array([0.0, 1e200]), np.zeros(2))], 1.0)
    assert found is not None
    assert (found.r2, found.mae, found.rmse) == (None, 5e199, np.inf)

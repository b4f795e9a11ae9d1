"""How sure a classifier is, compared with how often it is right."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.metrics.calibration import N_BINS, measure_calibration


def make_two(confidence: list[float]) -> np.ndarray:
    """Probabilities of two classes; the first one is named with this confidence."""
    first = np.array(confidence)
    return np.stack([first, 1 - first], axis=1)


def test_the_error_by_hand() -> None:
    """Four rows of 0.9 of which three are right, and six of 0.6 of which all are: (4 x 0.15 + 6 x 0.4) / 10."""
    target = np.array([0, 0, 0, 1, *[0] * 6])
    found = measure_calibration(target, make_two([0.9] * 4 + [0.6] * 6))
    assert found.error == pytest.approx((4 * 0.15 + 6 * 0.4) / 10)
    assert found.n_rows.sum() == 10
    assert found.n_rows[13] == 4
    assert found.accuracy[13] == 0.75
    assert np.isnan(found.accuracy[0])


def test_a_model_that_knows_how_sure_it_is_has_nearly_no_error() -> None:
    """Right as often as it says, on a hundred thousand rows."""
    rng = np.random.default_rng(1)
    confidence = rng.uniform(0.5, 1.0, 100_000)
    target = (rng.random(100_000) > confidence).astype(np.int64)
    assert measure_calibration(target, make_two(confidence.tolist())).error < 0.01


def test_too_sure_a_model_is_off_by_what_it_claims_too_much() -> None:
    """It says 0.99 and is right in seven of ten cases."""
    target = np.array([0] * 7 + [1] * 3)
    assert measure_calibration(target, make_two([0.99] * 10)).error == pytest.approx(0.29)


@pytest.mark.parametrize(
    ("confidence", "place"), [(1.0, 14), (1.0000001, 14), (10 / 15, 9), (0.67, 10)]
)
def test_a_bin_ends_at_its_upper_bound(confidence: float, place: int) -> None:
    """As in Guo et al.; float32 rows that sum to a little more than 1 fall into the last one."""
    found = measure_calibration(np.array([0]), make_two([confidence]))
    assert np.flatnonzero(found.n_rows).tolist() == [place]
    assert len(found.n_rows) == N_BINS

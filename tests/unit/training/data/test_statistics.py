"""Streamed moments equal those of the whole, and scikit-learn's where a pixel is constant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from tasks.errors import TrainingError
from tasks.training.data import statistics as module
from tasks.training.data.statistics import Statistics, compute_statistics


def test_moments_by_hand() -> None:
    """1, 2, 6 have the mean 3 and the population variance (4 + 1 + 9) / 3."""
    found = compute_statistics(
        [np.array([[1], [2]], dtype=np.uint8), np.array([[6]], dtype=np.uint8)]
    )
    assert found.n_rows == 3
    assert found.mean.tolist() == [3.0]
    assert found.variance.tolist() == pytest.approx([14 / 3])


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("cuts", [[], [1], [10, 11, 500], [0, 1000]])
def test_a_stream_equals_the_whole(dtype: str, cuts: list[int]) -> None:
    """However the rows are cut into batches, empty ones among them."""
    rows = np.random.default_rng(1).integers(0, 256, (1000, 4, 3, 1)).astype(dtype)
    found = compute_statistics(np.split(rows, cuts))
    whole = rows.astype("float64")
    np.testing.assert_allclose(found.mean, whole.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(found.variance, whole.var(axis=0), rtol=1e-12)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is widened to float64 piece by piece, with the same result."""
    rows = np.random.default_rng(1).integers(0, 256, (100, 8), dtype=np.uint8)
    whole = compute_statistics([rows])
    monkeypatch.setattr(module, "CHUNK_BYTES", 8 * 8 * 7)
    in_pieces = compute_statistics([rows])
    np.testing.assert_allclose(in_pieces.variance, whole.variance, rtol=1e-13)
    assert not np.array_equal(in_pieces.variance, whole.variance)  # it was cut, so rounding differs


def test_a_large_mean_does_not_swallow_the_variance() -> None:
    """The textbook formula mean(x^2) - mean(x)^2 would give 0 here, or less."""
    rows = 1e9 + np.array([[0.0], [1.0], [2.0], [3.0]])
    assert compute_statistics(np.split(rows, 2)).variance.tolist() == [1.25]


@pytest.mark.parametrize("constant", [0.0, 77.0, 0.1, 1e8 + 0.1])
def test_constant_features_are_those_of_standardscaler(constant: float) -> None:
    """A scale of 1 for what never changes, also where rounding leaves a trace of variance."""
    rows = np.column_stack([np.full(1000, constant), np.arange(1000.0)])
    found = compute_statistics(np.array_split(rows, 7))
    scaler = StandardScaler().fit(rows)
    assert found.is_constant.tolist() == [True, False]
    np.testing.assert_allclose(np.sqrt(found.scaling_variance), scaler.scale_, rtol=1e-12)


def test_nearly_constant_is_not_constant() -> None:
    """One deviating row among many counts."""
    found = compute_statistics([np.array([[0.0]] * 999 + [[1.0]])])
    assert not found.is_constant.any()
    assert found.scaling_variance.tolist() == found.variance.tolist()


@pytest.mark.parametrize("batches", [[], [np.empty((0, 3))]])
def test_no_rows_are_an_error(batches: list[Any]) -> None:
    """Nothing can be standardised by nothing."""
    with pytest.raises(TrainingError, match="There is no training row"):
        compute_statistics(batches)


def test_statistics_do_not_change() -> None:
    """A result is frozen."""
    found = Statistics(1, np.zeros(1), np.zeros(1))
    with pytest.raises(AttributeError):
        found.n_rows = 2  # type: ignore[misc]

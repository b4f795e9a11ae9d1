"""Mean, deviation, median and quantiles of a column."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import CleaningError
from tasks.preparation.figures import (
    compute_mean_and_std,
    compute_median,
    compute_quantiles,
    select_finite,
)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40))
def test_mean_and_deviation_are_those_of_exact_arithmetic(values: Any) -> None:
    """Known answer: Python's statistics, which computes with fractions."""
    mean, std = compute_mean_and_std(np.array(values))
    greatest = max(map(abs, values))
    assert mean == pytest.approx(statistics.mean(values), rel=1e-12, abs=1e-14 * greatest)
    assert std == pytest.approx(statistics.pstdev(values), rel=1e-9, abs=1e-14 * greatest)


@pytest.mark.parametrize("magnitude", [1e-300, 1e-150, 1.0, 1e150, 1e300])
def test_any_magnitude_will_do(magnitude: Any) -> None:
    """Neither squares nor sums leave the floats."""
    x = magnitude * np.array([1.0, 2.0, 3.0, 6.0])
    assert compute_mean_and_std(x) == pytest.approx(
        (3 * magnitude, 3.5**0.5 * magnitude), rel=1e-14, abs=0
    )
    assert compute_median(x) == pytest.approx(2.5 * magnitude, rel=1e-14, abs=0)
    assert compute_quantiles(x, [0.0, 0.5, 1.0]) == pytest.approx(
        (magnitude, 2.5 * magnitude, 6 * magnitude), rel=1e-14, abs=0
    )


def test_finite_values_are_selected() -> None:
    """Neither missing nor infinite; without any it is an error."""
    assert select_finite(np.array([1.0, np.nan, np.inf, -np.inf]), "x", "step").tolist() == [1.0]
    with pytest.raises(CleaningError, match="'x'"):
        select_finite(np.array([]), "x", "step")

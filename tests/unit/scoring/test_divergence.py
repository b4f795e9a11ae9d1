"""How far two distributions lie apart: worked by hand, and what chance gives by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2

from tasks.scoring.divergence import compare, compute_js, compute_psi

LARGE = 10**9  # so many rows that half a row more is nothing


def counts(*shares: float) -> np.ndarray:
    return np.round(np.array(shares) * LARGE).astype(np.int64)


def test_index_is_what_the_definition_gives() -> None:
    """(0.3 - 0.5) ln(0.3 / 0.5) + (0.7 - 0.5) ln(0.7 / 0.5), by hand."""
    expected = -0.2 * math.log(0.6) + 0.2 * math.log(1.4)
    assert compute_psi(counts(0.5, 0.5), counts(0.3, 0.7)) == pytest.approx(expected, abs=1e-8)


def test_smoothing_adds_half_a_row_to_every_bin() -> None:
    """Of 4 and 0 rows the shares are 4.5 / 5 and 0.5 / 5; of 1 and 3 rows 1.5 / 5 and 3.5 / 5."""
    p, q = (0.9, 0.1), (0.3, 0.7)
    expected = sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert compute_psi(np.array([4, 0]), np.array([1, 3])) == pytest.approx(expected)


def test_bins_that_nobody_is_in_do_not_count() -> None:
    """Or half a row in each of a hundred empty ones would bring any two samples nearer."""
    few = compare(np.array([8, 2]), np.array([3, 7]), alpha=0.01)
    many = compare(np.array([8, 2, *[0] * 100]), np.array([3, 7, *[0] * 100]), alpha=0.01)
    assert few == many


def test_divergence_agrees_with_scipy() -> None:
    """The square of its Jensen-Shannon distance, in bits."""
    p, q = (0.1, 0.2, 0.3, 0.4), (0.4, 0.3, 0.2, 0.1)
    expected = jensenshannon(p, q, base=2) ** 2
    assert compute_js(counts(*p), counts(*q)) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("measure", [compute_psi, compute_js])
def test_both_are_symmetric_and_zero_for_the_same_shares(measure) -> None:
    """They are divergences of two distributions, of which none comes first."""
    a, b = np.array([5, 50, 500]), np.array([500, 50, 5])
    assert measure(a, b) == pytest.approx(measure(b, a))
    assert measure(a, a) == 0.0


def test_what_chance_gives_is_chi_square() -> None:
    """Mean (B - 1)(1/n + 1/m), and the quantile of chi-square with B - 1 degrees of freedom."""
    found = compare(np.full(10, 100), np.full(10, 20), alpha=0.01)
    scale = 1 / 1000 + 1 / 200
    assert found.expected_psi == pytest.approx(9 * scale)
    assert found.chance_psi == pytest.approx(chi2.ppf(0.99, 9) * scale)
    assert found.chance_js == pytest.approx(found.chance_psi / (8 * math.log(2)))


def test_one_bin_alone_never_diverges() -> None:
    """A constant column that stays constant."""
    found = compare(np.array([10, 0]), np.array([30, 0]), alpha=0.01)
    assert (found.psi, found.js, found.expected_psi, found.chance_psi) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "shares",
    [[0.1] * 10, [0.9, 0.05, 0.03, 0.01, 0.01], [0.6, 0.3, 0.1]],
    ids=["tenths", "skewed", "classes"],
)
@pytest.mark.parametrize("n_rows", [30, 300])
def test_samples_of_one_distribution_seldom_exceed_chance(shares: list[float], n_rows: int) -> None:
    """Asked for one in a hundred: at most one in fifty of a thousand seeded pairs, also of 30 rows."""
    rng = np.random.default_rng(11)
    found = [
        compare(rng.multinomial(2000, shares), rng.multinomial(n_rows, shares), alpha=0.01)
        for _ in range(1000)
    ]
    assert np.mean([one.psi > one.chance_psi for one in found]) <= 0.02
    assert np.mean([one.js > one.chance_js for one in found]) <= 0.02
    # And the mean is as announced, or somewhat below where bins are empty.
    assert 0.6 <= np.mean([one.psi for one in found]) / found[0].expected_psi <= 1.1

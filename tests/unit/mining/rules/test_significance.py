from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact, hypergeom

from tasks.mining.rules.itemsets import group_itemsets
from tasks.mining.rules.significance import compute_significance, compute_tail
from tasks.mining.rules.splits import split_itemsets


def tail(n_both: int, n_left: int, n_right: int, n: int) -> float:
    return float(compute_tail(np.array([n_both]), np.array([n_left]), np.array([n_right]), n)[0])


def test_a_tea_taster_is_tested_as_fisher_did() -> None:
    """Eight cups, four with milk first: all four right by a chance of 1 in 70, three of 17 in 70."""
    assert tail(4, 4, 4, 8) == pytest.approx(1 / 70)
    assert tail(3, 4, 4, 8) == pytest.approx(17 / 70)
    assert tail(0, 4, 4, 8) == 1.0


@given(st.data())
def test_tails_are_those_of_fisher_s_exact_test(data: st.DataObject) -> None:
    """For every table of counts, with empty cells too."""
    n = data.draw(st.integers(1, 60))
    left, right = data.draw(st.integers(1, n)), data.draw(st.integers(1, n))
    both = data.draw(st.integers(max(0, left + right - n), min(left, right)))
    table = [[both, left - both], [right - both, n - left - right + both]]
    expected = fisher_exact(table, alternative="greater").pvalue
    assert tail(both, left, right, n) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("n_both", "n_left", "n_right", "n"),
    [
        (15, 40, 300, 100_000),
        (130, 400, 30_000, 100_000),
        (110, 400, 30_000, 100_000),
        (90_300, 300_000, 300_000, 1_000_000),
        (1, 1, 1, 1_000_000),
    ],
)
def test_tails_of_large_tables_are_scipy_s(n_both: int, n_left: int, n_right: int, n: int) -> None:
    """On both sides of the mode, to seven digits."""
    expected = hypergeom.sf(n_both - 1, n, n_right, n_left)
    assert tail(n_both, n_left, n_right, n) == pytest.approx(expected, rel=1e-7)


def test_a_chance_too_small_for_a_float_is_zero() -> None:
    """And no warning is raised on the way."""
    assert tail(500_000, 500_000, 500_000, 1_000_000) == 0.0


def test_a_hundred_thousand_tails_take_seconds() -> None:
    """SciPy's own take a third of a millisecond each."""
    rng = np.random.default_rng(0)
    left, right = rng.integers(100, 5000, (2, 100_000))
    both = np.minimum(left, right) // rng.integers(2, 30, 100_000)
    started = time.perf_counter()
    compute_tail(both, left, right, 100_000)
    assert time.perf_counter() - started < 5


def test_q_values_are_benjamini_and_hochberg_s_over_all_rules() -> None:
    """By hand: sorted p-values times their number over their rank, the least from the end on."""
    sets = [[0], [1], [2], [0, 1], [0, 2], [1, 2]]
    itemsets = group_itemsets(sets, [30, 30, 50, 25, 15, 16], 3)
    splits = split_itemsets(itemsets, 100, 1)
    p_values, q_values = compute_significance(splits)
    order = np.argsort(p_values)
    scaled = p_values[order] * len(splits) / np.arange(1, len(splits) + 1)
    expected = np.minimum.accumulate(scaled[::-1])[::-1]
    assert q_values[order] == pytest.approx(np.minimum(expected, 1))
    assert (q_values >= p_values).all()


def test_no_rules_have_no_q_values() -> None:
    """Nothing in, nothing out."""
    splits = split_itemsets(group_itemsets([[0]], [1], 1), 1, 1)
    assert [len(v) for v in compute_significance(splits)] == [0, 0]

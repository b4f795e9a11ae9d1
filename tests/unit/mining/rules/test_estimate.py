from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from tasks.mining.rules.baskets import Baskets, assemble_baskets, make_baskets, select_frequent
from tasks.mining.rules.counts import count_pairs
from tasks.mining.rules.engine import mine_itemsets
from tasks.mining.rules.estimate import Estimate, Prober, bound_longer


def estimate(baskets: Baskets, min_count: int, max_length: int, **keys: int) -> Estimate:
    frequent = select_frequent(baskets, min_count)
    pairs = count_pairs(frequent, min_count, 10**6)
    assert pairs is not None
    return Prober(frequent).estimate(
        pairs, frequent.count_items(), min_count, max_length, **{"seed": 1, **keys}
    )


def make_random(seed: int, share: float) -> Baskets:
    dense = np.random.default_rng(seed).random((400, 25)) < share
    return assemble_baskets(*np.nonzero(dense), 400, [f"i{i:02}" for i in range(25)])


def test_equal_baskets_are_estimated_at_all_their_subsets() -> None:
    """Six items in every basket: 6, 15, 20, 15, 6 and 1 itemsets."""
    found = estimate(make_baskets(["abcdef"] * 5), 2, 6)
    assert found.n_by_length == pytest.approx((6, 15, 20, 15, 6, 1), rel=0.1)
    assert found.n_itemsets == pytest.approx(63, rel=0.05)


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_the_estimate_is_unbiased(share: float) -> None:
    """The mean over seeds is the number of itemsets, within three of its standard errors."""
    baskets = make_random(2, share)
    n_found = len(mine_itemsets(select_frequent(baskets, 20), 20, 5))
    found = [estimate(baskets, 20, 5, seed=seed, max_work=50_000) for seed in range(40)]
    mean = float(np.mean([e.n_itemsets for e in found]))
    error = float(np.mean([e.standard_error for e in found])) / math.sqrt(40)
    assert abs(mean - n_found) < 3 * error + 1
    assert error < n_found / 20


def test_a_higher_count_is_estimated_from_the_same_baskets() -> None:
    """Baskets selected at 20 give what those selected at 60 do."""
    baskets = make_random(3, 0.5)
    frequent = select_frequent(baskets, 20)
    pairs = count_pairs(frequent, 20, 10**6)
    assert pairs is not None
    found = Prober(frequent).estimate(pairs, frequent.count_items(), 60, 5, seed=4)
    n_found = len(mine_itemsets(select_frequent(baskets, 60), 60, 5))
    assert found.n_itemsets == pytest.approx(n_found, rel=0.1)


def test_items_and_pairs_are_exact() -> None:
    """Nothing is drawn where nothing can follow."""
    found = estimate(make_baskets(["ab", "ab", "cd", "cd"]), 2, 5)
    assert (found.n_by_length, found.standard_error) == ((4.0, 2.0), 0.0)
    assert estimate(make_random(1, 0.5), 20, 2).standard_error == 0.0


def test_the_work_is_bounded_and_repeatable() -> None:
    """A count of items looked at, and no clock, ends the probes."""
    baskets = make_random(5, 0.5)
    assert estimate(baskets, 20, 5, max_work=1) == estimate(baskets, 20, 5, max_work=1)
    assert (
        estimate(baskets, 20, 5, max_work=1).standard_error
        > estimate(baskets, 20, 5).standard_error
    )


@pytest.mark.parametrize("m", [4, 7])
def test_all_subsets_reach_the_bound(m: int) -> None:
    """All pairs of m items allow for all their larger subsets, and those are there."""
    n_larger = sum(math.comb(m, k) for k in range(3, 6))
    assert bound_longer(math.comb(m, 2), 2, 5) == n_larger


@pytest.mark.parametrize("seed", range(8))
def test_no_database_exceeds_the_bound(seed: int) -> None:
    """Whatever the baskets: from every length, the longer sets are at most as many."""
    found = mine_itemsets(select_frequent(make_random(seed, 0.2 + 0.08 * seed), 8), 8, 6)
    numbers = [*found.n_by_length, 0, 0, 0, 0, 0, 0][:6]
    for length in range(1, 6):
        assert sum(numbers[length:]) <= bound_longer(numbers[length - 1], length, 6)


def test_the_bound_counts_supersets_of_the_first_sets() -> None:
    """By brute force over families: the first n pairs in colexicographic order have most triples."""
    pairs = sorted(combinations(range(7), 2), key=lambda pair: pair[::-1])
    for n in range(len(pairs) + 1):
        family = set(pairs[:n])
        triples = sum(
            all(p in family for p in combinations(t, 2)) for t in combinations(range(7), 3)
        )
        assert bound_longer(n, 2, 3) == triples

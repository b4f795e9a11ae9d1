from __future__ import annotations

import numpy as np
import pytest

from tasks.errors import MiningError
from tasks.mining.rules import counts as module
from tasks.mining.rules.baskets import Baskets, assemble_baskets, make_baskets
from tasks.mining.rules.counts import Pairs, count_itemsets, count_pairs


def make_random(
    seed: int, n_baskets: int, n_items: int, share: float
) -> tuple[Baskets, np.ndarray]:
    dense = np.random.default_rng(seed).random((n_baskets, n_items)) < share
    names = [str(i) for i in range(n_items)]
    return assemble_baskets(*np.nonzero(dense), n_baskets, names), dense.astype(int)


def list_pairs(pairs: Pairs | None) -> list[tuple[int, int, int]]:
    assert pairs is not None
    return list(
        zip(pairs.first.tolist(), pairs.second.tolist(), pairs.counts.tolist(), strict=True)
    )


@pytest.mark.parametrize("dense_items", [0, 512])
@pytest.mark.parametrize("work", [10, 4_000_000])
@pytest.mark.parametrize("share", [0.02, 0.4])
def test_pairs_are_the_product_of_the_baskets_with_themselves(
    monkeypatch: pytest.MonkeyPatch, dense_items: int, work: int, share: float
) -> None:
    """By sparse blocks of any size and by full matrices alike."""
    monkeypatch.setattr(module, "_DENSE_ITEMS", dense_items)
    monkeypatch.setattr(module, "_PAIR_WORK_AT_ONCE", work)
    baskets, dense = make_random(3, 200, 30, share)
    product = dense.T @ dense
    expected = [
        (i, j, int(product[i, j]))
        for i in range(30)
        for j in range(i + 1, 30)
        if product[i, j] >= 2
    ]
    assert expected
    assert list_pairs(count_pairs(baskets, 2, 10_000)) == expected


@pytest.mark.parametrize("dense_items", [0, 512])
def test_counting_stops_where_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch, dense_items: int
) -> None:
    """Four items in one basket are six pairs."""
    monkeypatch.setattr(module, "_DENSE_ITEMS", dense_items)
    baskets = make_baskets(["abcd"])
    assert count_pairs(baskets, 1, 5) is None
    assert len(list_pairs(count_pairs(baskets, 1, 6))) == 6


def test_one_long_basket_is_refused_before_it_is_squared() -> None:
    """A hundred thousand items are ten thousand million pairs."""
    n = 100_000
    baskets = assemble_baskets(np.zeros(n), np.arange(n), 1, [str(i) for i in range(n)])
    with pytest.raises(MiningError, match="the longest has 100,000 frequent items"):
        count_pairs(baskets, 1, 10)


def test_pairs_of_empty_baskets_are_none() -> None:
    """No items, no pairs."""
    assert list_pairs(count_pairs(make_baskets([[], []]), 1, 10)) == []


def test_itemsets_are_counted_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 64 baskets and of three sets give what all at once gives."""
    baskets, dense = make_random(5, 203, 9, 0.5)
    sets = [
        np.array([[i] for i in range(9)]),
        np.array([[0, 3, 8], [1, 2, 3], [4, 5, 6], [0, 1, 2]]),
    ]
    expected = [[int(dense[:, s].all(axis=1).sum()) for s in group] for group in sets]
    assert [c.tolist() for c in count_itemsets(baskets, sets)] == expected
    monkeypatch.setattr(module, "_BASKETS_AT_ONCE", 64)
    monkeypatch.setattr(module, "_SETS_AT_ONCE", 3)
    assert [c.tolist() for c in count_itemsets(baskets, sets)] == expected


def test_no_itemsets_and_no_baskets_count_nothing() -> None:
    """Zeros, not errors."""
    assert count_itemsets(make_baskets(["ab"]), []) == []
    nothing = assemble_baskets([], [], 0, ["a", "b"])
    assert count_itemsets(nothing, [np.array([[0, 1]])])[0].tolist() == [0]

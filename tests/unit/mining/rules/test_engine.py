from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from tasks.mining.rules import engine as module
from tasks.mining.rules.baskets import (
    Baskets,
    assemble_baskets,
    count_least,
    make_baskets,
    select_frequent,
)
from tasks.mining.rules.engine import mine_itemsets
from tasks.mining.rules.itemsets import Itemsets, group_itemsets


def name_sets(found: Itemsets, baskets: Baskets) -> dict[frozenset[str], int]:
    return {
        frozenset(baskets.names[code] for code in items): count
        for level, counts in zip(found.levels, found.counts, strict=True)
        for items, count in zip(level.tolist(), counts.tolist(), strict=True)
    }


def mine_by_mlxtend(
    dense: np.ndarray, min_support: float, max_length: int
) -> dict[frozenset[str], int]:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, on this pandas
        from mlxtend.frequent_patterns import fpgrowth

        frame = pd.DataFrame(dense.astype(bool), columns=[str(i) for i in range(dense.shape[1])])
        found = fpgrowth(frame, min_support=min_support, use_colnames=True, max_len=max_length)
    counts = np.rint(found["support"] * len(dense)).astype(int)
    return dict(zip(map(frozenset, found["itemsets"]), counts.tolist(), strict=True))


@pytest.mark.parametrize("dense_share", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(24))
def test_itemsets_are_those_of_mlxtend(
    monkeypatch: pytest.MonkeyPatch, seed: int, dense_share: float
) -> None:
    """Twenty-four shapes of matrix, with empty and full rows and columns, by either algorithm."""
    monkeypatch.setattr(module, "DENSE_SHARE", dense_share)
    rng = np.random.default_rng(seed)
    n_baskets, n_items = int(rng.integers(1, 70)), int(rng.integers(1, 14))
    dense = rng.random((n_baskets, n_items)) < rng.choice([0.05, 0.3, 0.7, 0.95])
    dense[rng.random(n_baskets) < 0.1] = False
    dense[:, rng.random(n_items) < 0.1] = True
    if n_baskets > 4:
        dense[1:4] = dense[0]
    count = int(rng.integers(1, max(2, n_baskets // 2)))
    support, max_length = count / n_baskets, int(rng.integers(1, 8))
    names = [str(i) for i in range(n_items)]
    baskets = select_frequent(assemble_baskets(*np.nonzero(dense), n_baskets, names), count)
    found = mine_itemsets(baskets, count_least(support, n_baskets), max_length)
    # A hair below: it compares floating-point shares with >=.
    assert name_sets(found, baskets) == mine_by_mlxtend(dense, support - 1e-9, max_length)


def test_exactly_the_support_is_frequent() -> None:
    """In 3 of 10, where 0.3 * 10 is above 3 in floating point; one basket more asked for, it goes."""
    baskets = make_baskets([["a", "b"]] * 3 + [["c"]] * 7)
    assert [len(mine_itemsets(select_frequent(baskets, n), n, 5)) for n in (3, 4)] == [4, 1]


@pytest.mark.parametrize("n_baskets", [1, 3, 7, 49, 997, 100_003])
def test_a_count_survives_the_engine_s_share(n_baskets: int) -> None:
    """The engine takes a share: every count asked for comes back as that count."""
    for count in {1, n_baskets // 3 or 1, n_baskets - 1 or 1, n_baskets}:
        names = ["a", "b"]
        basket = np.r_[np.arange(count), np.arange(max(count - 1, 0))]
        item = np.r_[np.zeros(count), np.ones(max(count - 1, 0))]
        found = mine_itemsets(assemble_baskets(basket, item, n_baskets, names), count, 2)
        assert found.n_by_length == (1,)
        assert found.counts[0].tolist() == [count]


def test_no_baskets_have_no_itemsets() -> None:
    """And neither have empty ones."""
    assert len(mine_itemsets(make_baskets([]), 1, 3)) == 0
    assert len(mine_itemsets(make_baskets([[], []]), 1, 3)) == 0


def test_the_order_does_not_depend_on_threads() -> None:
    """Sets stand in rising order, whichever thread found them first."""
    dense = np.random.default_rng(0).random((300, 12)) < 0.5
    baskets = assemble_baskets(*np.nonzero(dense), 300, [str(i) for i in range(12)])
    first, second = mine_itemsets(baskets, 20, 4), mine_itemsets(baskets, 20, 4)
    for level, again in zip(first.levels, second.levels, strict=True):
        assert level.tolist() == sorted(level.tolist()) == again.tolist()


def test_groceries_have_their_published_itemsets(real_data: Path) -> None:
    """333 at a support of 0.01 and 13,492 at 0.001 (arules; computed with five libraries)."""
    lines = (real_data / "groceries.csv").read_text(encoding="utf-8").splitlines()
    baskets = make_baskets([[i.strip() for i in line.split(",") if i.strip()] for line in lines])
    assert (baskets.n_baskets, baskets.n_items) == (9835, 169)
    for support, n_itemsets in ((0.01, 333), (0.001, 13_492)):
        least = count_least(support, 9835)
        assert len(mine_itemsets(select_frequent(baskets, least), least, 20)) == n_itemsets


def test_itemsets_are_found_by_their_items() -> None:
    """Every set of every length, asked for in any order of sets."""
    sets = [[0], [1], [2], [3], [0, 1], [0, 3], [1, 3], [2, 3], [0, 1, 3]]
    found = group_itemsets(sets, range(9), 4)
    assert found.find(np.array([[2, 3], [0, 1], [1, 3]])).tolist() == [3, 0, 2]
    assert found.find(np.array([[0, 1, 3]])).tolist() == [0]
    assert found.counts[1].tolist() == [4, 5, 6, 7]

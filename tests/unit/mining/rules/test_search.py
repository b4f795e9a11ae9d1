from __future__ import annotations

import re
import time

import numpy as np
import pytest

from tasks.dataset.memory import measure_peak, restart_peak
from tasks.errors import MiningError, NocturneError
from tasks.mining.rules import search as module
from tasks.mining.rules.baskets import Baskets, assemble_baskets, make_baskets, select_frequent
from tasks.mining.rules.counts import count_pairs
from tasks.mining.rules.engine import mine_itemsets
from tasks.mining.rules.itemsets import Itemsets
from tasks.mining.rules.search import bound_next, search_itemsets


def read_suggestion(error: MiningError) -> float:
    found = re.search(r"to about ([0-9.e-]+)", error.hint or "")
    assert found is not None, error.hint
    return float(found.group(1))


def make_random(seed: int, n_baskets: int, n_items: int, share: float) -> Baskets:
    dense = np.random.default_rng(seed).random((n_baskets, n_items)) < share
    return assemble_baskets(*np.nonzero(dense), n_baskets, [f"i{i}" for i in range(n_items)])


def test_equal_baskets_of_sixty_items_are_refused_at_once() -> None:
    """2 to the 60th itemsets: no support helps, a length does, and nothing of it is tried."""
    baskets = make_baskets([[f"i{i}" for i in range(60)]] * 1000)
    restart_peak()
    before, started = measure_peak(), time.process_time()
    with pytest.raises(MiningError, match=r"itemsets are frequent at a support of 0\.5") as caught:
        search_itemsets(baskets, 0.5, 20, seed=1)
    assert time.process_time() - started < 5
    assert measure_peak() - before < 200 * 2**20
    assert "lower 'max_length' under 'mining.rules' to 4" in (caught.value.hint or "")
    assert len(search_itemsets(baskets, 0.5, 3, seed=1).itemsets) == 60 + 1770 + 34_220


def test_dense_baskets_are_refused_with_a_support_that_works() -> None:
    """The support that is suggested is searched without a refusal, and is not far above the least."""
    baskets = make_random(0, 2000, 40, 0.6)
    with pytest.raises(MiningError, match="too many to hold") as caught:
        search_itemsets(baskets, 0.02, 7, seed=1)
    suggested = read_suggestion(caught.value)
    found = search_itemsets(baskets, suggested, 7, seed=1)
    assert 300_000 < len(found.itemsets) < 1_100_000


def test_very_many_frequent_items_are_refused_without_all_their_pairs() -> None:
    """Sixteen thousand items in one basket or two: millions of pairs, each as rare as the support."""
    rng = np.random.default_rng(0)
    n = 20_000
    baskets = assemble_baskets(
        np.repeat(np.arange(n), 20),
        rng.integers(0, 16_000, n * 20),
        n,
        [f"i{i}" for i in range(16_000)],
    )
    restart_peak()
    before, started = measure_peak(), time.perf_counter()
    with pytest.raises(MiningError, match=r"More than 1,000,000 pairs") as caught:
        search_itemsets(baskets, 1e-9, 5, seed=1)
    assert time.perf_counter() - started < 10
    assert measure_peak() - before < 400 * 2**20
    assert len(search_itemsets(baskets, read_suggestion(caught.value), 5, seed=1).itemsets) > 0


def test_items_that_no_support_tells_apart_are_said_so() -> None:
    """A basket of 2,500 items, each in this one alone, has three million pairs."""
    baskets = make_baskets([[f"i{i}" for i in range(2_500)], ["a", "b"]])
    with pytest.raises(MiningError, match="More than 1,000,000 pairs") as caught:
        search_itemsets(baskets, 0.5, 5, seed=1)
    assert "let more baskets in" in (caught.value.hint or "")


def test_a_wrong_estimate_does_not_let_the_search_run_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the estimate blind, the candidates that are counted before each length stop the search."""
    blind = module.Estimate((1.0, 1.0), 0.0)
    monkeypatch.setattr(module.Prober, "estimate", lambda *_, **__: blind)
    monkeypatch.setattr(module, "MAX_SEARCHED", 20_000)
    searched: list[int] = []
    mine = module.mine_itemsets

    def spy(baskets: Baskets, min_count: int, max_length: int) -> Itemsets:
        found = mine(baskets, min_count, max_length)
        searched.append(len(found))
        return found

    monkeypatch.setattr(module, "mine_itemsets", spy)
    with pytest.raises(MiningError, match=r"Perhaps 32,000 itemsets"):
        search_itemsets(make_baskets([[f"i{i}" for i in range(30)]] * 50), 0.5, 20, seed=1)
    assert max(searched, default=0) <= 20_000


def test_deepening_finds_what_one_search_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same itemsets, whether the pairs bound the number or not."""
    baskets = make_random(2, 500, 20, 0.45)
    at_once = search_itemsets(baskets, 0.05, 5, seed=1).itemsets
    monkeypatch.setattr(module, "MAX_SEARCHED", len(at_once) + 3_000)
    deepened = search_itemsets(baskets, 0.05, 5, seed=1).itemsets
    assert deepened.n_by_length == at_once.n_by_length
    assert all(np.array_equal(a, b) for a, b in zip(deepened.counts, at_once.counts, strict=True))


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_sampled_candidates_bound_the_next_length(share: float) -> None:
    """Never below the truth, and not far above it; exact where all candidates are counted."""
    baskets = select_frequent(make_random(4, 300, 60, share), 12)
    found = mine_itemsets(baskets, 12, 4)
    for length in (2, 3):
        bound = bound_next(baskets, found.levels[length - 1], 12, seed=3)
        assert len(found.levels[length]) <= bound < 1.5 * len(found.levels[length]) + 500


@pytest.mark.parametrize("what", ["items", "pairs", "longer", "missing"])
def test_a_miscount_of_the_engine_is_an_error_of_the_house(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """One count off by one, or one set left out: no rule is told from it, and it is no MiningError."""

    def miscount(baskets: Baskets, min_count: int, max_length: int) -> Itemsets:
        found = mine_itemsets(baskets, min_count, max_length)
        levels, counts = list(found.levels), [c.copy() for c in found.counts]
        if what == "missing":
            levels[1], counts[1] = levels[1][1:], counts[1][1:]
        else:
            counts[{"items": 0, "pairs": 1, "longer": 2}[what]][0] += 1
        return Itemsets(tuple(levels), tuple(counts), found.n_items)

    monkeypatch.setattr(module, "mine_itemsets", miscount)
    with pytest.raises(NocturneError, match="other counts than the baskets have") as caught:
        search_itemsets(make_baskets(["abc"] * 3 + ["ab"]), 0.5, 4, seed=1)
    assert not isinstance(caught.value, MiningError)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([], "There is no basket among the training rows"),
        ([[], []], "hold 0 different items"),
        (["a", "a"], "hold 1 different item\\."),
        (["ab", "cd", "ef"], "No item is frequent: none stands in 2 of 3 baskets"),
    ],
)
def test_baskets_without_rules_are_refused(lists: list[str], message: str) -> None:
    """The message says what was found, and what would have been right."""
    with pytest.raises(MiningError, match=message) as caught:
        search_itemsets(make_baskets(lists), 0.5, 5, seed=1)
    assert caught.value.expected
    assert "mining.rules" in (caught.value.hint or "")


def test_the_highest_support_there_is_is_named() -> None:
    """Of the most frequent item, so that the file can be corrected without another night."""
    with pytest.raises(MiningError) as caught:
        search_itemsets(make_baskets(["ab", "a", "c", "d"]), 0.9, 5, seed=1)
    assert caught.value.expected == (
        "a 'min_support' of at most 0.5, that of the most frequent item, 'a'"
    )


def test_pairs_of_baskets_without_common_items_end_the_search() -> None:
    """Nothing longer is looked for."""
    found = search_itemsets(make_baskets(["a", "b", "a", "b"]), 0.5, 5, seed=1)
    assert found.itemsets.n_by_length == (2,)
    assert count_pairs(found.baskets, 2, 10) is not None


def test_baskets_too_large_for_the_tree_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sparse ones only: dense ones are searched without a tree."""
    monkeypatch.setattr(module, "MAX_TREE_ENTRIES", 100)
    sparse = make_baskets([[f"i{i}", f"i{i + 1}"] for i in range(60)] * 2)
    with pytest.raises(MiningError, match="hold 240 frequent items in all, too many for the tree"):
        search_itemsets(sparse, 0.01, 3, seed=1)
    assert len(search_itemsets(make_baskets(["abcd"] * 60), 0.01, 3, seed=1).itemsets) == 14

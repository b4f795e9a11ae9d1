from __future__ import annotations

import math
import warnings
from itertools import chain, combinations

import numpy as np
import pytest

from tasks.errors import MiningError
from tasks.mining.rules import splits as splits_module
from tasks.mining.rules.baskets import (
    Baskets,
    assemble_baskets,
    count_least,
    make_baskets,
    select_frequent,
)
from tasks.mining.rules.engine import mine_itemsets
from tasks.mining.rules.itemsets import group_itemsets
from tasks.mining.rules.pick import Limits, Picked, measure, pick_rules
from tasks.mining.rules.splits import split_itemsets

# Ten baskets, by hand: bread 6, milk 7, both 5, butter 4, bread and butter 4, milk and butter 3, all 3.
SHOP = ["bmu", "bmu", "bmu", "bu", "bm", "bm", "m", "m", "", ""]


def pick(
    lists: Baskets | list[str],
    min_count: int = 1,
    *,
    min_confidence: float = 0.0,
    keep_implied: bool = True,
    rate: float | None = None,
    sort_by: str = "lift",
    max_rules: int = 100_000,
    max_right: int = 1,
    max_length: int = 20,
    right: str | None = None,
) -> Picked:
    baskets = lists if isinstance(lists, Baskets) else make_baskets(lists)
    frequent = select_frequent(baskets, min_count)
    itemsets = mine_itemsets(frequent, min_count, max_length)
    is_right = None if right is None else np.isin(frequent.names, list(right))
    splits = split_itemsets(itemsets, baskets.n_baskets, max_right, is_right)
    limits = Limits(min_confidence, keep_implied, rate, sort_by, max_rules)  # type: ignore[arg-type]
    return pick_rules(splits, itemsets, frequent.names, limits)


def name_rules(picked: Picked) -> list[str]:
    return [f"{''.join(r.left)}>{''.join(r.right)}" for r in picked.rules]


def make_random(seed: int, n_baskets: int = 120, n_items: int = 8) -> Baskets:
    rng = np.random.default_rng(seed)
    dense = rng.random((n_baskets, n_items)) < rng.uniform(0.2, 0.7, n_items)
    dense[:, 1] |= dense[:, 0]  # one rule that always holds
    return assemble_baskets(*np.nonzero(dense), n_baskets, [f"{i}" for i in range(n_items)])


def test_measures_are_those_worked_by_hand() -> None:
    """Butter => bread: all 4 of 4; bread is in 6 of 10 baskets."""
    (rule,) = [r for r in pick(SHOP).rules if (r.left, r.right) == (("u",), ("b",))]
    assert (rule.n_both, rule.n_left, rule.n_right, rule.n_baskets) == (4, 4, 6, 10)
    assert (rule.support, rule.confidence) == (0.4, 1.0)
    assert rule.lift == pytest.approx(1 / 0.6)
    assert rule.leverage == pytest.approx(0.4 - 0.4 * 0.6)
    assert rule.conviction is None
    (rule,) = [r for r in pick(SHOP).rules if (r.left, r.right) == (("m",), ("b",))]
    assert rule.conviction == pytest.approx((1 - 0.6) / (1 - 5 / 7))


def test_every_split_with_one_item_on_the_right_is_looked_at() -> None:
    """Three pairs split in two ways, one triple in three."""
    assert pick(SHOP).n_looked_at == 9
    assert pick(SHOP, max_length=2).n_looked_at == 6


def test_more_items_may_stand_on_the_right() -> None:
    """The triple has three more splits; the right side filter holds for all its items."""
    assert pick(SHOP, max_right=2).n_looked_at == 12
    assert set(name_rules(pick(SHOP, max_right=5))) >= {"u>bm", "b>mu", "m>bu"}
    assert set(name_rules(pick(SHOP, max_right=2, right="bm"))) == {
        "b>m", "m>b", "u>b", "u>m", "bu>m", "mu>b", "u>bm",
    }  # fmt: skip


def test_a_rule_at_exactly_the_confidence_counts() -> None:
    """3 of 10 have both: 0.3 * 10 is not 3 in floating point, nor is 0.7 * 10 seven."""
    lists = ["ab"] * 3 + ["a"] * 7 + ["cd"] * 7 + ["c"] * 3
    assert set(name_rules(pick(lists, min_confidence=0.3))) == {"a>b", "b>a", "c>d", "d>c"}
    assert "a>b" not in name_rules(pick(lists, min_confidence=0.3000001))
    assert "c>d" in name_rules(pick(lists, min_confidence=0.7))


@pytest.mark.parametrize("seed", range(10))
def test_rules_are_those_of_mlxtend(seed: int) -> None:
    """Sides, support, confidence, lift, leverage and conviction, one item on the right and several."""
    import pandas as pd

    baskets = make_random(seed)
    dense = baskets.to_matrix().toarray().astype(bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlxtend.frequent_patterns import association_rules, fpgrowth

        frame = pd.DataFrame(dense, columns=list(baskets.names))
        sets = fpgrowth(frame, min_support=0.1 - 1e-9, use_colnames=True, max_len=4)
        found = association_rules(sets, metric="confidence", min_threshold=0.5 - 1e-9)
    expected = {
        (tuple(sorted(row.antecedents)), tuple(sorted(row.consequents))): (
            row.support, row.confidence, row.lift, row.leverage, row.conviction,
        )
        for row in found.itertuples()
        if len(row.consequents) <= 2
    }  # fmt: skip
    assert expected
    picked = pick(baskets, count_least(0.1, 120), min_confidence=0.5, max_right=2, max_length=4)
    ours = {
        (r.left, r.right): (
            r.support, r.confidence, r.lift, r.leverage,
            math.inf if r.conviction is None else r.conviction,
        )
        for r in picked.rules
    }  # fmt: skip
    assert ours.keys() == expected.keys()
    for sides, figures in ours.items():
        assert figures == pytest.approx(expected[sides])


@pytest.mark.parametrize("max_right", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_pruning_leaves_no_rule_that_a_simpler_one_implies(seed: int, max_right: int) -> None:
    """By brute force over every part of every left side, the empty one too."""
    baskets = make_random(seed, 60, 6)
    dense = baskets.to_matrix().toarray().astype(bool)

    def count(items: tuple[str, ...]) -> int:
        return int(dense[:, [baskets.names.index(i) for i in items]].all(axis=1).sum())

    everything = pick(baskets, 3, max_right=max_right)
    expected = []
    for rule in everything.rules:
        parts = chain.from_iterable(combinations(rule.left, k) for k in range(len(rule.left)))
        # Whole numbers, so that equal shares are equal.
        if all(
            count((*part, *rule.right)) * rule.n_left < rule.n_both * count(part) for part in parts
        ):
            expected.append((rule.left, rule.right))
    kept = pick(baskets, 3, max_right=max_right, keep_implied=False)
    assert [(r.left, r.right) for r in kept.rules] == expected
    assert kept.n_confident == everything.n_confident > kept.n_not_implied == len(expected)


def test_a_rule_no_better_than_chance_is_implied_by_nothing_on_the_left() -> None:
    """Every basket has milk: whatever is on the left, milk is on the right."""
    assert name_rules(pick(["am", "bm", "m"], keep_implied=False)) == []


def test_independent_items_make_no_rules() -> None:
    """Of fifty nights of ten independent items few tell any rule, though half of all have p below 0.05."""
    n_fooled = n_low = 0
    for seed in range(50):
        dense = np.random.default_rng(seed).random((400, 10)) < 0.3
        baskets = assemble_baskets(*np.nonzero(dense), 400, list("abcdefghij"))
        n_fooled += bool(pick(baskets, 5, rate=0.05, max_length=2).rules)
        n_low += any(r.p_value <= 0.05 for r in pick(baskets, 5, max_length=2).rules)
    assert n_fooled <= 7  # a binomial of 0.05 is above by a chance of 1 in 100
    assert n_low >= 25


def test_chance_is_judged_over_all_rules_looked_at() -> None:
    """A p-value of 0.003 is enough for one of two rules, and not for one of ninety."""
    dense = np.random.default_rng(0).random((400, 10)) < 0.3
    dense[:, 9] = dense[:, 8] ^ (np.random.default_rng(9).random(400) < 0.45)
    baskets = assemble_baskets(*np.nonzero(dense), 400, list("abcdefghij"))
    everything = pick(baskets, 5, rate=0.05, max_length=2)
    assert everything.n_looked_at == 90
    two = assemble_baskets(*np.nonzero(dense[:, 8:]), 400, list("ij"))
    alone = pick(two, 5, rate=0.05, max_length=2)
    assert (alone.n_looked_at, alone.n_significant) == (2, 2)
    assert "i>j" not in name_rules(everything)


@pytest.mark.parametrize("sort_by", ["lift", "confidence", "support", "leverage", "conviction"])
def test_rules_are_ordered_and_cut(sort_by: str) -> None:
    """By the measure, ties by confidence and support, then by the text; the first ones stay."""
    baskets = make_random(1)

    def key(rule: object) -> tuple[float, ...]:
        value = getattr(rule, sort_by)
        value = math.inf if value is None else value
        return (
            -float(f"{value:.12g}"),
            -float(f"{rule.confidence:.12g}"),
            -rule.n_both,
            rule.left,
            rule.right,
        )  # type: ignore[attr-defined]

    everything = pick(baskets, 12, sort_by=sort_by).rules
    assert list(everything) == sorted(everything, key=key)
    for n in (1, 7, 50):
        assert pick(baskets, 12, sort_by=sort_by, max_rules=n).rules == everything[:n]


def test_ties_at_the_cut_are_decided_by_the_text() -> None:
    """Six equal rules, two are kept: the first by the alphabet, whatever their codes."""
    assert name_rules(pick(["zy", "xw", "ba"], max_rules=2)) == ["a>b", "b>a"]


def test_every_measure_is_computed_alike_for_one_rule_and_for_all() -> None:
    """The vectors that sort are the figures that are told."""
    baskets = make_random(2)
    itemsets = mine_itemsets(select_frequent(baskets, 12), 12, 4)
    splits = split_itemsets(itemsets, 120, 1)
    names = select_frequent(baskets, 12).names
    rules = pick_rules(splits, itemsets, names, Limits(0, True, None, "lift", 10**5)).rules
    for name in ("lift", "confidence", "support", "leverage", "conviction"):
        told = sorted(math.inf if getattr(r, name) is None else getattr(r, name) for r in rules)
        assert told == pytest.approx(sorted(measure(splits, name)))  # type: ignore[arg-type]


def test_too_many_splits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A set of ten items has 1,022 splits; so has it ways."""
    itemsets = mine_itemsets(select_frequent(make_baskets(["abcdefghij"]), 1), 1, 10)
    monkeypatch.setattr(splits_module, "MAX_SPLITS", 1000)
    with pytest.raises(MiningError, match="can be split into") as caught:
        split_itemsets(itemsets, 1, 9)
    assert "max_right" in (caught.value.hint or "")


def test_single_items_have_no_rules() -> None:
    """At least two items in all."""
    assert len(split_itemsets(group_itemsets([[0], [1]], [1, 1], 2), 2, 3)) == 0

from __future__ import annotations

import pytest

from tasks.mining.rules.baskets import make_baskets
from tasks.mining.rules.pick import Rule
from tasks.mining.rules.recount import Recount, recount_rules

NAMES = ("c", "a", "b")


def make_rule(left: tuple[int, ...], right: tuple[int, ...]) -> Rule:
    sides = [tuple(sorted(NAMES[code] for code in side)) for side in (left, right)]
    return Rule(*sides, left, right, 3, 4, 5, 10, 0.01, 0.02)


def test_rules_are_counted_on_other_baskets() -> None:
    """By names, whatever the codes: a => b holds in 2 of 3 baskets with a, of 5 in all with 3 of b."""
    others = make_baskets(["ab", "abz", "a", "b", ""])
    (recount,) = recount_rules([make_rule((1,), (2,))], others, NAMES)
    assert recount == Recount(n_both=2, n_left=3, n_right=3, n_baskets=5)
    assert recount.support == 0.4
    assert recount.confidence == pytest.approx(2 / 3)
    assert recount.lift == pytest.approx((2 / 3) / (3 / 5))


def test_sides_of_several_items_are_counted() -> None:
    """A rule of three items, and one whose items are all on one side of another."""
    others = make_baskets(["abc", "ab", "bc", "ac"])
    rules = [make_rule((0, 1), (2,)), make_rule((1,), (0, 2))]
    counted = [(r.n_both, r.n_left, r.n_right) for r in recount_rules(rules, others, NAMES)]
    assert counted == [(1, 2, 3), (1, 3, 2)]


def test_a_side_that_does_not_occur_has_no_confidence() -> None:
    """Nothing is divided by nothing."""
    (recount,) = recount_rules([make_rule((0,), (1,))], make_baskets(["a", "b"]), NAMES)
    assert (recount.confidence, recount.lift, recount.support) == (None, None, 0.0)


def test_no_baskets_confirm_nothing() -> None:
    """And neither do no rules."""
    assert recount_rules([make_rule((0,), (1,))], make_baskets([]), NAMES) == ()
    assert recount_rules([], make_baskets(["a"]), NAMES) == ()

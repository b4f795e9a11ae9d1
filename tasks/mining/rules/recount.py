"""Rules on rows that they were not found in: the same counts on the hold-out.

Pure module of association rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.mining.rules.baskets import Baskets, align_items
from tasks.mining.rules.counts import count_itemsets
from tasks.mining.rules.pick import Rule

MAX_RECOUNTED = 10_000  # rules: a second for 200,000 baskets


@dataclass(frozen=True)
class Recount:
    """One rule's counts on other baskets.

    Parameters
    ----------
    n_both, n_left, n_right, n_baskets : int
    """

    n_both: int
    n_left: int
    n_right: int
    n_baskets: int

    @property
    def support(self) -> float:
        """Share of the baskets with both sides."""
        return self.n_both / self.n_baskets

    @property
    def confidence(self) -> float | None:
        """Share of the baskets with the left side that have the right one; None where none has the left."""
        return self.n_both / self.n_left if self.n_left else None

    @property
    def lift(self) -> float | None:
        """Times as often as independent sides; None where one of them is in no basket."""
        if not (self.n_left and self.n_right):
            return None
        return self.n_both * self.n_baskets / (self.n_left * self.n_right)


def recount_rules(
    rules: Sequence[Rule], baskets: Baskets, names: Sequence[str]
) -> tuple[Recount, ...]:
    """Count the first rules on other baskets.

    Parameters
    ----------
    rules : sequence of Rule
        In their order.
    baskets : Baskets
        Others than those the rules were found in; their items may have other codes.
    names : sequence of str
        The items by the codes that the rules have.

    Returns
    -------
    tuple of Recount
        Of the first :data:`MAX_RECOUNTED` rules; none without baskets.
    """
    chosen = rules[:MAX_RECOUNTED]
    if not chosen or not baskets.n_baskets:
        return ()
    sides = [
        side
        for rule in chosen
        for side in (
            tuple(sorted(rule.left_codes + rule.right_codes)),
            rule.left_codes,
            rule.right_codes,
        )
    ]
    by_length: dict[int, list[tuple[int, ...]]] = {}
    for side in dict.fromkeys(sides):
        by_length.setdefault(len(side), []).append(side)
    counted = count_itemsets(
        align_items(baskets, names), [np.array(sets) for sets in by_length.values()]
    )
    counts = {
        side: int(n)
        for sets, numbers in zip(by_length.values(), counted, strict=True)
        for side, n in zip(sets, numbers.tolist(), strict=True)
    }
    numbers = [counts[side] for side in sides]
    return tuple(
        Recount(n_both, n_left, n_right, baskets.n_baskets)
        for n_both, n_left, n_right in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    )

"""Why there is no rule to tell: which filter the last ones went at, and what to change.

Pure module of association rules.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError, nearest
from tasks.mining.rules.baskets import Baskets
from tasks.mining.rules.counts import count_pairs
from tasks.mining.rules.pick import Picked
from tasks.mining.rules.search import MAX_ITEMSETS, Searched
from tasks.workflow import Rules

_MAX_NAMED = 20  # names that an error lists
_MAX_CHARACTERS = 80


def select_right(
    searched: Searched, baskets: Baskets, right: Sequence[str] | None
) -> npt.NDArray[np.bool_] | None:
    """Find the frequent items that may stand on the right side.

    Parameters
    ----------
    searched : Searched
    baskets : Baskets
        As they were read: rare items are known too.
    right : sequence of str or None
        Items; of a table, columns.

    Returns
    -------
    ndarray of shape (n_frequent_items,), bool, or None for all

    Raises
    ------
    MiningError
        When a name is no item or column at all, or none of them is frequent.
    """
    if right is None:
        return None
    of_table = baskets.columns is not None
    known = baskets.columns if baskets.columns is not None else baskets.names
    for name in right:
        if name not in known:
            raise MiningError(
                f"No basket holds the {'column' if of_table else 'item'} {name!r}, which is to stand "
                "on the right side.",
                expected=_say_nearest(name, known),
                hint="correct 'right' under 'mining.rules'",
            )
    of_frequent = searched.baskets.columns if of_table else searched.baskets.names
    is_right = np.isin(np.array(of_frequent, dtype=object), list(right))
    if not is_right.any():
        raise MiningError(
            f"None of {', '.join(repr(name) for name in right[:_MAX_NAMED])} is frequent: none stands "
            f"in {searched.min_count:,} of {baskets.n_baskets:,} baskets.",
            expected="an item on the right side that reaches 'min_support'",
            hint="lower 'min_support' under 'mining.rules', or name other items under 'right'",
        )
    return is_right


def check_rules(picked: Picked, searched: Searched, options: Rules) -> None:
    """Refuse an empty list of rules, and say where they went.

    Raises
    ------
    MiningError
        When no rule is left.
    """
    if picked.rules:
        return
    key = "under 'mining.rules'"
    if not picked.n_looked_at:
        pairs = count_pairs(searched.baskets, 1, MAX_ITEMSETS)
        most = int(pairs.counts.max(initial=0)) if pairs is not None else 0
        share = most / searched.baskets.n_baskets
        raise MiningError(
            f"{len(searched.itemsets):,} items are frequent, but no two of them together"
            f"{', one of them allowed on the right side' if options.right else ''}.",
            expected=f"two items in {searched.min_count:,} baskets; the most frequent pair is in "
            f"{most:,}, a support of {share:.3g}"
            if not options.right
            else f"an item of 'right' together with another in {searched.min_count:,} baskets",
            hint=f"lower 'min_support' {key}",
        )
    looked_at = f"{picked.n_looked_at:,} rules were looked at"
    if not picked.n_confident:
        raise MiningError(
            f"No rule has the confidence asked for: {looked_at}, the best has "
            f"{picked.best_confidence or 0.0:.3g}.",
            expected=f"a confidence of at least {options.min_confidence:g}",
            hint=f"lower 'min_confidence' {key}",
        )
    if not picked.n_not_implied:
        raise MiningError(
            f"No rule says more than a simpler one: {looked_at}, {picked.n_confident:,} have the "
            "confidence asked for, and each is implied by one with less on the left side, or by how "
            "frequent its right side is anyway.",
            expected="a rule with a higher confidence than its simpler ones",
            hint=f"lower 'min_support' or 'min_confidence', or set 'keep_implied: true' {key}",
        )
    raise MiningError(
        f"Chance explains every rule: {looked_at}, {picked.n_confident:,} have the confidence asked "
        f"for, {picked.n_not_implied:,} of them are not implied by a simpler one, and the lowest q-value "
        f"is {picked.best_q_value or 0.0:.3g}.",
        expected=f"a share of false discoveries of at most {options.max_false_discovery_rate:g}",
        hint=f"let more rows in, lower 'max_length' or raise 'min_support' so that fewer rules are "
        f"tested, or raise 'max_false_discovery_rate' {key}",
    )


def _say_nearest(name: str, known: Sequence[str]) -> str:
    """Name near matches; of thousands of items not all."""
    close = difflib.get_close_matches(name, known, n=1)
    return nearest(
        name, close or [item[:_MAX_CHARACTERS] for item in sorted(set(known))[:_MAX_NAMED]]
    )

"""The search for frequent itemsets: estimated first, refused where it would not end, checked after.

Pure module of association rules, between the baskets and their rules.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np

from tasks.errors import MiningError, NocturneError
from tasks.mining.rules.baskets import Baskets, Ints, count_least, select_frequent
from tasks.mining.rules.counts import Pairs, count_itemsets, count_pairs
from tasks.mining.rules.engine import MAX_TREE_ENTRIES, is_dense, mine_itemsets
from tasks.mining.rules.estimate import MAX_WORK, Estimate, Prober, bound_longer
from tasks.mining.rules.itemsets import Itemsets

logger = logging.getLogger(__name__)

MAX_ITEMSETS = 1_000_000  # the engine holds 170 bytes of each, the rules of one as many again
# An estimate errs, so the search itself goes past the limit before it stops, but not further.
MAX_SEARCHED = 2 * MAX_ITEMSETS
MAX_FREQUENT_ITEMS = 200_000  # each has a row in memory and a place in every list
N_CANDIDATES = 4_096  # longer sets that are counted to see how many of all candidates are frequent
CANDIDATE_RISK = 1e-6  # that the share among all candidates is above what these say
N_CHECKED = 200  # longer sets that are counted again after the search
SUGGESTED_DIGITS = 2


@dataclass(frozen=True)
class Searched:
    """What the search found.

    Parameters
    ----------
    baskets : Baskets
        Of the frequent items only, by which the itemsets are coded.
    itemsets : Itemsets
    estimate : Estimate
        How many were expected.
    min_count : int
        Baskets that an itemset stands in at least.
    """

    baskets: Baskets
    itemsets: Itemsets
    estimate: Estimate
    min_count: int


def search_itemsets(
    baskets: Baskets, min_support: float, max_length: int, *, seed: int
) -> Searched:
    """Find the frequent itemsets, if there are not too many.

    Parameters
    ----------
    baskets : Baskets
    min_support : float
        Share of the baskets that hold an itemset, 0 to 1.
    max_length : int
        Items of an itemset, at least 2.
    seed : int
        Of the estimate.

    Returns
    -------
    Searched

    Raises
    ------
    MiningError
        When there is no basket, no frequent item, or more itemsets than memory is declared for; the
        last says which support would fit.
    NocturneError
        When the engine's result is not what independent counts say.

    Notes
    -----
    Items and pairs are counted exactly, longer itemsets estimated (:class:`~tasks.mining.rules.estimate.Prober`).
    An estimate may be wrong, so where pairs allow for more itemsets than the limit, the search
    deepens one item at a time: before each, a sample of the candidates, which are two itemsets with
    all but their last item in common, is counted; the search goes on only where no more itemsets than
    the limit can follow from it (Clopper-Pearson, one in a million).
    """
    n_baskets = baskets.n_baskets
    _check_baskets(baskets)
    min_count = count_least(min_support, n_baskets)
    counts = baskets.count_items()
    if counts.max(initial=0) < min_count:
        best = int(counts.argmax())
        share = float(counts[best] / n_baskets)
        raise MiningError(
            f"No item is frequent: none stands in {min_count:,} of {n_baskets:,} baskets.",
            expected=f"a 'min_support' of at most {share:.3g}, that of the most frequent item, "
            f"{baskets.names[best][:80]!r}",
            hint="lower 'min_support' under 'mining.rules'",
        )
    frequent = select_frequent(baskets, min_count)
    if len(frequent.items) > MAX_TREE_ENTRIES and not is_dense(frequent):
        raise MiningError(
            f"The baskets hold {len(frequent.items):,} frequent items in all, too many for the tree in "
            "which they are searched.",
            expected=f"at most {MAX_TREE_ENTRIES:,} in baskets as sparse as these",
            hint="raise 'min_support' under 'mining.rules', so that fewer items are frequent, or let "
            "fewer rows in",
        )
    limits = _Limits(frequent, min_count, max_length, seed)
    estimate, pairs = limits.estimate()
    itemsets = _deepen(frequent, pairs, min_count, max_length, limits)
    _check(frequent, itemsets, pairs, max_length, seed)
    logger.info(
        "%d itemsets in %d baskets, %.0f were expected",
        len(itemsets),
        n_baskets,
        estimate.n_itemsets,
    )
    return Searched(frequent, itemsets, estimate, min_count)


class _Limits:
    """Refuses a search that would find too many itemsets, and says what would fit."""

    def __init__(self, baskets: Baskets, min_count: int, max_length: int, seed: int) -> None:
        self._baskets = baskets
        self._counts: Ints = baskets.count_items()
        self._min_count = min_count
        self._max_length = max_length
        self.seed = seed

    def estimate(self) -> tuple[Estimate, Pairs]:
        if self._baskets.n_items > MAX_FREQUENT_ITEMS:
            raise self.refuse(f"{self._baskets.n_items:,} items")
        pairs = count_pairs(self._baskets, self._min_count, MAX_ITEMSETS)
        if pairs is None:
            raise self.refuse(f"More than {MAX_ITEMSETS:,} pairs of items")
        estimate = self._estimate(pairs, self._min_count, self._max_length, MAX_WORK)
        if estimate.n_itemsets > MAX_ITEMSETS:
            raise self.refuse(f"About {_say(estimate.n_itemsets)} itemsets")
        return estimate, pairs

    def refuse(self, how_many: str) -> MiningError:
        share = self._min_count / self._baskets.n_baskets
        return MiningError(
            f"{how_many} are frequent at a support of {share:.3g}: too many to hold, and to read.",
            expected=f"at most {MAX_ITEMSETS:,} frequent itemsets",
            hint=self._suggest(),
        )

    def _estimate(self, pairs: Pairs, min_count: int, max_length: int, work: int) -> Estimate:
        if not hasattr(self, "_prober"):
            self._prober = Prober(self._baskets)
        return self._prober.estimate(
            pairs, self._counts, min_count, max_length, seed=self.seed, max_work=work
        )

    def _suggest(self) -> str:
        """Find a support that fits; where even the highest does not, a length."""
        counts = self._counts
        # Beyond the 2,000th item's support there are at most two million pairs to count.
        least = self._min_count
        if len(counts) > 2_000:
            least = max(least, int(np.partition(counts, -2_000)[-2_000]) + 1)
        most = int(counts.max())
        if least > most:
            return (
                "let more baskets in, or name fewer items: no 'min_support' under 'mining.rules' "
                f"tells {len(counts):,} items apart that stand in equally few baskets"
            )
        chosen = select_frequent(self._baskets, least)
        pairs = count_pairs(chosen, least, 2 * MAX_ITEMSETS)
        if pairs is None:  # cannot be: 2,000 items have 1,999,000 pairs
            return "raise 'min_support' under 'mining.rules'"
        prober, counted = Prober(chosen), chosen.count_items()

        def fits(min_count: int, max_length: int) -> bool:
            found = prober.estimate(
                pairs, counted, min_count, max_length, seed=self.seed, max_work=MAX_WORK // 8
            )
            return found.n_itemsets + 2 * found.standard_error <= MAX_ITEMSETS

        if fits(most, self._max_length):
            low, high = least - 1, most  # does not fit, fits
            while high - low > max(1, low // 10):
                middle = max(low + 1, min(round(math.sqrt(max(low, 1) * high)), high - 1))
                low, high = (low, middle) if fits(middle, self._max_length) else (middle, high)
            share = _round_up(high / self._baskets.n_baskets)
            return f"raise 'min_support' under 'mining.rules' to about {share:g}"
        length = next((k for k in range(self._max_length - 1, 1, -1) if fits(least, k)), None)
        if length is None:
            return "name fewer 'columns' under 'mining.rules', or fewer items per basket"
        return (
            f"lower 'max_length' under 'mining.rules' to {length}: a higher support does not help, "
            "the same items stand in nearly all baskets"
        )


def _deepen(
    baskets: Baskets, pairs: Pairs, min_count: int, max_length: int, limits: _Limits
) -> Itemsets:
    """Mine: at once where pairs bound the number of itemsets, else one item deeper at a time."""
    n_found = baskets.n_items + len(pairs)
    level = np.stack([pairs.first, pairs.second], axis=1)
    length = 2
    while length < max_length and len(level):
        if n_found + bound_longer(len(level), length, max_length) <= MAX_SEARCHED:
            break
        most = bound_next(baskets, level, min_count, limits.seed)
        if n_found + most > MAX_SEARCHED:
            raise limits.refuse(f"Perhaps {_say(n_found + most)} itemsets")
        length += 1
        if length == max_length:
            break
        itemsets = mine_itemsets(baskets, min_count, length)
        level = itemsets.levels[length - 1] if len(itemsets.levels) >= length else level[:0]
        n_found = len(itemsets)
    return mine_itemsets(baskets, min_count, max_length)


def bound_next(
    baskets: Baskets,
    level: np.ndarray[tuple[int, ...], np.dtype[np.int32]],
    min_count: int,
    seed: int,
) -> float:
    """Bound how many itemsets have one item more, by counting a sample of the candidates.

    Parameters
    ----------
    baskets : Baskets
    level : ndarray of shape (n_sets, length), int32
        All frequent itemsets of one length, in rising order.
    min_count : int
    seed : int

    Returns
    -------
    float
        More only by a chance of one in a million.
    """
    from scipy.special import betaincinv

    n_sets = len(level)
    if not n_sets:
        return 0.0
    # Sets with all but the last item in common stand together; each joins those after it.
    is_new = np.r_[True, (level[1:, :-1] != level[:-1, :-1]).any(axis=1)]
    group_ends = np.r_[np.flatnonzero(is_new)[1:], n_sets][np.cumsum(is_new) - 1]
    n_after = group_ends - np.arange(n_sets) - 1
    ends = np.cumsum(n_after)
    n_candidates = int(ends[-1])
    if not n_candidates:
        return 0.0
    rng = np.random.default_rng(seed)
    drawn = (
        rng.integers(0, n_candidates, N_CANDIDATES)
        if n_candidates > N_CANDIDATES
        else np.arange(n_candidates)
    )
    left = np.searchsorted(ends, drawn, side="right")
    right = left + 1 + drawn - (ends[left] - n_after[left])
    counts = count_itemsets(baskets, [np.c_[level[left], level[right, -1]]])[0]
    n_frequent = int(np.count_nonzero(counts >= min_count))
    if n_candidates <= N_CANDIDATES:
        return float(n_frequent)
    if n_frequent == N_CANDIDATES:
        return float(n_candidates)
    # Clopper-Pearson's upper limit of a share.
    share = betaincinv(n_frequent + 1, N_CANDIDATES - n_frequent, 1 - CANDIDATE_RISK)
    return float(share) * n_candidates


def _check_baskets(baskets: Baskets) -> None:
    if not baskets.n_baskets:
        raise MiningError(
            "There is no basket among the training rows.",
            expected="rows with a basket and an item",
            hint="correct 'baskets' under 'mining.rules', or let more rows in",
        )
    n_items = int(np.count_nonzero(baskets.count_items()))
    if n_items < 2:
        raise MiningError(
            f"The baskets of the training rows hold {n_items} different item"
            f"{'s' if n_items != 1 else ''}.",
            expected="at least 2 items: a rule has one on either side",
            hint="correct 'baskets' and its 'separator' under 'mining.rules'",
        )


def _check(baskets: Baskets, itemsets: Itemsets, pairs: Pairs, max_length: int, seed: int) -> None:
    """Compare with counts of our own: all items, all pairs, and a sample of the longer sets."""
    levels, counts = itemsets.levels, itemsets.counts
    agrees = (
        len(levels) <= max_length
        and len(levels[0]) == baskets.n_items
        and np.array_equal(levels[0][:, 0], np.arange(baskets.n_items))
        and np.array_equal(counts[0], baskets.count_items())
    )
    second = levels[1] if len(levels) > 1 else np.empty((0, 2), dtype=np.int32)
    counts_2 = counts[1] if len(levels) > 1 else np.empty(0, dtype=np.int64)
    agrees &= np.array_equal(second, np.stack([pairs.first, pairs.second], axis=1))
    agrees &= np.array_equal(counts_2, pairs.counts)
    rng = np.random.default_rng(seed)
    for level, counted in zip(levels[2:], counts[2:], strict=True):
        drawn = rng.integers(0, len(level), min(N_CHECKED, len(level)))
        agrees &= np.array_equal(count_itemsets(baskets, [level[drawn]])[0], counted[drawn])
    if not agrees:
        raise NocturneError(
            "The search for frequent itemsets gave other counts than the baskets have.",
            expected="the same itemsets, counted twice in two ways",
            hint="this is a mistake in Nocturne or in rusket, its engine: please report it with the "
            "workflow file; docs/decisions/0010 says how to put another engine in its place",
        )


def _say(n_itemsets: float) -> str:
    return f"{float(f'{n_itemsets:.2g}'):,.0f}"


def _round_up(share: float) -> float:
    """Round up to two digits, so that what is suggested is not below what was tried."""
    exponent = math.floor(math.log10(share)) - SUGGESTED_DIGITS + 1
    return min(
        1.0,
        float(f"{math.ceil(share / 10**exponent - 1e-9) * 10.0**exponent:.{SUGGESTED_DIGITS}g}"),
    )

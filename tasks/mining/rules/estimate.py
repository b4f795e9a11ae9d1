"""How many frequent itemsets there are, before any is mined: an estimate, and bounds that cannot be wrong.

Pure module of association rules; ``search`` decides by it whether to search at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.mining.rules.baskets import Baskets, Codes, Ints
from tasks.mining.rules.counts import Pairs

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MAX_PROBES = 2_000
MIN_PROBES = 32
MAX_WORK = 20_000_000  # items of baskets looked at: a fifth of a second; a count and no clock, to repeat it


@dataclass(frozen=True)
class Estimate:
    """How many frequent itemsets there are.

    Parameters
    ----------
    n_by_length : tuple of float
        Of 1, 2, 3, ... items; the first two are exact.
    standard_error : float
        Of their sum; infinite where the pairs were not counted.
    """

    n_by_length: tuple[float, ...]
    standard_error: float

    @property
    def n_itemsets(self) -> float:
        """Itemsets in all."""
        return sum(self.n_by_length)


class Prober:
    r"""Probes the tree of frequent itemsets at random.

    Parameters
    ----------
    baskets : Baskets
        Of frequent items only, the rarest first.

    Notes
    -----
    In the tree an itemset's children add one later item. A probe starts at a pair, drawn with
    probability :math:`p_2`, and walks down: from an itemset with :math:`d_k` frequent children it goes
    to one of them, drawn with probability :math:`p_{k+1}`. Then
    :math:`d_2 / p_2 + d_3 / (p_2 p_3) + d_4 / (p_2 p_3 p_4) + \ldots` is an unbiased estimate of the
    number of itemsets of three and more items, whatever the tree and the probabilities. Those here
    are in proportion to what bounds the number of children: of a pair the pairs that its second item
    begins, of a child the children after it and one.

    References
    ----------
    D. E. Knuth, "Estimating the efficiency of backtrack programs", Mathematics of Computation 29
    (1975), 122-136, doi:10.2307/2005469.
    """

    def __init__(self, baskets: Baskets) -> None:
        self._baskets = baskets
        by_item: csr_array = baskets.to_matrix().T.tocsr()
        self._starts = by_item.indptr.astype(np.int64)
        self._rows: Codes = by_item.indices

    def estimate(
        self,
        pairs: Pairs,
        counts: Ints,
        min_count: int,
        max_length: int,
        *,
        seed: int,
        max_work: int = MAX_WORK,
    ) -> Estimate:
        """Estimate the number of frequent itemsets.

        Parameters
        ----------
        pairs : Pairs
            The frequent ones.
        counts : ndarray of shape (n_items,), int64
            Baskets of each item; rarer ones are left out here.
        min_count : int
            At least that for which the baskets' items and the pairs were selected.
        max_length : int
            Items of a set.
        seed : int
        max_work : int, default 20 million
            Items of baskets to look at, at most; at least 32 probes are made.

        Returns
        -------
        Estimate
        """
        n_single = int(np.count_nonzero(counts >= min_count))
        pairs = pairs.select(min_count)
        known = (float(n_single), float(len(pairs)))[: max(max_length, 1)]
        n_begun = np.bincount(pairs.first, minlength=self._baskets.n_items)
        weights = n_begun[pairs.second].astype(np.float64)
        total = weights.sum()
        if max_length < 3 or not total:
            return Estimate(known, 0.0)
        rng = np.random.default_rng(seed)
        # Systematic sampling: one start per equal stretch of the weights, in random order.
        ends = np.cumsum(weights) / total
        points = (np.arange(MAX_PROBES) + rng.random(MAX_PROBES)) / MAX_PROBES
        starts = np.minimum(np.searchsorted(ends, rng.permutation(points)), len(pairs) - 1)
        work = 0
        sums = np.zeros((MAX_PROBES, max_length - 2))
        n_probes = 0
        for start in starts.tolist():
            if n_probes >= MIN_PROBES and work > max_work:
                break
            pair = int(pairs.first[start]), int(pairs.second[start])
            work += self._probe(pair, total / weights[start], min_count, sums[n_probes], rng)
            n_probes += 1
        sums = sums[:n_probes]
        error = float(sums.sum(axis=1).std(ddof=1) / math.sqrt(n_probes)) if n_probes > 1 else 0.0
        return Estimate((*known, *sums.mean(axis=0).tolist()), error)

    def _probe(
        self,
        pair: tuple[int, int],
        weight: float,
        min_count: int,
        sums: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
        rng: np.random.Generator,
    ) -> int:
        """Walk down from a pair, add what it stands for to ``sums``; gives the items looked at."""
        first, last = pair
        rows = np.intersect1d(self._find_rows(first), self._find_rows(last), assume_unique=True)
        work = 2 * len(self._find_rows(last))
        for depth in range(len(sums)):
            items, sizes = self._gather(rows)
            work += len(items)
            counts = np.bincount(items, minlength=self._baskets.n_items)
            children = np.flatnonzero(counts[last + 1 :] >= min_count) + last + 1
            if not len(children):
                break
            sums[depth] += weight * len(children)
            # A child's own children are among those after it: the last one has none.
            chances = np.arange(len(children), 0, -1, dtype=np.float64)
            chances /= chances.sum()
            chosen = min(int(chances.cumsum().searchsorted(rng.random())), len(children) - 1)
            weight /= chances[chosen]
            last = int(children[chosen])
            is_held = np.repeat(np.arange(len(rows)), sizes)[items == last]
            rows = rows[is_held]
        return work

    def _find_rows(self, item: int) -> Codes:
        return self._rows[self._starts[item] : self._starts[item + 1]]

    def _gather(self, rows: Codes) -> tuple[Codes, Ints]:
        """Gather the items of some baskets, one after the other, and their numbers."""
        starts = self._baskets.starts[rows]
        sizes = self._baskets.starts[rows + 1] - starts
        ends = np.cumsum(sizes)
        places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - sizes), sizes)
        return self._baskets.items[places], sizes


def bound_longer(n_sets: int, length: int, max_length: int) -> int:
    r"""Bound the number of longer frequent itemsets, given how many of one length there are.

    Parameters
    ----------
    n_sets : int
        Frequent itemsets of ``length`` items.
    length : int
    max_length : int

    Returns
    -------
    int
        No more itemsets of ``length + 1`` to ``max_length`` items can be frequent.

    Notes
    -----
    With :math:`n = \binom{m_k}{k} + \binom{m_{k-1}}{k-1} + \ldots + \binom{m_r}{r}`, which is possible
    in one way only (:math:`m_k > m_{k-1} > \ldots > m_r \ge r`), at most
    :math:`\binom{m_k}{k+p} + \binom{m_{k-1}}{k-1+p} + \ldots` sets of :math:`k + p` items have all their
    parts of :math:`k` items among the :math:`n` (Kruskal-Katona).

    References
    ----------
    F. Geerts, B. Goethals, J. Van den Bussche, "Tight upper bounds on the number of candidate
    patterns", ACM Transactions on Database Systems 30 (2005), 333-363,
    doi:10.1145/1071610.1071611.

    Examples
    --------
    Six pairs can be those of four items: then four triples and one set of four.

    >>> bound_longer(6, 2, 4), bound_longer(5, 2, 4)
    (5, 2)
    """
    bases: list[tuple[int, int]] = []
    left, k = n_sets, length
    while left > 0 and k > 0:
        m = _find_largest(left, k)
        bases.append((m, k))
        left -= math.comb(m, k)
        k -= 1
    return sum(
        math.comb(m, k + more) for more in range(1, max_length - length + 1) for m, k in bases
    )


def _find_largest(n: int, k: int) -> int:
    """Find the largest m of which k can be chosen in at most n ways."""
    low, high = k, k + 1
    while math.comb(high, k) <= n:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if math.comb(middle, k) <= n else (low, middle)
    return low

"""Exact counts of itemsets, computed without the engine that mines them: pairs, and any sets that are asked.

Pure module of association rules: pairs come before the search and check what it found; counts of given
itemsets confirm rules on rows they were not found in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError
from tasks.mining.rules.baskets import Baskets, Codes, Ints

# Multiplications of the product of the baskets with themselves: about a minute; a basket of n items
# costs n * n / 2 of them.
MAX_PAIR_WORK = 5_000_000_000
_PAIR_WORK_AT_ONCE = 4_000_000  # multiplications between two looks at the memory: 50 MB
_DENSE_ITEMS = 512  # up to here a product of full matrices may be cheaper than one of sparse ones
_DENSE_GAIN = 64  # how many multiplications of full matrices take as long as one of sparse ones
_BASKETS_AT_ONCE = 65_536  # a bit per basket: 8 KiB per item
_CELLS_AT_ONCE = 32_000_000  # items times baskets, a byte of each before they are bits
_SETS_AT_ONCE = 4_096  # 32 MiB of bits


@dataclass(frozen=True)
class Pairs:
    """Pairs of items that stand together in enough baskets.

    Parameters
    ----------
    first, second : ndarray of shape (n_pairs,), int32
        Codes, ``first < second``, in rising order.
    counts : ndarray of shape (n_pairs,), int64
        Baskets with both.
    """

    first: Codes
    second: Codes
    counts: Ints

    def __len__(self) -> int:
        return len(self.first)

    def select(self, min_count: int) -> Pairs:
        """Keep the pairs that stand together in enough baskets."""
        kept = self.counts >= min_count
        return Pairs(self.first[kept], self.second[kept], self.counts[kept])


def count_pairs(baskets: Baskets, min_count: int, max_pairs: int) -> Pairs | None:
    """Count, for every pair of items, the baskets that hold both.

    Parameters
    ----------
    baskets : Baskets
        Of frequent items only.
    min_count : int
        Rarer pairs are left out.
    max_pairs : int
        Where there are more, counting stops.

    Returns
    -------
    Pairs or None
        None where there are more than ``max_pairs``.

    Raises
    ------
    MiningError
        When the baskets are so long that counting would take minutes.

    Notes
    -----
    The counts are :math:`X^T X` above the diagonal, in blocks of items, so that memory holds one block
    and what was found.

    Examples
    --------
    >>> from tasks.mining.rules.baskets import make_baskets
    >>> pairs = count_pairs(make_baskets(["ab", "abc", "c"]), 2, 10)
    >>> pairs.first.tolist(), pairs.second.tolist(), pairs.counts.tolist()
    ([0], [1], [2])
    """
    sizes = np.diff(baskets.starts)
    work = float((sizes.astype(np.float64) ** 2).sum())
    dense_work = float(baskets.n_baskets) * baskets.n_items**2
    if baskets.n_items <= _DENSE_ITEMS and dense_work < work * _DENSE_GAIN:
        return _count_pairs_densely(baskets, min_count, max_pairs)
    if work > MAX_PAIR_WORK:
        raise MiningError(
            f"The baskets are too long to count their pairs: the longest has {int(sizes.max()):,} "
            f"frequent items, the mean {float(sizes.mean()):,.0f}.",
            expected=f"at most {MAX_PAIR_WORK:,} pairs in all baskets together",
            hint="raise 'min_support' under 'mining.rules', so that fewer items are frequent",
        )
    matrix = baskets.to_matrix().astype(np.int32)
    transposed = matrix.T.tocsr()
    # Work per item: the sizes of the baskets that it stands in.
    weights = np.repeat(sizes, sizes).astype(np.float64)
    per_item = np.bincount(baskets.items, weights, baskets.n_items).astype(np.float64)
    found: list[tuple[Codes, Codes, Ints]] = []
    n_found = 0
    for start, stop in _cut_blocks(per_item, _PAIR_WORK_AT_ONCE):
        block = (transposed[start:stop] @ matrix).tocoo()
        first, second = block.row + start, block.col
        kept = (block.data >= min_count) & (second > first)
        n_found += int(np.count_nonzero(kept))
        if n_found > max_pairs:
            return None
        found.append((first[kept], second[kept], block.data[kept]))
    return _sort(found)


def count_itemsets(baskets: Baskets, itemsets: Sequence[npt.NDArray[np.integer]]) -> list[Ints]:
    """Count the baskets that hold all items of each given set.

    Parameters
    ----------
    baskets : Baskets
    itemsets : sequence of ndarray of shape (n_sets, n_items_of_a_set)
        Codes of items.

    Returns
    -------
    list of ndarray of shape (n_sets,), int64
        For each array of sets.

    Notes
    -----
    Of a block of baskets each item is a row of bits; a set's baskets are the bits that all its items
    share. The time is the number of sets times their length times an eighth of the baskets.

    Examples
    --------
    >>> from tasks.mining.rules.baskets import make_baskets
    >>> count_itemsets(make_baskets(["ab", "abc", "c"]), [np.array([[0, 1], [0, 2]])])[0].tolist()
    [2, 1]
    """
    counts = [np.zeros(len(sets), dtype=np.int64) for sets in itemsets]
    used = np.unique(np.concatenate([np.unique(sets) for sets in itemsets] or [np.empty(0, int)]))
    if not len(used):
        return counts
    place = np.full(baskets.n_items, -1, dtype=np.int64)
    place[used] = np.arange(len(used))
    n_at_once = max(8, min(_BASKETS_AT_ONCE, _CELLS_AT_ONCE // len(used)))
    for start in range(0, baskets.n_baskets, n_at_once):
        stop = min(start + n_at_once, baskets.n_baskets)
        low, high = baskets.starts[start], baskets.starts[stop]
        items = place[baskets.items[low:high]]
        basket = np.repeat(np.arange(stop - start), np.diff(baskets.starts[start : stop + 1]))
        bits = _pack(items, basket, len(used), stop - start)
        for sets, counted in zip(itemsets, counts, strict=True):
            for first in range(0, len(sets), _SETS_AT_ONCE):
                chosen = place[sets[first : first + _SETS_AT_ONCE]]
                shared = bits[chosen[:, 0]]
                for column in range(1, chosen.shape[1]):
                    shared &= bits[chosen[:, column]]
                counted[first : first + len(chosen)] += np.bitwise_count(shared).sum(
                    axis=1, dtype=np.int64
                )
    return counts


def _pack(items: Ints, basket: Ints, n_items: int, n_baskets: int) -> npt.NDArray[np.uint8]:
    """Make a row of bits per item, a bit per basket; items below 0 are left out."""
    is_held = np.zeros((n_items, n_baskets), dtype=np.bool_)
    kept = items >= 0
    is_held[items[kept], basket[kept]] = True
    return np.packbits(is_held, axis=1)


def _count_pairs_densely(baskets: Baskets, min_count: int, max_pairs: int) -> Pairs | None:
    counts = np.zeros((baskets.n_items, baskets.n_items), dtype=np.int64)
    matrix = baskets.to_matrix()
    n_at_once = max(1, 32_000_000 // max(baskets.n_items, 1))  # 128 MB of float32
    n_at_once = min(n_at_once, 2**24)  # below it float32 counts exactly
    for start in range(0, baskets.n_baskets, n_at_once):
        block = matrix[start : start + n_at_once].toarray().astype(np.float32)
        counts += (block.T @ block).astype(np.int64)
    first, second = np.nonzero(np.triu(counts >= min_count, 1))
    if len(first) > max_pairs:
        return None
    return _sort([(first, second, counts[first, second])])


def _cut_blocks(work: npt.NDArray[np.float64], limit: float) -> list[tuple[int, int]]:
    """Cut items into runs of about as much work; an item with more has a run of its own."""
    blocks, start, total = [], 0, 0.0
    for i, cost in enumerate(work.tolist()):
        if i > start and total + cost > limit:
            blocks.append((start, i))
            start, total = i, 0.0
        total += cost
    return [*blocks, (start, len(work))] if len(work) else []


def _sort(found: Sequence[tuple[npt.NDArray[np.integer], ...]]) -> Pairs:
    if not found:
        nothing = np.empty(0, dtype=np.int32)
        return Pairs(nothing, nothing, nothing.astype(np.int64))
    first, second, counts = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((second, first))
    return Pairs(
        first[order].astype(np.int32),
        second[order].astype(np.int32),
        counts[order].astype(np.int64),
    )

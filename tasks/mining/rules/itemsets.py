"""Frequent itemsets by their length, and finding one among them.

Pure module of association rules: the engine makes them, rules are read off them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tasks.mining.rules.baskets import Ints

Items = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Itemsets:
    """Frequent itemsets of all lengths from 1 on; every part of one is one itself.

    Parameters
    ----------
    levels : tuple of ndarray of shape (n_sets, length), int32
        Codes of items, rising within a set; the sets in rising order.
    counts : tuple of ndarray of shape (n_sets,), int64
        Baskets that hold the set.
    n_items : int
        Codes are below it.

    Examples
    --------
    >>> found = group_itemsets([[1], [0], [1, 0]], [2, 3, 2], 2)
    >>> [level.tolist() for level in found.levels]
    [[[0], [1]], [[0, 1]]]
    >>> found.find(np.array([[0, 1]])).tolist(), found.counts[1].tolist()
    ([0], [2])
    """

    levels: tuple[Items, ...]
    counts: tuple[Ints, ...]
    n_items: int

    def __len__(self) -> int:
        return sum(len(level) for level in self.levels)

    @property
    def n_by_length(self) -> tuple[int, ...]:
        """Itemsets of 1, 2, 3, ... items."""
        return tuple(len(level) for level in self.levels)

    def find(self, sets: npt.NDArray[np.integer]) -> Ints:
        """Find where sets stand among those of their length.

        Parameters
        ----------
        sets : ndarray of shape (n_sets, length)
            Frequent itemsets, each in rising order.

        Returns
        -------
        ndarray of shape (n_sets,), int64
            Places in ``levels[length - 1]``.

        Notes
        -----
        An itemset is its first items and one more: the key of a set is the place of the set without
        its last item, times the number of items, plus that item. Keys rise as the sets do, so each
        item costs one binary search.
        """
        place = np.searchsorted(self._keys[0], sets[:, 0])
        for length in range(1, sets.shape[1]):
            place = np.searchsorted(self._keys[length], place * self.n_items + sets[:, length])
        return place.astype(np.int64)

    @cached_property
    def _keys(self) -> list[Ints]:
        keys = [self.levels[0][:, 0].astype(np.int64)] if self.levels else []
        for level in self.levels[1:]:
            prefix = keys[0].searchsorted(level[:, 0])
            for length in range(1, level.shape[1] - 1):
                prefix = keys[length].searchsorted(prefix * self.n_items + level[:, length])
            keys.append(prefix * self.n_items + level[:, -1])
        return keys


def group_itemsets(sets: Sequence[Sequence[int]], counts: Sequence[int], n_items: int) -> Itemsets:
    """Group itemsets of any order by their lengths."""
    lengths = np.array([len(items) for items in sets], dtype=np.int64)
    flat = np.array([item for items in sets for item in items], dtype=np.int32)
    return group_flat(flat, lengths, np.array(counts, dtype=np.int64), n_items)


def group_flat(
    flat: npt.NDArray[np.integer], lengths: Ints, counts: Ints, n_items: int
) -> Itemsets:
    """Group itemsets that stand one after the other.

    Parameters
    ----------
    flat : ndarray of shape (lengths.sum(),)
        Codes of their items.
    lengths, counts : ndarray of shape (n_sets,)
    n_items : int

    Returns
    -------
    Itemsets
    """
    starts = np.cumsum(lengths) - lengths
    levels, counted = [], []
    for length in range(1, int(lengths.max(initial=0)) + 1):
        chosen = np.flatnonzero(lengths == length)
        level = np.sort(flat[starts[chosen][:, None] + np.arange(length)].astype(np.int32), axis=1)
        order = np.lexsort(level.T[::-1])
        levels.append(np.ascontiguousarray(level[order]))
        counted.append(counts[chosen][order])
    return Itemsets(tuple(levels), tuple(counted), n_items)

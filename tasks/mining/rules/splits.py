"""Every way to split a frequent itemset into a left and a right side, and what a simpler rule says.

Pure module of association rules: all splits are looked at, those that hold are picked by ``pick``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError
from tasks.mining.rules.baskets import Codes, Ints
from tasks.mining.rules.itemsets import Items, Itemsets

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MAX_SPLITS = 5_000_000  # 60 bytes of each
MAX_WAYS = 20_000  # of splitting an itemset; each is a pass over the itemsets of its length


@dataclass(frozen=True)
class Splits:
    """Splits of itemsets into left => right, all arrays of shape (n_splits,).

    Parameters
    ----------
    length : ndarray, int32
        Items of the itemset.
    place : ndarray, int32
        Of the itemset, among those of its length.
    ways : ndarray, int32
        The right side: bit i is set where the itemset's item i stands on it.
    n_both, n_left, n_right : ndarray, int64
        Baskets with both sides, the left, the right one.
    simpler : ndarray, float64
        The highest confidence of a rule with the same right side and part of the left one, down to
        none of it, which is the share of the right side.
    n_baskets : int
    """

    length: Codes
    place: Codes
    ways: Codes
    n_both: Ints
    n_left: Ints
    n_right: Ints
    simpler: Floats
    n_baskets: int

    def __len__(self) -> int:
        return len(self.length)

    @property
    def confidence(self) -> Floats:
        """Share of the baskets with the left side that have the right one too."""
        return self.n_both / self.n_left

    def take(self, places: npt.NDArray[np.integer] | Flags) -> Splits:
        """Take some splits."""
        return Splits(
            self.length[places],
            self.place[places],
            self.ways[places],
            self.n_both[places],
            self.n_left[places],
            self.n_right[places],
            self.simpler[places],
            self.n_baskets,
        )


def split_itemsets(
    itemsets: Itemsets, n_baskets: int, max_right: int, is_right: Flags | None = None
) -> Splits:
    r"""Split all itemsets of two and more items in all allowed ways.

    Parameters
    ----------
    itemsets : Itemsets
    n_baskets : int
    max_right : int
        Items on the right side, at most.
    is_right : ndarray of shape (n_items,), bool, optional
        Which items may stand on the right side; by default all.

    Returns
    -------
    Splits

    Raises
    ------
    MiningError
        When there are too many.

    Notes
    -----
    The simpler rules of :math:`X \Rightarrow Y` are :math:`X' \Rightarrow Y` with
    :math:`X' \subset X`. The best confidence among them needs only those with one item less, and what
    is best among *their* simpler ones, which the level before has.

    Examples
    --------
    >>> from tasks.mining.rules.itemsets import group_itemsets
    >>> splits = split_itemsets(group_itemsets([[0], [1], [0, 1]], [2, 4, 2], 2), 5, 1)
    >>> splits.confidence.tolist(), splits.simpler.tolist()
    ([0.5, 1.0], [0.4, 0.8])
    """
    _check_number(itemsets, max_right)
    parts: list[tuple[npt.NDArray[np.generic], ...]] = []
    best: dict[int, Floats] = {}  # by the right side: of a rule and its simpler ones, level before
    for length in range(2, len(itemsets.levels) + 1):
        level, counts = itemsets.levels[length - 1], itemsets.counts[length - 1]
        shorter = [itemsets.find(np.delete(level, i, axis=1)) for i in range(length)]
        best_here: dict[int, Floats] = {}
        for way, right in _list_ways(length, max_right):
            left = [i for i in range(length) if i not in right]
            n_left = _count(itemsets, level, left, shorter)
            n_right = _count(itemsets, level, list(right), shorter)
            if len(left) == 1:
                simpler = n_right / n_baskets
            else:
                simpler = np.maximum.reduce([best[_drop_bit(way, i)][shorter[i]] for i in left])
            best_here[way] = np.maximum(simpler, counts / n_left)
            kept = (
                np.arange(len(level))
                if is_right is None
                else np.flatnonzero(is_right[level[:, list(right)]].all(axis=1))
            )
            parts.append(
                (
                    np.full(len(kept), length, dtype=np.int32),
                    kept.astype(np.int32),
                    np.full(len(kept), way, dtype=np.int32),
                    counts[kept],
                    n_left[kept],
                    n_right[kept],
                    simpler[kept],
                )
            )
        best = best_here
    return _join(parts, n_baskets)


def list_sides(itemsets: Itemsets, splits: Splits) -> Iterator[tuple[list[int], list[int]]]:
    """List the codes of the items on the left and the right side of each split."""
    for length, place, way in zip(
        splits.length.tolist(), splits.place.tolist(), splits.ways.tolist(), strict=True
    ):
        items = itemsets.levels[length - 1][place].tolist()
        yield (
            [item for i, item in enumerate(items) if not way >> i & 1],
            [item for i, item in enumerate(items) if way >> i & 1],
        )


def _check_number(itemsets: Itemsets, max_right: int) -> None:
    n_splits = n_ways = 0
    for length, n_sets in enumerate(itemsets.n_by_length, start=1):
        ways = sum(comb(length, k) for k in range(1, min(max_right, length - 1) + 1))
        n_ways += ways
        n_splits += ways * n_sets
    if n_splits > MAX_SPLITS or n_ways > MAX_WAYS:
        raise MiningError(
            f"{len(itemsets):,} itemsets can be split into {n_splits:,} rules in {n_ways:,} ways.",
            expected=f"at most {MAX_SPLITS:,} rules in {MAX_WAYS:,} ways",
            hint="lower 'max_right' or 'max_length' under 'mining.rules', or raise 'min_support'",
        )


def _list_ways(length: int, max_right: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    for n_right in range(1, min(max_right, length - 1) + 1):
        for right in combinations(range(length), n_right):
            yield sum(1 << i for i in right), right


def _count(itemsets: Itemsets, level: Items, chosen: list[int], shorter: list[Ints]) -> Ints:
    length = level.shape[1]
    counts = itemsets.counts[len(chosen) - 1]
    if len(chosen) == length - 1:  # found already
        missing = next(i for i in range(length) if i not in chosen)
        return counts[shorter[missing]]
    return counts[itemsets.find(level[:, chosen])]


def _drop_bit(way: int, place: int) -> int:
    """Close the gap that an item leaves in the bits of a right side it does not stand on."""
    return way & ((1 << place) - 1) | way >> (place + 1) << place


def _join(parts: list[tuple[npt.NDArray[np.generic], ...]], n_baskets: int) -> Splits:
    if not parts:
        codes, numbers = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
        return Splits(codes, codes, codes, numbers, numbers, numbers, np.empty(0), n_baskets)
    length, place, ways, both, left, right, simpler = (
        np.concatenate(arrays) for arrays in zip(*parts, strict=True)
    )
    return Splits(length, place, ways, both, left, right, simpler, n_baskets)

"""Baskets as a sparse matrix: which items stand together in which basket.

Pure module of association rules; ``transactions`` and ``table`` make baskets, ``search`` looks through them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

MAX_ENTRIES = 50_000_000  # items in baskets: between 1 and 2 GB while they are read and sorted
# A basket's share is a fraction: 0.001 * 9000 is 9.000000000000002 in floating point, and means 9.
COUNT_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Baskets:
    """Which items stand in which basket.

    Parameters
    ----------
    starts : ndarray of shape (n_baskets + 1,), int64
        Where each basket begins in ``items``.
    items : ndarray of shape (n_entries,), int32
        Codes of the items, rising and distinct within a basket.
    names : tuple of str
        The items by their codes.
    columns : tuple of str, optional
        Of a table: the column that each item is a value of.
    n_skipped : int, default 0
        Rows without a basket or an item, which were left out.

    Examples
    --------
    >>> baskets = make_baskets([["milk", "bread"], [], ["milk"]])
    >>> baskets.n_baskets, baskets.n_empty, baskets.names
    (3, 1, ('bread', 'milk'))
    >>> baskets.count_items().tolist()
    [1, 2]
    """

    starts: Ints
    items: Codes
    names: tuple[str, ...]
    columns: tuple[str, ...] | None = None
    n_skipped: int = 0

    @property
    def n_baskets(self) -> int:
        """Baskets, empty ones too."""
        return len(self.starts) - 1

    @property
    def n_items(self) -> int:
        """Different items."""
        return len(self.names)

    @property
    def n_empty(self) -> int:
        """Baskets without an item."""
        return int(np.count_nonzero(np.diff(self.starts) == 0))

    def count_items(self) -> Ints:
        """Count the baskets that each item stands in; shape (n_items,)."""
        return np.bincount(self.items, minlength=self.n_items)

    def to_matrix(self) -> csr_array:
        """Give the baskets as a sparse matrix of shape (n_baskets, n_items) of ones, uint8."""
        from scipy.sparse import csr_array

        ones = np.ones(len(self.items), dtype=np.uint8)
        # 50 million entries fit into 32 bits, which is what the engine reads.
        starts = self.starts.astype(np.int32)
        return csr_array((ones, self.items, starts), shape=(self.n_baskets, self.n_items))


def assemble_baskets(
    basket: npt.ArrayLike,
    item: npt.ArrayLike,
    n_baskets: int,
    names: Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    n_skipped: int = 0,
) -> Baskets:
    """Sort pairs of a basket and an item into baskets; an item counts once in a basket.

    Parameters
    ----------
    basket, item : array_like of shape (n_pairs,)
        Codes from 0, in any order.
    n_baskets : int
    names : sequence of str
        The items by their codes.
    columns : sequence of str, optional
    n_skipped : int, default 0

    Returns
    -------
    Baskets
    """
    from scipy.sparse import coo_array

    rows = np.asarray(basket, dtype=np.int32)
    ones = np.ones(
        len(rows), dtype=np.uint8
    )  # sums of repeated pairs may overflow: only places count
    pairs = (ones, (rows, np.asarray(item, dtype=np.int32)))
    matrix = coo_array(pairs, shape=(n_baskets, max(len(names), 1))).tocsr()
    matrix.sort_indices()
    return Baskets(
        starts=matrix.indptr.astype(np.int64),
        items=matrix.indices.astype(np.int32, copy=False),
        names=tuple(names),
        columns=None if columns is None else tuple(columns),
        n_skipped=n_skipped,
    )


def make_baskets(lists: Sequence[Sequence[str]]) -> Baskets:
    """Make baskets of lists of items; the codes follow the alphabet."""
    names = sorted({item for items in lists for item in items})
    codes = {name: code for code, name in enumerate(names)}
    basket = np.repeat(np.arange(len(lists)), [len(items) for items in lists])
    item = [codes[name] for items in lists for name in items]
    return assemble_baskets(basket, item, len(lists), names)


def count_least(min_support: float, n_baskets: int) -> int:
    """Count the baskets that a support asks for: the least whole number that is not below it.

    Examples
    --------
    >>> count_least(0.001, 9000), count_least(0.01, 9835), count_least(1e-9, 5)
    (9, 99, 1)
    """
    return max(1, math.ceil(min_support * n_baskets - COUNT_TOLERANCE))


def select_frequent(baskets: Baskets, min_count: int) -> Baskets:
    """Keep the items that stand in enough baskets, the rarest first.

    Baskets stay, also where nothing is left in them. In this order the tree of itemsets, in which a
    set's children add a later item, branches least.

    Parameters
    ----------
    baskets : Baskets
    min_count : int
        Baskets that an item must stand in.

    Returns
    -------
    Baskets
    """
    counts = baskets.count_items()
    frequent = np.flatnonzero(counts >= min_count)
    order = sorted(frequent.tolist(), key=lambda code: (int(counts[code]), baskets.names[code]))
    return _recode(baskets, order, [baskets.names[code] for code in order])


def align_items(baskets: Baskets, names: Sequence[str]) -> Baskets:
    """Give items the codes that other baskets have for them, and drop items that those do not know.

    Parameters
    ----------
    baskets : Baskets
    names : sequence of str
        The items by the codes that are wanted.

    Returns
    -------
    Baskets
        As many as before.
    """
    known = {name: code for code, name in enumerate(baskets.names)}
    return _recode(baskets, [known.get(name, -1) for name in names], names)


def check_size(n_entries: int) -> None:
    """Refuse more items in baskets than memory is declared for.

    Raises
    ------
    MiningError
        Past :data:`MAX_ENTRIES`.
    """
    if n_entries > MAX_ENTRIES:
        raise MiningError(
            f"The baskets hold more than {MAX_ENTRIES:,} items in all.",
            expected=f"at most {MAX_ENTRIES:,} items in the training rows' baskets",
            hint="name fewer 'columns' under 'mining.rules', or let fewer rows in",
        )


def _recode(baskets: Baskets, old_codes: Sequence[int], names: Sequence[str]) -> Baskets:
    """Renumber: the item that was ``old_codes[i]`` becomes ``i``; -1 stands for none, others go."""
    new_codes = np.full(baskets.n_items + 1, -1, dtype=np.int32)
    new_codes[old_codes] = np.arange(len(old_codes), dtype=np.int32)
    new_codes[-1] = -1
    recoded = new_codes[baskets.items]
    is_kept = recoded >= 0
    n_kept = np.concatenate(([0], np.cumsum(is_kept, dtype=np.int64)))
    starts = n_kept[baskets.starts]
    basket = np.repeat(np.arange(baskets.n_baskets, dtype=np.int32), np.diff(starts))
    columns = baskets.columns
    return replace(
        assemble_baskets(basket, recoded[is_kept], baskets.n_baskets, names),
        columns=None if columns is None else tuple(columns[code] for code in old_codes),
        n_skipped=baskets.n_skipped,
    )

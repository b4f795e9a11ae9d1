"""The one door to rusket, which mines frequent itemsets by FP-growth or Eclat in Rust.

Adapter of association rules: a release that changes rusket, or another engine, changes this file alone;
``search`` checks what comes out of it (docs/decisions/0010).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tasks.mining.rules.baskets import Baskets
from tasks.mining.rules.itemsets import Itemsets, group_flat

# Share of the frequent items that a basket holds: past it Eclat is faster, up to thirty times (tables);
# below it FP-growth is, up to eight times (shopping baskets).
DENSE_SHARE = 0.1
# Items in sparse baskets: where baskets have nothing in common the tree takes 145 bytes of each, 3 GB.
MAX_TREE_ENTRIES = 20_000_000


def mine_itemsets(baskets: Baskets, min_count: int, max_length: int) -> Itemsets:
    """Find all itemsets that stand in enough baskets.

    Parameters
    ----------
    baskets : Baskets
        Of frequent items only.
    min_count : int
        Baskets that hold the set, at least 1.
    max_length : int
        Items of a set.

    Returns
    -------
    Itemsets

    Notes
    -----
    FP-growth puts the baskets into a prefix tree, frequent items first, and grows every itemset from
    the tree of the baskets that hold its rarest items; Eclat intersects the lists of the baskets that
    hold each item. Neither generates candidates.
    Both run on all cores without holding Python's lock, and cannot be interrupted: the search makes
    sure beforehand that they end soon.

    References
    ----------
    J. Han, J. Pei, Y. Yin, "Mining frequent patterns without candidate generation", SIGMOD 2000,
    doi:10.1145/342009.335372. M. J. Zaki, "Scalable algorithms for association mining", IEEE
    Transactions on Knowledge and Data Engineering 12 (2000), 372-390, doi:10.1109/69.846291.
    """
    from rusket import mine

    if not baskets.n_baskets or not len(baskets.items):
        return Itemsets((), (), baskets.n_items)
    # It takes a share and rounds it up: half a basket below the count lands on it whatever the
    # floating point does.
    found = mine(
        baskets.to_matrix(),
        min_support=(min_count - 0.5) / baskets.n_baskets,
        use_colnames=False,
        max_len=max_length,
        method="eclat" if is_dense(baskets) else "fpgrowth",
    )
    counts = np.rint(found["support"].to_numpy() * baskets.n_baskets).astype(np.int64)
    column = pa.chunked_array(found["itemsets"].array.__arrow_array__()).combine_chunks()
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    lengths = np.diff(column.offsets.to_numpy()).astype(np.int64)
    return group_flat(column.flatten().to_numpy(), lengths, counts, baskets.n_items)


def is_dense(baskets: Baskets) -> bool:
    """Say whether a basket holds so many of the items that Eclat is the faster one."""
    return len(baskets.items) > DENSE_SHARE * baskets.n_baskets * baskets.n_items

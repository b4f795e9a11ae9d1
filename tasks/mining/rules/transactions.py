"""Baskets out of a column of lists, or out of rows that name a basket and an item.

Reads the clean rows of one part batch by batch; used by the step of association rules.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import MiningError, nearest
from tasks.mining.rows import MiningRows
from tasks.mining.rules.baskets import Baskets, assemble_baskets, check_size
from tasks.workflow.mining import BasketColumn, BasketPairs


def read_basket_column(rows: MiningRows, asked: BasketColumn, part: str) -> Baskets:
    """Read one basket per row from a column of text that lists its items.

    Items are stripped; what is empty then is no item. A row whose text is missing or lists nothing is
    an empty basket.

    Parameters
    ----------
    rows : MiningRows
    asked : BasketColumn
        The column, and what stands between two items.
    part : {"train", "holdout"}

    Returns
    -------
    Baskets

    Raises
    ------
    MiningError
        When there is no such column, it is not text, or the baskets are too many.
    """
    _check_text(rows, asked.column)
    basket, items = [], []
    n_baskets = n_entries = 0
    for batch in rows.batches([asked.column], part=part):
        texts = _to_text(batch.column(0))
        lists = pc.split_pattern(pc.fill_null(texts, ""), pattern=asked.separator)
        places = pc.list_parent_indices(lists).to_numpy()
        names = pc.utf8_trim_whitespace(pc.list_flatten(lists))
        is_item = pc.not_equal(names, "")
        names = names.filter(is_item)
        places = places[np.asarray(is_item)]
        n_entries += len(names)
        check_size(n_entries)
        basket.append((places + n_baskets).astype(np.int32))
        items.append(names.dictionary_encode())
        n_baskets += batch.num_rows
    codes, names_in_all = _unify(items)
    return assemble_baskets(_join(basket), codes, n_baskets, names_in_all)


def read_basket_pairs(rows: MiningRows, asked: BasketPairs) -> Baskets:
    """Read baskets from training rows that name a basket and one item of it each.

    The rows of a basket need not stand together. A row that misses one of the two is skipped and
    counted.

    Parameters
    ----------
    rows : MiningRows
    asked : BasketPairs

    Returns
    -------
    Baskets

    Raises
    ------
    MiningError
        When there is no such column, or the baskets are too many.
    """
    for name in (asked.basket, asked.item):
        found = _find_type(rows, name)
        if pa.types.is_nested(found) or isinstance(found, pa.BaseExtensionType):
            raise MiningError(
                f"The column {name!r} cannot name baskets or items: it holds {found}.",
                expected="a column of text, numbers or dates",
                hint="correct 'baskets' under 'mining.rules'",
            )
    baskets, items = [], []
    n_entries = n_skipped = 0
    for batch in rows.batches([asked.basket, asked.item]):
        basket, item = (pc.utf8_trim_whitespace(_to_text(batch.column(i))) for i in (0, 1))
        is_pair = pc.and_(*(pc.fill_null(pc.not_equal(x, ""), False) for x in (basket, item)))
        basket, item = basket.filter(is_pair), item.filter(is_pair)
        n_skipped += batch.num_rows - len(item)
        n_entries += len(item)
        check_size(n_entries)
        baskets.append(basket.dictionary_encode())
        items.append(item.dictionary_encode())
    basket_codes, basket_names = _unify(baskets)
    item_codes, item_names = _unify(items)
    return assemble_baskets(
        basket_codes, item_codes, len(basket_names), item_names, n_skipped=n_skipped
    )


def _find_type(rows: MiningRows, name: str) -> pa.DataType:
    schema = rows.dataset.schema
    if name not in schema.names:
        raise MiningError(
            f"The clean data have no column {name!r} to read baskets from.",
            expected=nearest(name, schema.names),
            hint="name it under 'columns.keep', and correct 'baskets' under 'mining.rules'",
        )
    return schema.field(name).type


def _check_text(rows: MiningRows, name: str) -> None:
    found = _find_type(rows, name)
    value = found.value_type if pa.types.is_dictionary(found) else found
    if not (pa.types.is_string(value) or pa.types.is_large_string(value)):
        raise MiningError(
            f"The column {name!r} cannot list baskets: it holds {found}, not text.",
            expected="a column of text such as 'bread,milk'",
            hint="correct 'baskets.column' under 'mining.rules', or leave 'baskets' out to look at "
            "the rows as a table",
        )


def _to_text(column: pa.Array) -> pa.Array:
    """Cast to text; what is no number is missing."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column.cast(pa.string())


def _unify(parts: list[Any]) -> tuple[np.ndarray[Any, np.dtype[np.int32]], list[str]]:
    """Give the codes of batches that were encoded each by itself one common dictionary."""
    if not parts:
        return np.empty(0, dtype=np.int32), []
    chunks = pa.chunked_array(parts).unify_dictionaries().chunks
    codes = [np.asarray(chunk.indices, dtype=np.int32) for chunk in chunks]
    return np.concatenate(codes), chunks[0].dictionary.to_pylist()


def _join(parts: list[Any]) -> Any:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)

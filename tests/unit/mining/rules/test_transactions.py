from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from tasks.errors import MiningError
from tasks.mining.rules import baskets as baskets_module
from tasks.mining.rules.baskets import Baskets
from tasks.mining.rules.transactions import read_basket_column, read_basket_pairs
from tasks.workflow.mining import BasketColumn, BasketPairs


def list_baskets(baskets: Baskets) -> list[set[str]]:
    bounds = zip(baskets.starts[:-1], baskets.starts[1:], strict=True)
    return [{baskets.names[code] for code in baskets.items[a:b]} for a, b in bounds]


def test_lists_are_split_stripped_and_counted_once(open_rows: Callable[..., Any]) -> None:
    """Empty items are none, empty and missing lists are empty baskets, spaces of any kind do not count."""
    texts = [
        " milk, bread ,milk",
        "",
        None,
        " , ,",
        "cream cheese \u00a0,\u2003milk",
        "<b>,Ä,'=1+1",
    ]
    baskets = read_basket_column(open_rows({"items": texts}), BasketColumn(column="items"), "train")
    assert list_baskets(baskets) == [
        {"milk", "bread"}, set(), set(), set(), {"cream cheese", "milk"}, {"<b>", "Ä", "'=1+1"},
    ]  # fmt: skip
    assert baskets.n_empty == 3


def test_a_separator_is_no_pattern(open_rows: Callable[..., Any]) -> None:
    """A bar and a dot mean themselves."""
    rows = open_rows({"items": ["a|b.c", "a.|b"]})
    found = read_basket_column(rows, BasketColumn(column="items", separator=".|"), "train")
    assert list_baskets(found) == [{"a|b.c"}, {"a", "b"}]


def test_baskets_of_one_part_are_read_across_batches(open_rows: Callable[..., Any]) -> None:
    """Three partitions with other items each; hold-out rows are other baskets."""
    texts = [f"i{i % 7},i{i % 3}" for i in range(30)]
    split = ["holdout" if i % 5 == 0 else "train" for i in range(30)]
    rows = open_rows({"items": texts, "split": split}, rows_per_partition=10)
    found = read_basket_column(rows, BasketColumn(column="items"), "holdout")
    assert list_baskets(found) == [set(texts[i].split(",")) for i in range(0, 30, 5)]
    assert read_basket_column(rows, BasketColumn(column="items"), "train").n_baskets == 24


def test_pairs_need_not_stand_together(open_rows: Callable[..., Any]) -> None:
    """Baskets come back in the order in which they first appear, across batches."""
    columns = {"order": [7, 3, 7, 9, 3, 7], "what": ["a", "b", "b", "a", "b", "a"]}
    rows = open_rows(columns, rows_per_partition=2)
    baskets = read_basket_pairs(rows, BasketPairs(basket="order", item="what"))
    assert list_baskets(baskets) == [{"a", "b"}, {"b"}, {"a"}]
    assert baskets.n_skipped == 0


def test_a_row_without_a_basket_or_an_item_is_skipped_and_counted(
    open_rows: Callable[..., Any],
) -> None:
    """Missing, not a number, and empty text alike."""
    columns = {
        "order": pa.array([1.0, None, float("nan"), 1.0, 2.0, 2.0]),
        "what": pa.array(["a", "a", "a", " ", None, "b"]),
    }
    baskets = read_basket_pairs(open_rows(columns), BasketPairs(basket="order", item="what"))
    assert list_baskets(baskets) == [{"a"}, {"b"}]
    assert baskets.n_skipped == 4


def test_items_of_numbers_and_dictionaries_are_text(open_rows: Callable[..., Any]) -> None:
    """Whatever type a kept column has."""
    columns = {
        "order": pa.array(["x", "x", "y"]).dictionary_encode(),
        "what": pa.array([12, 7, 12]),
    }
    baskets = read_basket_pairs(open_rows(columns), BasketPairs(basket="order", item="what"))
    assert list_baskets(baskets) == [{"12", "7"}, {"12"}]


def test_a_column_that_is_no_text_lists_no_baskets(open_rows: Callable[..., Any]) -> None:
    """The message names the type, and what else could have been meant."""
    rows = open_rows({"items": [1.5, 2.5]})
    with pytest.raises(MiningError, match="'items' cannot list baskets: it holds double") as caught:
        read_basket_column(rows, BasketColumn(column="items"), "train")
    assert "leave 'baskets' out" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "asked", [BasketColumn(column="item"), BasketPairs(basket="id", item="item")]
)
def test_an_unknown_column_is_named_with_its_neighbour(
    open_rows: Callable[..., Any], asked: BasketColumn | BasketPairs
) -> None:
    """And with the key under which it belongs."""
    rows = open_rows({"items": ["a"]})
    with pytest.raises(MiningError, match="no column 'item'") as caught:
        if isinstance(asked, BasketColumn):
            read_basket_column(rows, asked, "train")
        else:
            read_basket_pairs(rows, asked)
    assert caught.value.expected == "'items', perhaps"
    assert "columns.keep" in (caught.value.hint or "")


def test_too_many_items_are_refused_while_reading(
    open_rows: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before they are all in memory."""
    monkeypatch.setattr(baskets_module, "MAX_ENTRIES", 5)
    rows = open_rows({"items": ["a,b,c", "d,e,f"], "order": ["1", "2"]}, rows_per_partition=1)
    with pytest.raises(MiningError, match="more than 5 items"):
        read_basket_column(rows, BasketColumn(column="items"), "train")


def test_no_rows_are_no_baskets(open_rows: Callable[..., Any]) -> None:
    """Of a part that is empty."""
    rows = open_rows({"items": ["a"], "order": ["1"]})
    assert read_basket_column(rows, BasketColumn(column="items"), "holdout").n_baskets == 0
    empty = open_rows({"items": pa.array([None], pa.string()), "order": ["1"]})
    found = read_basket_pairs(empty, BasketPairs(basket="order", item="items"))
    assert (found.n_baskets, found.n_skipped) == (0, 1)


def test_a_column_of_lists_names_no_baskets(open_rows: Callable[..., Any]) -> None:
    """Arrow could not write it as text."""
    rows = open_rows({"order": [["1"]], "what": ["a"]})
    with pytest.raises(MiningError, match="'order' cannot name baskets or items: it holds list"):
        read_basket_pairs(rows, BasketPairs(basket="order", item="what"))

from __future__ import annotations

import numpy as np
import pytest

from tasks.errors import MiningError
from tasks.mining.rules import baskets as module
from tasks.mining.rules.baskets import (
    Baskets,
    align_items,
    assemble_baskets,
    check_size,
    count_least,
    make_baskets,
    select_frequent,
)


def list_baskets(baskets: Baskets) -> list[list[str]]:
    bounds = zip(baskets.starts[:-1], baskets.starts[1:], strict=True)
    return [[baskets.names[code] for code in baskets.items[a:b]] for a, b in bounds]


def test_pairs_of_any_order_become_sorted_baskets() -> None:
    """An item counts once in a basket, however often it is named; 300 times is more than 8 bits count."""
    basket = [2, 0, 0, *[2] * 300]
    item = [1, 2, 0, *[0] * 300]
    baskets = assemble_baskets(basket, item, 3, ["a", "b", "c"])
    assert list_baskets(baskets) == [["a", "c"], [], ["a", "b"]]
    assert baskets.n_empty == 1
    assert baskets.to_matrix().toarray().tolist() == [[1, 0, 1], [0, 0, 0], [1, 1, 0]]


@pytest.mark.parametrize(
    ("support", "n_baskets", "least"),
    [(0.5, 4, 2), (0.5, 5, 3), (0.001, 9000, 9), (0.07, 100, 7), (1.0, 7, 7), (1e-12, 7, 1)],
)
def test_a_support_is_rounded_up_but_not_by_floating_point(
    support: float, n_baskets: int, least: int
) -> None:
    """0.07 of 100 baskets are 7, though 0.07 * 100 is 7.000000000000001."""
    assert count_least(support, n_baskets) == least


def test_the_rarest_frequent_item_comes_first() -> None:
    """Ties go by the alphabet; rare items go, baskets stay."""
    baskets = make_baskets([["c", "a", "x"], ["c", "b"], ["x2"], ["c", "a", "b"]])
    frequent = select_frequent(baskets, 2)
    assert frequent.names == ("a", "b", "c")
    assert list_baskets(frequent) == [["a", "c"], ["b", "c"], [], ["a", "b", "c"]]


def test_items_of_other_baskets_are_found_by_their_names() -> None:
    """What the first baskets do not know is dropped; what the second lack counts nothing."""
    aligned = align_items(make_baskets([["b", "new"], ["a"]]), ["b", "gone", "a"])
    assert aligned.count_items().tolist() == [1, 0, 1]
    assert list_baskets(aligned) == [["b"], ["a"]]


def test_no_baskets_are_no_error() -> None:
    """Nothing in, nothing out."""
    nothing = make_baskets([])
    assert (nothing.n_baskets, nothing.n_items, nothing.n_empty) == (0, 0, 0)
    assert select_frequent(nothing, 1).n_items == 0


def test_too_many_items_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is declared, and the message says what to change."""
    monkeypatch.setattr(module, "MAX_ENTRIES", 10)
    check_size(10)
    with pytest.raises(MiningError, match="hold more than 10 items in all"):
        check_size(11)


def test_codes_stay_32_bits() -> None:
    """A quarter of the memory that 64 bits and a value would take."""
    assert make_baskets([["a"]]).items.dtype == np.int32

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import MiningError
from tasks.mining.rows import MiningRows
from tasks.mining.rules import table as module
from tasks.mining.rules.baskets import Baskets
from tasks.mining.rules.table import choose_items
from tasks.preparation import Preparation
from tasks.preparation.transformers.encode import OneHotEncode, OrdinalEncode
from tasks.preparation.transformers.scale import Scale
from tasks.workflow import Rules

AGES = [20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0] * 5
TOWNS = ["Rome", "Oslo", "Rome", "Lima & <b>"] * 10
SIZES = ["S", "M", "L", "M"] * 10
LABELS = ["yes", "no"] * 20


def open_table(open_rows: Callable[..., Any], **more: Any) -> MiningRows:
    """Forty people: ages standardised, towns one-hot, sizes ordinal, as cleaning leaves them."""
    frame = {"age": np.array(AGES), "town": pa.array(TOWNS), "size": pa.array(SIZES)}
    transformers = [
        Scale(["age"], to="standard"),
        OneHotEncode(["town"]),
        OrdinalEncode(["size"], order=["S", "M", "L"]),
    ]
    for transformer in transformers:
        frame = transformer.fit(frame).transform(frame).frame  # type: ignore[assignment]
    preparation = Preparation(
        "label",
        ("no", "yes"),
        None,
        None,
        tuple(frame),
        ("age", "town", "size"),
        tuple(transformers),
    )
    columns = {name: np.asarray(values, dtype=float) for name, values in frame.items()}
    return open_rows({**columns, "label": LABELS, **more}, preparation)


def read(rows: MiningRows, min_count: int = 1, **options: Any) -> tuple[Baskets, module.TableItems]:
    items = choose_items(rows, Rules(**options), min_count=min_count, seed=1)
    return items.read(rows), items


def list_baskets(baskets: Baskets) -> list[set[str]]:
    bounds = zip(baskets.starts[:-1], baskets.starts[1:], strict=True)
    return [{baskets.names[code] for code in baskets.items[a:b]} for a, b in bounds]


def test_rows_are_baskets_in_the_user_s_words_and_units(open_rows: Callable[..., Any]) -> None:
    """Years and no standard deviations, towns and sizes by their names, the target beside them."""
    baskets, items = read(open_table(open_rows))
    assert list_baskets(baskets)[:4] == [
        {"age: up to 25", "town = Rome", "size = S", "label = yes"},
        {"age: up to 25", "town = Oslo", "size = M", "label = no"},
        {"age: 26 to 35", "town = Rome", "size = L", "label = yes"},
        {"age: 26 to 35", "town = Lima & <b>", "size = M", "label = no"},
    ]
    assert set(baskets.columns or ()) == {"age", "town", "size", "label"}
    assert items.left_out == ()


def test_named_columns_are_features_kept_ones_and_the_target(open_rows: Callable[..., Any]) -> None:
    """Kept numbers are binned, kept texts are categories; what is missing gives no item."""
    more = {
        "income": pa.array([None, *range(1, 40)], pa.int64()),
        "colour": pa.array(["red", None] * 20).dictionary_encode(),
    }
    rows = open_table(open_rows, **more)
    baskets, _ = read(rows, columns=["town", "income", "colour", "label"], bins=2)
    assert list_baskets(baskets)[:2] == [
        {"town = Rome", "colour = red", "label = yes"},
        {"town = Oslo", "income: up to 20", "label = no"},
    ]


def test_the_number_of_bins_is_the_user_s(open_rows: Callable[..., Any]) -> None:
    """Eight ages in eight bins are eight values."""
    baskets, _ = read(open_table(open_rows), columns=["age"], bins=8)
    assert sorted(baskets.names) == [f"age = {age:.0f}" for age in AGES[:8]]


def test_hold_out_rows_are_cut_as_training_rows_are(open_rows: Callable[..., Any]) -> None:
    """Edges and categories come from training rows alone; others give no item."""
    split = ["train"] * 36 + ["holdout"] * 4
    kept = ["a", "b"] * 18 + ["new", "a", "b", "a"]
    rows = open_table(open_rows, split=split, kept=kept)
    _, items = read(rows, columns=["age", "kept"])
    held_out = items.read(rows, "holdout")
    assert [len(b) for b in list_baskets(held_out)] == [1, 2, 2, 2]
    assert held_out.names == items.read(rows).names


def test_columns_that_say_nothing_are_left_out_and_said(open_rows: Callable[..., Any]) -> None:
    """Dates, names of every row, one value, nothing at all."""
    more = {
        "day": [datetime.date(2026, 1, 1 + i % 28) for i in range(40)],
        "name": [f"person {i}" for i in range(40)],
        "same": ["x"] * 40,
        "one": [1.0] * 40,
        "void": pa.nulls(40, pa.string()),
        "lists": [["a"]] * 40,
    }
    _, items = read(open_table(open_rows, **more), columns=["town", *more])
    assert {c.column: c.why for c in items.left_out} == {
        "day": "it holds dates: the cleaning step 'calendar' makes features of them",
        "name": "almost every row has its own value (40 in 40 rows)",
        "same": "it has one value only",
        "one": "it has one value only",
        "void": "all its values are missing",
        "lists": "it holds list<element: string>, neither numbers nor text",
    }


def test_rare_categories_give_no_items(open_rows: Callable[..., Any]) -> None:
    """They could not be frequent; others of the column stay."""
    more = {"kept": ["a"] * 30 + [f"rare {i // 2}" for i in range(10)]}
    baskets, _ = read(open_table(open_rows, **more), min_count=3, columns=["kept"])
    assert baskets.names == ("kept = a",)
    assert (baskets.n_baskets, baskets.n_empty) == (40, 10)


def test_too_many_categories_are_left_out(
    open_rows: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not counted past the limit, which bounds the memory."""
    monkeypatch.setattr(module, "MAX_CATEGORIES", 5)
    more = {"kept": [f"v{i % 7}" for i in range(40)]}
    _, items = read(open_table(open_rows, **more), columns=["kept", "town"])
    assert items.left_out[0].why == "it has more than 5 different values"


def test_equal_items_of_two_columns_are_told_apart(open_rows: Callable[..., Any]) -> None:
    """`a = b` with the value `c`, and `a` with the value `b = c`."""
    more = {"a": ["b = c", "x"] * 20, "a = b": ["c", "y"] * 20}
    baskets, _ = read(open_table(open_rows, **more), columns=["a", "a = b"])
    assert sorted(baskets.names) == ["a = b = c", "a = b = c (2)", "a = b = y", "a = x"]


def test_a_table_of_columns_without_items_is_refused(open_rows: Callable[..., Any]) -> None:
    """With what is wrong with each."""
    rows = open_table(open_rows, same=["x"] * 40)
    with pytest.raises(MiningError, match=r"gives items\. same: it has one value only"):
        read(rows, columns=["same"])


def test_an_unknown_column_is_named_with_its_neighbour(open_rows: Callable[..., Any]) -> None:
    """Features go by the name they arrived with."""
    with pytest.raises(MiningError, match="no column 'twn'") as caught:
        read(open_table(open_rows), columns=["age", "twn"])
    assert caught.value.expected == "'town', perhaps"


def test_pictures_are_no_baskets(open_rows: Callable[..., Any]) -> None:
    """By default there is nothing to look at; a kept column is."""
    preparation = Preparation("label", ("a", "b"), "image", (2, 2, 1), ())
    rows = open_rows(
        {"label": ["a", "b"] * 9, "image": ["?"] * 18, "kept": ["x", "y"] * 9}, preparation
    )
    with pytest.raises(MiningError, match="Pictures are no baskets"):
        read(rows)
    with pytest.raises(MiningError, match="Pictures are no items: 'image'"):
        read(rows, columns=["image"])
    assert read(rows, columns=["kept", "label"])[0].n_items == 4

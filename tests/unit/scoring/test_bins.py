"""Columns as counts in bins that are made from training rows."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from tasks.scoring.bins import MAX_VALUES, BinnedColumn, bin_column


def test_numbers_are_binned_by_tenths() -> None:
    """A hundred different numbers: ten in each bin, whose upper ends belong to it."""
    binned = bin_column("x", np.arange(1.0, 101.0))
    assert binned.edges == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert binned.counts == (10,) * 10 + (0,)
    assert binned.count(np.array([10.0, 10.5, -5.0, 1e9, np.nan])).tolist() == [
        2,
        1,
        *[0] * 7,
        1,
        1,
    ]
    assert binned.labels[0] == "up to 10"
    assert binned.labels[-2:] == ("above 90", "missing")


def test_a_value_that_takes_several_tenths_has_one_bin() -> None:
    """Half of the rows are 0: no two edges are the same."""
    binned = bin_column("x", np.concatenate([np.zeros(50), np.arange(1.0, 51.0)]))
    assert binned.edges == (0, 10, 20, 30, 40)
    assert binned.counts == (50, 10, 10, 10, 10, 10, 0)


def test_few_different_numbers_are_counted_value_by_value() -> None:
    """Of 0 and 1 there are no tenths; a constant that changes is seen on either side."""
    binned = bin_column("x", np.array([1.0] * 30))
    assert binned.values == ("1",)
    assert binned.count(np.array([0.5, 1.0, 2.0])).tolist() == [1, 2, 0]


def test_infinite_numbers_are_counted_at_the_ends() -> None:
    """They are no missing values, and no edge becomes one."""
    binned = bin_column("x", np.concatenate([np.arange(100.0), [np.inf, -np.inf]]))
    assert np.isfinite(binned.edges).all()
    counts = binned.count(np.array([np.inf, -np.inf]))
    assert counts[0] == counts[-2] == 1


def test_texts_are_binned_by_their_most_frequent_values() -> None:
    """New values are `other`, missing ones have a bin of their own; ties go by name."""
    texts = [f"v{i:02d}" for i in range(30)] + ["v05", None]
    binned = bin_column("city", pa.array(texts))
    assert len(binned.values) == MAX_VALUES
    assert binned.values[:2] == ("v05", "v00")
    assert binned.counts[-2:] == (30 - MAX_VALUES, 1)
    assert binned.count(pa.array(["v05", "new", None]))[[0, -2, -1]].tolist() == [1, 1, 1]


def test_the_same_rows_in_another_order_give_the_same_bins() -> None:
    """The profile of a version is the same whoever makes it."""
    texts = ["b", "a", "c", "a", "b"]
    assert bin_column("x", pa.array(texts)) == bin_column("x", pa.array(texts[::-1]))


@pytest.mark.parametrize(
    "column",
    [np.arange(50.0), np.array([1.0, 2.0, np.nan]), pa.array(["a", None]), np.full(3, np.nan), pa.nulls(2, pa.string())],
    ids=["numbers", "few numbers", "text", "no numbers", "no text"],
)  # fmt: skip
def test_bins_survive_json(column: object) -> None:
    """Also those of a column without any value."""
    binned = bin_column("x", column)
    assert BinnedColumn.from_json(json.loads(json.dumps(binned.to_json()))) == binned
    assert binned.count(column).tolist() == list(binned.counts)


def test_a_column_of_numbers_that_arrives_as_text_is_missing() -> None:
    """What cannot be read as before is not there, and shows as drift."""
    binned = bin_column("x", np.arange(50.0))
    assert binned.count(pa.array(["a", "b"])).tolist() == [0] * 10 + [2]


def test_very_long_texts_are_cut() -> None:
    """A profile holds no whole document."""
    binned = bin_column("x", pa.array(["y" * 10_000] * 3))
    assert len(binned.values[0]) == 100
    assert binned.count(pa.array(["y" * 20_000])).tolist() == [1, 0, 0]

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.mining.rules.bins import Bins, choose_bins, fits, read_bins, say_number


def bin_of(column: str, numbers: list[float], n_bins: int = 4) -> Bins:
    bins = choose_bins(column, np.array(numbers, dtype=float), n_bins)
    assert bins is not None
    return bins


def test_whole_numbers_are_cut_between_whole_numbers() -> None:
    """1 to 100 in four bins: the next one starts one after the last one's end."""
    bins = bin_of("age", list(range(1, 101)))
    assert bins.list_labels() == [
        "age: up to 25",
        "age: 26 to 50",
        "age: 51 to 75",
        "age: 76 or more",
    ]
    assert np.bincount(bins.cut(np.arange(1.0, 101.0))).tolist() == [25, 25, 25, 25]


def test_few_values_are_items_of_their_own() -> None:
    """Not ranges of a few numbers; a value that was not seen is none of them."""
    bins = bin_of("rooms", [1, 2, 3, 3, 2, 1])
    assert bins.list_labels() == ["rooms = 1", "rooms = 2", "rooms = 3"]
    assert bins.cut(np.array([1.0, 2.0, 2.5, 3.0, 9.0, np.nan, -np.inf])).tolist() == [
        0, 1, -1, 2, -1, -1, -1,
    ]  # fmt: skip


def test_edges_are_readable_numbers() -> None:
    """Four significant digits where they tell the bins apart."""
    rng = np.random.default_rng(1)
    labels = bin_of("mass", list(rng.normal(0.123456789, 0.05, 1000)), 2).list_labels()
    assert labels[0].startswith("mass: up to 0.1")
    assert len(labels[0].rpartition("0.")[2]) <= 4


def test_edges_far_from_zero_keep_the_digits_that_tell_them_apart() -> None:
    """Seconds since 1970: four digits would make all bins one."""
    bins = bin_of("time", list(1_600_000_000 + np.arange(1000.0)))
    counts = np.bincount(bins.cut(1_600_000_000 + np.arange(1000.0)))
    assert len(counts) == 4
    assert 190 < counts.min() <= counts.max() < 315


def test_a_frequent_value_has_one_bin() -> None:
    """Nine in ten have nothing: three quantiles are 0, one edge is left, and no bin is empty."""
    bins = bin_of("gain", [0.0] * 90 + list(np.arange(100.0, 110.0)))
    assert bins.list_labels() == ["gain = 0", "gain: 1 or more"]


def test_a_frequent_greatest_value_has_one_bin() -> None:
    """All quantiles are the greatest value, which is no edge."""
    bins = bin_of("score", [*np.arange(10.0), *[50.0] * 90])
    assert np.bincount(bins.cut(np.array([*np.arange(10.0), *[50.0] * 90]))).tolist() == [10, 90]


def test_noise_of_an_undone_scaling_moves_no_value() -> None:
    """24.999999999 and 25.000000001 are 25, which belongs to the lower bin."""
    numbers = np.arange(1.0, 101.0)
    noisy = (numbers - 3.3) / 7.7 * 7.7 + 3.3 + 1e-10
    bins = choose_bins("age", noisy, 4)
    assert bins is not None
    assert bins.list_labels()[0] == "age: up to 25"
    assert np.bincount(bins.cut(noisy)).tolist() == [25, 25, 25, 25]


@pytest.mark.parametrize("numbers", [[], [np.nan, np.nan], [3.0, 3.0, np.nan], [np.inf, -np.inf]])
def test_no_spread_is_no_bins(numbers: list[float]) -> None:
    """Nothing, one value, or none that is finite."""
    assert choose_bins("x", np.array(numbers), 4) is None


def test_tiny_numbers_are_not_taken_for_zero() -> None:
    """All are as near to 0 as noise is to a whole number, and still differ."""
    bins = bin_of("rate", list(np.arange(1, 101) * 1e-9))
    assert np.bincount(bins.cut(np.arange(1, 101) * 1e-9)).tolist() == [25] * 4


@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 5).map(float),
        min_size=2,
        max_size=60,
    ),
    st.integers(2, 8),
)
def test_every_value_seen_has_a_bin_and_every_bin_a_name(numbers: list[float], n_bins: int) -> None:
    """Codes are places of labels, rise with the numbers, and labels are distinct."""
    values = np.array(numbers)
    bins = choose_bins("x", values, n_bins)
    if bins is None:
        assert len(set(numbers)) == 1
        return
    labels, codes = bins.list_labels(), bins.cut(values)
    assert 2 <= len(labels) <= n_bins or len(set(numbers)) > len(labels)
    assert len(set(labels)) == len(labels) <= n_bins
    assert codes.min() >= 0
    assert codes.max() < len(labels)
    assert (np.diff(codes[np.argsort(values, kind="stable")]) >= 0).all()


def test_numbers_are_written_plainly() -> None:
    """With thousands apart, without a minus before nothing."""
    assert [say_number(x) for x in (-0.0, 1234567.0, 0.1, -12.5)] == [
        "0",
        "1,234,567",
        "0.1",
        "-12.5",
    ]


def test_last_nights_cuts_are_kept_while_they_fit() -> None:
    """A few more rows do not rename the items; rows that have moved away, or fall into a bin, do."""
    rng = np.random.default_rng(4)
    before = bin_of("x", rng.normal(50, 10, 900).tolist())
    more = rng.normal(51, 10, 1000)
    assert bin_of("x", more.tolist()).edges != before.edges
    assert fits(before, bin_of("x", more.tolist()), more)
    moved = rng.normal(80, 10, 1000)
    assert not fits(before, bin_of("x", moved.tolist()), moved)
    narrow = rng.normal(50, 1, 1000)
    assert not fits(before, bin_of("x", narrow.tolist()), narrow)


def test_cuts_of_another_kind_do_not_fit() -> None:
    """Whole numbers are not halves, few values are no ranges, four bins are not three."""
    whole, halves = np.arange(100.0), np.arange(100.0) / 2
    assert not fits(bin_of("x", whole.tolist()), bin_of("x", halves.tolist()), halves)
    assert not fits(bin_of("x", [1.0, 2.0]), bin_of("x", whole.tolist()), whole)
    assert not fits(bin_of("x", whole.tolist()), bin_of("x", whole.tolist(), 3), whole)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"asked": 3, "columns": []},
        {"asked": 4},
        {"asked": 4, "columns": [{"column": "x"}]},
        {"asked": 4, "columns": [{"column": "x", "edges": ["a"], "values": []}]},
        {"asked": 4, "columns": 7},
    ],
)
def test_cuts_that_cannot_be_read_are_cut_anew(document: object) -> None:
    """Another version of Nocturne wrote them, or another number of bins is asked for."""
    assert read_bins(document, 4) == {}

"""Duplicates by the content of columns, images included."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.cleaning.duplicates import (
    SECOND_KEY,
    digest_rows,
    find_candidates,
    find_repeats,
    hash_text,
)
from tasks.dataset import array_to_tensor_column

FRAME: dict[str, Any] = {
    "x": np.array([1.0, 2.0, 2.0, 1.0]),
    "kind": pa.array(["a", "a", "a", "b"]),
}


def repeats_in(frame: dict[str, Any], by: list[str], keep: Any = "first") -> list[bool]:
    both = digest_rows(frame, by), digest_rows(frame, by, SECOND_KEY)
    return find_repeats(*both, keep).tolist()


@pytest.mark.parametrize(
    ("by", "repeats"),
    [
        (["x"], [False, False, True, True]),
        (["kind"], [False, True, True, False]),
        (["x", "kind"], [False, False, True, False]),
    ],
)
def test_the_first_of_equal_rows_is_kept(by: list[str], repeats: list[bool]) -> None:
    """Rows are equal when all named columns are."""
    assert repeats_in(FRAME, by) == repeats


def test_the_last_of_equal_rows_is_kept_on_demand() -> None:
    """A later row of a key may be the corrected one."""
    assert repeats_in(FRAME, ["x"], "last") == [True, True, False, False]


def test_digests_do_not_depend_on_the_batch() -> None:
    """A row has the same digest wherever batches are cut, so repeats are found over all files."""
    whole = digest_rows(FRAME, ["x", "kind"])
    parts = [
        digest_rows({"x": FRAME["x"][i : i + 1], "kind": FRAME["kind"][i : i + 1]}, ["x", "kind"])
        for i in range(4)
    ]
    assert np.array_equal(whole, np.concatenate(parts))


def test_columns_are_not_confused() -> None:
    """The same two values the other way round are another row."""
    frame = {"a": pa.array(["x", "y"]), "b": pa.array(["y", "x"])}
    assert not any(repeats_in(frame, ["a", "b"]))


def test_images_are_compared_by_their_pixels() -> None:
    """One pixel makes another image; the same pixels are the same image; so are two missing ones."""
    pixels = np.zeros((5, 2, 2, 1), np.uint8)
    pixels[1, 1, 1, 0] = 1
    column = array_to_tensor_column(pixels)
    storage = pa.FixedSizeListArray.from_arrays(
        column.storage.values, 4, mask=pa.array([False, False, False, True, True])
    )
    images = pa.ExtensionArray.from_storage(column.type, storage)
    digests = digest_rows({"image": images}, ["image"])
    assert repeats_in({"image": images}, ["image"]) == [False, False, True, False, True]
    later = digest_rows({"image": images.slice(1, 2)}, ["image"])  # an offset
    assert np.array_equal(later, digests[1:3])


def test_zero_has_no_sign_and_missing_is_missing() -> None:
    """0.0 and -0.0 are the same number, and so are NaN and NaN, null and null."""
    assert repeats_in({"x": np.array([0.0, -0.0])}, ["x"]) == [False, True]
    frame = {"x": np.array([math.nan, math.nan]), "t": pa.array([None, None], pa.string())}
    assert repeats_in(frame, ["x", "t"]) == [False, True]


def test_siphash_is_the_published_one() -> None:
    """Appendix A of the SipHash paper: key 00..0f, message 00..0e give a129ca6149be45e5.

    pandas sends it through the finaliser of SplitMix64.
    """
    key, message = "".join(map(chr, range(16))), "".join(map(chr, range(15)))
    mask = 2**64 - 1
    h = 0xA129CA6149BE45E5
    h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) & mask
    h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) & mask
    h ^= h >> 31
    assert hash_text(pa.array([message]), key).tolist() == [h]


@given(st.lists(st.tuples(st.text(max_size=2), st.integers(0, 2), st.booleans())))
def test_as_many_rows_stay_as_there_are_different_ones(
    rows: list[tuple[str, int, bool]],
) -> None:
    """Text of any length beside numbers: no two different rows are taken for one."""
    frame = {
        "a": pa.array([r[0] for r in rows], pa.string()),
        "b": np.array([r[1] for r in rows], dtype=float),
        "c": np.array([r[2] for r in rows], dtype=float),
    }
    assert repeats_in(frame, ["a", "b", "c"]).count(False) == len(set(rows))


def test_a_shared_first_digest_is_not_enough() -> None:
    """Two different rows that share 64 bits by chance are both kept."""
    first, second = np.array([7, 7, 7], np.uint64), np.array([1, 2, 1], np.uint64)
    assert find_candidates(first).tolist() == [True, True, True]
    assert find_repeats(first, second).tolist() == [False, False, True]


@pytest.mark.parametrize("column", [np.array([1.0, 2.0]), pa.array(["a", "b"]), None])
def test_the_two_digests_are_independent(column: Any) -> None:
    """Another key gives other digests, for numbers, texts and images."""
    if column is None:
        column = array_to_tensor_column(np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1))
    frame = {"x": column}
    assert (digest_rows(frame, ["x"]) != digest_rows(frame, ["x"], SECOND_KEY)).all()

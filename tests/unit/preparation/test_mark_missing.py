"""Texts that stand for a missing value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset.tensors import array_to_tensor_column
from tasks.preparation.transformers.mark_missing import MarkMissing, trim


def mark(texts: Any, values: Any = ("?", "NA"), **params: Any) -> Any:
    out = MarkMissing(list(values), **params).transform({"x": pa.array(texts, pa.string())})
    return out.frame["x"].to_pylist(), dict(out.changes)


def test_chosen_texts_become_missing_after_trimming() -> None:
    """Compared whole, and with their case; what was marked is counted."""
    texts = ["?", " ? ", "NA", "na", "NAN", "what?", None]
    assert mark(texts) == (
        [None, None, None, "na", "NAN", "what?", None],
        {("x", "marked missing"): 3},
    )


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u00a0", "\u2003 "])
def test_blank_text_is_always_missing_and_not_counted_as_marked(blank: Any) -> None:
    """Unicode's spaces too, with or without chosen texts."""
    assert mark([blank, "a"], values=[]) == ([None, "a"], {})
    assert mark([blank, "a"]) == ([None, "a"], {})


def test_space_around_text_is_removed_and_space_inside_stays() -> None:
    """NUL bytes and emoji are no space."""
    assert mark(["  a  b ", "\x00", "🙂 "])[0] == ["a  b", "\x00", "🙂"]


def test_a_text_that_looks_like_a_pattern_is_only_a_text() -> None:
    """Dots and stars mean themselves."""
    assert mark(["abc", ".*", "(a+)+$"], values=[".*", "(a+)+$"])[0] == ["abc", None, None]


def test_only_named_columns_are_marked() -> None:
    """The others keep their space."""
    frame = {"x": pa.array(["?"]), "y": pa.array([" ? "])}
    out = MarkMissing(["?"], columns=["x", "gone"]).transform(frame).frame
    assert (out["x"].to_pylist(), out["y"].to_pylist()) == ([None], [" ? "])


def test_numbers_dates_and_images_are_left_alone() -> None:
    """Named or not: there is no text in them."""
    frame = {
        "n": np.array([1.0]),
        "d": np.array(["2024-01-01"], "M8[us]"),
        "i": array_to_tensor_column(np.zeros((1, 2, 2, 1), np.uint8)),
    }
    for columns in (None, ["n", "d", "i"]):
        out = MarkMissing(["1"], columns=columns).transform(frame).frame
        assert all(out[name] is frame[name] for name in frame)


def test_a_sliced_column_is_read_from_its_own_place() -> None:
    """An offset into a larger array."""
    whole = pa.array(["a", " b ", "", "c"])
    assert trim(whole[1:3]).to_pylist() == ["b", None]


def test_it_keeps_a_transformers_manners(check_manners: Callable[..., None]) -> None:
    """JSON, batches, single rows, no row, inputs untouched."""
    check_manners(MarkMissing(["?"]), {"x": pa.array([" a", "?", "", None, "b"])})


def test_a_long_text_is_no_trouble() -> None:
    """Ten megabytes."""
    text = " " + "x" * 10_000_000 + " "
    assert len(mark([text])[0][0]) == 10_000_000

"""Categories as numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.preprocessing import OneHotEncoder

from tasks.errors import CleaningError
from tasks.preparation.transformers.encode import OneHotEncode, OrdinalEncode, TargetEncode

NAN = float("nan")


def text(*values: Any) -> Any:
    return pa.array(values, pa.string())


def same(column: Any, expected: Any) -> Any:
    return np.array_equal(column, expected, equal_nan=True)


def test_one_hot_stands_in_the_place_of_the_column_in_the_order_of_the_categories() -> None:
    """A missing text is missing in every column made of it."""
    frame = {"a": np.zeros(4), "town": text("b", "a", None, "b"), "z": np.ones(4)}
    out = OneHotEncode(["town"]).fit(frame).transform(frame).frame
    assert list(out) == ["a", "town_a", "town_b", "z"]
    assert same(out["town_a"], [0, 1, NAN, 0])
    assert same(out["town_b"], [1, 0, NAN, 1])


def test_rare_and_unknown_categories_share_a_column_if_training_had_rare_ones() -> None:
    """Known answer: scikit-learn's handle_unknown="infrequent_if_exist"."""
    train = ["a", "a", "b", "c", "b", "a"]
    new = ["a", "b", "c", "unknown"]
    theirs = OneHotEncoder(
        min_frequency=2, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    expected = theirs.fit(np.array(train).reshape(-1, 1)).transform(np.array(new).reshape(-1, 1))
    encode = OneHotEncode(["t"], min_rows=2).fit({"t": text(*train)})
    out = encode.transform({"t": text(*new)})
    assert list(out.frame) == ["t_a", "t_b", "t_other"]
    assert np.array_equal(np.column_stack(list(out.frame.values())), expected)
    assert dict(out.changes) == {("t", "category counted as other"): 2}


def test_an_unknown_category_is_zero_everywhere_if_training_had_no_rare_ones() -> None:
    """The columns of the output are those of training."""
    out = OneHotEncode(["t"]).fit({"t": text("a", "b")}).transform({"t": text("c")}).frame
    assert {name: column.tolist() for name, column in out.items()} == {"t_a": [0.0], "t_b": [0.0]}


def test_all_categories_may_be_rare() -> None:
    """One column is left."""
    out = OneHotEncode(["t"], min_rows=2).fit({"t": text("a", "b")}).transform({"t": text("a")})
    assert {n: c.tolist() for n, c in out.frame.items()} == {"t_other": [1.0]}


@pytest.mark.parametrize(
    "frame",
    [
        {"t": text("a"), "t_a": np.zeros(1)},
        {"t": text("x_a"), "t_x": text("a")},
    ],
)
def test_one_hot_never_writes_over_a_column(frame: Any) -> None:
    """Neither over one of the frame nor over another column's category."""
    with pytest.raises(CleaningError, match=r"'(t_a|t_x_a)'"):
        OneHotEncode([n for n in frame if n in ("t", "t_x")]).fit(frame)


def test_a_category_called_other_does_not_meet_the_rare_ones() -> None:
    """Two columns of one name are refused."""
    frame = {"t": text("other", "other", "rare")}
    with pytest.raises(CleaningError, match="t_other"):
        OneHotEncode(["t"], min_rows=2).fit(frame)


def test_too_many_categories_are_refused_with_the_way_out() -> None:
    """The error names how many there are, and other encodings."""
    frame = {"t": text(*(str(i) for i in range(11)))}
    with pytest.raises(CleaningError, match=r"11 categories(.|\n)*ordinal(.|\n)*min_rows"):
        OneHotEncode(["t"], max_categories=10).fit(frame)
    assert len(OneHotEncode(["t"], max_categories=11).fit(frame).categories_["t"]) == 11


@pytest.mark.parametrize("cls", [OneHotEncode, OrdinalEncode])
def test_a_column_without_a_training_value_is_refused(cls: Any) -> None:
    """The error names it."""
    with pytest.raises(CleaningError, match="'t'"):
        cls(["t"]).fit({"t": text(None, None)})


@pytest.mark.parametrize("cls", [OneHotEncode, OrdinalEncode, TargetEncode])
def test_numbers_are_refused_and_misspelt_names_too(cls: Any) -> None:
    """Encoding takes text."""
    with pytest.raises(CleaningError, match="holds numbers"):
        cls(["x"]).fit({"x": np.zeros(2)}, np.array([0.0, 1.0]))
    with pytest.raises(CleaningError, match="'town', perhaps"):
        cls(["twon"]).fit({"town": text("a")}, np.array([0.0]))


def test_ordinal_codes_follow_the_texts_and_others_are_minus_one() -> None:
    """Rare, unknown and missing: -1, -1 and missing."""
    frame = {"t": text("b", "a", "b", "a", "c")}
    out = (
        OrdinalEncode(["t"], min_rows=2).fit(frame).transform({"t": text("a", "b", "c", "d", None)})
    )
    assert same(out.frame["t"], [0, 1, -1, -1, NAN])
    assert dict(out.changes) == {("t", "category counted as other"): 2}


def test_a_given_order_holds_whatever_training_rows_have() -> None:
    """A category without a training row keeps its code."""
    encode = OrdinalEncode(["t"], order=["low", "mid", "high"], min_rows=5).fit({"t": text("low")})
    assert encode.transform({"t": text("high", "mid", "low")}).frame["t"].tolist() == [2, 1, 0]


def test_an_order_of_other_texts_is_refused() -> None:
    """Else every row would be -1."""
    with pytest.raises(CleaningError, match=r"'Low'(.|\n)*'high', perhaps"):
        OrdinalEncode(["t"], order=["low", "high"]).fit({"t": text("Low", "High")})


@pytest.mark.parametrize(
    "encode",
    [
        OneHotEncode(["t", "u"]),
        OneHotEncode(["t", "u"], min_rows=2),
        OrdinalEncode(["t", "u"]),
        OrdinalEncode(["t"], order=["c", "b", "a"]),
        TargetEncode(["t", "u"]),
        TargetEncode(["t"], min_rows=3),
    ],
)
def test_they_keep_a_transformers_manners(check_manners: Callable[..., None], encode: Any) -> None:
    """JSON, batches, single rows, no row, inputs untouched."""
    frame = {
        "t": text("a", "b", None, "a", "c", "b", "a"),
        "x": np.array([1.0, NAN, 3, 4, 5, 6, 7]),
        "u": text("<script>", "é\x00", " ", "<script>", None, "x" * 1000, " "),
    }
    encode.fit(frame, np.array([0.0, 1, 2, 0, 1, 2, 1]), np.arange(7))
    check_manners(encode, frame)


def test_absent_columns_are_left_alone() -> None:
    """A model that predicts may have fewer columns."""
    for encode in (OneHotEncode(["t"]), OrdinalEncode(["t"])):
        encode.fit({"t": text("a")})
        assert list(encode.transform({"x": np.zeros(1)}).frame) == ["x"]

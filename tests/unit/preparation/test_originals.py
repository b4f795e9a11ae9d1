"""Back from clean columns: what a transformer did, Originals undoes; with the real transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.preparation.frame import Frame
from tasks.preparation.originals import Original, Originals
from tasks.preparation.transformer import Transformer
from tasks.preparation.transformers.encode import OneHotEncode, OrdinalEncode
from tasks.preparation.transformers.scale import Scale

HOSTILE = '<b>"Łódź"</b>, $x$\n'


def clean(frame: Frame, *transformers: Transformer) -> tuple[Frame, Originals]:
    """Fit and apply transformers one after the other."""
    for transformer in transformers:
        frame = transformer.fit(frame).transform(frame).frame
    return frame, Originals(transformers)


@pytest.mark.parametrize(
    "options",
    [
        {"to": "standard"},
        {"to": "robust"},
        {"to": "range"},
        {"to": "range", "range": [-1.0, 3.0]},
        {"to": "range", "range": [5.0, 2.0]},
    ],
)
def test_scaling_is_undone(options: dict[str, Any]) -> None:
    """Every kind of normalisation, for values beyond the training rows' too."""
    values = np.array([-3.0, 10.0, 25.5, 1e6])
    scale = Scale(["x"], **options).fit({"x": values[:3]})
    scaled = scale.transform({"x": values}).frame["x"]
    np.testing.assert_allclose(Originals([scale]).find("x").restore(scaled), values, rtol=1e-12)


def test_scaling_twice_is_undone_from_the_last_to_the_first() -> None:
    """The second worked on what the first had made."""
    frame = {"x": np.array([1.0, 2.0, 4.0, 9.0])}
    scaled, originals = clean(
        frame, Scale(["x"], to="range", range=[10, 20]), Scale(["x"], to="standard")
    )
    restored = originals.find("x").restore(scaled["x"])
    np.testing.assert_allclose(restored, frame["x"], rtol=1e-12)


def test_a_constant_column_comes_back() -> None:
    """Its scale is 1."""
    scaled, originals = clean({"x": np.full(3, 7.5)}, Scale(["x"], to="range"))
    assert originals.find("x").restore(scaled["x"]).tolist() == [7.5, 7.5, 7.5]


def test_a_column_that_was_not_touched_is_what_it_is() -> None:
    """Nothing is undone, and missing stays missing."""
    found = Originals([]).find("x")
    assert (found.clean, found.column, found.category, found.categories) == ("x", "x", None, ())
    assert found.is_number
    np.testing.assert_array_equal(found.restore([1.5, np.nan]), [1.5, np.nan])


def test_restoring_leaves_its_input_alone() -> None:
    """Clean values are shared with others."""
    values = np.array([0.0, 1.0])
    _, originals = clean({"x": np.array([10.0, 20.0, 30.0])}, Scale(["x"]))
    originals.find("x").restore(values)
    assert values.tolist() == [0.0, 1.0]


def test_a_one_hot_column_is_its_category() -> None:
    """Also where names hold underscores, markup or the words of others."""
    frame = {"a": pa.array(["b_c", HOSTILE]), "a_b": pa.array(["x", "y"])}
    cleaned, originals = clean(frame, OneHotEncode(["a", "a_b"]))
    found = [(o.column, o.category) for o in map(originals.find, cleaned)]
    assert sorted(found) == sorted([("a", "b_c"), ("a", HOSTILE), ("a_b", "x"), ("a_b", "y")])
    assert not any(originals.find(name).is_number for name in cleaned)


def test_the_column_of_rare_categories_is_other() -> None:
    """It stands for all that were too few."""
    _, originals = clean({"town": pa.array(["Rome", "Rome", "Oslo"])}, OneHotEncode(["town"], 2))
    assert originals.find("town_other").category == "other"
    assert originals.find("town_other").say_split(0.5) == ("town is not other", "town is other")


def test_a_one_hot_column_that_was_scaled_is_still_its_category() -> None:
    """Its values come back as 0 and 1."""
    frame = {"town": pa.array(["Rome", "Oslo", "Rome", "Bonn"])}
    encode = OneHotEncode(["town"])
    names = ["town_Bonn", "town_Oslo", "town_Rome"]
    cleaned, originals = clean(frame, encode, Scale(names))
    found = originals.find("town_Rome")
    assert (found.column, found.category) == ("town", "Rome")
    np.testing.assert_allclose(found.restore(cleaned["town_Rome"]), [1, 0, 1, 0], atol=1e-12)
    assert originals.restore(cleaned)["town"].to_pylist() == ["Rome", "Oslo", "Rome", "Bonn"]


@pytest.mark.parametrize(
    ("threshold", "words"),
    [
        (-0.5, ("size is other", "size is S or M or L")),
        (0.5, ("size is S or other", "size is M or L")),
        (1.5, ("size is S or M or other", "size is L")),
    ],
)
def test_a_split_of_an_order_names_both_sides(threshold: float, words: tuple[str, str]) -> None:
    """Whatever is none of them has the code -1, below all."""
    encode = OrdinalEncode(["size"], order=["S", "M", "L"])
    _, originals = clean({"size": pa.array(["M", "S", "L"])}, encode)
    assert originals.find("size").say_split(threshold) == words


def test_a_split_of_an_order_that_was_scaled_is_told_by_its_codes() -> None:
    """The threshold is in scaled units."""
    frame = {"size": pa.array(["S", "M", "L", "L"])}
    order = OrdinalEncode(["size"], order=["S", "M", "L"])
    cleaned, originals = clean(frame, order, Scale(["size"]))
    threshold = float(np.mean(cleaned["size"][:2]))  # between S and M
    assert originals.find("size").say_split(threshold) == (
        "size is S or other",
        "size is M or L",
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [(2.5, "2.5"), (0.001234567, "0.00123457"), (12345.5, "12345.5"), (-30.0, "-30")],
)
def test_a_split_of_a_number_is_told_in_its_unit(value: float, said: str) -> None:
    """With as many digits as tell it from its neighbours."""
    frame = {"x": np.array([0.0, 1e5])}
    _, originals = clean(frame, Scale(["x"]))
    scaled = (value - 5e4) / 5e4
    assert originals.find("x").say_split(scaled) == (f"x <= {said}", f"x > {said}")


def test_rows_are_restored_under_the_names_in_which_they_came() -> None:
    """Numbers in their units, categories as text, each column in its place."""
    frame: Frame = {
        "age": np.array([30.0, 40.0, 50.0]),
        "town": pa.array(["Rome", "Oslo", "Rome"]),
        "size": pa.array(["L", "S", "M"]),
        "weight": np.array([1.0, 2.0, 4.0]),
    }
    cleaned, originals = clean(
        frame,
        OneHotEncode(["town"]),
        OrdinalEncode(["size"], order=["S", "M", "L"]),
        Scale(["age", "weight"], to="robust"),
    )
    restored = originals.restore(cleaned)
    assert list(restored) == list(frame)
    np.testing.assert_allclose(restored["age"], [30, 40, 50])
    np.testing.assert_allclose(restored["weight"], [1, 2, 4])
    assert restored["town"].to_pylist() == ["Rome", "Oslo", "Rome"]
    assert restored["size"].to_pylist() == ["L", "S", "M"]


def test_categories_that_training_rows_did_not_have_are_other() -> None:
    """One-hot they are 0 in all columns, in an order -1; a code beyond the order is none either."""
    encode, order = OneHotEncode(["town"]), OrdinalEncode(["size"], order=["S"])
    _, originals = clean({"town": pa.array(["Rome"]), "size": pa.array(["S"])}, encode, order)
    restored = originals.restore({"town_Rome": [0.0, 1.0, 0.0], "size": [-1.0, 0.0, 1.0]})
    assert restored["town"].to_pylist() == ["other", "Rome", "other"]
    assert restored["size"].to_pylist() == ["other", "S", "other"]


def test_missing_categories_are_other_and_no_warning() -> None:
    """Clean rows have none, but a mean of no rows is NaN."""
    encode, order = OneHotEncode(["town"]), OrdinalEncode(["size"], order=["S"])
    _, originals = clean({"town": pa.array(["Rome"]), "size": pa.array(["S"])}, encode, order)
    values = [np.nan, np.inf, -np.inf, 1e300]
    restored = originals.restore({"town_Rome": [np.nan], "size": values})
    assert restored["town"].to_pylist() == ["other"]
    assert restored["size"].to_pylist() == ["other"] * 4


def test_a_mean_of_codes_is_the_nearest_category() -> None:
    """The centre of a group lies between them."""
    order = OrdinalEncode(["size"], order=["S", "M", "L"])
    _, originals = clean({"size": pa.array(["S", "M", "L"])}, order)
    assert originals.restore({"size": [0.4, 0.6, 1.9]})["size"].to_pylist() == ["S", "M", "L"]


def test_no_rows_are_restored_to_no_rows() -> None:
    """With their columns."""
    _, originals = clean({"town": pa.array(["Rome"])}, OneHotEncode(["town"]))
    restored = originals.restore({"town_Rome": np.empty(0), "x": np.empty(0)})
    assert list(restored) == ["town", "x"]
    assert len(restored["town"]) == len(restored["x"]) == 0


def test_an_original_is_compared_by_what_it_says() -> None:
    """Two of the same column are the same."""
    assert Originals([]).find("x") == Original("x", "x")

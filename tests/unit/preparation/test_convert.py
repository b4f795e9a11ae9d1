"""Type conversion of text."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import CleaningError
from tasks.preparation.transformers.convert_category import ConvertToBoolean, ConvertToCategory
from tasks.preparation.transformers.convert_date import ConvertToDate
from tasks.preparation.transformers.convert_number import ConvertToNumber

NAN = float("nan")


def convert(transformer: Any, texts: Any) -> Any:
    """The column that comes out, and what was wrong."""
    column = pa.array(texts, pa.string()) if isinstance(texts, list) else texts
    out = transformer.transform({"x": column})
    return out.frame["x"], [(p.kind, p.rows.tolist(), p.values) for p in out.problems]


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), ("+5", 5), ("-5.5", -5.5), ("5.", 5), (".5", 0.5), ("1e5", 1e5), ("1E-2", 0.01),
     ("007", 7), ("1e-400", 0.0), ("1" * 300, float("1" * 300))],
)  # fmt: skip
def test_numbers_are_read(text: str, number: Any) -> None:
    """Beside ordinary ones, and alone."""
    assert convert(ConvertToNumber(["x"]), [text])[0].tolist() == [number]
    assert convert(ConvertToNumber(["x"]), [text, "1"])[0].tolist() == [number, 1]


@pytest.mark.parametrize(
    "text",
    ["", "x", "e", "-", ".", "1-2", "--1", "1.2.3", "0x10", "1_000", "1 2", "1\x002", "١٢", "\u22125",
     "1,5", "1e", "e5", "1e5e5", "5%", "<script>", "=1+1", "None", "true", "9" * 400 + "x"],
)  # fmt: skip
def test_what_is_no_number_goes_to_quarantine_with_its_text(text: str) -> None:
    """Its row, its text, and the rows beside it are read."""
    column, problems = convert(ConvertToNumber(["x"]), ["1", text, None, "2"])
    assert np.array_equal(column, [1, NAN, NAN, 2], equal_nan=True)
    assert problems == [("not a number", [1], [text])]


@pytest.mark.parametrize("text", ["inf", "+Inf", "-Infinity", "1e400", "9" * 400])
def test_an_infinite_number_cannot_be_used(text: str) -> None:
    """Written so, or too great for a float."""
    column, problems = convert(ConvertToNumber(["x"]), ["1", text])
    assert np.isnan(column[1])
    assert problems == [("NaN or infinite", [1], [text])]


def test_infinite_numbers_of_the_source_are_told_too() -> None:
    """They came as numbers."""
    column, problems = convert(ConvertToNumber(["x"]), np.array([1.0, np.inf, NAN]))
    assert np.array_equal(column, [1, NAN, NAN], equal_nan=True)
    assert problems == [("NaN or infinite", [1], [np.inf])]


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan"])
def test_the_text_nan_is_a_missing_number(text: str) -> None:
    """It says that there is none."""
    column, problems = convert(ConvertToNumber(["x"]), [text])
    assert np.isnan(column).all()
    assert problems == []


def test_unconvertible_values_may_be_set_missing_and_are_counted() -> None:
    """No row is lost then."""
    transformer = ConvertToNumber(["x"], unconvertible="missing")
    out = transformer.transform({"x": pa.array(["1", "x", "inf", None])})
    assert np.array_equal(out.frame["x"], [1, NAN, NAN, NAN], equal_nan=True)
    assert out.problems == ()
    assert dict(out.changes) == {("x", "unconvertible, set missing"): 2}


@pytest.mark.parametrize("mark", [",", ".", " ", "'", "\u00a0", "^", "]", "\\", "[", "-", "$", "*"])
def test_thousands_marks_stand_between_groups_of_three(mark: Any) -> None:
    """Any sign may be the mark; elsewhere it makes the text no number."""
    decimal = "," if mark == "." else "."
    transformer = ConvertToNumber(["x"], thousands=mark, decimal=decimal)
    good = [f"1{mark}234{decimal}5", f"12{mark}345{mark}678", "1234", f"+999{mark}000"]
    column, problems = convert(transformer, good)
    assert column.tolist() == [1234.5, 12345678, 1234, 999000]
    assert problems == []
    bad = [f"12{mark}34", f"1{mark}{mark}234", f"1234{mark}567", f"1{mark}2345", f"1{mark}234e5"]
    column, problems = convert(transformer, bad)
    assert np.isnan(column).all()
    assert problems == [("not a number", [0, 1, 2, 3, 4], bad)]


def test_with_a_decimal_comma_a_point_is_no_decimal_mark() -> None:
    """1.5 must not be read as one and a half."""
    column, problems = convert(ConvertToNumber(["x"], decimal=","), ["1,5", "1.5", "1,5,5"])
    assert np.array_equal(column, [1.5, NAN, NAN], equal_nan=True)
    assert problems == [("not a number", [1, 2], ["1.5", "1,5,5"])]


def test_a_text_made_to_backtrack_takes_no_time() -> None:
    """RE2 is linear: a million signs, with a mark and without."""
    text = "1" * 500_000 + "," * 500_000 + "x"
    started = time.process_time()
    for params in ({}, {"thousands": ","}, {"decimal": ","}):
        assert convert(ConvertToNumber(["x"], **params), [text])[1][0][1] == [0]
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02", "2024-01-02T00:00:00.000000"),
        ("2024-01-02T10", "2024-01-02T10:00:00.000000"),
        ("2024-01-02 10:11", "2024-01-02T10:11:00.000000"),
        ("2024-01-02T10:11:12.5", "2024-01-02T10:11:12.500000"),
        ("2024-01-02T10:11:12.123456789", "2024-01-02T10:11:12.123456"),
        ("2024-01-02T10:11:12Z", "2024-01-02T10:11:12.000000"),
        ("2024-01-02T10:11:12+05:30", "2024-01-02T04:41:12.000000"),
        ("2024-01-02 10:00-0500", "2024-01-02T15:00:00.000000"),
        ("2024-02-29", "2024-02-29T00:00:00.000000"),
        ("0001-01-01", "0001-01-01T00:00:00.000000"),
        ("1899-12-31", "1899-12-31T00:00:00.000000"),
        ("2300-06-01", "2300-06-01T00:00:00.000000"),
        ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"),
    ],
)
def test_iso_dates_are_read_in_utc(text: str, expected: Any) -> None:
    """Alone, and beside one that is none: the way that they are read then is another."""
    for texts in ([text], [text, "garbage"], ["2023-02-29", text]):
        column, _ = convert(ConvertToDate(["x"]), texts)
        assert expected in column.astype(str).tolist()


@pytest.mark.parametrize(
    "text",
    ["2024-02-30", "2023-02-29", "2024-04-31", "2024-13-01", "2024-00-10", "2024", "20240102",
     "2024-01-02T24:00", "2024-01-02T23:59:60", "2024-01-02T10:00+99:00", "2024-01-02\x00",
     "2024-01-02 x", "0000-01-01", "10000-01-01", "-001-01-01", "0001-01-01T00:00+05", "٢٠٢٤-01-02",
     "x" * 100_000, ""],
)  # fmt: skip
def test_what_is_no_date_goes_to_quarantine_with_its_text(text: str) -> None:
    """And the rows beside it are read."""
    column, problems = convert(
        ConvertToDate(["x"]), ["2024-01-02", text, None, "2024-01-02T03:00Z"]
    )
    assert np.isnat(column).tolist() == [False, True, True, False]
    assert problems == [("not a date", [1], [text])]


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("%d.%m.%Y", "31.12.1899", "1899-12-31"),
        ("%d.%m.%Y", "1.3.2300", "2300-03-01"),
        ("%d.%m.%Y", "29.02.2024", "2024-02-29"),
        ("%d.%m.%Y", "01.03.2029", "2029-03-01"),
        ("%d %B %Y", "1 May 2030", "2030-05-01"),
        ("%m/%d/%Y %I:%M %p", "12/31/2020 11:59 PM", "2020-12-31T23:59"),
        ("%e.%m.%Y", "1.12.2031", "2031-12-01"),
        ("%F %T", "2031-07-01 30:00:00", "NaT"),
        ("%F %T", "2031-07-01 03:00:31", "2031-07-01T03:00:31"),
        ("%d.%m.%Y", "30.02.2024", "NaT"),
        ("%d.%m.%Y", "29.02.2023", "NaT"),
        ("%d.%m.%Y", "31.04.2024", "NaT"),
        ("%d.%m.%Y", "32.01.2024", "NaT"),
        ("%d.%m.%Y", "01.01.2024 x", "NaT"),
        ("%d.%m.%Y", "01.01.2024\x00x", "NaT"),
        ("%d.%m.%Y", "01.01.20240", "NaT"),
    ],
)
def test_dates_in_a_format(form: Any, text: str, expected: Any) -> None:
    """A day that its month does not have is no date, and not one of the next month."""
    column, problems = convert(ConvertToDate(["x"], [form]), [text])
    assert column.tolist() == np.array([expected], "M8[us]").tolist()
    assert len(problems) == (expected == "NaT")


def test_formats_are_tried_in_order() -> None:
    """The first that fits counts."""
    texts = ["03.04.2024", "2024-05-06", "7 8 2024"]
    column, problems = convert(ConvertToDate(["x"], ["%d.%m.%Y", "iso8601"]), texts)
    assert column.astype("M8[D]").astype(str).tolist() == ["2024-04-03", "2024-05-06", "NaT"]
    assert problems == [("not a date", [2], ["7 8 2024"])]
    american_first = ConvertToDate(["x"], ["%m.%d.%Y", "%d.%m.%Y"])
    column, _ = convert(american_first, ["03.04.2024", "13.04.2024"])
    assert column.astype("M8[D]").astype(str).tolist() == ["2024-03-04", "2024-04-13"]


def test_one_bad_date_does_not_make_the_others_slow() -> None:
    """Sixty thousand distinct times are read in bulk all the same."""
    times = np.datetime64("2000-01-01T00:00:00") + np.arange(60_000) * np.timedelta64(61, "s")
    texts = [*times.astype(str).tolist(), "garbage", "2023-02-29"]
    started = time.process_time()
    column, problems = convert(ConvertToDate(["x"]), texts)
    assert time.process_time() - started < 2.0
    assert (column[:-2] == times).all()
    assert problems == [("not a date", [60_000, 60_001], ["garbage", "2023-02-29"])]


def test_booleans_are_read_in_any_case() -> None:
    """As 0 and 1; anything else is neither."""
    column, problems = convert(ConvertToBoolean(["x"]), ["Yes", "NO", "t", "0", "maybe", None])
    assert np.array_equal(column, [1, 0, 1, 0, NAN, NAN], equal_nan=True)
    assert problems == [("neither true nor false", [4], ["maybe"])]
    own = ConvertToBoolean(["x"], true_values=["JA"], false_values=["NEIN"])
    assert convert(own, ["ja", "Nein"])[0].tolist() == [1, 0]


def test_booleans_of_the_source_stay() -> None:
    """They are numbers already."""
    assert convert(ConvertToBoolean(["x"]), np.array([1.0, 0.0]))[0].tolist() == [1, 0]


def test_categories_outside_the_set_cannot_be_used() -> None:
    """Synonyms are replaced before."""
    transformer = ConvertToCategory(["x"], categories=["a", "b"], synonyms={"A": "a", "z": "y"})
    column, problems = convert(transformer, ["a", "A", "c", "z", None])
    assert column.to_pylist() == ["a", "a", None, None, None]
    assert problems == [("not in the set of categories", [2, 3], ["c", "z"])]


def test_without_a_set_every_text_is_a_category() -> None:
    """Synonyms alone."""
    column, problems = convert(
        ConvertToCategory(["x"], synonyms={"NYC": "New York"}), ["NYC", "LA"]
    )
    assert (column.to_pylist(), problems) == (["New York", "LA"], [])


def test_whole_numbers_as_categories_have_no_fraction() -> None:
    """3.0 of a file with a gap is the category 3, whatever the rows beside it."""
    category = ConvertToCategory(["x"])
    numbers = np.array([3.0, NAN, -0.0, 1e10])
    assert convert(category, numbers)[0].to_pylist() == ["3", None, "0", "10000000000"]
    mixed = np.array([3.0, NAN, -0.0, 1e10, 3.5, 1e300, np.inf])
    assert convert(category, mixed)[0].to_pylist()[:5] == ["3", None, "0", "10000000000", "3.5"]


def test_dates_as_categories_are_their_text() -> None:
    """Missing ones stay missing."""
    days = np.array(["2024-01-02", "NaT"], "M8[us]")
    assert convert(ConvertToCategory(["x"]), days)[0].to_pylist() == [
        "2024-01-02 00:00:00.000000",
        None,
    ]


@pytest.mark.parametrize(
    ("transformer", "column"),
    [
        (ConvertToNumber(["x"]), np.array(["2024-01-01"], "M8[us]")),
        (ConvertToDate(["x"]), np.zeros(1)),
    ],
)
def test_a_column_of_another_kind_is_refused(transformer: Any, column: Any) -> None:
    """A date is no number, and a number no date."""
    with pytest.raises(CleaningError, match="names the column 'x'"):
        transformer.transform({"x": column})


@pytest.mark.parametrize(
    "cls", [ConvertToNumber, ConvertToDate, ConvertToBoolean, ConvertToCategory]
)
@pytest.mark.parametrize("texts", [[], [None], [None, None]])
def test_no_row_and_no_value_are_no_problem(cls: Any, texts: Any) -> None:
    """All missing."""
    column, problems = convert(cls(["x"]), texts)
    assert len(column) == len(texts)
    assert problems == []


@pytest.mark.parametrize(
    "transformer",
    [
        ConvertToNumber(["x"], thousands=",", unconvertible="missing"),
        ConvertToDate(["x"], ["%d.%m.%Y", "iso8601"], unconvertible="missing"),
        ConvertToBoolean(["x"], unconvertible="missing"),
        ConvertToCategory(["x"], ["1", "yes"], {"1,234": "1"}, unconvertible="missing"),
    ],
)
def test_they_keep_a_transformers_manners(
    check_manners: Callable[..., None], transformer: Any
) -> None:
    """JSON, batches, single rows, no row, inputs untouched."""
    texts = ["1,234", "yes", None, "31.12.1899", "2024-02-29T01:02:03.123456789", "31.02.2020", "1"]
    check_manners(transformer, {"x": pa.array(texts)})

"""Masking, generalising and merging: the rules, on text and on what a model is given."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import CleaningError, PrivacyError
from tasks.preparation.masking import (
    bin_numbers,
    mask_text,
    read_text,
    round_dates,
    shorten_codes,
)
from tasks.preparation.transformers.generalise import (
    GeneraliseColumns,
    MaskColumns,
    MergeRareCategories,
)

TEXTS = st.lists(st.none() | st.text(max_size=24), max_size=6)
QUICK = settings(max_examples=60, deadline=None)


def text(values: list[Any]) -> pa.StringArray:
    return pa.array(values, pa.string())


@pytest.mark.parametrize(
    ("keep", "n", "value", "masked"),
    [
        ("nothing", 4, "Ada", "***"),
        ("nothing", 4, "Ada Augusta King, Countess of Lovelace", "***"),
        ("last", 4, "4111 1111 1111 1234", "****1234"),
        ("last", 4, "12341234", "****1234"),
        ("last", 4, "1234567", "********"),  # the last four of seven would be most of it
        ("last", 4, "1234", "********"),
        ("last", 1, "7", "****"),
        ("last", 2, " Zoe\u0308 ", "*****"),  # NFC: three signs
        ("last", 2, "abcdZoe\u0308", "***o\u00eb"),
        ("domain", 4, "ada@example.org", "***@example.org"),
        ("domain", 4, "ada@home@m\u00fcnchen.example", "***@m\u00fcnchen.example"),
        ("domain", 4, "ada@4111.1111.1111.1111", "***"),
        ("domain", 4, "reach me @ 12 Main Street, Springfield", "***"),
        ("domain", 4, '"Ada" <ada@example.org>', "***"),
        ("domain", 4, "no address", "***"),
        ("last", 4, None, None),
        ("domain", 4, "  ", None),
    ],
)
def test_mask_keeps_what_it_may_and_hides_the_length(
    keep: Any, n: int, value: str | None, masked: str | None
) -> None:
    """Masks have one length, short texts are hidden whole, and only what is a domain stays of an address."""
    assert mask_text(text([value]), keep, n).to_pylist() == [masked]


@QUICK
@given(TEXTS, st.sampled_from(["nothing", "last", "domain"]), st.integers(1, 9))
def test_masking_twice_is_masking_once(values: list[Any], keep: Any, n: int) -> None:
    """A masked text masked again stays as it is, whatever it was."""
    once = mask_text(text(values), keep, n)
    assert mask_text(once, keep, n).equals(once)


@QUICK
@given(st.text(min_size=1, max_size=30), st.integers(1, 9))
def test_mask_shows_at_most_half(value: str, n: int) -> None:
    """Of what a mask keeps, at least as many signs are hidden."""
    normal = read_text(text([value]), "x")[0].as_py()
    masked = mask_text(text([value]), "last", n)[0].as_py()
    if normal is None:
        assert masked is None
    else:
        n_kept = n if set(masked) != {"*"} else 0
        assert 2 * n_kept <= len(normal)


@pytest.mark.parametrize(
    ("width", "value", "bound"),
    [
        (10, "37", "30"),
        (10, "30", "30"),
        (10, " 29.999999999999996 ", "20"),
        (10, "-3", "-10"),
        (10, "-0.0", "0"),
        (10, "4.2e1", "40"),
        (0.1, "0.3", "0.3"),  # 0.3 / 0.1 is below 3 in floating point
        (0.1, "0.7", "0.7"),
        (0.25, "-0.1", "-0.25"),
        (2.5, "7.4", "5"),
        (1000, "123456789012", "123456789000"),
        (10, "forty", None),
        (10, "1,234", None),
        (10, "inf", None),
        (10, "1e999", None),
        (10, "", None),
    ],
)
def test_numbers_become_the_lower_bound_of_their_bin(
    width: float, value: str, bound: str | None
) -> None:
    """Bins begin at whole multiples of the width, to the last digit."""
    assert bin_numbers(text([value]), width)[0].to_pylist() == [bound]


def test_values_that_are_no_numbers_are_counted() -> None:
    """What is lost is counted; what was missing is not."""
    assert bin_numbers(text(["?", "1", None, " ", "x", "nan"]), 10)[1] == 3
    assert bin_numbers(np.array([1.0, np.nan, np.inf]), 10)[1] == 1


FINITE = st.floats(allow_nan=False, allow_infinity=False)
WIDTHS = st.floats(min_value=1e-6, max_value=1e9) | st.integers(1, 1000).map(float)


@QUICK
@given(st.lists(FINITE, min_size=1, max_size=6), WIDTHS)
def test_binning_twice_is_binning_once(numbers: list[float], width: float) -> None:
    """A bound lies in its own bin, and never above the number."""
    once = bin_numbers(np.array(numbers), width)[0]
    assert bin_numbers(once, width)[0].equals(once)
    assert all(
        float(bound) <= x for bound, x in zip(once.to_pylist(), numbers, strict=True) if bound
    )


@QUICK
@given(st.integers(-(10**6), 10**6), st.integers(1, 500))
def test_bins_of_whole_numbers_are_floor_division(number: int, width: int) -> None:
    """Against Python's own exact arithmetic, by number and by text."""
    expected = [str(number // width * width)]
    assert bin_numbers(np.array([float(number)]), width)[0].to_pylist() == expected
    assert bin_numbers(text([str(number)]), width)[0].to_pylist() == expected


@pytest.mark.parametrize(
    ("period", "value", "day"),
    [
        ("year", "1978-05-17", "1978-01-01"),
        ("quarter", "1978-05-17", "1978-04-01"),
        ("month", "1899-12-31", "1899-12-01"),
        ("week", "2026-10-16", "2026-10-12"),  # a Friday to its Monday
        ("week", "2026-10-12", "2026-10-12"),
        ("day", "2300-01-02T03:04:05", "2300-01-02"),
        ("day", "2026-01-01T00:30:00+02:00", "2025-12-31"),
        ("month", "0999-05-17", "0999-05-01"),
        ("year", "17.05.1978", None),
        ("year", "1978-13-01", None),
        ("year", "12026-01-01", None),
        ("year", "", None),
    ],
)
def test_dates_become_the_first_day_of_their_period(
    period: Any, value: str, day: str | None
) -> None:
    """ISO dates in, ISO dates out; also before 1970 and after 2262."""
    assert round_dates(text([value]), period)[0].to_pylist() == [day]


def test_values_that_are_no_dates_are_counted() -> None:
    """What is lost is counted; what was missing is not."""
    assert round_dates(text(["2026-01-01", "soon", None, ""]), "year")[1] == 1
    outside = np.array(["2026-01-01", "NaT", "20000-01-01"], "M8[us]")
    days, n_lost = round_dates(outside, "year")
    assert (days.to_pylist(), n_lost) == (["2026-01-01", None, None], 1)


@QUICK
@given(
    st.lists(st.datetimes(), max_size=4),
    st.sampled_from(["year", "quarter", "month", "week", "day"]),
)
def test_rounding_dates_twice_is_rounding_once(times: list[Any], period: Any) -> None:
    """The first day of a period is in it."""
    once = round_dates(np.array(times, "M8[us]"), period)[0]
    assert round_dates(once, period) == (once, 0)


def test_codes_keep_their_first_signs() -> None:
    """The others become stars, one for each; what is short stays."""
    codes = text(["12345", " SW1A 1AA ", "12", None, "", "Mu\u0308nchen"])
    assert shorten_codes(codes, 3).to_pylist() == [
        "123**", "SW1*****", "12", None, None, "M\u00fcn****",
    ]  # fmt: skip
    assert shorten_codes(np.array([12345.0, np.nan]), 3).to_pylist() == ["123**", None]


@QUICK
@given(TEXTS, st.integers(1, 6))
def test_shortening_twice_is_shortening_once(values: list[Any], length: int) -> None:
    """A shortened code stays as it is."""
    once = shorten_codes(text(values), length)
    assert shorten_codes(once, length).equals(once)


@pytest.mark.parametrize(
    ("column", "read"),
    [
        (pa.array([7]), "7"),
        (pa.array([7.0]), "7"),
        (pa.array(["7"]), "7"),
        (pa.array(["7"], pa.large_string()), "7"),
        (pa.array(["7"]).dictionary_encode(), "7"),
        (pa.array([decimal.Decimal("7.00")]), "7"),
        (pa.array([decimal.Decimal("7.50")]), "7.5"),
        (pa.array([decimal.Decimal(100)]), "100"),
        (pa.array([-0.0]), "0"),
        (pa.array([2**63 - 1]), "9223372036854775807"),
        (pa.array([4111111111111111.0]), "4111111111111111"),
        (pa.array([True]), "true"),
        (pa.array([datetime.date(1899, 12, 31)]), "1899-12-31"),
        (pa.array([datetime.date(1978, 5, 17)]).cast(pa.timestamp("ns", "UTC")), "1978-05-17"),
        (pa.array([" Zoe\u0308\t"]), "Zo\u00eb"),
        (pa.array([" \n"]), None),
        (pa.array([float("nan")]), None),
        (pa.nulls(1), None),
    ],
)
def test_every_type_is_read_as_the_same_text(column: pa.Array, read: str | None) -> None:
    """A number in a file that has a gap, and the same as text, are one person's number."""
    made = read_text(column, "x")
    assert (made.type, made.to_pylist()) == (pa.string(), [read])


def test_types_without_text_are_refused_without_a_value() -> None:
    """The error names column and type."""
    with pytest.raises(PrivacyError, match="'tags' has the type list") as caught:
        read_text(pa.array([["Ada"]]), "tags")
    assert "Ada" not in str(caught.value)


# --- transformers -----------------------------------------------------------------------------


def test_model_generalises_what_ingestion_did_not() -> None:
    """Numbers, text and what is generalised already give the same."""
    generalise = GeneraliseColumns(["age"], width=10)
    for column in (np.array([37.0, np.nan]), text(["37", None]), text(["30", None])):
        assert generalise.transform({"age": column}).frame["age"].to_pylist() == ["30", None]
    dated = GeneraliseColumns(["born"], period="month")
    for column in (np.array(["1978-05-17", "NaT"], "M8[us]"), text(["1978-05-01", None])):
        made = dated.transform({"born": column}).frame["born"].to_pylist()
        assert made == ["1978-05-01", None]
    codes = GeneraliseColumns(["zip"], length=2)
    for column in (np.array([123.0]), text(["123"]), text(["12*"])):
        assert codes.transform({"zip": column}).frame["zip"].to_pylist() == ["12*"]


def test_what_is_generalised_already_counts_as_unchanged() -> None:
    """The report tells of values that this step changed or lost."""
    generalise = GeneraliseColumns(["age"], width=10)
    assert not generalise.transform({"age": text(["30", None])}).changes
    assert generalise.transform({"age": text(["37", "?"])}).changes == {
        ("age", "generalised"): 1,
        ("age", "no number, set missing"): 1,
    }


def test_generalising_the_wrong_kind_is_an_error() -> None:
    """A date has no width and a number no month."""
    frame = {"born": np.array(["1978-05-17"], "M8[us]"), "age": np.array([37.0])}
    with pytest.raises(CleaningError, match="holds dates"):
        GeneraliseColumns(["born"], width=10).transform(frame)
    with pytest.raises(CleaningError, match="holds numbers"):
        GeneraliseColumns(["age"], period="year").transform(frame)


def test_columns_that_are_not_there_are_left_alone() -> None:
    """A model that predicts may have fewer columns; the others stay as they are."""
    frame = {"other": text(["a"])}
    assert GeneraliseColumns(["age"], width=10).transform(frame).frame == frame
    assert MaskColumns(["name"]).transform(frame).frame == frame


def test_model_masks_numbers_as_their_text() -> None:
    """A card number that was read as a number is masked as its digits."""
    mask = MaskColumns(["card"], keep="last", n=4)
    for column in (np.array([4111111111111111.0]), text(["4111111111111111"]), text(["****1111"])):
        assert mask.transform({"card": column}).frame["card"].to_pylist() == ["****1111"]


def test_unseen_categories_become_other_where_rare_ones_did() -> None:
    """Only where training had `other`; missing stays missing."""
    train = {"town": text(["Rome", "other", None]), "job": text(["baker", "smith", None])}
    merge = MergeRareCategories(["town", "job"]).fit(train)
    assert merge.categories_ == {"town": ["Rome", "other"], "job": ["baker", "smith"]}
    rows = {"town": text(["Alba", None, "Rome"]), "job": text(["pilot", None, "baker"])}
    made = merge.transform(rows)
    assert made.frame["town"].to_pylist() == ["other", None, "Rome"]
    assert made.frame["job"].to_pylist() == ["pilot", None, "baker"]
    assert made.changes == {("town", "merged into 'other'"): 1}
    again = MergeRareCategories.from_json(merge.to_json())
    assert again.transform(rows).frame["town"].to_pylist() == ["other", None, "Rome"]


def test_merging_a_column_that_is_not_there_is_an_error_when_fitting() -> None:
    """It names the nearest."""
    with pytest.raises(CleaningError, match="'town', perhaps"):
        MergeRareCategories(["twon"]).fit({"town": text(["Rome"])})

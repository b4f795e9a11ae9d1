"""What masking and generalising make of a column: one pure function for each rule.

Ingestion protects rows by these functions before anything is written, and a registered model does
the same to the rows it is given, so the rules stand here once. NumPy and pyarrow alone. Each of
them changes nothing in what it has made itself: protected rows may pass twice.
"""

from __future__ import annotations

import decimal
import unicodedata
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import PrivacyError
from tasks.preparation.frame import Column, find_kind, read_column
from tasks.preparation.transformers.convert_date import ConvertToDate
from tasks.preparation.transformers.convert_number import ConvertToNumber
from tasks.preparation.transformers.mark_missing import trim

Keep: TypeAlias = Literal["nothing", "last", "domain"]
Period: TypeAlias = Literal["year", "quarter", "month", "week", "day"]

OTHER = "other"  # what rare categories become
MASK = "***"  # of a fixed length: a mask does not tell how long the text was
NOT_A_NUMBER = "no number, set missing"
NOT_A_DATE = "no date, set missing"

# What follows an address's @. It ends in letters, or a number with points would pass for one.
_DOMAIN = r"@(?:[\p{L}\p{M}\p{N}-]+\.)+(?:\p{L}\p{L}+|xn--[0-9A-Za-z-]+)$"
_EXACT = 2.0**53  # whole numbers from here on are not all different as floats
_DIGITS = decimal.Context(prec=1200)  # the whole of any float times any float


def read_text(column: pa.Array, name: str) -> pa.StringArray:
    """Read an Arrow column as text, without a loss: the number 7, 7.0 and the text "7" are equal.

    Parameters
    ----------
    column : pyarrow.Array of length n_rows
        Text, numbers, booleans, dates or times.
    name : str
        For the error.

    Returns
    -------
    pyarrow.StringArray of length n_rows
        NFC-normalised and trimmed; blank text and NaN are missing.

    Raises
    ------
    PrivacyError
        When the type is none of these.
    """
    if isinstance(column.type, pa.DictionaryType):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_decimal(kind):
        text = pc.replace_substring_regex(column.cast(pa.string()), r"(\.[0-9]*[1-9])0+$", r"\1")
        text = pc.replace_substring_regex(text, r"\.0+$", "")
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_time(kind):
        text = column.cast(pa.string())  # not as floats, which cut long customer numbers
    elif _is_readable(kind):
        text = to_text(read_column(column, name))
    else:
        raise PrivacyError(
            f"The column {name!r} has the type {kind}, which cannot be protected.",
            expected="text, numbers, booleans, dates or times",
            hint="take the column out of 'columns' in the workflow file, or convert it in the source",
        )
    return normalise(text)


def _is_readable(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_null(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
    )


def to_text(column: Column) -> pa.StringArray:
    """Write a column of a frame as text, each value by itself.

    Parameters
    ----------
    column : Column of length n_rows
        Numbers, dates or text.

    Returns
    -------
    pyarrow.StringArray of length n_rows
        Whole numbers without a fraction; a date at midnight without its time.
    """
    if not isinstance(column, np.ndarray):
        return column
    if find_kind(column) == "date":
        times = pa.array(column, pa.timestamp("us"))
        is_day = pa.array(column == column.astype("M8[D]"))
        days = pc.strftime(times, format="%Y-%m-%d")
        return pc.if_else(is_day, days, pc.strftime(times, format="%Y-%m-%dT%H:%M:%S"))
    is_missing = np.isnan(column)
    is_whole = (np.abs(column) < 2.0**63) & (column == np.floor(column))
    whole = pa.array(np.where(is_whole, column, 0.0).astype(np.int64)).cast(pa.string())
    text = pc.if_else(pa.array(is_whole), whole, pa.array(column).cast(pa.string()))
    return pc.if_else(pa.array(is_missing), pa.scalar(None, pa.string()), text)


def normalise(text: pa.StringArray) -> pa.StringArray:
    """Bring text to Unicode's NFC and trim it; blank text becomes missing."""
    # Not by pc.utf8_normalize: in pyarrow 25 its NFC leaves letters and accents apart.
    is_foreign = pc.fill_null(pc.invert(pc.string_is_ascii(text)), False)
    if pc.any(is_foreign).as_py():
        encoded = text.filter(is_foreign).dictionary_encode()
        composed = [unicodedata.normalize("NFC", t) for t in encoded.dictionary.to_pylist()]
        text = pc.replace_with_mask(
            text, is_foreign, pa.array(composed, pa.string()).take(encoded.indices)
        )
    return trim(text)


def mask_text(column: Column, keep: Keep = "nothing", n: int = 4) -> pa.StringArray:
    """Replace text by a mask that does not tell its length.

    Parameters
    ----------
    column : Column of length n_rows
    keep : {"nothing", "last", "domain"}
    n : int, default 4
        For last: signs that stay. Of a text with fewer than ``2 * n`` signs none stays, or most of
        it could be read.

    Returns
    -------
    pyarrow.StringArray of length n_rows
        Missing where nothing stood.

    Examples
    --------
    >>> mask_text(pa.array(["4111 1111 1111 1234", "1234"]), "last").to_pylist()
    ['****1234', '********']
    >>> mask_text(pa.array(["ada@example.org", "ada at home"]), "domain").to_pylist()
    ['***@example.org', '***']
    """
    text = normalise(to_text(column))
    if keep == "last":
        # With as many stars as signs a mask has 2n signs itself, and masked again it stays.
        stars = "*" * max(len(MASK), n)
        last = pc.utf8_slice_codeunits(text, start=-n)
        is_long = pc.greater_equal(pc.utf8_length(text), 2 * n)
        return pc.binary_join_element_wise(stars, pc.if_else(is_long, last, "*" * n), "")
    if keep == "domain":
        # Matching and cutting takes a tenth of the time that a capturing group takes.
        has_domain = pc.fill_null(pc.match_substring_regex(text, _DOMAIN), False)
        parts = pc.split_pattern(text.filter(has_domain), "@", max_splits=1, reverse=True)
        domains = pc.binary_join_element_wise(MASK, pc.list_element(parts, 1), "@")
        masked = pc.replace_with_mask(pa.repeat(MASK, len(text)), has_domain, domains)
    else:
        masked = pa.scalar(MASK)
    return pc.if_else(text.is_valid(), masked, pa.scalar(None, pa.string()))


def bin_numbers(column: Column, width: float) -> tuple[pa.StringArray, int]:
    """Replace numbers by the lower bound of their bin.

    Parameters
    ----------
    column : Column of length n_rows
        Numbers, or text with a point as decimal mark.
    width : float
        Bins begin at its whole multiples: ``floor(x / width) * width``, also below zero.

    Returns
    -------
    bounds : pyarrow.StringArray of length n_rows
        The exact decimal multiple, so that 0.3 is 3 times 0.1; missing where no finite number stood.
    n_lost : int
        How many values were no finite number.

    Examples
    --------
    >>> bounds, n_lost = bin_numbers(pa.array(["37", "-3", "forty", None]), 10.0)
    >>> bounds.to_pylist(), n_lost
    (['30', '-10', None, None], 1)
    """
    numbers, n_given = _read_numbers(column)
    width = float(width)  # a workflow file may say 10
    with np.errstate(over="ignore", invalid="ignore"):
        places = np.floor(numbers / width)
    is_there = np.isfinite(places)
    n_lost = n_given - int(is_there.sum())
    x, k = numbers[is_there], places[is_there]
    # Where bins are narrower than the distance of floats, a number is its own bound.
    is_binned = np.abs(k) < _EXACT
    made = to_text(x)
    if is_binned.any():
        bounds = _find_bounds(x[is_binned], k[is_binned], width)
        made = pc.replace_with_mask(made, pa.array(is_binned), bounds)
    return _spread(made, is_there), n_lost


def _read_numbers(column: Column) -> tuple[npt.NDArray[np.float64], int]:
    """Numbers, NaN for what is none, and how many values there were."""
    if isinstance(column, np.ndarray):
        return column, int((~np.isnan(column)).sum())
    text = trim(column)
    numbers, _ = ConvertToNumber([]).convert(text)
    return np.asarray(numbers, np.float64), len(text) - text.null_count


def _find_bounds(
    x: npt.NDArray[np.float64], k: npt.NDArray[np.float64], width: float
) -> pa.StringArray:
    """Texts of the largest multiples of the width that are not above x; k is right but for rounding."""
    if width.is_integer() and width < _EXACT and (np.abs(x) < _EXACT - width).all():
        k = np.where(k * width > x, k - 1, np.where((k + 1) * width <= x, k + 1, k))
        return pa.array((k * width).astype(np.int64)).cast(pa.string())
    step = _DIGITS.create_decimal(repr(width))
    guesses, at = np.unique(k, return_inverse=True)
    lower = np.array([float(_multiply(guess, step)) for guess in guesses])
    upper = np.array([float(_multiply(guess + 1, step)) for guess in guesses])
    k = np.where(x < lower[at], k - 1, np.where(x >= upper[at], k + 1, k))
    found, at = np.unique(k, return_inverse=True)
    texts = [format(_multiply(one, step).normalize(_DIGITS), "f") for one in found]
    return pa.array(texts, pa.string()).take(pa.array(at))


def _multiply(k: float, step: decimal.Decimal) -> decimal.Decimal:
    return _DIGITS.multiply(decimal.Decimal(int(k)), step)


def round_dates(column: Column, period: Period) -> tuple[pa.StringArray, int]:
    """Replace dates and times by the first day of their period.

    Parameters
    ----------
    column : Column of length n_rows
        Dates, or ISO 8601 text; times with a zone are brought to UTC.
    period : {"year", "quarter", "month", "week", "day"}
        Weeks begin on Monday.

    Returns
    -------
    days : pyarrow.StringArray of length n_rows
        ISO dates; missing where no date of the years 1 to 9999 stood.
    n_lost : int
        How many values were no such date.

    Examples
    --------
    >>> days, n_lost = round_dates(pa.array(["1978-05-17", "17.5.1978"]), "quarter")
    >>> days.to_pylist(), n_lost
    (['1978-04-01', None], 1)
    """
    if isinstance(column, np.ndarray):
        times = column
        n_given = int((~np.isnat(times)).sum())
    else:
        text = trim(column)
        read, _ = ConvertToDate([]).convert(text)
        times, n_given = np.asarray(read, "M8[us]"), len(text) - text.null_count
    is_there = (times >= np.datetime64("0001-01-01")) & (times < np.datetime64("10000-01-01"))
    first = pc.floor_temporal(pa.array(times[is_there], pa.timestamp("us")), unit=period)
    days = pc.strftime(first, format="%Y-%m-%d")
    return _spread(days, is_there), n_given - int(is_there.sum())


def shorten_codes(column: Column, length: int) -> pa.StringArray:
    """Keep the first signs of a code, the others as ``*``: 12345 becomes 123**.

    Parameters
    ----------
    column : Column of length n_rows
    length : int
        Signs that stay. A code that is not longer stays as it is.

    Returns
    -------
    pyarrow.StringArray of length n_rows
    """
    text = normalise(to_text(column))
    n_more = pc.max_element_wise(pc.subtract(pc.utf8_length(text), length), 0, skip_nulls=False)
    first = pc.utf8_slice_codeunits(text, start=0, stop=length)
    return pc.binary_join_element_wise(first, pc.binary_repeat("*", n_more), "")


def merge_categories(text: pa.StringArray, known: pa.Array) -> pa.StringArray:
    """Replace every category but the known ones by ``other``; missing ones stay missing."""
    is_kept = pc.or_(pc.is_in(text, value_set=known), text.is_null())
    return pc.if_else(is_kept, text, pa.scalar(OTHER, text.type))


def _spread(some: pa.StringArray, is_there: npt.NDArray[np.bool_]) -> pa.StringArray:
    """Put values in the places where there is one, and nulls elsewhere."""
    if is_there.all():
        return some
    return pc.replace_with_mask(pa.nulls(len(is_there), pa.string()), pa.array(is_there), some)

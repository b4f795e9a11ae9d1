"""Type conversion of text: numbers, dates, booleans and categories, and what becomes of the rest.

Transformers of ``tasks.preparation``; plain ones, each row's result follows from its own text.
"""

from __future__ import annotations

import datetime
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.preparation.frame import Column, Frame, Kind, find_kind
from tasks.preparation.text_bytes import find_rows, view_bytes
from tasks.preparation.transformer import (
    Problem,
    Transformed,
    Transformer,
    count_change,
    list_columns,
)

Unconvertible: TypeAlias = Literal["quarantine", "missing"]

NOT_A_NUMBER = "not a number"
NOT_FINITE = "NaN or infinite"
NOT_A_DATE = "not a date"
NOT_A_BOOLEAN = "neither true nor false"
NOT_A_CATEGORY = "not in the set of categories"
SET_MISSING = "unconvertible, set missing"

# What Arrow's cast reads, written for RE2, which takes linear time whatever the text.
_NUMBER = r"^([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:nan|inf|infinity))$"
# In ASCII `+ , - . / 0 ... 9` follow each other; a byte before them wraps round to a large number.
_PLUS, _COMMA, _SLASH, _NINE = (np.uint8(ord(sign)) for sign in "+,/9")
# ISO 8601 as Arrow reads it, for RE2; days of the months but for leap years.
_ISO = (
    r"^[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|02-(0[1-9]|[12][0-9]))([ T]([01][0-9]|2[0-3])(:[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$"
)
_NANOSECONDS = r"(\.[0-9]{6})[0-9]+"  # digits beyond microseconds are cut
# strptime's directives that Python spells out.
_SHORTHANDS = {
    "%e": "%d",
    "%h": "%b",
    "%D": "%m/%d/%y",
    "%F": "%Y-%m-%d",
    "%R": "%H:%M",
    "%T": "%H:%M:%S",
}
_MAX_WHOLE = 2.0**53  # up to here floats hold every whole number


class _Convert(Transformer):
    """Converts columns of text to a kind; a column that has it already stays."""

    TO: ClassVar[Kind]
    WHAT: ClassVar[str]
    """What is wrong with a value that cannot be converted."""

    columns: Sequence[str]
    unconvertible: Unconvertible

    def transform(self, frame: Frame, folds: npt.NDArray[np.int64] | None = None) -> Transformed:  # noqa: ARG002
        """Convert; see :class:`Transformer`."""
        result = dict(frame)
        problems: list[Problem] = []
        changes: Counter[tuple[str, str]] = Counter()
        for name in list_columns(frame, self.columns, ("text", self.TO), self.KEY):
            column = frame[name]
            kind = find_kind(column)
            if kind == "text":
                converted, is_bad = self.convert(column)
                self._note(name, self.WHAT, is_bad, column, problems, changes)
                result[name] = converted
            if self.TO == "number":
                is_infinite = np.isinf(result[name])
                if is_infinite.any():
                    self._note(name, NOT_FINITE, is_infinite, column, problems, changes)
                    result[name] = np.where(is_infinite, np.nan, result[name])
        return Transformed(result, tuple(problems), changes)

    @abstractmethod
    def convert(self, column: pa.StringArray) -> tuple[Column, npt.NDArray[np.bool_]]:
        """Convert a column.

        Parameters
        ----------
        column : pyarrow.StringArray of length n_rows
            Trimmed text.

        Returns
        -------
        converted : Column of length n_rows
            Missing where the text is missing or cannot be converted.
        is_bad : ndarray of shape (n_rows,), bool
            Where it cannot be converted.
        """

    def _note(
        self,
        name: str,
        what: str,
        is_bad: npt.NDArray[np.bool_],
        column: Column,
        problems: list[Problem],
        changes: Counter[tuple[str, str]],
    ) -> None:
        rows = np.flatnonzero(is_bad)
        if not len(rows):
            return
        if self.unconvertible == "missing":
            count_change(changes, name, SET_MISSING, len(rows))
            return
        values: list[Any] = (
            column[rows].tolist()
            if isinstance(column, np.ndarray)
            else column.take(pa.array(rows)).to_pylist()
        )
        problems.append(Problem(name, what, rows, values))


class ConvertToNumber(_Convert):
    """Read numbers.

    Parameters
    ----------
    columns : sequence of str
    thousands : str, optional
        The mark between groups of digits; a text where it stands elsewhere is no number.
    decimal : str
        The decimal mark.
    unconvertible : {"quarantine", "missing"}
        What becomes of a text that is no number, and of an infinite one.

    Examples
    --------
    >>> convert = ConvertToNumber(["price"], thousands=".", decimal=",")
    >>> transformed = convert.transform({"price": pa.array(["1.234,5", "12", "many", None])})
    >>> transformed.frame["price"].tolist(), transformed.problems[0].values
    ([1234.5, 12.0, nan, nan], ['many'])
    """

    KEY = "convert_to_number"
    TO = "number"
    WHAT = NOT_A_NUMBER

    def __init__(
        self,
        columns: Sequence[str],
        thousands: str | None = None,
        decimal: str = ".",
        unconvertible: Unconvertible = "quarantine",
    ) -> None:
        self.columns = columns
        self.thousands = thousands
        self.decimal = decimal
        self.unconvertible = unconvertible

    def convert(self, column: pa.StringArray) -> tuple[Column, npt.NDArray[np.bool_]]:
        """Convert; see the base class."""
        text = column
        if self.thousands is not None:
            text = self._remove_thousands(text)
        if self.decimal != ".":
            # A point is no decimal mark here: "1.5" must not be read as one and a half.
            has_point = pc.match_substring(text, ".")
            text = pc.replace_substring(text, self.decimal, ".")
            text = pc.if_else(has_point, "no number", text)
        is_bad = np.zeros(len(text), dtype=bool)
        # Nearly all texts are digits with a sign and a point; the few others are told by the pattern.
        starts, data = view_bytes(text)
        is_odd = (data - _PLUS > _NINE - _PLUS) | (data == _COMMA) | (data == _SLASH)
        text = self._drop(text, find_rows(starts, is_odd), is_bad)
        try:
            numbers = pc.cast(text, pa.float64())
        except pa.ArrowInvalid:  # signs of numbers, but not a number: 1-2
            text = self._drop(text, np.arange(len(text)), is_bad)
            numbers = pc.cast(text, pa.float64())
        if is_bad.any():
            is_bad &= np.asarray(column.is_valid())
        return np.asarray(numbers.to_numpy(zero_copy_only=False), np.float64), is_bad

    def _drop(
        self,
        text: pa.StringArray,
        suspects: npt.NDArray[np.int64],
        is_bad: npt.NDArray[np.bool_],
    ) -> pa.StringArray:
        """Make those of the suspects missing that are no numbers, and note them as bad."""
        if not len(suspects):
            return text
        is_number = pc.match_substring_regex(text.take(pa.array(suspects)), _NUMBER)
        wrong = suspects[np.asarray(pc.equal(is_number, False).fill_null(False))]
        is_bad[wrong] = True
        return pc.if_else(pa.array(is_bad), pa.scalar(None, pa.string()), text)

    def _remove_thousands(self, text: pa.StringArray) -> pa.StringArray:
        mark = str(self.thousands)
        has_mark = pc.match_substring(text, mark)
        if not pc.any(has_mark).as_py():
            return text
        sign, point = (f"[{c}]" if c not in "^]\\" else f"\\{c}" for c in (mark, self.decimal))
        grouped = rf"^[+-]?[0-9]{{1,3}}({sign}[0-9]{{3}})+({point}[0-9]*)?$"
        is_grouped = pc.match_substring_regex(text, grouped)
        bare = pc.replace_substring(text, mark, "")
        wrong = pc.and_(has_mark, pc.invert(is_grouped))
        return pc.if_else(wrong, "no number", pc.if_else(is_grouped, bare, text))


class ConvertToDate(_Convert):
    """Read dates and times.

    Parameters
    ----------
    columns : sequence of str
    formats : sequence of str
        Tried in order: ``iso8601``, or strftime's, such as ``%d.%m.%Y``.
    unconvertible : {"quarantine", "missing"}

    Notes
    -----
    Times without a zone are taken as UTC, times with one are brought to UTC. Microseconds: years
    from 1 to 9999, so also before 1970 and after 2262.

    Examples
    --------
    >>> convert = ConvertToDate(["day"], ["%d.%m.%Y", "iso8601"])
    >>> convert.transform({"day": pa.array(["31.12.1899", "2300-01-02"])}).frame["day"].astype(str).tolist()
    ['1899-12-31T00:00:00.000000', '2300-01-02T00:00:00.000000']
    """

    KEY = "convert_to_date"
    TO = "date"
    WHAT = NOT_A_DATE

    def __init__(
        self,
        columns: Sequence[str],
        formats: Sequence[str] = ("iso8601",),
        unconvertible: Unconvertible = "quarantine",
    ) -> None:
        self.columns = columns
        self.formats = formats
        self.unconvertible = unconvertible

    def convert(self, column: pa.StringArray) -> tuple[Column, npt.NDArray[np.bool_]]:
        """Convert; see the base class."""
        # Days repeat: each distinct text is read once.
        encoded = column.dictionary_encode()
        texts = encoded.dictionary
        times = pa.nulls(len(texts), pa.timestamp("us"))
        for form in self.formats:
            todo = times.is_null()
            if not pc.any(todo).as_py():
                break
            some = texts.filter(todo)
            read = _read_iso(some) if form == "iso8601" else _read_format(some, form)
            times = pc.replace_with_mask(times, todo, read)
        # Outside the years 1 to 9999 it is a slip, and Python could not show it.
        values = np.asarray(times.to_numpy(zero_copy_only=False), "M8[us]")
        out = (values < np.datetime64("0001-01-01")) | (
            values > np.datetime64("9999-12-31T23:59:59.999999")
        )
        values = np.where(out, np.datetime64("NaT", "us"), values)
        if not len(values):
            return np.full(len(column), np.datetime64("NaT", "us")), np.zeros(len(column), bool)
        indices = np.asarray(encoded.indices.fill_null(0))
        is_there = np.asarray(column.is_valid())
        result = np.where(is_there, values[indices], np.datetime64("NaT", "us"))
        return result, is_there & np.isnat(result)


class ConvertToBoolean(_Convert):
    """Read booleans as 0 and 1.

    Parameters
    ----------
    columns : sequence of str
    true_values, false_values : sequence of str
        Compared without regard to case.
    unconvertible : {"quarantine", "missing"}
    """

    KEY = "convert_to_boolean"
    TO = "number"
    WHAT = NOT_A_BOOLEAN

    def __init__(
        self,
        columns: Sequence[str],
        true_values: Sequence[str] = ("true", "yes", "y", "t", "1"),
        false_values: Sequence[str] = ("false", "no", "n", "f", "0"),
        unconvertible: Unconvertible = "quarantine",
    ) -> None:
        self.columns = columns
        self.true_values = true_values
        self.false_values = false_values
        self.unconvertible = unconvertible

    def convert(self, column: pa.StringArray) -> tuple[Column, npt.NDArray[np.bool_]]:
        """Convert; see the base class."""
        text = pc.utf8_lower(column)
        is_true = np.asarray(pc.is_in(text, value_set=_lower(self.true_values)))
        is_false = np.asarray(pc.is_in(text, value_set=_lower(self.false_values)))
        numbers = np.where(is_true, 1.0, np.where(is_false, 0.0, np.nan))
        return numbers, np.asarray(column.is_valid()) & np.isnan(numbers)


class ConvertToCategory(_Convert):
    """Read categories: texts of a set.

    Parameters
    ----------
    columns : sequence of str
    categories : sequence of str, optional
        The set; by default every text is a category.
    synonyms : mapping of str to str, optional
        Texts that are written as another one, before the set is looked at.
    unconvertible : {"quarantine", "missing"}
        What becomes of a text outside the set.
    """

    KEY = "convert_to_category"
    TO = "text"
    WHAT = NOT_A_CATEGORY

    def __init__(
        self,
        columns: Sequence[str],
        categories: Sequence[str] | None = None,
        synonyms: Mapping[str, str] | None = None,
        unconvertible: Unconvertible = "quarantine",
    ) -> None:
        self.columns = columns
        self.categories = categories
        self.synonyms = synonyms
        self.unconvertible = unconvertible

    def transform(self, frame: Frame, folds: npt.NDArray[np.int64] | None = None) -> Transformed:
        """Convert; numbers and dates become their text first."""
        as_text = {
            name: _to_text(frame[name])
            for name in self.columns
            if name in frame and isinstance(frame[name], np.ndarray)
        }
        return super().transform({**frame, **as_text}, folds)

    def convert(self, column: pa.StringArray) -> tuple[Column, npt.NDArray[np.bool_]]:
        """Convert; see the base class."""
        text = column
        if self.synonyms:
            places = pc.index_in(text, value_set=pa.array(list(self.synonyms), pa.string()))
            others = pa.array(list(self.synonyms.values()), pa.string()).take(places)
            text = pc.coalesce(others, text)
        if self.categories is None:
            return text, np.zeros(len(text), dtype=bool)
        is_known = pc.is_in(text, value_set=pa.array(self.categories, pa.string()))
        is_bad = np.asarray(pc.and_(text.is_valid(), pc.invert(is_known)))
        return pc.if_else(is_known, text, pa.scalar(None, pa.string())), is_bad


def _lower(texts: Sequence[str]) -> pa.StringArray:
    return pa.array([text.lower() for text in texts], pa.string())


def _to_text(column: npt.NDArray[Any]) -> pa.StringArray:
    """Whole numbers without a fraction, so that 3.0 of a file that has a gap is the category 3."""
    if find_kind(column) == "date":
        return pa.array(column, pa.timestamp("us")).cast(pa.string())
    is_missing = np.isnan(column)
    is_whole = (column == np.floor(column)) & (np.abs(column) <= _MAX_WHOLE)
    whole = pa.array(np.where(is_whole, column, 0).astype(np.int64), mask=is_missing)
    if np.all(is_missing | is_whole):
        return whole.cast(pa.string())
    # Each value by itself: its text must not depend on the rows beside it.
    others = pa.array(column, mask=is_missing).cast(pa.string())
    return pc.if_else(pa.array(is_whole), whole.cast(pa.string()), others)


def _read_iso(texts: pa.StringArray) -> pa.Array:
    """ISO 8601 dates and times; null where a text is none."""
    try:
        return _cast_iso(texts)
    except pa.ArrowInvalid:  # one of them, and Arrow does not say which
        is_iso = pc.match_substring_regex(texts, _ISO)
        cut = pc.replace_substring_regex(texts.filter(is_iso), _NANOSECONDS, r"\1")
        return pc.replace_with_mask(
            pa.nulls(len(texts), pa.timestamp("us")), is_iso, _cast_iso_in_halves(cut)
        )


def _cast_iso_in_halves(texts: pa.StringArray) -> pa.Array:
    """Few are left that the pattern lets through: 29 February of a common year, odd zones."""
    try:
        return _cast_iso(texts)
    except pa.ArrowInvalid:
        if len(texts) == 1:
            return pa.nulls(1, pa.timestamp("us"))
        half = len(texts) // 2
        return pa.concat_arrays(
            [_cast_iso_in_halves(texts[:half]), _cast_iso_in_halves(texts[half:])]
        )


def _cast_iso(texts: pa.StringArray) -> pa.Array:
    has_zone = pc.match_substring_regex(texts, r"[0-9](Z|[+-][0-9]{2}(:?[0-9]{2})?)$")
    has_zone = pc.and_(has_zone, pc.greater(pc.binary_length(texts), 10))
    if not pc.any(has_zone).as_py():
        return pc.cast(texts, pa.timestamp("us"))
    zoned = pc.cast(texts.filter(has_zone), pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
    plain = pc.cast(pc.if_else(has_zone, pa.scalar(None, pa.string()), texts), pa.timestamp("us"))
    return pc.replace_with_mask(plain, has_zone, zoned)


def _read_format(texts: pa.StringArray, form: str) -> pa.Array:
    times = pc.strptime(texts, format=form, unit="us", error_is_null=True).cast(pa.timestamp("us"))
    # Arrow makes 2 March of 31 February. Such a day comes out as one of the first three of a month.
    is_suspect = pc.and_(
        pc.less_equal(pc.day(times), 3), pc.match_substring_regex(texts, "29|30|31")
    )
    is_suspect = pc.fill_null(is_suspect, False)
    suspects = texts.filter(is_suspect)
    if not len(suspects):
        return times
    is_day = pa.array([_is_day(text, form) for text in suspects.to_pylist()], pa.bool_())
    checked = pc.if_else(is_day, times.filter(is_suspect), pa.scalar(None, pa.timestamp("us")))
    return pc.replace_with_mask(times, is_suspect, checked)


def _is_day(text: str, form: str) -> bool:
    """Whether the day is one of its month, by Python's calendar."""
    for short, long in _SHORTHANDS.items():
        form = form.replace(short, long)
    try:
        datetime.datetime.strptime(text, form)  # noqa: DTZ007 - only whether there is such a day
    except ValueError:
        return False
    return True

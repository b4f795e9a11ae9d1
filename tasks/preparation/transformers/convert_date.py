"""Dates and times from text: ISO 8601, or strftime's formats, before 1970 and after 2262 too.

Transformer of ``tasks.preparation``; a plain one, each row's result follows from its own text.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.preparation.frame import Column
from tasks.preparation.transformers.convert import Convert, Unconvertible

NOT_A_DATE = "not a date"

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


class ConvertToDate(Convert):
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

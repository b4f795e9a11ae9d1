"""Point in time by a column: which rows came to be before the midnight a night begins at.

Used by ``files.py`` and ``sql.py``.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import SourceError
from tasks.ingestion.parts import Part, UnparsedLine
from tasks.ingestion.text_blocks import MAX_TEXT_CHARACTERS

# ISO 8601 without week dates; a day that a month does not have is found by Arrow's own reading.
_DATE = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?"
_LOCAL = rf"^{_DATE}(?:[T ]{_CLOCK})?$"
_ZONED = rf"^{_DATE}[T ]{_CLOCK}(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)$"


@dataclass(frozen=True)
class Cutoff:
    """The midnight at which a night begins.

    Parameters
    ----------
    local : datetime.datetime
        On the clocks of the workflow's time zone, without a zone.
    instant : datetime.datetime
        The same in UTC.
    """

    local: datetime.datetime
    instant: datetime.datetime

    @classmethod
    def of_night(cls, night: datetime.date, timezone: str) -> Cutoff:
        """Find it for a night.

        Examples
        --------
        >>> Cutoff.of_night(datetime.date(2026, 7, 1), "Europe/Berlin").instant.isoformat()
        '2026-06-30T22:00:00+00:00'
        """
        local = datetime.datetime.combine(night, datetime.time())
        instant = local.replace(tzinfo=ZoneInfo(timezone)).astimezone(datetime.UTC)
        return cls(local, instant)


def keep_arrived_rows(part: Part, name: str, cutoff: Cutoff) -> Part:
    """Keep the rows of a part that came to be before the cutoff.

    Parameters
    ----------
    part : Part
        With n_rows rows.
    name : str
        The column that says when: dates, times, or text as ISO 8601. Times without a zone are
        those of the workflow's time zone.
    cutoff : Cutoff

    Returns
    -------
    Part
        Rows without a time that can be read are in ``unparsed``.

    Raises
    ------
    SourceError
        When the column has another type.
    """
    column = part.rows.column(name)
    if pa.types.is_string(column.type):
        is_early, is_readable = _compare_text(column, cutoff)
    else:
        is_early, is_readable = _compare_times(column, name, cutoff, part.source)
    lost = np.flatnonzero(~is_readable)
    unparsed = tuple(
        UnparsedLine(line, f"no time can be read in the column {name!r}", text)
        for line, text in zip(
            part.lines.take(pa.array(lost)).to_pylist(), _show_rows(part.rows, lost), strict=True
        )
    )
    is_kept = pa.array(is_early & is_readable)
    return replace(
        part,
        lines=part.lines.filter(is_kept),
        rows=part.rows.filter(is_kept),
        unparsed=tuple(sorted((*part.unparsed, *unparsed), key=lambda one: one.line)),
        sources=part.sources.filter(is_kept) if part.sources is not None else None,
    )


def _compare_times(
    column: pa.Array, name: str, cutoff: Cutoff, where: str
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    kind = column.type
    if (
        not pa.types.is_null(kind)
        and not pa.types.is_date(kind)
        and not pa.types.is_timestamp(kind)
    ):
        raise SourceError(
            f"{where}: the column {name!r} has the type {kind}, which is no time.",
            expected="dates, timestamps, or text such as 2026-01-07T09:30:00+01:00",
            hint="correct 'source.arrives.column', or write the column as one of these",
        )
    is_zoned = pa.types.is_timestamp(kind) and kind.tz is not None
    # Rounding down to whole microseconds changes no comparison with a midnight.
    times = column.cast(pa.timestamp("us", "UTC" if is_zoned else None), safe=False)
    limit = pa.scalar(cutoff.instant if is_zoned else cutoff.local, times.type)
    return _to_numpy(pc.less(times, limit)), np.asarray(column.is_valid())


def _compare_text(
    column: pa.Array, cutoff: Cutoff
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    local = pa.timestamp("us")
    limit = pa.scalar(cutoff.local, local)
    try:
        return _to_numpy(pc.less(column.cast(local), limit)), np.asarray(column.is_valid())
    except pa.ArrowInvalid:
        pass  # some have a zone, or are no times: the way below is slower
    trimmed = pc.utf8_trim_whitespace(column)
    is_early = np.zeros(len(column), dtype=bool)
    is_readable = np.zeros(len(column), dtype=bool)
    for pattern, kind, moment in (
        (_LOCAL, local, cutoff.local),
        (_ZONED, pa.timestamp("us", "UTC"), cutoff.instant),
    ):
        found = np.flatnonzero(_to_numpy(pc.match_substring_regex(trimmed, pattern)))
        times = _cast_what_can_be(trimmed.take(pa.array(found)), kind)
        is_early[found] = _to_numpy(pc.less(times, pa.scalar(moment, kind)))
        is_readable[found] = np.asarray(times.is_valid())
    return is_early, is_readable


def _cast_what_can_be(texts: pa.Array, kind: pa.TimestampType) -> pa.Array:
    """Cast texts to times, null where there is no such day; halving where one among them fails."""
    try:
        return texts.cast(kind)
    except pa.ArrowInvalid:
        if len(texts) == 1:
            return pa.nulls(1, kind)
        half = len(texts) // 2
        halves = [_cast_what_can_be(part, kind) for part in (texts[:half], texts[half:])]
        return pa.concat_arrays(halves)


def _show_rows(rows: pa.RecordBatch, places: npt.NDArray[np.int64]) -> list[str]:
    scalars = [f.name for f in rows.schema if not isinstance(f.type, pa.FixedShapeTensorType)]
    some = rows.select(scalars).take(pa.array(places))
    texts = [json.dumps(row, default=str, ensure_ascii=False) for row in some.to_pylist()]
    return [text[:MAX_TEXT_CHARACTERS] for text in texts]


def _to_numpy(values: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(values, False))

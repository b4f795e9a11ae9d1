"""Parts of dates as numbers: the year, the month, the weekday, ...

Transformer of ``tasks.preparation``; a plain one, each row's result follows from its own date.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.preparation.frame import Column, Frame
from tasks.preparation.new_columns import replace_column
from tasks.preparation.transformer import Transformed, Transformer, list_columns

Part: TypeAlias = Literal[
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "day_of_year",
    "weekday",
    "hour",
    "minute",
    "is_weekend",
]

# Where a part that comes round begins, and after how many it does; the longest year and month.
_CYCLES = {
    "quarter": (1, 4),
    "month": (1, 12),
    "week": (1, 53),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "weekday": (0, 7),
    "hour": (0, 24),
    "minute": (0, 60),
}

_FUNCTIONS = {
    "year": pc.year,
    "quarter": pc.quarter,
    "month": pc.month,
    "week": pc.iso_week,
    "day": pc.day,
    "day_of_year": pc.day_of_year,
    "weekday": pc.day_of_week,  # Monday is 0
    "hour": pc.hour,
    "minute": pc.minute,
}
_SATURDAY = 5


class CalendarParts(Transformer):
    r"""Take parts of dates, in the place of the date.

    Parameters
    ----------
    columns : sequence of str
        Columns of dates, in UTC.
    parts : sequence of str
        Of year, quarter (1 to 4), month (1 to 12), week (1 to 53, ISO 8601: the week belongs to the
        year of its Thursday), day (1 to 31), day_of_year (1 to 366), weekday (0 is Monday), hour,
        minute, is_weekend (0 or 1). They become ``<column>_<part>``.
    cyclic : bool
        Parts that come round, all but year and is_weekend, as sine and cosine of
        :math:`2 \pi (p - p_0) / n`, ``<column>_<part>_sin`` and ``_cos``, so that December is next
        to January; :math:`p_0` is the first part and n their number (31 days, 366 days, 53 weeks).

    Notes
    -----
    A missing date is missing in all parts. Before 1970 and after 2262 as well as between.

    References
    ----------
    ISO 8601-1:2019, 3.1.1.23, calendar week.

    Examples
    --------
    >>> frame = {"day": np.array(["1969-12-29", "NaT"], "M8[us]")}
    >>> parts = CalendarParts(["day"], parts=["year", "week", "weekday"]).transform(frame).frame
    >>> {name: column.tolist() for name, column in parts.items()}
    {'day_year': [1969.0, nan], 'day_week': [1.0, nan], 'day_weekday': [0.0, nan]}
    """

    KEY = "calendar"

    def __init__(
        self,
        columns: Sequence[str],
        parts: Sequence[Part] = ("year", "month", "weekday"),
        cyclic: bool = False,
    ) -> None:
        self.columns = columns
        self.parts = parts
        self.cyclic = cyclic

    def _transform(self, frame: Frame) -> Transformed:
        """Take the parts; see :class:`Transformer`."""
        result = frame
        for name in list_columns(frame, self.columns, ("date",), self.KEY):
            new: dict[str, Column] = {}
            is_missing = np.isnat(frame[name])
            # Any date will do where there is none: it is set missing afterwards.
            times = np.where(is_missing, np.datetime64(0, "us"), frame[name])
            for part in self.parts:
                number = compute_part(times, part)
                if not (self.cyclic and part in _CYCLES):
                    values = {f"{name}_{part}": number.astype(np.float64)}
                else:
                    values = {
                        f"{name}_{part}_{end}": table[number]
                        for end, table in _make_tables(part).items()
                    }
                for column in values.values():
                    column[is_missing] = np.nan
                new.update(values)
            result = replace_column(result, name, new, self.KEY)
        return Transformed(dict(result))


def compute_part(times: npt.NDArray[np.datetime64], part: Part) -> npt.NDArray[np.int64]:
    """Compute a part of dates.

    Parameters
    ----------
    times : ndarray of shape (n_rows,), datetime64[us], none missing
    part : str
        See :class:`CalendarParts`.

    Returns
    -------
    ndarray of shape (n_rows,), int64
    """
    column = pa.array(times, pa.timestamp("us"))
    if part == "is_weekend":
        weekdays = np.asarray(pc.day_of_week(column))
        return (weekdays >= _SATURDAY).astype(np.int64)
    return np.asarray(_FUNCTIONS[part](column)).astype(np.int64)


def _make_tables(part: str) -> dict[str, npt.NDArray[np.float64]]:
    """Sine and cosine of every value of a part: looked up, they are the same bits in any batch."""
    first, period = _CYCLES[part]
    angles = [2.0 * math.pi * ((i - first) % period) / period for i in range(first + period)]
    return {
        "sin": np.array([math.sin(angle) for angle in angles]),
        "cos": np.array([math.cos(angle) for angle in angles]),
    }

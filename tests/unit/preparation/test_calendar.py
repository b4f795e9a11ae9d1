"""Parts of dates."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.errors import CleaningError
from tasks.preparation.transformers import transformer_from_json
from tasks.preparation.transformers.calendar import CalendarParts

PARTS = [
    "year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour", "minute", "is_weekend",
]  # fmt: skip


def read_with_python(moment: Any) -> Any:
    """The same parts by Python's own calendar."""
    _, week, weekday = moment.isocalendar()
    return {
        "year": moment.year,
        "quarter": (moment.month + 2) // 3,
        "month": moment.month,
        "week": week,
        "day": moment.day,
        "day_of_year": moment.timetuple().tm_yday,
        "weekday": weekday - 1,
        "hour": moment.hour,
        "minute": moment.minute,
        "is_weekend": int(weekday >= 6),
    }


def make_moments() -> Any:
    rng = np.random.default_rng(3)
    first = datetime.datetime(1, 1, 1)  # noqa: DTZ001 - in UTC, as columns are
    span = datetime.timedelta(days=3_652_058).total_seconds()
    moments = [first + datetime.timedelta(seconds=s) for s in rng.uniform(0, span, 400)]
    # Turns of years, where the ISO week belongs to another year; before 1970 and after 2262.
    for year in (1, 1600, 1899, 1968, 1969, 1970, 1971, 2000, 2020, 2262, 2263, 9998):
        for day in (1, 2, 3, 4):
            moments.append(first.replace(year, 1, day))
            moments.append(first.replace(year, 12, 27 + day, 23, 59, 59, 999999))
    return moments


@pytest.mark.parametrize("part", PARTS)
def test_parts_are_those_of_pythons_calendar(part: str) -> None:
    """Known answer for the years 1 to 9999."""
    moments = make_moments()
    frame = {"at": np.array(moments, "M8[us]")}
    out = CalendarParts(["at"], parts=[part]).transform(frame).frame
    assert list(out) == [f"at_{part}"]
    assert out[f"at_{part}"].tolist() == [read_with_python(moment)[part] for moment in moments]


@pytest.mark.parametrize(
    ("day", "week"), [("2005-01-01", 53), ("2008-12-29", 1), ("2010-01-03", 53), ("2024-12-30", 1)]
)
def test_iso_weeks_of_the_turn_of_the_year(day: Any, week: Any) -> None:
    """Published examples of ISO 8601."""
    frame = {"d": np.array([day], "M8[us]")}
    assert CalendarParts(["d"], parts=["week"]).transform(frame).frame["d_week"].tolist() == [week]


def test_the_parts_stand_in_the_place_of_the_date() -> None:
    """In the order in which they are named."""
    frame = {"a": np.zeros(1), "d": np.array(["2024-02-29"], "M8[us]"), "z": np.zeros(1)}
    out = CalendarParts(["d"], parts=["month", "year"]).transform(frame).frame
    assert list(out) == ["a", "d_month", "d_year", "z"]


@pytest.mark.parametrize("cyclic", [False, True])
def test_a_missing_date_is_missing_in_every_part(cyclic: bool) -> None:
    """Sine and cosine too."""
    out = CalendarParts(["d"], parts=PARTS, cyclic=cyclic).transform(
        {"d": np.array(["NaT"], "M8[us]")}
    )
    assert all(np.isnan(column).all() for column in out.frame.values())


def test_cyclic_parts_come_round() -> None:
    """December is as near to January as February is; a quarter of a cycle is a right angle."""
    frame = {"d": np.array(["2023-12-01", "2024-01-01", "2024-02-01", "2024-04-01"], "M8[us]")}
    out = CalendarParts(["d"], parts=["month"], cyclic=True).transform(frame).frame
    assert list(out) == ["d_month_sin", "d_month_cos"]
    sine, cosine = out["d_month_sin"], out["d_month_cos"]
    before, after = (math.hypot(sine[i] - sine[1], cosine[i] - cosine[1]) for i in (0, 2))
    assert before == pytest.approx(after)
    assert (sine[1], cosine[1]) == (0.0, 1.0)
    assert (sine[3], cosine[3]) == pytest.approx((1.0, 0.0), abs=1e-15)


@pytest.mark.parametrize(
    ("part", "period", "first"),
    [("quarter", 4, 1), ("month", 12, 1), ("week", 53, 1), ("day", 31, 1), ("day_of_year", 366, 1),
     ("weekday", 7, 0), ("hour", 24, 0), ("minute", 60, 0)],
)  # fmt: skip
def test_every_part_has_its_period(part: str, period: Any, first: Any) -> None:
    """The angle is 2 pi times the share of the cycle."""
    frame = {"d": np.array(make_moments(), "M8[us]")}
    plain = CalendarParts(["d"], parts=[part]).transform(frame).frame[f"d_{part}"]
    out = CalendarParts(["d"], parts=[part], cyclic=True).transform(frame).frame
    angle = 2 * np.pi * (plain - first) / period
    np.testing.assert_allclose(out[f"d_{part}_sin"], np.sin(angle), atol=1e-14)
    np.testing.assert_allclose(out[f"d_{part}_cos"], np.cos(angle), atol=1e-14)


def test_year_and_weekend_never_come_round() -> None:
    """They keep their plain form when the others are cyclic."""
    frame = {"d": np.array(["2024-06-01"], "M8[us]")}
    out = CalendarParts(["d"], parts=["year", "is_weekend"], cyclic=True).transform(frame).frame
    assert {n: c.tolist() for n, c in out.items()} == {"d_year": [2024.0], "d_is_weekend": [1.0]}


def test_a_part_never_writes_over_a_column_and_takes_dates_alone() -> None:
    """Both are errors."""
    day = np.array(["2024-06-01"], "M8[us]")
    with pytest.raises(CleaningError, match="d_year"):
        CalendarParts(["d"], parts=["year"]).transform({"d": day, "d_year": np.zeros(1)})
    with pytest.raises(CleaningError, match="holds texts"):
        CalendarParts(["d"]).transform({"d": pa.array(["2024-06-01"])})


@pytest.mark.parametrize("cyclic", [False, True])
def test_it_keeps_a_transformers_manners(check_manners: Callable[..., None], cyclic: bool) -> None:
    """JSON, batches, single rows, no row, inputs untouched."""
    frame = {"d": np.array(["2024-02-29T12:34", "NaT", "1850-07-01", "2500-12-31"], "M8[us]")}
    parts = CalendarParts(["d"], parts=PARTS, cyclic=cyclic)
    assert not parts.is_learned
    check_manners(parts, frame)
    assert transformer_from_json(json.loads(json.dumps(parts.to_json()))).cyclic is cyclic

"""What can be promised of one column, by its kind.

Pure; ``proposal.py`` chooses by the part that the column plays.
"""

from __future__ import annotations

import datetime
import math
from typing import Any, TypeAlias

from tasks.validation.column_profile import ColumnProfile

Expectation: TypeAlias = "dict[str, Any]"

MAX_CATEGORIES = 30  # more values are no list that a person reads
MAX_CATEGORY_FRACTION = 0.05  # nor is a set in which a value stands for fewer than 20 rows
RANGE_SLACK = 0.1  # of the range, on both sides
MISSING_SLACK = 0.02  # beside half as many missing values again
MOSTLY_KNOWN = 0.95  # a new category is no reason to warn unless it is frequent


def propose_presence(profile: ColumnProfile, *, is_needed: bool) -> list[Expectation]:
    """Promise that values are there: all of them where they are needed, else nearly as many as today."""
    if is_needed and not profile.n_missing:
        return [
            expect("column_values_to_not_be_null", "None is missing today.", column=profile.name)
        ]
    allowed = profile.missing_fraction * 1.5 + MISSING_SLACK
    mostly = _floor(1 - allowed)
    if mostly <= 0 or not profile.n_rows:
        return []
    return [
        expect(
            "column_values_to_not_be_null",
            f"Today {profile.missing_fraction:.3%} are missing; half as many again and "
            f"{MISSING_SLACK:.0%} more are borne.",
            "warning",
            column=profile.name,
            mostly=mostly,
        )
    ]


def propose_set(profile: ColumnProfile, *, is_fact: bool) -> list[Expectation]:
    """Promise a set of values: a fact stops the night, else new ones may be few."""
    values = sorted((_plain(value) for value, _ in profile.counts), key=lambda v: (str(type(v)), v))
    if not values:
        return []
    arguments: dict[str, Any] = {"column": profile.name, "value_set": values}
    if is_fact:
        note = f"The {len(values)} values of today."
        return [expect("column_values_to_be_in_set", note, **arguments)]
    note = f"The {len(values)} values of today; others may have up to {1 - MOSTLY_KNOWN:.0%}."
    return [expect("column_values_to_be_in_set", note, "warning", **arguments, mostly=MOSTLY_KNOWN)]


def propose_numbers(profile: ColumnProfile) -> list[Expectation]:
    """Promise range and mean of numbers."""
    if {value for value, _ in profile.counts} and {v for v, _ in profile.counts} <= {0.0, 1.0}:
        values = {"column": profile.name, "value_set": [0, 1]}
        return [expect("column_values_to_be_in_set", "Yes or no.", "warning", **values)]
    proposed = propose_range(profile)
    n_finite = profile.n_there - profile.n_infinite
    if profile.mean is None or not profile.std or n_finite < 2 or profile.n_infinite:
        return proposed
    slack = max(3 * profile.std / math.sqrt(n_finite), profile.std / 4)
    proposed.append(
        expect(
            "column_mean_to_be_between",
            f"Today {profile.mean:.6g}; a quarter of the standard deviation {profile.std:.4g} to "
            "both sides, or three standard errors where that is more.",
            "warning",
            column=profile.name,
            **_round_out(profile.mean - slack, profile.mean + slack),
        )
    )
    return proposed


def propose_range(profile: ColumnProfile, *, highest: float = math.inf) -> list[Expectation]:
    """Promise the range of numbers, within a limit that cannot be passed; never below 0 where none is."""
    least, greatest = profile.least, profile.greatest
    if not isinstance(least, int | float) or not isinstance(greatest, int | float):
        return []
    slack = (greatest * RANGE_SLACK - least * RANGE_SLACK) or abs(least) * RANGE_SLACK or 1.0
    lowest = 0.0 if least >= 0 else -math.inf
    bounds = _round_out(max(lowest, least - slack), min(highest, greatest + slack))
    if not bounds:
        return []
    mostly = {}
    note = f"Today {least:.6g} to {greatest:.6g}; a tenth of the range on both sides."
    if profile.n_infinite:
        mostly["mostly"] = _floor(max(0.0, 1 - profile.n_infinite / profile.n_there - 0.01))
        note += f" {profile.n_infinite} are infinite."
    return [
        expect(
            "column_values_to_be_between", note, "warning", column=profile.name, **bounds, **mostly
        )
    ]


def propose_text(profile: ColumnProfile) -> list[Expectation]:
    """Promise a set of categories, or the lengths of other text."""
    n = profile.n_distinct
    if n is not None and n <= MAX_CATEGORIES and n < MAX_CATEGORY_FRACTION * profile.n_rows:
        return propose_set(profile, is_fact=False)
    if not isinstance(profile.least, float) or not isinstance(profile.greatest, float):
        return []
    least, greatest = int(profile.least), int(profile.greatest)
    return [
        expect(
            "column_value_lengths_to_be_between",
            f"Today {least} to {greatest} characters; half and twice that are borne.",
            "warning",
            column=profile.name,
            min_value=least // 2,
            max_value=max(1, greatest * 2),
        )
    ]


def propose_dates(profile: ColumnProfile) -> list[Expectation]:
    """Promise the range of dates."""
    least, greatest = profile.least, profile.greatest
    if not isinstance(least, datetime.datetime) or not isinstance(greatest, datetime.datetime):
        return []
    slack = (greatest - least) * RANGE_SLACK or datetime.timedelta(days=1)
    return [
        expect(
            "column_values_to_be_between",
            f"Today {least:%Y-%m-%d} to {greatest:%Y-%m-%d}; a tenth of the range on both sides.",
            "warning",
            column=profile.name,
            min_value=_shift(least, -slack),
            max_value=_shift(greatest, slack),
        )
    ]


def propose_time(profile: ColumnProfile) -> list[Expectation]:
    """Promise of the column that orders a series: its end moves every night, its beginning and order stay."""
    if profile.kind != "date" or not isinstance(profile.least, datetime.datetime):
        return propose_range(profile) if profile.kind == "number" else []
    gap = ""
    if profile.largest_step is not None:
        gap = f" The longest step in time is {datetime.timedelta(seconds=profile.largest_step)}."
    proposed = [
        expect(
            "column_values_to_be_between",
            f"The series begins at {profile.least:%Y-%m-%d}.",
            "warning",
            column=profile.name,
            min_value=_shift(profile.least, datetime.timedelta(days=-1)),
        )
    ]
    if profile.is_increasing:
        note = "The rows came in order of time." + gap
        proposed.append(
            expect("column_values_to_be_increasing", note, "warning", column=profile.name)
        )
    return proposed


def expect(type_: str, note: str, severity: str = "critical", **kwargs: Any) -> Expectation:
    """Write an expectation as suites have it."""
    return {"type": f"expect_{type_}", "kwargs": kwargs, "severity": severity, "notes": note}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _floor(share: float) -> float:
    """Two decimals, rounded down."""
    return math.floor(share * 100) / 100


def _round_out(low: float, high: float) -> dict[str, float]:
    """Round bounds outwards to three digits of their distance; without one that is not finite."""
    bounds: dict[str, float] = {}
    distance = high - low
    unit = 10.0 ** (math.floor(math.log10(distance)) - 2) if 0 < distance < math.inf else 0.0
    for key, value, rounding in (("min_value", low, math.floor), ("max_value", high, math.ceil)):
        if not math.isfinite(value):
            continue
        rounded = rounding(value / unit) * unit if unit else value
        # The last digits of a product of floats are noise: 0.30000000000000004.
        tidy = float(f"{rounded:.12g}")
        is_outside = tidy <= value if key == "min_value" else tidy >= value
        bounds[key] = tidy if is_outside and math.isfinite(tidy) else value
    return bounds


def _shift(moment: datetime.datetime, step: datetime.timedelta) -> str:
    """Move a date as far as the calendar goes, to a whole second outwards."""
    is_later = step > datetime.timedelta(0)
    moment = moment.replace(tzinfo=None)
    try:
        moved = moment + step
    except OverflowError:
        return "9999-12-31T23:59:59.999999" if is_later else "0001-01-01T00:00:00"
    return moved.replace(microsecond=999_999 if is_later else 0).isoformat()

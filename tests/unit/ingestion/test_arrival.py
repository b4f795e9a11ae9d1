"""How many rows of a built-in data set had arrived by a night."""

from __future__ import annotations

import datetime

import pytest

from tasks.errors import SourceError
from tasks.ingestion.arrival import count_arrived_rows
from tasks.workflow import Arrival

TEN_NIGHTS = Arrival.model_validate({"from": "2026-01-01", "nights": 10})


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        ("2026-01-01", 179),  # 1797 / 10, rounded down
        ("2026-01-02", 359),
        ("2026-01-09", 1617),
        ("2026-01-10", 1797),
        ("2030-05-05", 1797),
    ],
)
def test_arrived_rows_grow_by_a_tenth_each_night(night: str, expected: int) -> None:
    """The n-th of ten nights sees n tenths of the rows, every later night all."""
    date = datetime.date.fromisoformat(night)
    assert count_arrived_rows("digits", 1797, TEN_NIGHTS, date) == expected


def test_without_arrivals_all_rows_are_there() -> None:
    """A source without 'arrives' is complete on any night."""
    assert count_arrived_rows("digits", 1797, None, datetime.date(1970, 1, 1)) == 1797


@pytest.mark.parametrize(
    ("n_rows", "night", "first"),
    [
        (1797, "2025-12-31", "2026-01-01"),
        (4, "2026-01-02", "2026-01-03"),  # 4 * 2 // 10 = 0, 4 * 3 // 10 = 1
    ],
)
def test_a_night_without_rows_is_refused_with_the_first_one(
    n_rows: int, night: str, first: str
) -> None:
    """Nothing arrived: the error says from which night on there are rows."""
    with pytest.raises(SourceError, match=f"from {first} on"):
        count_arrived_rows("digits", n_rows, TEN_NIGHTS, datetime.date.fromisoformat(night))
    assert TEN_NIGHTS.count_arrived(n_rows, datetime.date.fromisoformat(first)) > 0

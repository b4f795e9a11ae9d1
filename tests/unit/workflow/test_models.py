"""The rules between a workflow's keys that need a known answer."""

from __future__ import annotations

import datetime

import pytest

from tasks.workflow import Arrival


@pytest.mark.parametrize(
    ("night", "expected"),
    [
        ("2025-12-31", 0),
        ("2026-01-01", 17),
        ("2026-01-05", 89),
        ("2026-01-09", 161),
        ("2026-01-10", 179),
        ("2027-01-01", 179),
    ],
)
def test_rows_arrive_in_equal_parts(night: str, expected: int) -> None:
    """Of 179 rows in ten nights a tenth arrives each night, none before the first, all by the last."""
    arrival = Arrival.model_validate({"from": "2026-01-01", "nights": 10})
    assert arrival.count_arrived(179, datetime.date.fromisoformat(night)) == expected

"""What had arrived by a night: rows of a built-in data set, files by their names."""

from __future__ import annotations

import datetime
import io

import pytest

from tasks.errors import SourceError
from tasks.ingestion.arrival import count_arrived_rows, select_arrived_files
from tasks.ingestion.locations import SourceFile
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


def select(*names: str, pattern: str = "x-%Y-%m-%d.csv", night: str = "2026-01-07") -> list[str]:
    files = [SourceFile(name, f"/data/{name}", "data", io.BytesIO) for name in names]
    date = datetime.date.fromisoformat(night)
    return [file.name for file in select_arrived_files(files, pattern, date)]


def test_files_of_the_night_and_before_are_selected_in_the_order_of_their_dates() -> None:
    """Whatever the order of their names, and in whatever folder they lie."""
    names = ("x-08-01-2026.csv", "x-07-01-2026.csv", "b/x-31-12-2025.csv", "a/x-31-12-2025.csv")
    assert select(*names, pattern="x-%d-%m-%Y.csv") == [
        "a/x-31-12-2025.csv",
        "b/x-31-12-2025.csv",
        "x-07-01-2026.csv",
    ]


def test_days_of_the_year_are_dates() -> None:
    """2026-007 is the seventh of January."""
    assert select("2026007.csv", "2026008.csv", pattern="%Y%j.csv") == ["2026007.csv"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("y-2026-01-01.csv", "does not tell by its name when it arrived"),
        ("x-2026-02-30.csv", r"(?s)/data/x-2026-02-30\.csv .*such as x-2026-12-31\.csv"),
        ("x-2026-01-08.csv", "None of 1 files had arrived .*\n.*from 2026-01-08 on"),
    ],
)
def test_a_name_without_its_date_is_refused(name: str, message: str) -> None:
    """The error names the file and shows a right name, or says when the first arrives."""
    with pytest.raises(SourceError, match=message):
        select(name)

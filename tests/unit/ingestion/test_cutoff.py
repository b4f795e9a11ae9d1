"""Which rows came to be before the midnight a night begins at."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from tasks.errors import SourceError
from tasks.ingestion.cutoff import Cutoff, keep_arrived_rows
from tasks.ingestion.parts import Part

NIGHT = datetime.date(2026, 7, 1)
BERLIN = Cutoff.of_night(NIGHT, "Europe/Berlin")  # 22:00 of the day before, in UTC


def keep(values: pa.Array) -> tuple[list[int], list[int]]:
    """Numbers of the rows that are kept, and of those that cannot be read; the first is 0."""
    rows = pa.record_batch({"at": values})
    part = Part("a", pa.array(range(len(values)), pa.int64()), rows)
    kept = keep_arrived_rows(part, "at", BERLIN)
    return kept.lines.to_pylist(), [u.line for u in kept.unparsed]


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("2026-06-30", True),
        ("2026-07-01", False),
        ("2026-06-30T23:59:59.999999", True),
        ("2026-07-01T00:00", False),
        ("2026-06-30 23:59", True),
        (" 2026-06-30 ", True),
        ("2026-06-30T21:59:59Z", True),
        ("2026-06-30T22:00:00Z", False),
        ("2026-07-01T00:30:00+03:00", True),
        ("2026-06-30T20:30:00-0300", False),
        ("1800-01-01", True),
        ("9999-12-31T00:00:00Z", False),
    ],
)
def test_times_are_local_unless_they_have_a_zone(text: str, is_kept: bool) -> None:
    """Without a zone they are the workflow's own; with one they are the same instant everywhere."""
    assert keep(pa.array([text])) == ([0] * is_kept, [])


@pytest.mark.parametrize(
    "text",
    [None, "", "soon", "2026-02-30", "2025-02-29", "2026-13-01", "2026-07-01T24:30", "07/01/2026"],
)
def test_what_is_no_time_is_reported(text: str | None) -> None:
    """Also a day that its month does not have; the rows beside it are kept."""
    assert keep(pa.array(["2026-06-30", text, "2026-06-30T10:00Z", "2026-08-01"])) == ([0, 2], [1])


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (pa.array([datetime.date(2026, 6, 30), NIGHT]), [0]),
        (pa.array(["2026-06-30T23:00", "2026-07-01"]).cast(pa.timestamp("us")), [0]),
        (
            pa.array([1_782_856_799_999_999_999, 1_782_856_800_000_000_000]).cast(
                pa.timestamp("ns", "UTC")
            ),
            [0],
        ),
        (pa.array(["2026-06-30T21:00", None]).cast(pa.timestamp("s")), [0]),
        (pa.nulls(2), []),
    ],
)
def test_columns_of_times_are_compared_as_they_are(values: pa.Array, kept: list[int]) -> None:
    """Dates and timestamps of any unit; a missing one is reported."""
    missing = [i for i, value in enumerate(values) if not value.is_valid]
    assert keep(values) == (kept, missing)


def test_a_number_is_no_time() -> None:
    """Whether it counts seconds or days is nobody's guess."""
    with pytest.raises(SourceError, match="has the type int64, which is no time"):
        keep(pa.array([1]))


def test_lines_of_the_file_and_of_the_column_are_in_order() -> None:
    """What did not parse before stays, and a row that is lost has its values as its text."""
    rows = pa.record_batch({"at": ["soon"], "height": ["1"]})
    kept = keep_arrived_rows(Part("a", pa.array([3]), rows), "at", BERLIN)
    assert [(u.line, u.text) for u in kept.unparsed] == [(3, '{"at": "soon", "height": "1"}')]

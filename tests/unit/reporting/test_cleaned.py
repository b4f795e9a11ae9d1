"""What cleaning did to each column, from its report."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.reporting.cleaned import list_columns, tabulate_gaps, tabulate_holes

REPORT: dict[str, Any] = {
    "columns": {
        "age": {
            "missing": 16,
            "changes": {
                "clipped to the limit": 1,
                "marked missing": 4,
                "unconvertible, set missing": 2,
                "filled with the median": 18,
            },
        },
        "city": {"missing": 0, "changes": {"merged into 'other'": 3}},
        "height": {"missing": 30, "changes": {}},
    }
}


def test_changes_are_sorted_into_groups() -> None:
    """Made missing, filled, moved to a limit, and the rest."""
    age, city, height = list_columns(REPORT)
    assert dict(age.changes) == {
        "made missing": (("marked missing", 4), ("unconvertible, set missing", 2)),
        "filled": (("filled with the median", 18),),
        "moved to a limit": (("clipped to the limit", 1),),
    }
    assert (age.n_missing, age.n_filled) == (16, 18)
    assert dict(city.changes) == {"other changes": (("merged into 'other'", 3),)}
    assert (height.changes, height.n_filled) == ({}, 0)


@pytest.mark.parametrize(
    ("what", "group"),
    [
        ("outlier, set missing", "made missing"),
        ("outlier, moved to the limit", "moved to a limit"),
        ("filled forward in time", "filled"),
        ("interpolated in time", "filled"),
        ("generalised", "other changes"),
        ("<script>", "other changes"),
    ],
)
def test_the_words_of_each_step_find_their_group(what: str, group: str) -> None:
    """A word that nobody foresaw is shown among the other changes."""
    (column,) = list_columns({"columns": {"age": {"missing": 0, "changes": {what: 1}}}})
    assert list(column.changes) == [group]


def test_holes_are_counted_once() -> None:
    """Marked values are missing on arrival too: 16 are 12 empty ones and 4 marks; most first."""
    data = tabulate_holes(REPORT)
    assert data.to_numpy().tolist() == [
        ["height", "empty on arrival", 30],
        ["height", "marked missing", 0],
        ["height", "set missing", 0],
        ["age", "empty on arrival", 12],
        ["age", "marked missing", 4],
        ["age", "set missing", 2],
    ]


@pytest.mark.parametrize("report", [{}, {"columns": None}, {"columns": {"age": {}}}])
def test_a_report_without_columns_has_empty_tables(report: dict[str, Any]) -> None:
    """An older report, or one of a night without missing values."""
    assert tabulate_holes(report).empty
    assert tabulate_gaps(report).empty


def test_gaps_keep_their_order() -> None:
    """As cleaning lists them; what is absent is empty."""
    gaps = [{"first": "2001-01-06", "last": "2001-01-20", "n_steps": 3}, {"n_steps": 1}]
    data = tabulate_gaps({"gaps": gaps})
    assert data.to_numpy().tolist() == [["2001-01-06", "2001-01-20", 3], ["", "", 1]]

"""The report's section on the data: where every row went, and what became of each column.

Pure module of the reporting stage: cleaning's report goes in, what the page's template shows comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.reporting.cleaned import CHANGE_GROUPS, CleanedColumn, list_columns, tabulate_gaps
from tasks.reporting.style import say_count

Document = Mapping[str, Any]

MAX_COLUMNS = 60  # rows of the table of columns, those with most to say first
MAX_GAPS = 40  # of a series that are listed; cleaning's report has all
MAX_FEATURES = 40  # named below the table


def account_rows(report: Document | None) -> dict[str, Any] | None:
    """Say where every row went, and whether the counts add up; None without a report."""
    if report is None:
        return None
    n_accounted = sum(report[f"rows_{what}"] for what in ("out", "quarantined", "duplicate"))
    n_added = report.get("rows_added") or 0
    n_merged = report.get("rows_merged") or 0
    reasons = report.get("quarantined_by_reason") or {}
    return {
        **report,
        "rows_added": n_added,
        "rows_merged": n_merged,
        "n_accounted": n_accounted + n_merged,
        "adds_up": n_accounted + n_merged == report["rows_in"] + n_added,
        "reasons": sorted(reasons.items(), key=lambda item: (-item[1], item[0])),
        "duplicates_kept": list(report.get("duplicates_kept") or ()),
        "n_fit_rows": report.get("n_fit_rows"),
        "features": list(report.get("features") or ()),
        "max_features": MAX_FEATURES,
        "parts": [
            (part, sum(counts.values()))
            for part, counts in (report.get("rows_by_split") or {}).items()
        ],
    }


def describe_columns(report: Document | None) -> dict[str, Any] | None:
    """Describe what became of each column; kinds of change that never happened are left out."""
    columns = list_columns(report or {})
    if not columns:
        return None

    def count_touched(column: CleanedColumn) -> int:
        return column.n_missing + sum(n for group in column.changes.values() for _, n in group)

    shown = columns
    if len(columns) > MAX_COLUMNS:
        shown = tuple(sorted(columns, key=lambda column: -count_touched(column))[:MAX_COLUMNS])
    return {
        "shown": shown,
        "n_columns": len(columns),
        "groups": [g for g in CHANGE_GROUPS if any(g in column.changes for column in columns)],
    }


def describe_gaps(report: Document | None) -> dict[str, Any] | None:
    """Describe the gaps of a series, the longest first; None where there are none."""
    gaps = tabulate_gaps(report or {})
    if gaps.empty:
        return None
    longest = gaps.sort_values("n_steps", ascending=False, kind="stable").head(MAX_GAPS)
    return {
        "shown": longest.to_dict("records"),
        "n_gaps": len(gaps),
        "n_steps": int(gaps["n_steps"].sum()),
    }


def make_data_tiles(report: Document) -> list[dict[str, str]]:
    """Make the tiles of a night whose result are the data themselves."""
    columns = list_columns(report)
    tiles = [
        {
            "label": "rows in quarantine",
            "value": f"{report['rows_quarantined']:,}",
            "note": f"and {say_count(report['rows_duplicate'], 'duplicate')} removed",
            "kind": "quarantine",
        }
    ]
    if columns:
        n_filled = sum(column.n_filled for column in columns)
        n_touched = sum(column.n_filled > 0 for column in columns)
        tiles.append(
            {
                "label": "values filled in",
                "value": f"{n_filled:,}",
                "note": f"in {n_touched:,} of {say_count(len(columns), 'column')}",
                "kind": "filled",
            }
        )
    return tiles

"""What cleaning did, as tables: holes and how they were filled, column by column, and a series' gaps.

Pure module of the reporting stage. Cleaning's report may lack any of its keys: what is missing there is
missing from its table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

Document = Mapping[str, Any]

# How a hole came to be, in the order in which the chart stacks them.
HOLES = ("empty on arrival", "marked missing", "set missing")
# Kinds of change with a column of their own in the report's table, and what their names hold.
CHANGE_GROUPS = ("made missing", "filled", "moved to a limit", "other changes")
_FILLED_WORDS = ("filled", "interpolated")
_LIMIT_WORDS = ("clip", "winsor", "limit", "fence")


@dataclass(frozen=True)
class CleanedColumn:
    """What became of one column.

    Parameters
    ----------
    name : str
    n_missing : int
        Values that were missing on arrival: empty, or a text that stands for it.
    changes : mapping of str to tuple of (str, int)
        What was changed and how often, by :data:`CHANGE_GROUPS`, most frequent first.
    """

    name: str
    n_missing: int
    changes: Mapping[str, tuple[tuple[str, int], ...]]

    @property
    def n_filled(self) -> int:
        """Values that were filled in."""
        return sum(n for _, n in self.changes.get("filled", ()))


def list_columns(report: Document) -> tuple[CleanedColumn, ...]:
    """List what became of every column, in the order of the report.

    Parameters
    ----------
    report : mapping
        Cleaning's report; its ``columns`` are read.

    Returns
    -------
    tuple of CleanedColumn

    Examples
    --------
    >>> report = {"columns": {"age": {"missing": 2, "changes": {"filled with the median": 2}}}}
    >>> list_columns(report)[0].changes["filled"]
    (('filled with the median', 2),)
    """
    listed = []
    for name, column in (report.get("columns") or {}).items():
        groups: dict[str, list[tuple[str, int]]] = {}
        for what, n in (column.get("changes") or {}).items():
            groups.setdefault(_group_change(str(what)), []).append((str(what), int(n)))
        changes = {g: tuple(sorted(c, key=lambda one: -one[1])) for g, c in groups.items()}
        listed.append(CleanedColumn(str(name), int(column.get("missing") or 0), changes))
    return tuple(listed)


def tabulate_holes(report: Document) -> pd.DataFrame:
    """Missing values per column: columns ``column``, ``kind`` (one of :data:`HOLES`), ``n_rows``.

    Columns without any are left out; those with most stand first.
    """
    rows = []
    for column in list_columns(report):
        made = dict.fromkeys(HOLES, 0)
        for what, n in column.changes.get("made missing", ()):
            made[HOLES[1] if what.startswith("marked") else HOLES[2]] += n
        # What a text marked is counted as missing on arrival too.
        made[HOLES[0]] = max(0, column.n_missing - made[HOLES[1]])
        if any(made.values()):
            rows.append((column.name, made))
    rows.sort(key=lambda row: -sum(row[1].values()))
    return pd.DataFrame(
        [(name, kind, n) for name, made in rows for kind, n in made.items()],
        columns=["column", "kind", "n_rows"],
    )


def tabulate_gaps(report: Document) -> pd.DataFrame:
    """Gaps of a series, in order of time: columns ``first``, ``last`` (as text), ``n_steps``."""
    gaps = [
        (str(gap.get("first", "")), str(gap.get("last", "")), int(gap.get("n_steps") or 0))
        for gap in report.get("gaps") or ()
    ]
    return pd.DataFrame(gaps, columns=["first", "last", "n_steps"])


def _group_change(what: str) -> str:
    text = what.lower()
    if text.startswith(_FILLED_WORDS):
        return "filled"
    if "missing" in text:
        return "made missing"
    return "moved to a limit" if any(word in text for word in _LIMIT_WORDS) else "other changes"

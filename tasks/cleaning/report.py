"""The cleaning report: where every row that came in has gone.

Pure; ``step.py`` hands it over, and the night's report shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tasks.errors import CleaningError


@dataclass(frozen=True)
class ColumnReport:
    """What cleaning found in a column and did to it, in values of all rows that were looked at.

    Parameters
    ----------
    missing : int
        Missing on arrival: nothing there, blank, or a text that stands for a missing value.
    changes : mapping of str to int
        What was done, and to how many values: ``filled with the median``.
    """

    missing: int
    changes: Mapping[str, int]


@dataclass(frozen=True)
class CleaningReport:
    """Counts of rows: in + added = out + quarantined + duplicates + merged.

    Parameters
    ----------
    rows_in : int
        Rows of the raw dataset and lines that did not parse.
    rows_out : int
        Rows of the clean dataset.
    rows_duplicate : int
        Removed because another row is the same.
    quarantined_by_reason : mapping of str to int
        Each row counts once, under its first reason.
    rows_by_split : mapping of str to mapping of str to int
        Clean rows by part and class; classes as text, without a target the one empty text.
    columns : mapping of str to ColumnReport
        By column as it arrives, and by the columns that steps add.
    duplicates_kept : tuple of str
        Of each ``drop_duplicates``, what it compared and which row it kept.
    rows_added : int
        Rows of a regular grid that no row arrived for.
    rows_merged : int
        Rows averaged into one step of a regular grid together with an earlier one.
    n_fit_rows : int
        Training rows that the steps learned from.
    features : tuple of str
        What models read.
    gaps : tuple of mapping
        Missing steps of a series in a row: ``first`` and ``last`` as ISO 8601, ``n_steps``.

    Raises
    ------
    CleaningError
        When the counts do not add up.
    """

    rows_in: int
    rows_out: int
    rows_duplicate: int
    quarantined_by_reason: Mapping[str, int]
    rows_by_split: Mapping[str, Mapping[str, int]]
    columns: Mapping[str, ColumnReport] = field(default_factory=dict)
    duplicates_kept: tuple[str, ...] = ()
    rows_added: int = 0
    rows_merged: int = 0
    n_fit_rows: int = 0
    features: tuple[str, ...] = ()
    gaps: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        accounted = self.rows_out + self.rows_quarantined + self.rows_duplicate + self.rows_merged
        n_in_parts = sum(self.count_split(part) for part in self.rows_by_split)
        if self.rows_in + self.rows_added != accounted or self.rows_out != n_in_parts:
            raise CleaningError(
                f"The counts of cleaning do not add up: {self.rows_in} rows in, {self.rows_added} "
                f"added, {self.rows_out} out ({n_in_parts} in the parts), {self.rows_quarantined} "
                f"in quarantine, {self.rows_duplicate} duplicates and {self.rows_merged} merged.",
                expected="rows in + added = rows out + quarantined + duplicates + merged",
                hint="this is a mistake in Nocturne: please report it with the workflow file",
            )

    @property
    def rows_quarantined(self) -> int:
        """Rows in quarantine."""
        return sum(self.quarantined_by_reason.values())

    def count_split(self, part: str) -> int:
        """Clean rows of one part: train, validation or holdout."""
        return sum(self.rows_by_split.get(part, {}).values())

    def to_json(self) -> dict[str, Any]:
        """Make a JSON-able mapping, with ``rows_quarantined`` beside the fields."""
        return {**asdict(self), "rows_quarantined": self.rows_quarantined}


def report_columns(
    n_missing: Mapping[str, int], changes: Mapping[tuple[str, str], int]
) -> dict[str, ColumnReport]:
    """Bring the counts of all batches together, column by column.

    Parameters
    ----------
    n_missing : mapping of str to int
    changes : mapping of (column, what) to int

    Returns
    -------
    dict of str to ColumnReport
        First the columns as they arrive, in their order.
    """
    names = dict.fromkeys([*n_missing, *(column for column, _ in changes)])
    return {
        name: ColumnReport(
            n_missing.get(name, 0), {what: n for (c, what), n in changes.items() if c == name}
        )
        for name in names
    }

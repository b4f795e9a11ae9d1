"""The cleaning report: where every row that came in has gone.

Pure; ``step.py`` hands it over, and the night's report shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tasks.errors import CleaningError


@dataclass(frozen=True)
class CleaningReport:
    """Counts of rows: rows in = rows out + rows quarantined + duplicates removed.

    Parameters
    ----------
    rows_in : int
        Rows of the raw dataset and lines that did not parse.
    rows_out : int
        Rows of the clean dataset.
    rows_duplicate : int
        Removed because an earlier row is the same.
    quarantined_by_reason : mapping of str to int
        Each row counts once, under its first reason.
    rows_by_split : mapping of str to mapping of str to int
        Clean rows by part and class; classes as text.

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

    def __post_init__(self) -> None:
        accounted = self.rows_out + self.rows_quarantined + self.rows_duplicate
        n_in_parts = sum(self.count_split(part) for part in self.rows_by_split)
        if self.rows_in != accounted or self.rows_out != n_in_parts:
            raise CleaningError(
                f"The counts of cleaning do not add up: {self.rows_in} rows in, {self.rows_out} out "
                f"({n_in_parts} in the parts), {self.rows_quarantined} in quarantine and "
                f"{self.rows_duplicate} duplicates.",
                expected="rows in = rows out + rows quarantined + duplicates removed",
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

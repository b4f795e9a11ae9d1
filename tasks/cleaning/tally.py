"""The tally: clean rows by part and class, and whether a model can be trained and judged on them.

Pure; ``step.py`` counts every batch and checks the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pyarrow as pa

from tasks.cleaning.split import HOLDOUT, PARTS, TRAIN, VALIDATION
from tasks.dataset.columns import SPLIT_COLUMN
from tasks.errors import CleaningError

MAX_CLASSES = 1_000  # more is a number or an identifier taken for a class

Class = int | str


class Tally:
    """Counts clean rows by part and class.

    Parameters
    ----------
    target : str or None
        Name of the target column; without one all rows count under the empty text.
    """

    def __init__(self, target: str | None) -> None:
        self.target = target
        self._counts: Counter[tuple[str, Class]] = Counter()

    def add(self, counts: Mapping[tuple[str, Class], int]) -> None:
        """Add the counts of some clean rows.

        Parameters
        ----------
        counts : mapping of (part, class) to int
            From :func:`count_by_part`.

        Raises
        ------
        CleaningError
            When there are more than :data:`MAX_CLASSES` classes.
        """
        self._counts.update(counts)
        n_classes = len({c for _, c in self._counts})
        if n_classes > MAX_CLASSES:
            raise CleaningError(
                f"The target {self.target!r} has more than {MAX_CLASSES:,} different values.",
                expected="a class: few values, each in many rows",
                hint="name another column at 'columns.target' in the workflow file",
            )

    @property
    def n_rows(self) -> int:
        """Rows counted."""
        return sum(self._counts.values())

    def list_classes(self, part: str) -> set[Class]:
        """Classes of one part."""
        return {c for p, c in self._counts if p == part}

    def find_untrained_classes(self) -> set[Class]:
        """Classes of validation and hold-out rows that no training row has."""
        others = self.list_classes(VALIDATION) | self.list_classes(HOLDOUT)
        return others - self.list_classes(TRAIN)

    def remove_classes(self, classes: set[Class]) -> None:
        """Take the rows of some classes out of the counts."""
        self._counts = Counter({k: n for k, n in self._counts.items() if k[1] not in classes})

    def to_counts(self) -> dict[str, dict[str, int]]:
        """Give the counts by part and class, parts in their usual order, classes sorted and as text."""
        return {
            part: {str(c): self._counts[part, c] for c in sorted(self.list_classes(part))}
            for part in PARTS
        }


def count_by_part(rows: pa.RecordBatch, target: str | None) -> dict[tuple[str, Class], int]:
    """Count clean rows by part and class.

    Parameters
    ----------
    rows : pyarrow.RecordBatch
    target : str or None
        Name of the target column; without one the class is the empty text.

    Returns
    -------
    dict of (part, class) to int
    """
    classes = rows.column(target) if target is not None else pa.repeat("", rows.num_rows)
    table = pa.table({"part": rows.column(SPLIT_COLUMN), "class": classes})
    # In this thread: the caller is one of several.
    counted = table.group_by(["part", "class"], use_threads=False).aggregate([([], "count_all")])
    return {(group["part"], group["class"]): group["count_all"] for group in counted.to_pylist()}


def tell_reasons(quarantined_by_reason: Mapping[str, int]) -> str:
    """Tell the reasons that most rows are in quarantine for.

    Examples
    --------
    >>> tell_reasons({"x: missing": 2, "town: not a number": 110})
    'town: not a number (110 rows); x: missing (2 rows)'
    """
    reasons = sorted(quarantined_by_reason.items(), key=lambda item: -item[1])
    return "; ".join(f"{reason} ({n} rows)" for reason, n in reasons[:5] if n)


def check_training_rows(tally: Tally, quarantined_by_reason: Mapping[str, int]) -> None:
    """Check that there are rows to train on.

    Raises
    ------
    CleaningError
        When no row is left, or none to train on.
    """
    if not tally.n_rows:
        told = tell_reasons(quarantined_by_reason) or "there were no rows at all"
        raise CleaningError(
            "Cleaning left no row.",
            expected=f"usable rows; the reasons were: {told}",
            hint="see the quarantine of this step, then mend the source or 'columns'",
        )
    if not tally.list_classes(TRAIN):
        raise refuse_without_training_rows(tally.n_rows)


def refuse_without_training_rows(n_rows: int) -> CleaningError:
    """Make the error for clean rows of which none is for training."""
    return CleaningError(
        f"Of {n_rows} clean rows none is for training.",
        expected="training rows",
        hint="wait for more rows, or lower 'split.holdout' and 'split.validation'",
    )


def check_parts(tally: Tally, *, needs_validation: bool) -> None:
    """Check that models can be told apart, chosen between and judged.

    Parameters
    ----------
    tally : Tally
        Without the classes that were never trained.
    needs_validation : bool
        Whether the workflow asks for validation rows.

    Raises
    ------
    CleaningError
        When there is one class only, or a part has no rows.
    """
    classes = tally.list_classes(TRAIN)
    if tally.target is not None and len(classes) < 2:
        raise CleaningError(
            f"All training rows have the class {next(iter(classes))!r} of {tally.target!r}.",
            expected="at least two classes",
            hint="wait for rows of other classes, or name another 'columns.target'",
        )
    for part, key in ((HOLDOUT, "split.holdout"), (VALIDATION, "split.validation")):
        if not tally.list_classes(part) and (part == HOLDOUT or needs_validation):
            raise CleaningError(
                f"Of {tally.n_rows} clean rows none is in the part {part!r}.",
                expected=f"{part} rows"
                + (f" of the classes {sorted(map(str, classes))[:5]}" if tally.target else ""),
                hint=f"wait for more rows, or raise {key!r} in the workflow file",
            )

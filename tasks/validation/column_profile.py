"""Figures of each column of a dataset, from which expectations are proposed.

Between the typed view and ``proposal.py``; rows stream through, and what is counted has a bound.
"""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.validation.rows import UNIQUE, find_failing_rows, find_missing
from tasks.validation.view import TypedView

Kind: TypeAlias = Literal["number", "date", "text", "other"]
Value: TypeAlias = "float | str | datetime.datetime"

MAX_DISTINCT = 10_000  # values counted one by one, per column; with more it is no category
MAX_TEXT_CHARACTERS = 200  # a category is shorter, and longer texts are not kept


@dataclass(frozen=True)
class ColumnProfile:
    """What a column of n_rows rows holds.

    Parameters
    ----------
    name : str
    kind : {"number", "date", "text", "other"}
        Booleans are numbers.
    n_rows, n_missing : int
    n_distinct : int or None
        None when there are more than :data:`MAX_DISTINCT`, or some text is long.
    counts : tuple of (value, int)
        The distinct values and how often each stands, the most frequent first; empty where
        ``n_distinct`` is None.
    least, greatest : float, datetime or None
        Of the finite values; of texts their lengths in characters.
    mean, std : float or None
        Of the finite values.
    n_infinite : int
    is_increasing : bool
        Whether no value is below the one before it.
    largest_step : float or None
        Greatest difference of a value to the one before it; of dates in seconds.
    is_unique : bool or None
        Whether no value stands twice; None where it was not asked.
    """

    name: str
    kind: Kind
    n_rows: int
    n_missing: int
    n_distinct: int | None = None
    counts: tuple[tuple[Value, int], ...] = ()
    least: float | datetime.datetime | None = None
    greatest: float | datetime.datetime | None = None
    mean: float | None = None
    std: float | None = None
    n_infinite: int = 0
    is_increasing: bool = False
    largest_step: float | None = None
    is_unique: bool | None = None

    @property
    def n_there(self) -> int:
        """Values that are not missing."""
        return self.n_rows - self.n_missing

    @property
    def missing_fraction(self) -> float:
        """Share of missing values."""
        return self.n_missing / self.n_rows if self.n_rows else 0.0


def profile_columns(view: TypedView, *, unique: Sequence[str] = ()) -> tuple[ColumnProfile, ...]:
    """Profile all columns of a dataset.

    Parameters
    ----------
    view : TypedView
    unique : sequence of str
        Columns of which to find out whether a value stands twice: each is read whole for that.

    Returns
    -------
    tuple of ColumnProfile
        In the order of the columns.
    """
    gathered = {name: _Gathered(name) for name in view.column_names}
    scalars = [name for name in view.column_names if name not in view.figure_names]
    if scalars:
        for batch in view.batches(scalars):
            for name, column in zip(scalars, batch.columns, strict=True):
                gathered[name].add(column)
    for name in view.figure_names:
        for chunk in view.read([name])[name].chunks:
            gathered[name].add(chunk)
    repeats = {
        name: find_failing_rows(UNIQUE, {"column": name}, view.read([name])).any()
        for name in unique
    }
    return tuple(
        one.finish(is_unique=not bool(repeats[name]) if name in repeats else None)
        for name, one in gathered.items()
    )


class _Gathered:
    """The figures of one column, batch by batch."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kind: Kind = "other"
        self.n_rows = self.n_missing = self.n_infinite = 0
        self.counter: Counter[Any] | None = Counter()
        self.least = math.inf
        self.greatest = -math.inf
        self.n = 0
        self.mean = self.squares = 0.0
        self.last: float | None = None
        self.largest_step = -math.inf
        self.is_increasing = True

    def add(self, column: pa.Array) -> None:
        """Look at more rows."""
        self.n_rows += len(column)
        self.n_missing += int(find_missing(column).sum())
        kind = column.type
        if pa.types.is_string(kind):
            self.kind = "text"
            self._count(column)
            self._add_numbers(pc.utf8_length(column.drop_null()).to_numpy(zero_copy_only=False))
        elif pa.types.is_timestamp(kind):
            self.kind = "date"
            self._count(column)
            microseconds = column.drop_null().cast(pa.int64()).to_numpy(zero_copy_only=False)
            self._add_numbers(microseconds.astype(np.float64))
        elif pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
            self.kind = "number"
            numbers = column.cast(pa.uint8()) if pa.types.is_boolean(kind) else column
            values = (
                numbers.drop_null().cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            )
            values = values[~np.isnan(values)]
            self._count(pa.array(values))
            is_finite = np.isfinite(values)
            self.n_infinite += int((~is_finite).sum())
            self._add_numbers(values[is_finite])

    def _count(self, column: pa.Array) -> None:
        if self.counter is None:
            return
        is_long = pa.types.is_string(column.type) and (
            (pc.max(pc.utf8_length(column)).as_py() or 0) > MAX_TEXT_CHARACTERS
        )
        found = None if is_long else column.drop_null().value_counts()
        if found is None or len(found) > MAX_DISTINCT:
            self.counter = None
            return
        try:
            values, counts = found.field(0).to_pylist(), found.field(1).to_pylist()
        except (ValueError, OverflowError):  # dates outside the years that Python knows
            self.counter = None
            return
        for value, count in zip(values, counts, strict=True):
            self.counter[value] += count
        if len(self.counter) > MAX_DISTINCT:
            self.counter = None

    def _add_numbers(self, values: npt.NDArray[Any]) -> None:
        if not len(values):
            return
        values = values.astype(np.float64)
        self.least = min(self.least, float(values.min()))
        self.greatest = max(self.greatest, float(values.max()))
        followed = values if self.last is None else np.concatenate([[self.last], values])
        with np.errstate(over="ignore"):  # a step from one end of the floats to the other
            steps = np.diff(followed)
        if len(steps):
            self.largest_step = max(self.largest_step, float(steps.max()))
            self.is_increasing &= bool((steps >= 0).all())
        self.last = float(values[-1])
        # Chan, Golub and LeVeque's update of mean and sum of squares by a batch.
        with np.errstate(over="ignore", invalid="ignore"):
            n, mean = len(values), float(values.mean())
            squares = float(((values - mean) ** 2).sum())
            step, total = mean - self.mean, self.n + n
            self.squares += squares + step * step * self.n * n / total
            self.mean += step * n / total
        self.n = total

    def finish(self, *, is_unique: bool | None) -> ColumnProfile:
        """Make the profile of what was gathered."""
        has_numbers = self.n > 0
        is_date = self.kind == "date"
        std = math.sqrt(self.squares / self.n) if has_numbers and self.squares >= 0 else None
        is_usable = (
            has_numbers and math.isfinite(self.mean) and std is not None and math.isfinite(std)
        )
        step = self.largest_step / 1e6 if is_date else self.largest_step
        return ColumnProfile(
            name=self.name,
            kind=self.kind,
            n_rows=self.n_rows,
            n_missing=self.n_missing,
            n_distinct=len(self.counter)
            if self.counter is not None and self.kind != "other"
            else None,
            counts=tuple(self.counter.most_common()) if self.counter is not None else (),
            least=self._read(self.least) if has_numbers else None,
            greatest=self._read(self.greatest) if has_numbers else None,
            mean=self.mean if is_usable and self.kind == "number" else None,
            std=std if is_usable and self.kind == "number" else None,
            n_infinite=self.n_infinite,
            is_increasing=has_numbers and self.is_increasing,
            largest_step=step if math.isfinite(step) else None,
            is_unique=is_unique,
        )

    def _read(self, value: float) -> float | datetime.datetime | None:
        if self.kind != "date":
            return value
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        try:
            return epoch + datetime.timedelta(microseconds=value)
        except OverflowError:
            return None

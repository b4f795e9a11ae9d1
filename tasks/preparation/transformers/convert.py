"""Type conversion of text, and what becomes of what cannot be converted: what all conversions share.

Transformers of ``tasks.preparation``; plain ones, each row's result follows from its own text.
``convert_number.py``, ``convert_date.py`` and ``convert_category.py`` have the conversions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.preparation.frame import Column, Frame, Kind, find_kind
from tasks.preparation.transformer import (
    Problem,
    Transformed,
    Transformer,
    count_change,
    list_columns,
)

Unconvertible: TypeAlias = Literal["quarantine", "missing"]

NOT_FINITE = "NaN or infinite"
SET_MISSING = "unconvertible, set missing"


class Convert(Transformer):
    """Converts columns of text to a kind; a column that has it already stays."""

    TO: ClassVar[Kind]
    WHAT: ClassVar[str]
    """What is wrong with a value that cannot be converted."""

    columns: Sequence[str]
    unconvertible: Unconvertible

    def _transform(self, frame: Frame) -> Transformed:
        """Convert; see :class:`Transformer`."""
        result = dict(frame)
        problems: list[Problem] = []
        changes: Counter[tuple[str, str]] = Counter()
        for name in list_columns(frame, self.columns, ("text", self.TO), self.KEY):
            column = frame[name]
            kind = find_kind(column)
            if kind == "text":
                converted, is_bad = self.convert(column)
                self._note(name, self.WHAT, is_bad, column, problems, changes)
                result[name] = converted
            if self.TO == "number":
                is_infinite = np.isinf(result[name])
                if is_infinite.any():
                    self._note(name, NOT_FINITE, is_infinite, column, problems, changes)
                    result[name] = np.where(is_infinite, np.nan, result[name])
        return Transformed(result, tuple(problems), changes)

    @abstractmethod
    def convert(self, column: pa.StringArray) -> tuple[Column, npt.NDArray[np.bool_]]:
        """Convert a column.

        Parameters
        ----------
        column : pyarrow.StringArray of length n_rows
            Trimmed text.

        Returns
        -------
        converted : Column of length n_rows
            Missing where the text is missing or cannot be converted.
        is_bad : ndarray of shape (n_rows,), bool
            Where it cannot be converted.
        """

    def _note(
        self,
        name: str,
        what: str,
        is_bad: npt.NDArray[np.bool_],
        column: Column,
        problems: list[Problem],
        changes: Counter[tuple[str, str]],
    ) -> None:
        rows = np.flatnonzero(is_bad)
        if not len(rows):
            return
        if self.unconvertible == "missing":
            count_change(changes, name, SET_MISSING, len(rows))
            return
        values: list[Any] = (
            column[rows].tolist()
            if isinstance(column, np.ndarray)
            else column.take(pa.array(rows)).to_pylist()
        )
        problems.append(Problem(name, what, rows, values))

"""Booleans and categories from text: texts of a set.

Transformers of ``tasks.preparation``; plain ones, each row's result follows from its own text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.preparation.frame import Column, Frame, find_kind
from tasks.preparation.transformer import Transformed
from tasks.preparation.transformers.convert import Convert, Unconvertible

NOT_A_BOOLEAN = "neither true nor false"
NOT_A_CATEGORY = "not in the set of categories"
_MAX_WHOLE = 2.0**53  # up to here floats hold every whole number


class ConvertToBoolean(Convert):
    """Read booleans as 0 and 1.

    Parameters
    ----------
    columns : sequence of str
    true_values, false_values : sequence of str
        Compared without regard to case.
    unconvertible : {"quarantine", "missing"}
    """

    KEY = "convert_to_boolean"
    TO = "number"
    WHAT = NOT_A_BOOLEAN

    def __init__(
        self,
        columns: Sequence[str],
        true_values: Sequence[str] = ("true", "yes", "y", "t", "1"),
        false_values: Sequence[str] = ("false", "no", "n", "f", "0"),
        unconvertible: Unconvertible = "quarantine",
    ) -> None:
        self.columns = columns
        self.true_values = true_values
        self.false_values = false_values
        self.unconvertible = unconvertible

    def convert(self, column: pa.StringArray) -> tuple[Column, npt.NDArray[np.bool_]]:
        """Convert; see the base class."""
        text = pc.utf8_lower(column)
        is_true = np.asarray(pc.is_in(text, value_set=_lower(self.true_values)))
        is_false = np.asarray(pc.is_in(text, value_set=_lower(self.false_values)))
        numbers = np.where(is_true, 1.0, np.where(is_false, 0.0, np.nan))
        return numbers, np.asarray(column.is_valid()) & np.isnan(numbers)


class ConvertToCategory(Convert):
    """Read categories: texts of a set.

    Parameters
    ----------
    columns : sequence of str
    categories : sequence of str, optional
        The set; by default every text is a category.
    synonyms : mapping of str to str, optional
        Texts that are written as another one, before the set is looked at.
    unconvertible : {"quarantine", "missing"}
        What becomes of a text outside the set.
    """

    KEY = "convert_to_category"
    TO = "text"
    WHAT = NOT_A_CATEGORY

    def __init__(
        self,
        columns: Sequence[str],
        categories: Sequence[str] | None = None,
        synonyms: Mapping[str, str] | None = None,
        unconvertible: Unconvertible = "quarantine",
    ) -> None:
        self.columns = columns
        self.categories = categories
        self.synonyms = synonyms
        self.unconvertible = unconvertible

    def _transform(self, frame: Frame) -> Transformed:
        """Convert; numbers and dates become their text first."""
        as_text = {
            name: _to_text(frame[name])
            for name in self.columns
            if name in frame and isinstance(frame[name], np.ndarray)
        }
        return super()._transform({**frame, **as_text})

    def convert(self, column: pa.StringArray) -> tuple[Column, npt.NDArray[np.bool_]]:
        """Convert; see the base class."""
        text = column
        if self.synonyms:
            places = pc.index_in(text, value_set=pa.array(list(self.synonyms), pa.string()))
            others = pa.array(list(self.synonyms.values()), pa.string()).take(places)
            text = pc.coalesce(others, text)
        if self.categories is None:
            return text, np.zeros(len(text), dtype=bool)
        is_known = pc.is_in(text, value_set=pa.array(self.categories, pa.string()))
        is_bad = np.asarray(pc.and_(text.is_valid(), pc.invert(is_known)))
        return pc.if_else(is_known, text, pa.scalar(None, pa.string())), is_bad


def _lower(texts: Sequence[str]) -> pa.StringArray:
    return pa.array([text.lower() for text in texts], pa.string())


def _to_text(column: npt.NDArray[Any]) -> pa.StringArray:
    """Whole numbers without a fraction, so that 3.0 of a file that has a gap is the category 3."""
    if find_kind(column) == "date":
        return pa.array(column, pa.timestamp("us")).cast(pa.string())
    is_missing = np.isnan(column)
    is_whole = (column == np.floor(column)) & (np.abs(column) <= _MAX_WHOLE)
    whole = pa.array(np.where(is_whole, column, 0).astype(np.int64), mask=is_missing)
    if np.all(is_missing | is_whole):
        return whole.cast(pa.string())
    # Each value by itself: its text must not depend on the rows beside it.
    others = pa.array(column, mask=is_missing).cast(pa.string())
    return pc.if_else(pa.array(is_whole), whole.cast(pa.string()), others)

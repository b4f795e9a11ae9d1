"""What the encodings have in common: the categories of the training rows, and their codes.

Base of the transformers in ``encode.py`` and ``target_encode.py``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.preparation.figures import refuse_empty
from tasks.preparation.frame import Column, Frame
from tasks.preparation.new_columns import replace_column
from tasks.preparation.transformer import (
    Transformed,
    Transformer,
    check_fit_columns,
    count_change,
    list_columns,
)

OTHER_CODE = -1
UNKNOWN = "category counted as other"


def count_categories(column: pa.StringArray) -> dict[str, int]:
    """Count the rows of each text, in the order of the texts; missing ones are left out."""
    counted = pc.value_counts(column.drop_null())
    counts = zip(
        counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True
    )
    return dict(sorted(counts))


def find_codes(column: pa.StringArray, categories: Sequence[str]) -> npt.NDArray[np.int64]:
    """Find each text's place among categories.

    Parameters
    ----------
    column : pyarrow.StringArray of length n_rows
    categories : sequence of str

    Returns
    -------
    ndarray of shape (n_rows,), int64
        -1 where the text is none of them or missing.
    """
    codes = pc.index_in(column, value_set=pa.array(categories, pa.string()))
    return np.asarray(pc.fill_null(codes, OTHER_CODE), np.int64)


# From a column's name, its categories' places and where it is missing to the columns in its place.
EncodeFunction: TypeAlias = Callable[
    [str, npt.NDArray[np.int64], npt.NDArray[np.bool_]], dict[str, Column]
]


class Encode(Transformer):
    """Learns, per column, the categories with enough training rows.

    Attributes
    ----------
    categories_ : mapping of str to list of str
        By column, sorted by their text.
    """

    columns: Sequence[str]
    min_rows: int
    categories_: Mapping[str, Sequence[str]]

    def learn_categories(self, frame: Frame) -> dict[str, dict[str, int]]:
        """Count all categories, and keep the frequent ones in ``categories_``."""
        check_fit_columns(frame, self.columns, self.KEY)
        counted = {}
        for name in list_columns(frame, self.columns, ("text",), self.KEY):
            counted[name] = count_categories(frame[name])
            if not counted[name]:
                raise refuse_empty(name, self.KEY)
        self.categories_ = {
            name: [text for text, n in counts.items() if n >= self.min_rows]
            for name, counts in counted.items()
        }
        return counted

    def _transform(self, frame: Frame) -> Transformed:
        return self.replace_columns(frame, self.encode)

    def replace_columns(self, frame: Frame, encode: EncodeFunction) -> Transformed:
        """Put what ``encode`` makes of each column in its place.

        A missing text is missing in every column made of it.
        """
        changes: Counter[tuple[str, str]] = Counter()
        result = frame
        for name in list_columns(frame, list(self.categories_), ("text",), self.KEY):
            column: Any = frame[name]
            codes = find_codes(column, self.categories_[name])
            is_missing = np.asarray(column.is_null())
            n_other = int(np.count_nonzero((codes == OTHER_CODE) & ~is_missing))
            count_change(changes, name, UNKNOWN, n_other)
            result = replace_column(result, name, encode(name, codes, is_missing), self.KEY)
        return Transformed(dict(result), changes=changes)

    @abstractmethod
    def encode(
        self,
        name: str,
        codes: npt.NDArray[np.int64],
        is_missing: npt.NDArray[np.bool_],
    ) -> dict[str, Column]:
        """Make the columns that stand in the place of one."""

"""Texts that stand for a missing value: blank ones, and those a workflow names.

Transformer of ``tasks.preparation``; the first in every cleaning, so that later ones see trimmed text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.preparation.frame import Frame
from tasks.preparation.text_bytes import has_space, is_ascii, view_bytes
from tasks.preparation.transformer import Transformed, Transformer, count_change, list_columns


class MarkMissing(Transformer):
    """Trim text, and make blank text and chosen texts missing.

    Parameters
    ----------
    values : sequence of str
        Texts that stand for a missing value, compared whole; blank text always does.
    columns : sequence of str, optional
        By default every column of text.

    Examples
    --------
    >>> marked = MarkMissing(["?"]).transform({"city": pa.array([" Rome", "?", ""])})
    >>> marked.frame["city"].to_pylist(), dict(marked.changes)
    (['Rome', None, None], {('city', 'marked missing'): 1})
    """

    KEY = "mark_missing"

    def __init__(self, values: Sequence[str], columns: Sequence[str] | None = None) -> None:
        self.values = values
        self.columns = columns

    def _transform(self, frame: Frame) -> Transformed:
        """Trim and mark; see :class:`Transformer`."""
        result = dict(frame)
        changes: Counter[tuple[str, str]] = Counter()
        tokens = pa.array(self.values, pa.string()) if self.values else None
        # A column of another kind was read as such by the source: there is no text to mark.
        for name in list_columns(
            {n: c for n, c in frame.items() if not isinstance(c, np.ndarray)},
            self.columns,
            ("text", "tensor"),
            self.KEY,
        ):
            column: Any = frame[name]
            if isinstance(column.type, pa.FixedShapeTensorType):
                continue
            text = trim(column)
            if tokens is not None:
                places = _find_tokens(text, tokens)
                count_change(changes, name, "marked missing", len(places))
                text = _set_missing(text, places)
            result[name] = text
        return Transformed(result, changes=changes)


def trim(column: pa.StringArray) -> pa.StringArray:
    """Remove space around text; blank text becomes missing.

    Parameters
    ----------
    column : pyarrow.StringArray of length n_rows

    Returns
    -------
    pyarrow.StringArray of length n_rows
        The same array where there is nothing to do.
    """
    starts, data = view_bytes(column)
    if is_ascii(data) and not has_space(data):
        if np.diff(starts).all():  # no empty text: nothing to do
            return column
        text = column
    else:
        # Not Arrow's faster trimming of ASCII: it keeps four signs that this one removes, and a
        # row's result must not depend on the others of its batch.
        text = pc.utf8_trim_whitespace(column)
    is_blank = pc.equal(pc.binary_length(text), 0)
    if pc.any(is_blank).as_py():
        text = pc.if_else(is_blank, pa.scalar(None, pa.string()), text)
    return text


def _find_tokens(text: pa.StringArray, tokens: pa.StringArray) -> npt.NDArray[np.int64]:
    # Most texts are longer than any token: only the short ones are looked up.
    starts, _ = view_bytes(text)
    longest = pc.max(pc.binary_length(tokens)).as_py()
    short = np.flatnonzero(np.diff(starts) <= longest)
    found = pc.is_in(text.take(pa.array(short)), value_set=tokens)
    return np.asarray(short[np.asarray(found)], dtype=np.int64)


def _set_missing(text: pa.StringArray, places: npt.NDArray[np.int64]) -> pa.StringArray:
    if not len(places):
        return text
    is_token = np.zeros(len(text), dtype=bool)
    is_token[places] = True
    return pc.if_else(pa.array(is_token), pa.scalar(None, pa.string()), text)

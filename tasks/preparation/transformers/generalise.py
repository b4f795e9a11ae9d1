"""What privacy does to features, done by a model to the rows it is given.

Transformers of ``tasks.preparation``; the rules themselves are in ``tasks.preparation.masking``,
which ingestion uses too. Rows that were ingested pass them unchanged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from tasks.preparation.frame import Column, Frame, Kind
from tasks.preparation.masking import (
    NOT_A_DATE,
    NOT_A_NUMBER,
    OTHER,
    Keep,
    Period,
    bin_numbers,
    mask_text,
    merge_categories,
    round_dates,
    shorten_codes,
    to_text,
)
from tasks.preparation.transformer import (
    Transformed,
    Transformer,
    check_fit_columns,
    count_change,
    list_columns,
)


class GeneraliseColumns(Transformer):
    """Make values less exact; the result is text.

    Parameters
    ----------
    columns : sequence of str
    width : float, optional
        Numbers: bins of this width, named by their lower bound.
    period : {"year", "quarter", "month", "week", "day"}, optional
        Dates: the first day of the period.
    length : int, optional
        Codes: the first signs. Exactly one of the three is given.

    Examples
    --------
    >>> import numpy as np
    >>> generalise = GeneraliseColumns(["age"], width=10)
    >>> generalise.transform({"age": np.array([37.0, np.nan])}).frame["age"].to_pylist()
    ['30', None]
    """

    KEY = "generalise"

    def __init__(
        self,
        columns: Sequence[str],
        width: float | None = None,
        period: Period | None = None,
        length: int | None = None,
    ) -> None:
        self.columns = columns
        self.width = width
        self.period = period
        self.length = length

    def _transform(self, frame: Frame) -> Transformed:
        """Generalise; see :class:`Transformer`."""
        result = dict(frame)
        changes: Counter[tuple[str, str]] = Counter()
        kinds: tuple[Kind, ...] = ("number", "date", "text")
        if self.length is None:
            kinds = ("date" if self.period is not None else "number", "text")
        for name in list_columns(frame, self.columns, kinds, self.KEY):
            result[name] = generalise(
                frame[name], name, changes, self.width, self.period, self.length
            )
            count_change(changes, name, "generalised", _count_changed(frame[name], result[name]))
        return Transformed(result, changes=changes)


def generalise(
    column: Column,
    name: str,
    changes: Counter[tuple[str, str]],
    width: float | None = None,
    period: Period | None = None,
    length: int | None = None,
) -> pa.StringArray:
    """Generalise a column by the one way that is given.

    Parameters
    ----------
    column : Column of length n_rows
    name : str
        Its name, for the counts.
    changes : Counter
        Counts the values that are lost, because they are no number or no date.
    width, period, length
        As in :class:`GeneraliseColumns`.

    Returns
    -------
    pyarrow.StringArray of length n_rows
    """
    if width is not None:
        text, n_lost = bin_numbers(column, float(width))
        count_change(changes, name, NOT_A_NUMBER, n_lost)
    elif period is not None:
        text, n_lost = round_dates(column, period)
        count_change(changes, name, NOT_A_DATE, n_lost)
    elif length is not None:
        text = shorten_codes(column, length)
    else:
        raise ValueError("one of width, period and length is needed")
    return text


class MaskColumns(Transformer):
    """Replace text by a mask, but for a part; numbers and dates become their text before.

    Parameters
    ----------
    columns : sequence of str
    keep : {"nothing", "last", "domain"}
    n : int, default 4
        For last: how many signs.
    """

    KEY = "mask"

    def __init__(self, columns: Sequence[str], keep: Keep = "nothing", n: int = 4) -> None:
        self.columns = columns
        self.keep = keep
        self.n = n

    def _transform(self, frame: Frame) -> Transformed:
        """Mask; see :class:`Transformer`."""
        result = dict(frame)
        changes: Counter[tuple[str, str]] = Counter()
        for name in list_columns(frame, self.columns, ("number", "date", "text"), self.KEY):
            result[name] = mask_text(frame[name], self.keep, self.n)
            count_change(changes, name, "masked", _count_changed(frame[name], result[name]))
        return Transformed(result, changes=changes)


class MergeRareCategories(Transformer):
    """Merge the categories that training rows do not have, where rare ones were merged.

    Which categories are rare was settled while ingesting, from all rows of the night; a model only
    learns which were left.

    Parameters
    ----------
    columns : sequence of str

    Attributes
    ----------
    categories_ : dict of str to list of str
        The categories of the training rows by column, sorted. Where ``other`` is among them, a
        category that is not becomes ``other``; else it stays.

    Examples
    --------
    >>> merge = MergeRareCategories(["town"]).fit({"town": pa.array(["Rome", "other"])})
    >>> merge.transform({"town": pa.array(["Rome", "Alba", None])}).frame["town"].to_pylist()
    ['Rome', 'other', None]
    """

    KEY = "merge_rare"
    LEARNED = ("categories_",)

    categories_: dict[str, list[str]]

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns

    def _fit(self, frame: Frame) -> None:
        """Learn the categories; see :class:`Transformer`."""
        check_fit_columns(frame, self.columns, self.KEY)
        self.categories_ = {
            name: sorted(pc.unique(frame[name]).drop_null().to_pylist())
            for name in list_columns(frame, self.columns, ("text",), self.KEY)
        }

    def _transform(self, frame: Frame) -> Transformed:
        """Merge; see :class:`Transformer`."""
        result = dict(frame)
        changes: Counter[tuple[str, str]] = Counter()
        for name in list_columns(frame, self.columns, ("text",), self.KEY):
            known = self.categories_.get(name, [])
            if OTHER in known:
                result[name] = merge_categories(frame[name], pa.array(known, pa.string()))
                n = _count_changed(frame[name], result[name])
                count_change(changes, name, f"merged into {OTHER!r}", n)
        return Transformed(result, changes=changes)


def _count_changed(before: Column, after: pa.StringArray) -> int:
    is_same = pc.equal(to_text(before), after)
    return int(pc.sum(pc.invert(is_same)).as_py() or 0)

"""Missing values filled with a figure of the column: mean, median, most frequent value, a constant.

Transformer of ``tasks.preparation``; imputation by a prediction is in ``model_impute.py``, between
neighbours in time in ``series.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.preparation.figures import (
    compute_mean_and_std,
    compute_median,
    refuse_empty,
    select_finite,
)
from tasks.preparation.frame import Column, Frame, Kind, find_missing
from tasks.preparation.new_columns import (
    WAS_MISSING,
    add_columns,
    check_new_names,
    make_indicators,
)
from tasks.preparation.transformer import (
    Transformed,
    Transformer,
    check_fit_columns,
    count_change,
    list_columns,
)

Figure: TypeAlias = Literal["mean", "median", "most_frequent", "constant"]

_WHAT = {
    "mean": "filled with the mean",
    "median": "filled with the median",
    "most_frequent": "filled with the most frequent value",
    "constant": "filled with the constant",
}


class SimpleImpute(Transformer):
    """Fill missing values with one value per column.

    Parameters
    ----------
    columns : sequence of str, optional
        By default every column of numbers that is there when fitting; for ``most_frequent`` every
        one of numbers or text, for ``constant`` every one of the value's kind.
    by : {"mean", "median", "most_frequent", "constant"}
        Of the training rows' values that are neither missing nor infinite. Of values equally
        frequent the least is taken.
    value : float or str, optional
        For ``constant``: a text fills columns of text, a number columns of numbers.
    indicator : bool
        Add ``<column>_was_missing`` of 0 and 1, at the end, for those of the columns that had
        missing values among the training rows.

    Attributes
    ----------
    columns_ : list of str
    fill_values_ : mapping of str to float or str
        By column.
    indicators_ : list of str
        Columns with an indicator. They are chosen when fitting, so that the columns that come out
        never depend on the rows to be predicted (scikit-learn's ``MissingIndicator`` likewise).

    Examples
    --------
    >>> impute = SimpleImpute(by="median").fit({"age": np.array([20.0, 30.0, 70.0, np.nan])})
    >>> impute.transform({"age": np.array([np.nan, 1.0])}).frame["age"].tolist()
    [30.0, 1.0]
    """

    KEY = "impute"
    LEARNED = ("columns_", "fill_values_", "indicators_")

    columns_: Sequence[str]
    fill_values_: Mapping[str, float | str]
    indicators_: Sequence[str]

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        by: Figure = "mean",
        value: float | str | None = None,
        indicator: bool = False,
    ) -> None:
        self.columns = columns
        self.by = by
        self.value = value
        self.indicator = indicator

    @property
    def _kinds(self) -> tuple[Kind, ...]:
        if self.by == "most_frequent":
            return ("number", "text")
        if self.by == "constant" and isinstance(self.value, str):
            return ("text",)
        return ("number",)

    def _fit(self, frame: Frame) -> None:
        """Learn the values to fill in; see :class:`Transformer`.

        Raises
        ------
        CleaningError
            When a column has another kind, or no value among the training rows (but for
            ``constant``), or an indicator's name is taken.
        """
        check_fit_columns(frame, self.columns, self.KEY)
        self.columns_ = list_columns(frame, self.columns, self._kinds, self.KEY)
        self.fill_values_ = {name: self._choose(frame[name], name) for name in self.columns_}
        self.indicators_ = [
            name for name in self.columns_ if self.indicator and find_missing(frame[name]).any()
        ]
        check_new_names(frame, [name + WAS_MISSING for name in self.indicators_], self.KEY)

    def _transform(self, frame: Frame) -> Transformed:
        """Fill; see :class:`Transformer`."""
        result = dict(frame)
        changes: Counter[tuple[str, str]] = Counter()
        missing: dict[str, npt.NDArray[np.bool_]] = {}
        for name in list_columns(frame, self.columns_, self._kinds, self.KEY):
            column, value = frame[name], self.fill_values_[name]
            missing[name] = is_missing = find_missing(column)
            n_missing = int(np.count_nonzero(is_missing))
            if not n_missing:
                continue
            count_change(changes, name, _WHAT[self.by], n_missing)
            result[name] = (
                np.where(is_missing, value, column)
                if isinstance(column, np.ndarray)
                else pc.fill_null(column, pa.scalar(value, pa.string()))
            )
        indicators = make_indicators(missing, self.indicators_)
        return Transformed(add_columns(result, indicators, self.KEY), changes=changes)

    def _choose(self, column: Column, name: str) -> float | str:
        if self.by == "constant":
            return self.value if isinstance(self.value, str) else float(self.value or 0.0)
        if not isinstance(column, np.ndarray):
            return self._find_most_frequent_text(column, name)
        values = select_finite(column, name, self.KEY)
        if self.by == "mean":
            return compute_mean_and_std(values)[0]
        if self.by == "median":
            return compute_median(values)
        distinct, counts = np.unique(values, return_counts=True)
        return float(distinct[np.argmax(counts)])

    def _find_most_frequent_text(self, column: pa.StringArray, name: str) -> str:
        counted = pc.value_counts(column.drop_null())
        if not len(counted):
            raise refuse_empty(name, self.KEY)
        texts, counts = counted.field("values"), counted.field("counts")
        most = texts.filter(pc.equal(counts, pc.max(counts)))
        return str(pc.min(most).as_py())

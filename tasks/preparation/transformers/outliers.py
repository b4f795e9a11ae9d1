"""Values beyond limits: fixed ones, and those that training rows give.

Transformers of ``tasks.preparation``; values that do not convert are ``convert.py``'s.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tasks.preparation.figures import compute_mean_and_std, compute_quantiles, select_finite
from tasks.preparation.frame import Frame
from tasks.preparation.transformer import (
    Problem,
    Transformed,
    Transformer,
    check_fit_columns,
    count_change,
    list_columns,
)

Rule: TypeAlias = Literal["iqr", "z_score", "quantiles"]
Action: TypeAlias = Literal["winsorise", "quarantine", "missing"]

BEYOND_LIMITS = "beyond the training limits"

_FACTORS = {"iqr": 1.5, "z_score": 3.0}  # Tukey's inner fences; three sigma
_QUARTILES = (0.25, 0.75)


class Clip(Transformer):
    """Move values beyond fixed limits to the limit; missing values stay.

    Parameters
    ----------
    columns : sequence of str
        Columns of numbers.
    min, max : float, optional
        The limits, in the column's unit.

    Examples
    --------
    >>> Clip(["age"], min=0).transform({"age": np.array([-3.0, 41.0])}).frame["age"].tolist()
    [0.0, 41.0]
    """

    KEY = "clip"

    def __init__(
        self,
        columns: Sequence[str],
        min: float | None = None,  # noqa: A002 - the workflow file's name
        max: float | None = None,  # noqa: A002
    ) -> None:
        self.columns = columns
        self.min = min
        self.max = max

    def _transform(self, frame: Frame) -> Transformed:
        """Clip; see :class:`Transformer`."""
        result = dict(frame)
        changes: Counter[tuple[str, str]] = Counter()
        low = -math.inf if self.min is None else float(self.min)
        high = math.inf if self.max is None else float(self.max)
        for name in list_columns(frame, self.columns, ("number",), self.KEY):
            is_beyond = (frame[name] < low) | (frame[name] > high)
            if is_beyond.any():
                count_change(changes, name, "clipped to the limit", int(is_beyond.sum()))
                result[name] = np.clip(frame[name], low, high)
        return Transformed(result, changes=changes)


class Outliers(Transformer):
    r"""Treat values far outside what training rows have; missing values stay.

    Parameters
    ----------
    columns : sequence of str, optional
        By default every column of numbers that is there when fitting, but for those whose training
        values are all 0 or 1: a boolean has no outliers, however rare one of its values is.
    by : {"iqr", "z_score", "quantiles"}
        How the limits follow from the training values :math:`x` that are neither missing nor
        infinite, see Notes.
    factor : float, optional
        For ``iqr`` (1.5 by default) and ``z_score`` (3 by default).
    quantiles : pair of float
        For ``quantiles``: fractions of the training values below the lower and the upper limit.
    action : {"winsorise", "quarantine", "missing"}
        Move the value to the limit, send its row to quarantine, or set it missing.

    Attributes
    ----------
    limits_ : mapping of str to [low, high], or to None
        By column; a value equal to a limit is within. None where there are no limits.

    Notes
    -----
    ``iqr``: :math:`[q_{1/4} - f\,d, q_{3/4} + f\,d]` with :math:`d = q_{3/4} - q_{1/4}`. Where the
    quartiles are equal, more than half of the values are, and every other one would be an outlier:
    such a column has no limits. ``z_score``: :math:`[\bar x - f s, \bar x + f s]` with the
    population's standard deviation; a constant column has its value as both limits. ``quantiles``:
    linear between neighbours.

    References
    ----------
    Tukey (1977), Exploratory Data Analysis, Addison-Wesley, chapter 2.

    Examples
    --------
    >>> outliers = Outliers(["x"], by="iqr").fit({"x": np.arange(1.0, 6.0)})
    >>> outliers.limits_
    {'x': [-1.0, 7.0]}
    >>> outliers.transform({"x": np.array([99.0, np.nan, -1.0])}).frame["x"].tolist()
    [7.0, nan, -1.0]
    """

    KEY = "outliers"
    LEARNED = ("limits_",)

    limits_: Mapping[str, Sequence[float] | None]

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        by: Rule = "iqr",
        factor: float | None = None,
        quantiles: Sequence[float] = (0.01, 0.99),
        action: Action = "winsorise",
    ) -> None:
        self.columns = columns
        self.by = by
        self.factor = factor
        self.quantiles = quantiles
        self.action = action

    def _fit(self, frame: Frame) -> None:
        """Learn the limits; see :class:`Transformer`.

        Raises
        ------
        CleaningError
            When a column holds no numbers, or no value among the training rows.
        """
        check_fit_columns(frame, self.columns, self.KEY)
        limits: dict[str, Sequence[float] | None] = {}
        for name in list_columns(frame, self.columns, ("number",), self.KEY):
            values = select_finite(frame[name], name, self.KEY)
            if self.columns is None and ((values == 0.0) | (values == 1.0)).all():
                continue
            limits[name] = self._compute_limits(values)
        self.limits_ = limits

    def _transform(self, frame: Frame) -> Transformed:
        """Treat outliers; see :class:`Transformer`."""
        result = dict(frame)
        changes: Counter[tuple[str, str]] = Counter()
        problems: list[Problem] = []
        for name in list_columns(frame, list(self.limits_), ("number",), self.KEY):
            limits = self.limits_[name]
            if limits is None:
                continue
            column = np.asarray(frame[name])
            low, high = limits
            is_beyond = (column < low) | (column > high)
            n_beyond = int(np.count_nonzero(is_beyond))
            if not n_beyond:
                continue
            if self.action == "quarantine":
                rows = np.flatnonzero(is_beyond)
                problems.append(Problem(name, BEYOND_LIMITS, rows, column[rows].tolist()))
            elif self.action == "missing":
                count_change(changes, name, "outlier, set missing", n_beyond)
                result[name] = np.where(is_beyond, np.nan, column)
            else:
                count_change(changes, name, "outlier, moved to the limit", n_beyond)
                result[name] = np.clip(column, low, high)
        return Transformed(result, tuple(problems), changes)

    def _compute_limits(self, values: npt.NDArray[np.float64]) -> list[float] | None:
        if self.by == "quantiles":
            return list(compute_quantiles(values, self.quantiles))
        factor = self.factor if self.factor is not None else _FACTORS[self.by]
        if self.by == "z_score":
            mean, std = compute_mean_and_std(values)
            return _widen(mean, mean, factor * std)
        lower, upper = compute_quantiles(values, _QUARTILES)
        return _widen(lower, upper, factor * (upper - lower)) if lower < upper else None


def _widen(low: float, high: float, by: float) -> list[float]:
    """Limits beyond the greatest float are that float: JSON knows no infinity."""
    greatest = sys.float_info.max
    return [max(low - by, -greatest), min(high + by, greatest)]

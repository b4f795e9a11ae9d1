"""Normalisation of columns of numbers with figures from training rows.

Transformer of ``tasks.preparation``; pixels of images are normalised by the network itself.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tasks.errors import CleaningError
from tasks.preparation.figures import compute_mean_and_std, compute_quantiles, select_finite
from tasks.preparation.frame import Frame, find_kind
from tasks.preparation.transformer import (
    Transformed,
    Transformer,
    check_fit_columns,
    list_columns,
)

Target: TypeAlias = Literal["range", "standard", "robust"]

# A spread below this share of the greatest value is rounding, not information.
_ROUNDING = 10 * sys.float_info.epsilon


class Scale(Transformer):
    """Normalise columns of numbers; missing values stay.

    Parameters
    ----------
    columns : sequence of str
        Columns of numbers.
    to : {"range", "standard", "robust"}
        A range; zero mean and unit variance; or zero median and unit distance of the quartiles.
    range : pair of float
        For ``range``: [a, b], reached by the least and the greatest training value. Values beyond
        those come to lie beyond a and b.
    skip_others : bool
        Leave out, rather than refuse, columns that are not there or hold no numbers (any more):
        the user named none.

    Attributes
    ----------
    centers_ : mapping of str to float
        Least value, mean or median, by column, in the column's unit.
    scales_ : mapping of str to float
        Greatest less least value, standard deviation, or distance of the quartiles; 1 where that is
        nothing.

    Notes
    -----
    :math:`(x - c) / s`, for ``range`` :math:`a + (b - a)(x - c) / s`: the figures of scikit-learn's
    ``StandardScaler`` (the population's standard deviation), ``MinMaxScaler`` and ``RobustScaler``,
    from values that are neither missing nor infinite. A spread that is no more than rounding (below
    ten times the float's precision of the greatest absolute value) is nothing: a constant column
    becomes 0, for ``range`` a.

    Examples
    --------
    >>> scale = Scale(["x"], to="range", range=[-1, 1]).fit({"x": np.array([10.0, 20.0, 30.0])})
    >>> scale.transform({"x": np.array([10.0, 25.0, np.nan])}).frame["x"].tolist()
    [-1.0, 0.5, nan]
    """

    KEY = "scale"
    LEARNED = ("centers_", "scales_")

    centers_: Mapping[str, float]
    scales_: Mapping[str, float]

    def __init__(
        self,
        columns: Sequence[str],
        to: Target = "standard",
        range: Sequence[float] = (0.0, 1.0),  # noqa: A002 - the workflow file's name
        skip_others: bool = False,
    ) -> None:
        self.columns = columns
        self.to = to
        self.range = range
        self.skip_others = skip_others

    def _fit(self, frame: Frame) -> None:
        """Learn the figures; see :class:`Transformer`.

        Raises
        ------
        CleaningError
            When a named column is missing or holds no numbers, when no training row has a value, or
            when the values lie further apart than a float can tell.
        """
        columns = list(self.columns)
        if self.skip_others:
            columns = [
                name for name in columns if name in frame and find_kind(frame[name]) == "number"
            ]
        check_fit_columns(frame, columns, self.KEY)
        centers: dict[str, float] = {}
        scales: dict[str, float] = {}
        for name in list_columns(frame, columns, ("number",), self.KEY):
            values = select_finite(frame[name], name, self.KEY)
            center, spread = self._compute_figures(values)
            if spread > sys.float_info.max:
                raise CleaningError(
                    f"The values of the column {name!r} lie further apart than a float can tell: "
                    f"from {values.min():g} to {values.max():g}.",
                    expected=f"a distance of at most {sys.float_info.max:g}",
                    hint="clip the column before, with 'clip: {columns: [...], min: ..., max: ...}'",
                )
            greatest = max(abs(float(values.min())), abs(float(values.max())))
            centers[name] = center
            scales[name] = spread if spread > _ROUNDING * greatest else 1.0
        self.centers_, self.scales_ = centers, scales

    def _transform(self, frame: Frame) -> Transformed:
        """Scale; see :class:`Transformer`. It counts no changes: it changes every value."""
        result = dict(frame)
        low, high = self.range
        for name in list_columns(frame, list(self.centers_), ("number",), self.KEY):
            # A value that is infinite, or becomes so, is told after the last step.
            with np.errstate(over="ignore"):
                scaled = frame[name] - self.centers_[name]
                scaled /= self.scales_[name]
                if self.to == "range":
                    scaled *= high - low
                    scaled += low
            result[name] = scaled
        return Transformed(result)

    def _compute_figures(self, values: npt.NDArray[np.float64]) -> tuple[float, float]:
        if self.to == "standard":
            return compute_mean_and_std(values)
        if self.to == "range":
            least, greatest = float(values.min()), float(values.max())
            return least, greatest - least
        lower, median, upper = compute_quantiles(values, (0.25, 0.5, 0.75))
        return median, upper - lower

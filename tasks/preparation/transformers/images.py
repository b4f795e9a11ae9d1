"""Images that show nothing.

Transformer of ``tasks.preparation``; missing images and pixels that are no numbers are told elsewhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.dataset.tensors import tensor_column_to_array
from tasks.preparation.frame import Frame
from tasks.preparation.transformer import Problem, Transformed, Transformer, list_columns

BLANK = "blank image"


class CheckImages(Transformer):
    """Tell images whose pixels are all alike.

    Parameters
    ----------
    column : str
        A column of tensors.
    min_contrast : float
        In the unit of the pixels: an image whose greatest and least pixel, over all channels, are
        no further apart is blank.

    Examples
    --------
    >>> from tasks.dataset.tensors import array_to_tensor_column
    >>> images = np.zeros((2, 2, 2, 1), np.uint8)
    >>> images[1, 0, 0] = 9
    >>> check = CheckImages("image").transform({"image": array_to_tensor_column(images)})
    >>> [(problem.kind, problem.rows.tolist()) for problem in check.problems]
    [('blank image', [0])]
    """

    KEY = "check_images"

    def __init__(self, column: str, min_contrast: float = 0.0) -> None:
        self.column = column
        self.min_contrast = min_contrast

    def _transform(self, frame: Frame) -> Transformed:
        """Check; see :class:`Transformer`. Images with a NaN are not blank: they are told as such."""
        if not list_columns(frame, [self.column], ("tensor",), self.KEY):
            return Transformed(dict(frame))
        column: Any = frame[self.column]
        is_there = np.asarray(column.is_valid())
        if not is_there.all():
            column = column.filter(pa.array(is_there))
        images = tensor_column_to_array(column)
        images = images.reshape(len(images), math.prod(images.shape[1:]))
        # Python's floats hold the difference of any two pixels; int8 does not hold that of its own.
        least = images.min(axis=1).astype(np.float64)
        greatest = images.max(axis=1).astype(np.float64)
        with np.errstate(invalid="ignore"):  # infinite less infinite
            is_blank = greatest - least <= self.min_contrast
        rows = np.flatnonzero(is_there)[is_blank]
        problems = (Problem(self.column, BLANK, rows),) if len(rows) else ()
        return Transformed(dict(frame), problems)

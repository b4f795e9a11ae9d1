"""New columns of a frame: at its end, or in the place of another column, and never over one.

Used by the transformers that make columns: indicators, encodings, parts of dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tasks.errors import CleaningError
from tasks.preparation.frame import Column, Frame

WAS_MISSING = "_was_missing"


def check_new_names(taken: Iterable[str], new: Sequence[str], step: str) -> None:
    """Check that new columns have names of their own.

    Parameters
    ----------
    taken : iterable of str
        Names of the columns that stay.
    new : sequence of str
        Names of the columns to come.
    step : str
        The step's key, for the error.

    Raises
    ------
    CleaningError
        When a new name is taken, or two new ones are equal.
    """
    seen = set(taken)
    for name in new:
        if name in seen:
            raise CleaningError(
                f"The cleaning step {step!r} makes a column {name!r}, but there is one already.",
                expected="a new name for every new column",
                hint="rename the column of that name in the source, or the category",
            )
        seen.add(name)


def add_columns(frame: Frame, new: Mapping[str, Column], step: str) -> Frame:
    """Put new columns at the end of a frame.

    Raises
    ------
    CleaningError
        When a name is taken.
    """
    check_new_names(frame, list(new), step)
    return {**frame, **new}


def replace_column(frame: Frame, name: str, new: Mapping[str, Column], step: str) -> Frame:
    """Put new columns in the place of one that goes.

    Parameters
    ----------
    frame : Frame
    name : str
        The column that goes; a new one may have its name.
    new : mapping of str to Column
    step : str
        The step's key, for the error.

    Returns
    -------
    Frame

    Raises
    ------
    CleaningError
        When a new name is that of another column.

    Examples
    --------
    >>> list(replace_column({"a": 1, "b": 2}, "a", {"a_x": 3, "a_y": 4}, "encode"))
    ['a_x', 'a_y', 'b']
    """
    check_new_names((other for other in frame if other != name), list(new), step)
    result: Frame = {}
    for other, column in frame.items():
        if other == name:
            result.update(new)
        else:
            result[other] = column
    return result


def make_indicators(
    missing: Mapping[str, npt.NDArray[np.bool_]], names: Sequence[str]
) -> dict[str, Column]:
    """Make columns of 0 and 1 that tell where others were missing.

    Parameters
    ----------
    missing : mapping of str to ndarray of shape (n_rows,), bool
    names : sequence of str
        The columns to be told of; those that are not in ``missing`` are left out.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,), float64
        ``<column>_was_missing``.
    """
    return {
        name + WAS_MISSING: missing[name].astype(np.float64) for name in names if name in missing
    }

"""Second pass of the cleaning, first half: learn from the training rows.

Pure; each step learns from what the steps before made of the training rows, and of no others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tasks.preparation.frame import Frame, count_rows, filter_rows
from tasks.preparation.transformer import Problem, Transformer

# What the learning steps see is in memory at once. Up to this many training rows all are seen,
# beyond it as many as this: a mean or quantile of a quarter of a million rows is known to three thousandths of
# the column's spread. scikit-learn takes its quantiles from 10,000 rows, its histograms' from 200,000.
MAX_FIT_ROWS = 250_000
MAX_FIT_BYTES = 256 * 1024 * 1024


def choose_fit_rows(folds: npt.NDArray[np.int64], n_columns: int) -> npt.NDArray[np.bool_]:
    """Choose the training rows that are learned from.

    Parameters
    ----------
    folds : ndarray of shape (n_rows,), int64
        A number per row that follows from its id.
    n_columns : int
        Columns that will be in memory.

    Returns
    -------
    ndarray of shape (n_rows,), bool
        All rows where they fit within :data:`MAX_FIT_ROWS` and :data:`MAX_FIT_BYTES`; else those
        with the smallest numbers, which are the same every night.
    """
    limit = min(MAX_FIT_ROWS, MAX_FIT_BYTES // (8 * max(1, n_columns)))
    if len(folds) <= limit:
        return np.ones(len(folds), dtype=bool)
    return np.asarray(folds <= np.partition(folds, limit - 1)[limit - 1])


def learn(
    transformers: Sequence[Transformer],
    frame: Frame,
    target: npt.NDArray[np.float64] | None,
    folds: npt.NDArray[np.int64],
) -> Frame:
    """Fit transformers, each on what those before it make of the training rows.

    Parameters
    ----------
    transformers : sequence of Transformer
        Fitted in place.
    frame : Frame with n_rows rows
        Training rows.
    target : ndarray of shape (n_rows,), float64, optional
        The codes of their classes.
    folds : ndarray of shape (n_rows,), int64

    Returns
    -------
    Frame
        The training rows as they come out.

    Raises
    ------
    CleaningError
        When a step cannot learn from these rows.
    """
    for transformer in transformers:
        transformer.fit(frame, target, folds)
        transformed = transformer.transform(frame, folds)
        frame = transformed.frame
        is_good = find_good_rows(transformed.problems, count_rows(frame))
        if not is_good.all():
            frame, folds = filter_rows(frame, is_good), folds[is_good]
            target = target[is_good] if target is not None else None
    return frame


def find_good_rows(problems: Sequence[Problem], n_rows: int) -> npt.NDArray[np.bool_]:
    """Tell the rows without a problem."""
    is_good = np.ones(n_rows, dtype=bool)
    for problem in problems:
        is_good[problem.rows] = False
    return is_good

"""One part of the split, ready to be cut into batches: rows of a table, images, or windows of a series.

The door of ``tasks.training`` to the dataset container: whatever fits a model asks here.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Literal

from tasks.dataset import Dataset
from tasks.errors import TrainingError
from tasks.preparation import Preparation
from tasks.training.data.rows import Rows, read_rows
from tasks.training.data.windows import Windows, read_windows

logger = logging.getLogger(__name__)

PartName = Literal["train", "validation", "holdout"]
Part = Rows | Windows


def load_part(
    dataset: Dataset,
    preparation: Preparation,
    part: PartName,
    *,
    share: float = 1.0,
    seed: int = 0,
    scratch: Path | None = None,
) -> Part:
    """Read one part of the split.

    Parameters
    ----------
    dataset : Dataset
        Clean rows with the columns of the preparation, its target or time, and ``split``.
    preparation : Preparation
    part : {"train", "validation", "holdout"}
    share : float, default 1.0
        In (0, 1]: read this share of the part alone. Of rows a random one, in which every smaller
        share of the same seed is contained; of windows the latest ones.
    seed : int, default 0
        Of the random share.
    scratch : Path, optional
        Folder for arrays larger than :data:`~tasks.training.data.array_builder.MAX_ARRAY_BYTES`, which
        are mapped into memory from there; it must outlive the result. By default all is in memory.

    Returns
    -------
    Rows or Windows
        Rows in the order of the dataset, windows in order of time. Empty where a part other than
        ``train`` has no rows.

    Raises
    ------
    TrainingError
        When there is no training row, the window is longer than the training series, or a value is
        missing or infinite.
    DatasetError, CleaningError
        When a column is missing, a class is unknown to the preparation, or a series has two rows of
        one time.
    """
    if not 0.0 < share <= 1.0:
        raise TrainingError(
            f"A share of {share:g} of the rows was to be read.",
            expected="more than 0 and at most 1",
            hint="correct 'training.learning_curve' in the workflow file",
        )
    start = time.perf_counter()
    found: Part
    if preparation.forecast is not None:
        found = read_windows(dataset, preparation, part, share=share, scratch=scratch)
    else:
        found = read_rows(dataset, preparation, part, share=share, seed=seed, scratch=scratch)
    if part == "train" and not found.n_rows:
        raise TrainingError(
            "There is no training row.",
            expected="clean rows whose 'split' is 'train'",
            hint="look at the cleaning step's report: were all rows put in quarantine?",
        )
    seconds = time.perf_counter() - start
    kind = "windows" if isinstance(found, Windows) else "rows"
    logger.info(
        "%s: %d %s of shape %s, %.1f s", part, found.n_rows, kind, preparation.input_shape, seconds
    )
    return found

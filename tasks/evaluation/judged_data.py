"""What models are judged by, and what they said of it: the data between prediction and comparison.

Used by the modules of ``tasks.evaluation`` that have models predict rows or windows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import Dataset
from tasks.evaluation.contenders import ServedModel
from tasks.evaluation.scorer import Scorer
from tasks.evaluation.slices import Slice
from tasks.preparation import Preparation
from tasks.workflow import Workflow

TARGET = "target"  # the column of what came, in the table of predictions

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NightData:
    """What tonight's models are judged by.

    Parameters
    ----------
    raw, clean : Dataset
        Rows as they arrived, and as they were cleaned and split.
    preparation : Preparation
        What cleaning learned.
    workflow : Workflow
    quarantined : pyarrow.ChunkedArray, optional
        Ids of rows that could not be used.
    """

    raw: Dataset
    clean: Dataset
    preparation: Preparation
    workflow: Workflow
    quarantined: pa.ChunkedArray | None = None


@dataclass(frozen=True)
class Predicted:
    """What everybody said, and the scorer of it.

    Parameters
    ----------
    scorer : Scorer
    predictions : mapping of str to ndarray
        As the scorer takes them; of those that have predicted.
    table : pyarrow.Table
        The same for people and charts: one row for each row or window.
    take_inputs : callable
        Takes a model and places among the judged rows or windows, and gives what the model is given
        for them: an array or a DataFrame of raw values.
    slices : tuple of Slice
        Of the judged rows.
    problems : mapping of str to str
        Why a model has not predicted, by its name.
    """

    scorer: Scorer
    predictions: Mapping[str, npt.NDArray[Any]]
    table: pa.Table
    take_inputs: Callable[[ServedModel, Places], Any]
    slices: tuple[Slice, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)

"""What a baseline is fitted on and how: the one argument of every fitter.

Made by ``fit``; read by ``tables``, ``series`` and ``result``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from tasks.preparation import Preparation
from tasks.training.data.parts import Part
from tasks.training.data.statistics import compute_statistics
from tasks.training.data.windows import Windows

PartT = TypeVar("PartT", bound=Part)


@dataclass(frozen=True, eq=False)
class FitRequest(Generic[PartT]):
    """What a baseline is fitted on, and how.

    Parameters
    ----------
    training : Rows or Windows
        At least one.
    validation : Rows or Windows
        Possibly none.
    preparation : Preparation
    spec : mapping
        The baseline's settings, as in the workflow file: its ``kind`` and that kind's keys.
    name : str
        The baseline's name, for messages and as the model's.
    seed : int
        For a fitter that draws rows.
    """

    training: PartT
    validation: PartT
    preparation: Preparation
    spec: Mapping[str, Any]
    name: str
    seed: int

    @cached_property
    def target_scale(self) -> npt.NDArray[np.float64]:
        """Standard deviations of the numbers to be predicted, over the training rows or steps.

        An array of shape (n_columns,), with 1 where a column is constant.
        """
        training: Part = self.training
        if isinstance(training, Windows):
            targets = (steps[:, training.columns] for steps in training.iterate_inputs())
            return np.sqrt(compute_statistics(targets).scaling_variance)
        return np.sqrt(compute_statistics([training.targets]).scaling_variance)

"""What the numbers to be predicted are standardised by: the mean and deviation of the training targets.

Measured by ``tasks.training.trainer``; batches give the network standardised targets, and the finished
network puts out values in their own units again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.training.data.parts import Part
from tasks.training.data.statistics import Statistics, compute_statistics
from tasks.training.data.windows import Windows


@dataclass(frozen=True)
class TargetScaling:
    """Mean and standard deviation of each number that is predicted.

    Parameters
    ----------
    center, scale : ndarray of shape (n_columns,), float64
        ``scale`` is 1 where a column is constant.
    """

    center: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]


def measure_target_scaling(training: Part, inputs: Statistics) -> TargetScaling:
    """Measure what the targets of training rows are standardised by.

    Parameters
    ----------
    training : Rows or Windows
        Of numbers; the classes of rows are not standardised.
    inputs : Statistics
        Of their inputs, among which a series has what is forecast.

    Returns
    -------
    TargetScaling
    """
    if isinstance(training, Windows):
        mean, variance = inputs.mean[training.columns], inputs.scaling_variance[training.columns]
    else:
        targets = compute_statistics([training.targets])
        mean, variance = targets.mean, targets.scaling_variance
    return TargetScaling(mean, np.sqrt(variance))

"""Which figures are better when they are smaller: known in this one place.

Ground module of ``tasks.metrics``; whoever compares two figures asks here.
"""

from __future__ import annotations

import math

from tasks.workflow import ERRORS

SMALLER_IS_BETTER: frozenset[str] = frozenset({*ERRORS, "mase", "log_loss", "ece"})


def is_smaller_better(metric: str) -> bool:
    """Tell whether a model with a smaller figure is the better one.

    Parameters
    ----------
    metric : str
        Any figure of ``scores.json``.

    Examples
    --------
    >>> is_smaller_better("ece"), is_smaller_better("roc_auc"), is_smaller_better("recall")
    (True, False, False)
    """
    return metric in SMALLER_IS_BETTER


def rate(metric: str, figure: float) -> float:
    """Turn a figure into one of which more is better; no number is worst.

    Examples
    --------
    >>> rate("rmse", 2.0), rate("accuracy", 0.9), rate("accuracy", math.nan)
    (-2.0, 0.9, -inf)
    """
    if math.isnan(figure):
        return -math.inf
    return -figure if is_smaller_better(metric) else figure


def measure_gain(metric: str, challenger: float, champion: float) -> float:
    """Measure by how much the challenger is better, in the metric's own unit.

    Returns
    -------
    float
        Negative where it is worse; NaN where one of them has no figure.

    Examples
    --------
    >>> measure_gain("rmse", 2.0, 2.5), measure_gain("accuracy", 0.75, 1.0)
    (0.5, -0.25)
    """
    return champion - challenger if is_smaller_better(metric) else challenger - champion

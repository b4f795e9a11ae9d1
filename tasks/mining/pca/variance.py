"""How much of the variance the first components hold, and which inputs each is made of.

Pure module of the mining stage; ``tasks.mining.pca.step`` writes what it computes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.mining.pca.components import Components

SHARES = (0.8, 0.9, 0.95)  # of the variance, for which a report says how many components hold it
MIN_CORRELATION = 0.1  # a hundredth of the input's variance: less says nothing about a component


def count_components(ratio: npt.ArrayLike, share: float) -> int | None:
    """Count the first components that together hold a share of the variance.

    Parameters
    ----------
    ratio : array_like of shape (n_components,)
        Share of the variance along each component, 0 to 1.
    share : float
        0 to 1.

    Returns
    -------
    int or None
        None where all of them hold less.

    Examples
    --------
    >>> count_components([0.5, 0.25, 0.125], 0.75), count_components([0.5, 0.25, 0.125], 0.9)
    (2, None)
    """
    together = np.cumsum(np.asarray(ratio, dtype=np.float64))
    # float32 ratios that add up to all miss it by their last digit.
    reached = np.flatnonzero(together >= share - 1e-6)
    return int(reached[0]) + 1 if len(reached) else None


def correlate_inputs(
    components: Components, is_constant: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    r"""Correlate every input with every component: what a component is made of.

    Parameters
    ----------
    components : Components
    is_constant : ndarray of shape (n_inputs,), bool
        Inputs that do not vary; theirs is 0.

    Returns
    -------
    ndarray of shape (n_components, n_inputs), float64
        Pearson's correlation, -1 to 1. A component's direction has no sign of its own: all signs of
        one component may be turned around together.

    Notes
    -----
    A standardised input has variance 1, so that its correlation with component :math:`k` is
    :math:`r_{jk} = v_{jk} \sqrt{\lambda_k}` with the weight :math:`v_{jk}` and the variance
    :math:`\lambda_k` of the scores [1]_.

    References
    ----------
    .. [1] I. T. Jolliffe, "Principal Component Analysis", 2nd edition, Springer, 2002, chapter 2.3.
       https://doi.org/10.1007/b98835
    """
    spread = components.scores.astype(np.float64).std(axis=0)
    found = np.clip(components.components * spread[:, None], -1.0, 1.0)
    return np.asarray(np.where(is_constant, 0.0, found))


def rank_inputs(correlations: npt.NDArray[np.floating[Any]], most: int) -> list[int]:
    """Rank the inputs that tell most about one component, the closest related first.

    Parameters
    ----------
    correlations : ndarray of shape (n_inputs,)
    most : int
        At most so many; of those after the first, only what is related by :data:`MIN_CORRELATION`.

    Returns
    -------
    list of int
        Places of the inputs; of equals the first one first.

    Examples
    --------
    >>> rank_inputs(np.array([0.2, -0.9, 0.0, 0.4]), 2)
    [1, 3]
    >>> rank_inputs(np.array([0.2, -0.9, 0.0, 0.4]), 4)
    [1, 3, 0]
    """
    order: list[int] = np.argsort(-np.abs(correlations), kind="stable").tolist()
    return order[:1] + [i for i in order[1:most] if abs(correlations[i]) >= MIN_CORRELATION]

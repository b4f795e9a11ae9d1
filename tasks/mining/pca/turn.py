"""How far tonight's components have turned from those of an earlier night.

Pure module of the mining stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

N_LEADING = 2  # the plane of the map, which is what a reader sees turn
# Two components whose variances differ by less than a tenth are told apart by chance: North's rule of
# thumb has a sampling error of sqrt(2 / n_rows) of a variance, a tenth at 200 independent rows.
MIN_GAP_FRACTION = 0.1


@dataclass(frozen=True)
class Turn:
    """The turn of the leading components.

    Parameters
    ----------
    n_leading : int
        So many first components span the subspace that is compared.
    angle_degrees : float
        Largest principal angle between then's and now's, 0 to 90.
    is_separated : bool
        Whether the next component holds clearly less than the last of these, then and now. Where
        not, the subspace turns by chance.
    """

    n_leading: int
    angle_degrees: float
    is_separated: bool


def measure_turn(
    then: npt.NDArray[np.floating[Any]],
    now: npt.NDArray[np.floating[Any]],
    *,
    then_ratio: npt.ArrayLike,
    now_ratio: npt.ArrayLike,
) -> Turn | None:
    r"""Measure the angle between the leading subspaces of two nights.

    Parameters
    ----------
    then, now : ndarray of shape (n_components, n_inputs)
        Directions of unit length over the same inputs, by falling variance.
    then_ratio, now_ratio : array_like of shape (n_components,)
        Their shares of the variance.

    Returns
    -------
    Turn or None
        None where there is one input only, which has nowhere to turn.

    Notes
    -----
    The cosines of the principal angles are the singular values of :math:`V_1 V_2^\top`, where the
    rows of :math:`V` are the leading directions; the greatest angle is told [1]_. It does not see
    signs, nor an exchange of components inside the subspace. Components that are not well separated
    in their variance mix by chance [2]_.

    References
    ----------
    .. [1] A. V. Knyazev, M. E. Argentati, "Principal angles between subspaces in an A-based scalar
       product", SIAM J. Sci. Comput. 23, 2002. https://doi.org/10.1137/S1064827500377332
    .. [2] G. R. North et al., "Sampling errors in the estimation of empirical orthogonal functions",
       Mon. Weather Rev. 110, 1982. https://doi.org/10.1175/1520-0493(1982)110<0699:SEITEO>2.0.CO;2

    Examples
    --------
    >>> across, up = np.array([[1.0, 0.0]]), np.array([[0.0, -1.0]])
    >>> measure_turn(across, up, then_ratio=[0.9], now_ratio=[0.8])
    Turn(n_leading=1, angle_degrees=90.0, is_separated=True)
    """
    from scipy.linalg import subspace_angles

    # All inputs together span everything, and everything does not turn.
    n_leading = min(N_LEADING, len(then), len(now), then.shape[1] - 1)
    if n_leading < 1:
        return None
    angles = subspace_angles(
        then[:n_leading].T.astype(np.float64), now[:n_leading].T.astype(np.float64)
    )
    return Turn(
        n_leading,
        # Beyond a thousandth of a degree is the rounding of float32.
        round(float(np.rad2deg(angles.max())), 3),
        all(_is_separated(np.asarray(r), n_leading) for r in (then_ratio, now_ratio)),
    )


def _is_separated(ratio: npt.NDArray[np.floating[Any]], n_leading: int) -> bool:
    """Whether the next component holds clearly less than the last leading one; all are known to fall."""
    if len(ratio) <= n_leading:
        # What was not asked for holds at most the rest.
        rest = 1.0 - float(ratio.sum())
        return rest < (1.0 - MIN_GAP_FRACTION) * float(ratio[n_leading - 1])
    return float(ratio[n_leading]) < (1.0 - MIN_GAP_FRACTION) * float(ratio[n_leading - 1])

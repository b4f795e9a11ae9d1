"""How far two distributions over the same bins lie apart, and how far chance alone puts them.

Pure functions on counts; ``drift.py`` judges columns by them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

# Added to every count, so that a bin that is empty on one side gives a finite index: Jeffreys' prior
# of a multinomial (Krichevsky and Trofimov 1981).
PSEUDO_COUNT = 0.5


@dataclass(frozen=True)
class Divergence:
    """How far later rows lie from training rows in one column.

    Parameters
    ----------
    psi : float
        Population stability index, in nats; 0 where the shares are the same.
    js : float
        Jensen-Shannon divergence in bits, from 0 to 1.
    expected_psi, expected_js : float
        What samples of these sizes from one and the same distribution have on average.
    chance_psi, chance_js : float
        What they exceed with the probability that was asked for only.
    """

    psi: float
    js: float
    expected_psi: float
    expected_js: float
    chance_psi: float
    chance_js: float


def compute_psi(then: Counts, now: Counts) -> float:
    r"""Compute the population stability index of two samples.

    Parameters
    ----------
    then, now : ndarray of shape (n_bins,), int64
        Rows per bin; each with at least one row.

    Returns
    -------
    float
        In nats, 0 or more. By custom 0.1 is a small shift and 0.25 a large one.

    Notes
    -----
    :math:`\sum_i (q_i - p_i) \ln (q_i / p_i)`, the sum of both Kullback-Leibler divergences
    (Jeffreys' divergence), with :math:`p_i = (c_i + 1/2) / (n + B/2)` over the :math:`B` bins in
    which either sample has a row.

    References
    ----------
    N. Siddiqi, Credit Risk Scorecards, Wiley 2006. H. Jeffreys, An invariant form for the prior
    probability in estimation problems, Proc. R. Soc. A 186, 1946.
    https://doi.org/10.1098/rspa.1946.0056

    Examples
    --------
    >>> compute_psi(np.array([500, 500]), np.array([500, 500]))
    0.0
    >>> round(compute_psi(np.array([5000, 5000]), np.array([3000, 7000])), 3)
    0.169
    """
    p, q = _smooth(then, now)
    return float(((q - p) * np.log(q / p)).sum())


def compute_js(then: Counts, now: Counts) -> float:
    r"""Compute the Jensen-Shannon divergence of two samples.

    Parameters
    ----------
    then, now : ndarray of shape (n_bins,), int64
        Rows per bin; each with at least one row.

    Returns
    -------
    float
        In bits: 0 for the same shares, towards 1 where no bin has rows of both.

    Notes
    -----
    :math:`\frac12 D(p \| m) + \frac12 D(q \| m)` with :math:`m = (p + q) / 2` and the logarithm to
    base 2, of the same smoothed shares as :func:`compute_psi`: of plain ones small samples would
    exceed what chance gives at large ones three to eight times as often as they should.

    References
    ----------
    J. Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37, 1991.
    https://doi.org/10.1109/18.61115

    Examples
    --------
    >>> round(compute_js(np.array([4000, 0]), np.array([0, 9000])), 3)
    0.999
    """
    p, q = _smooth(then, now)
    middle = (p + q) / 2
    total = (p * np.log2(p / middle) + q * np.log2(q / middle)).sum() / 2
    return max(0.0, float(total))


def compare(then: Counts, now: Counts, *, alpha: float) -> Divergence:
    r"""Compare two samples, and say what chance would give.

    Parameters
    ----------
    then, now : ndarray of shape (n_bins,), int64
        Rows per bin; each with at least one row.
    alpha : float
        How often samples of one distribution may lie further apart than ``chance_psi``.

    Returns
    -------
    Divergence

    Notes
    -----
    Of samples of n and m rows from one distribution over B bins the index divided by
    :math:`1/n + 1/m` is distributed as chi-square with B - 1 degrees of freedom, so its mean is
    :math:`(B - 1)(1/n + 1/m)`. The Jensen-Shannon divergence of neighbours is an eighth of the
    index in nats: both are the same quadratic form up to terms of third order.

    References
    ----------
    B. Yurdakul, J. Naranjo, Statistical properties of the population stability index, Journal of
    Risk Model Validation 14, 2020. https://doi.org/10.21314/JRMV.2020.227

    Examples
    --------
    >>> found = compare(np.full(10, 100), np.full(10, 3), alpha=0.01)
    >>> round(found.expected_psi, 3), round(found.chance_psi, 3)
    (0.309, 0.744)
    """
    from scipy.special import gammaincinv

    n_bins = int(((then > 0) | (now > 0)).sum())
    scale = 1.0 / then.sum() + 1.0 / now.sum()
    to_js = 1.0 / (8.0 * np.log(2.0))
    expected = (n_bins - 1) * scale
    # The quantile of chi-square, without the seconds that importing scipy.stats takes.
    quantile = 2.0 * gammaincinv((n_bins - 1) / 2.0, 1.0 - alpha) if n_bins > 1 else 0.0
    return Divergence(
        psi=compute_psi(then, now),
        js=compute_js(then, now),
        expected_psi=float(expected),
        expected_js=float(expected * to_js),
        chance_psi=float(quantile * scale),
        chance_js=float(quantile * scale * to_js),
    )


def _smooth(then: Counts, now: Counts) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Shares of the bins that either sample has a row in, none of them 0."""
    is_there = (then > 0) | (now > 0)
    p, q = (counts[is_there] + PSEUDO_COUNT for counts in (then, now))
    return p / p.sum(), q / q.sum()

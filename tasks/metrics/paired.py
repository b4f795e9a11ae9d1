"""The paired comparison of challenger and champion, which tells a gain from chance.

Pure functions of ``tasks.metrics``. Both models predicted the same hold-out, and rows that are hard for
one are hard for the other: their figures move together from hold-out to hold-out, and their difference
moves far less than each of them. So the *same* rows are drawn for both, again and again, and the gain of
every draw is looked at [1]_. Of accuracy McNemar's test [2]_ says the same without drawing.

References
----------
.. [1] Efron, B. and Tibshirani, R. J. (1993). An Introduction to the Bootstrap. Chapman & Hall.
.. [2] McNemar, Q. (1947). Note on the sampling error of the difference between correlated proportions
   or percentages. Psychometrika 12(2), 153-157. https://doi.org/10.1007/BF02295996
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.metrics.classes import Metric, compute_metric, count_confusion
from tasks.metrics.direction import is_smaller_better, measure_gain
from tasks.metrics.forecasts import ForecastMetric, sum_errors
from tasks.metrics.nulls import to_nulls
from tasks.metrics.numbers import NumberMetric, compute_from_sums, list_sums
from tasks.metrics.resampling import N_BOOTSTRAP, group_rows, resample_blocks, resample_rows

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

# The counts of accuracy cost next to nothing to draw: twice as many as of rows.
N_COUNT_DRAWS = 2 * N_BOOTSTRAP


@dataclass(frozen=True)
class PairedGain:
    """By how much the challenger is better than the champion on the same rows, and how sure that is.

    Parameters
    ----------
    gain : float
        In the metric's unit; positive where the challenger is better, also of errors.
    low, high : float
        Interval of the gain on resampled hold-outs; NaN where no draw had a figure.
    confidence : float
        Share of the draws inside: ``1 - 2 * significance``, so that the gain is below ``low`` with a
        chance of ``significance``.
    p_value : float or None
        One-sided, of McNemar's test; for accuracy alone.
    n_discordant : tuple of int or None
        Rows that the challenger has right and the champion wrong, and the reverse; for accuracy alone.
    """

    gain: float
    low: float
    high: float
    confidence: float
    p_value: float | None = None
    n_discordant: tuple[int, int] | None = None

    def to_json(self, version: str | None, metric: str) -> dict[str, Any]:
        """Make the part ``paired`` of a document; what is no number is null.

        Parameters
        ----------
        version : str or None
            The champion's.
        metric : str
        """
        document: dict[str, Any] = to_nulls(
            {
                "with": version,
                "metric": metric,
                "gain": self.gain,
                "interval": [self.low, self.high],
                "confidence": self.confidence,
                "p_value": self.p_value,
                "n_discordant": self.n_discordant,
            }
        )
        return document


def compare_hits(
    n_gained: int, n_lost: int, n_rows: int, *, significance: float, seed: int
) -> PairedGain:
    r"""Compare the accuracy of two models by the rows on which one is right and the other wrong.

    Parameters
    ----------
    n_gained, n_lost : int
        Rows that the challenger has right and the champion wrong, and the reverse.
    n_rows : int
        All rows, at least ``n_gained + n_lost``.
    significance : float
        Between 0 and 0.5.
    seed : int

    Returns
    -------
    PairedGain

    Notes
    -----
    Rows drawn with replacement matter through the counts of gained, lost and all other rows alone, and
    those are multinomial; the gain of a draw is the difference of the first two, divided by ``n_rows``.

    Examples
    --------
    >>> found = compare_hits(150, 50, 10_000, significance=0.05, seed=7)
    >>> found.gain, 0.007 < found.low < 0.01 < found.high < 0.013, found.p_value < 1e-10
    (0.01, True, True)
    """
    shares = np.array([n_gained, n_lost, n_rows - n_gained - n_lost]) / n_rows
    draws = np.random.default_rng(seed).multinomial(n_rows, shares, size=N_COUNT_DRAWS)
    gains = (draws[:, 0] - draws[:, 1]) / n_rows
    low, high = _cut(gains, significance)
    return PairedGain(
        gain=(n_gained - n_lost) / n_rows,
        low=low,
        high=high,
        confidence=_get_confidence(significance),
        p_value=compute_mcnemar_p(n_gained, n_lost),
        n_discordant=(n_gained, n_lost),
    )


def compute_mcnemar_p(n_gained: int, n_lost: int) -> float:
    r"""Compute the one-sided, exact p-value of McNemar's test.

    Parameters
    ----------
    n_gained, n_lost : int
        Rows that the challenger has right and the champion wrong, and the reverse.

    Returns
    -------
    float
        How likely a challenger that is no more accurate would win as many of these rows, or more.

    Notes
    -----
    Of equally accurate models each of the ``n`` discordant rows is a fair coin, so the rows gained are
    binomial and :math:`p = P(X \ge n_{gained})`. One-sided, because the question is whether the
    challenger is better and not whether the two differ; exact, so that equal models fall below a
    significance at most as often as it says, however few the rows are. The mid-p value, which counts
    :math:`P(X = n_{gained})` half, would let a little more through and now and then break that [1]_.

    References
    ----------
    .. [1] Fagerland, M. W., Lydersen, S. and Laake, P. (2013). The McNemar test for binary matched-pairs
       data: mid-p and asymptotic are better than exact conditional. BMC Medical Research Methodology 13,
       91. https://doi.org/10.1186/1471-2288-13-91

    Examples
    --------
    >>> compute_mcnemar_p(4, 0), compute_mcnemar_p(0, 0)
    (0.0625, 1.0)
    """
    from scipy.special import bdtr

    # P(at most n_lost rows lost) is P(at least n_gained gained).
    return float(bdtr(n_lost, n_gained + n_lost, 0.5))


def compare_classes(
    metric: Metric,
    target: Codes,
    challenger: Codes,
    champion: Codes,
    n_classes: int,
    *,
    significance: float,
    seed: int,
) -> PairedGain:
    """Compare two models' classes.

    Parameters
    ----------
    metric : {"accuracy", "macro_f1"}
    target, challenger, champion : ndarray of shape (n_rows,)
        Codes of the true classes and of those that each said.
    n_classes : int
    significance : float
    seed : int

    Returns
    -------
    PairedGain
        Accuracy by :func:`compare_hits`; macro F1 by rows, drawn as
        :func:`tasks.metrics.resampling.resample_rows` draws them.
    """
    if metric == "accuracy":
        is_hit, was_hit = challenger == target, champion == target
        return compare_hits(
            int((is_hit & ~was_hit).sum()),
            int((~is_hit & was_hit).sum()),
            len(target),
            significance=significance,
            seed=seed,
        )
    figures = [
        compute_metric(metric, count_confusion(target, said, n_classes))
        for said in (challenger, champion)
    ]
    groups, n_groups = group_rows(len(target), np.random.default_rng(seed))
    counts = [
        _count_in_groups(groups, codes, is_counted, (n_groups, n_classes))
        for codes, is_counted in (
            (target, None),
            (challenger, None),
            (target, challenger == target),
            (champion, None),
            (target, champion == target),
        )
    ]
    drawn = resample_rows(np.concatenate(counts, axis=1), seed)
    true, said, hits, champion_said, champion_hits = np.split(drawn, len(counts), axis=1)
    gains = _average_f1(hits, true + said) - _average_f1(champion_hits, true + champion_said)
    return _summarise(metric, figures, gains, significance)


def compare_numbers(
    metric: NumberMetric,
    target: npt.NDArray[Any],
    challenger: npt.NDArray[Any],
    champion: npt.NDArray[Any],
    *,
    significance: float,
    seed: int,
) -> PairedGain:
    """Compare two models' numbers.

    Parameters
    ----------
    metric : {"rmse", "mae", "r2"}
    target, challenger, champion : ndarray of shape (n_rows,)
        In one unit, finite.
    significance : float
    seed : int

    Returns
    -------
    PairedGain
    """
    both = [list_sums(target, said) for said in (challenger, champion)]
    n_sums = both[0].shape[1]
    drawn = resample_rows(np.concatenate(both, axis=1), seed)
    figures = [float(compute_from_sums(metric, s.sum(axis=0, keepdims=True))[0]) for s in both]
    gains = _measure_gains(
        metric,
        compute_from_sums(metric, drawn[:, :n_sums]),
        compute_from_sums(metric, drawn[:, n_sums:]),
    )
    return _summarise(metric, figures, gains, significance)


def compare_forecasts(
    metric: ForecastMetric,
    target: Floats,
    challenger: Floats,
    champion: Floats,
    scale: Floats,
    *,
    n_per_block: int,
    significance: float,
    seed: int,
) -> PairedGain:
    """Compare two models' forecasts, by blocks of windows that follow each other.

    Parameters
    ----------
    metric : {"mse", "mae"}
    target, challenger, champion : ndarray of shape (n_windows, horizon, n_columns)
        In the columns' own units, windows in order of time; the target is NaN where nothing was
        measured.
    scale : ndarray of shape (n_columns,)
        Standard deviation of the training rows.
    n_per_block : int
        Windows that are drawn together: as many as share steps with each other.
    significance : float
    seed : int

    Returns
    -------
    PairedGain
    """
    both = [sum_errors(target, said, scale) for said in (challenger, champion)]
    column = 1 if metric == "mse" else 2
    sums = np.stack([both[0][:, 0], both[0][:, column], both[1][:, column]], axis=1)
    drawn = resample_blocks(sums, n_per_block, seed)
    drawn = drawn[drawn[:, 0] > 0]  # blocks in which nothing was measured have no error
    n_values, *errors = sums.sum(axis=0)
    gains = _measure_gains(metric, drawn[:, 1] / drawn[:, 0], drawn[:, 2] / drawn[:, 0])
    return _summarise(metric, [float(e / n_values) for e in errors], gains, significance)


def _count_in_groups(
    groups: npt.NDArray[np.int64],
    codes: Codes,
    is_counted: npt.NDArray[np.bool_] | None,
    shape: tuple[int, int],
) -> Floats:
    """Count the rows of every class in every group: shape (n_groups, n_classes)."""
    flat = groups * shape[1] + codes
    counted = flat if is_counted is None else flat[is_counted]
    return np.bincount(counted, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def _measure_gains(metric: str, challenger: Floats, champion: Floats) -> Floats:
    with np.errstate(invalid="ignore"):  # of two infinite errors none is better
        gains = challenger - champion
    return -gains if is_smaller_better(metric) else gains


def _average_f1(hits: Floats, both: Floats) -> Floats:
    """Average F1 over the classes that occur in a draw: counts of shape (n_draws, n_classes)."""
    f1 = np.divide(2.0 * hits, both, out=np.zeros_like(hits), where=both > 0)
    return np.asarray(f1.sum(axis=1) / np.maximum((both > 0).sum(axis=1), 1))


def _summarise(
    metric: str, figures: Sequence[float], gains: Floats, significance: float
) -> PairedGain:
    low, high = _cut(gains[~np.isnan(gains)], significance)
    return PairedGain(
        gain=measure_gain(metric, *figures),
        low=low,
        high=high,
        confidence=_get_confidence(significance),
    )


def _cut(gains: Floats, significance: float) -> tuple[float, float]:
    """Cut the share ``significance`` of the draws off at either end."""
    if not len(gains):
        return math.nan, math.nan
    # Of two draws the outer one: nothing lies between infinite errors.
    low = np.quantile(gains, significance, method="lower")
    high = np.quantile(gains, 1.0 - significance, method="higher")
    return float(low), float(high)


def _get_confidence(significance: float) -> float:
    return round(1.0 - 2.0 * significance, 10)  # 0.9 and not 0.9000000000000001

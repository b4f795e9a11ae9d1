"""The gain of the challenger: as wide as theory says, the same rows for both, and no gain out of nothing."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from tasks.metrics.classes import compute_metric, count_confusion
from tasks.metrics.numbers import score_values
from tasks.metrics.paired import (
    compare_classes,
    compare_forecasts,
    compare_hits,
    compare_numbers,
    compute_mcnemar_p,
)
from tasks.metrics.resampling import MAX_GROUPS

HALF_WIDTH = 1.6448536  # of a normal interval of 90 %, in standard deviations


def make_said(target: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Say the true class of this share of the rows, and any of three for the others."""
    return np.where(rng.random(len(target)) < share, target, rng.integers(0, 3, len(target)))


# --- McNemar's test -----------------------------------------------------------------------------


def test_mcnemar_gives_the_published_value() -> None:
    """One and seven discordant children: exactly 0.0703 two-sided, so half of it one-sided.

    Fagerland et al. (2013), Table 1.
    """
    assert 2 * compute_mcnemar_p(7, 1) == pytest.approx(0.0703125)
    assert compute_mcnemar_p(1, 7) == pytest.approx(255 / 256)


@pytest.mark.parametrize("n_gained", [0, 1, 9])
@pytest.mark.parametrize("n_lost", [0, 1, 9, 40, 1010])
def test_mcnemar_is_the_sign_test_of_the_discordant_rows(n_gained: int, n_lost: int) -> None:
    """As SciPy computes it."""
    n = n_gained + n_lost
    expected = binomtest(n_gained, n, alternative="greater").pvalue if n else 1.0
    assert compute_mcnemar_p(n_gained, n_lost) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 30, 359, 360])
@pytest.mark.parametrize("significance", [0.01, 0.05, 0.1])
def test_equal_models_are_significant_no_more_often_than_said(n: int, significance: float) -> None:
    """However few rows are discordant: the chances of all outcomes below the limit, added up."""
    outcomes = np.arange(n + 1)
    p_values = np.array([compute_mcnemar_p(int(k), n - int(k)) for k in outcomes])
    assert binom.pmf(outcomes, n, 0.5)[p_values <= significance].sum() <= significance


@pytest.mark.parametrize("n", [0, 1, 250])
def test_a_tie_has_no_significance(n: int) -> None:
    """Also where the models never differ."""
    assert compute_mcnemar_p(n, n) > 0.5


# --- accuracy -----------------------------------------------------------------------------------


def test_accuracy_gains_by_the_rows_that_changed_hands() -> None:
    """Two rows gained and one lost of six are a gain of a sixth."""
    target = np.array([0, 0, 1, 1, 2, 2])
    challenger = np.array([0, 0, 1, 1, 2, 0])
    champion = np.array([1, 0, 0, 1, 2, 2])
    found = compare_classes("accuracy", target, challenger, champion, 3, significance=0.05, seed=1)
    assert found.gain == pytest.approx(1 / 6)
    assert found.n_discordant == (2, 1)
    assert found.p_value == compute_mcnemar_p(2, 1)
    assert found.confidence == 0.9


@pytest.mark.parametrize("significance", [0.05, 0.1])
def test_accuracy_interval_is_as_wide_as_the_normal_one(significance: float) -> None:
    """Of 400 gained and 300 lost rows in 10,000: d plus or minus z sqrt(p10 + p01 - d^2) / sqrt(n)."""
    found = compare_hits(400, 300, 10_000, significance=significance, seed=3)
    z = {0.05: HALF_WIDTH, 0.1: 1.2815516}[significance]
    half = z * math.sqrt((0.07 - 0.01**2) / 10_000)
    assert found.low == pytest.approx(0.01 - half, abs=0.08 * half)
    assert found.high == pytest.approx(0.01 + half, abs=0.08 * half)
    assert found.confidence == 1 - 2 * significance


def test_the_same_rows_are_drawn_for_both() -> None:
    """Two models that are wrong on the same rows differ for certain, however wrong they are."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, 3, 3000)
    champion = make_said(target, 0.5, rng)
    challenger = champion.copy()
    challenger[np.flatnonzero(champion != target)[:40]] = target[champion != target][:40]
    found = compare_classes("accuracy", target, challenger, champion, 3, significance=0.05, seed=1)
    apart = math.sqrt(2 * 0.66 * 0.34 / 3000)  # standard deviation, were the rows not the same
    assert found.gain == pytest.approx(40 / 3000)
    assert found.gain < HALF_WIDTH * apart
    assert found.low > 0
    assert found.p_value < 1e-9


def test_equal_models_gain_nothing() -> None:
    """No draw differs, and nothing is significant."""
    target = np.array([0, 1, 2] * 50)
    found = compare_classes("accuracy", target, target, target, 3, significance=0.05, seed=1)
    assert (found.gain, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_exchanging_the_models_turns_the_gain_round() -> None:
    """The point and the interval change their signs, and McNemar's test is of the other side."""
    one = compare_hits(70, 50, 2000, significance=0.05, seed=1)
    other = compare_hits(50, 70, 2000, significance=0.05, seed=1)
    assert other.gain == -one.gain
    assert other.low == pytest.approx(-one.high, abs=0.001)
    assert one.p_value is not None
    assert other.p_value is not None
    assert one.p_value < 0.05 < 0.95 < other.p_value


def test_a_night_of_ten_thousand_rows_takes_a_moment() -> None:
    """Ten thousand nights are simulated with it: the fastest of many takes at most two milliseconds."""
    seconds = []
    for seed in range(50):
        started = time.perf_counter()
        compare_hits(300, 280, 10_000, significance=0.05, seed=seed)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.002


# --- macro F1 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [600, 3 * MAX_GROUPS + 1])
def test_macro_f1_interval_is_that_of_drawn_rows(n_rows: int) -> None:
    """Also in groups, where there are many rows: as wide as rows drawn one by one."""
    rng = np.random.default_rng(2)
    target = rng.choice(3, n_rows, p=[0.7, 0.25, 0.05])
    challenger, champion = make_said(target, 0.9, rng), make_said(target, 0.8, rng)
    found = compare_classes("macro_f1", target, challenger, champion, 3, significance=0.05, seed=1)

    def gain(rows: np.ndarray) -> float:
        one, other = (
            compute_metric("macro_f1", count_confusion(target[rows], said[rows], 3))
            for said in (challenger, champion)
        )
        return float(one - other)

    draws = [gain(rng.integers(0, n_rows, n_rows)) for _ in range(1000)]
    low, high = np.percentile(draws, [5, 95])
    assert found.gain == pytest.approx(gain(np.arange(n_rows)))
    assert found.high - found.low == pytest.approx(high - low, rel=0.15)
    assert found.low < found.gain < found.high
    assert (found.p_value, found.n_discordant) == (None, None)


# --- numbers and forecasts ----------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2"])
def test_numbers_gain_by_smaller_errors(metric: str) -> None:
    """The gain is positive where the challenger errs less, and its interval that of drawn rows."""
    rng = np.random.default_rng(5)
    n_rows = 800
    target = rng.normal(100, 10, n_rows)
    shared = rng.normal(0, 2, n_rows)
    challenger = target + shared + rng.normal(0, 0.5, n_rows)
    champion = target + shared + rng.normal(0, 1.5, n_rows)
    found = compare_numbers(metric, target, challenger, champion, significance=0.05, seed=1)  # type: ignore[arg-type]
    sign = 1 if metric == "r2" else -1

    def gain(rows: np.ndarray) -> float:
        one, other = (
            getattr(score_values(target[rows], said[rows]), metric)
            for said in (challenger, champion)
        )
        return float(sign * (one - other))

    draws = [gain(rng.integers(0, n_rows, n_rows)) for _ in range(800)]
    low, high = np.percentile(draws, [5, 95])
    assert found.gain == pytest.approx(gain(np.arange(n_rows)))
    assert found.high - found.low == pytest.approx(high - low, rel=0.15)
    assert 0 < found.low < found.gain < found.high


def test_equal_targets_have_no_gain_of_r2() -> None:
    """No number, and no error either."""
    target = np.full(20, 3.0)
    found = compare_numbers("r2", target, target + 1, target, significance=0.05, seed=1)
    assert np.isnan([found.gain, found.low, found.high]).all()


def test_an_infinite_error_is_no_gain() -> None:
    """A challenger that is off by more than numbers can say has lost, for certain."""
    target = np.zeros(50)
    challenger = target.copy()
    challenger[:10] = 1e200
    found = compare_numbers("rmse", target, challenger, target + 1, significance=0.05, seed=1)
    assert found.gain == -np.inf
    assert not found.low > 0
    windows = (v[:, np.newaxis, np.newaxis] for v in (target, challenger, target + 1))
    found = compare_forecasts("mse", *windows, np.ones(1), n_per_block=2, significance=0.05, seed=1)
    assert found.gain == -np.inf
    assert not found.low > 0


def test_forecasts_are_drawn_in_blocks() -> None:
    """Windows that share their steps differ alike: drawn one by one the gain would look far surer."""
    rng = np.random.default_rng(5)
    n_shared, n_windows = 20, 1500
    starts = np.arange(n_windows)[:, np.newaxis]

    def draw(deviation: float) -> np.ndarray:
        noise = rng.normal(0, deviation, n_windows + n_shared - 1)
        return noise[starts + np.arange(n_shared)][:, :, np.newaxis]

    target = np.zeros((n_windows, n_shared, 1))
    challenger, champion = draw(1.0), draw(1.1)
    found = {
        n: compare_forecasts(
            "mse",
            target,
            challenger,
            champion,
            np.ones(1),
            n_per_block=n,
            significance=0.05,
            seed=1,
        )
        for n in (1, 5 * n_shared)
    }
    narrow, wide = (found[n].high - found[n].low for n in found)
    assert narrow < 0.4 * wide
    expected = (champion**2).mean() - (challenger**2).mean()
    assert found[1].gain == pytest.approx(expected)


def test_what_was_not_measured_is_compared_by_nobody() -> None:
    """The error of 100 at the unmeasured step counts for neither."""
    target = np.array([[[1.0], [np.nan]], [[2.0], [2.0]]])
    challenger, champion = target + 1.0, target + 3.0
    challenger[0, 1], champion[0, 1] = 100.0, 0.0
    found = compare_forecasts(
        "mae",
        target,
        challenger,
        champion,
        np.array([2.0]),
        n_per_block=1,
        significance=0.05,
        seed=1,
    )
    assert (found.gain, found.low, found.high) == (1.0, 1.0, 1.0)

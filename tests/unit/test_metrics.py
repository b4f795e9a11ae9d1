"""The figures of classes, numbers and forecasts against hand-worked answers and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from tasks.errors import EvaluationError
from tasks.metrics import (
    align_probabilities,
    bootstrap_forecast_interval,
    bootstrap_interval,
    bootstrap_number_interval,
    compute_mase,
    compute_metric,
    count_confusion,
    measure_naive_error,
    say_score,
    score_forecasts,
    score_predictions,
    score_steps,
    score_values,
)
from tasks.metrics.resampling import MAX_GROUPS, resample_blocks


@pytest.fixture(scope="module")
def predicted() -> tuple[np.ndarray, np.ndarray]:
    """Random probabilities of three classes on 500 rows."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 3, 500), rng.dirichlet([1, 1, 1], 500)


def test_scores_by_hand() -> None:
    """Three of four right; F1 of 2/3 and 4/5; log loss of the four true probabilities."""
    target = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7]])
    scores = score_predictions(target, probabilities, 2)
    assert scores.accuracy == 0.75
    assert scores.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert scores.log_loss == pytest.approx(-np.log([0.8, 0.4, 0.9, 0.7]).mean())


def test_scores_agree_with_scikit_learn(predicted: tuple[np.ndarray, np.ndarray]) -> None:
    """Our figures, computed from the confusion matrix, are scikit-learn's."""
    target, probabilities = predicted
    scores = score_predictions(target, probabilities, 3)
    choice = probabilities.argmax(axis=1)
    assert scores.accuracy == pytest.approx(accuracy_score(target, choice))
    assert scores.macro_f1 == pytest.approx(f1_score(target, choice, average="macro"))
    assert scores.log_loss == pytest.approx(log_loss(target, probabilities))


def test_class_that_never_occurs_does_not_count() -> None:
    """A class without true or predicted rows is left out of macro F1."""
    target, choice = np.array([0, 1, 1]), np.array([0, 1, 0])
    assert compute_metric("macro_f1", count_confusion(target, choice, 5)) == pytest.approx(
        f1_score(target, choice, average="macro")
    )


def test_interval_is_as_wide_as_the_binomial(predicted: tuple[np.ndarray, np.ndarray]) -> None:
    """For accuracy the bootstrap's width is that of the normal approximation, 2 x 1.96 sd."""
    target, probabilities = predicted
    choice = probabilities.argmax(axis=1)
    low, high = bootstrap_interval("accuracy", target, choice, 3, seed=1)
    share = (target == choice).mean()
    assert low < share < high
    width = 2 * 1.96 * np.sqrt(share * (1 - share) / len(target))
    assert high - low == pytest.approx(width, rel=0.1)


def test_interval_is_reproducible(predicted: tuple[np.ndarray, np.ndarray]) -> None:
    """The same seed gives the same interval."""
    target, probabilities = predicted
    choice = probabilities.argmax(axis=1)
    assert bootstrap_interval("macro_f1", target, choice, 3, 7) == bootstrap_interval(
        "macro_f1", target, choice, 3, 7
    )


def test_probabilities_follow_the_wanted_classes() -> None:
    """Columns are reordered by class; an unseen class gets 0, an unwanted one is dropped."""
    known = np.array([[0.2, 0.3, 0.5]])
    assert align_probabilities(known, [0, 1, 2], ["2", "0", "9"]).tolist() == [[0.5, 0.2, 0.0]]


@pytest.mark.parametrize(
    ("target", "probabilities", "message"),
    [
        ([], np.zeros((0, 2)), "0 rows"),
        ([0, 1], np.zeros((2, 3)), "shape"),
        ([0, 1], np.array([[0.5, 0.5], [np.nan, 0.5]]), "not numbers on 1 of 2 rows"),
    ],
)
def test_unusable_predictions_are_refused(
    target: list[int], probabilities: np.ndarray, message: str
) -> None:
    """Nothing is scored on no rows, on other classes, or on NaN."""
    with pytest.raises(EvaluationError, match=message):
        score_predictions(np.array(target, dtype=np.int64), probabilities, 2)


# --- numbers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def numbers() -> tuple[np.ndarray, np.ndarray]:
    """Far from zero, so that sums of squares would lose the spread."""
    rng = np.random.default_rng(4)
    target = 1e6 + rng.normal(0, 3, 900)
    return target, target + rng.normal(0.5, 2, 900)


def test_scores_of_numbers_agree_with_scikit_learn(numbers: tuple[np.ndarray, np.ndarray]) -> None:
    """rmse, mae and R2 to nine digits."""
    target, estimated = numbers
    scores = score_values(target, estimated)
    assert scores.rmse == pytest.approx(root_mean_squared_error(target, estimated), rel=1e-9)
    assert scores.mae == pytest.approx(mean_absolute_error(target, estimated), rel=1e-9)
    assert scores.r2 == pytest.approx(r2_score(target, estimated), rel=1e-9)


def test_equal_targets_have_no_r2() -> None:
    """There is no variance of which a share could be explained; the errors are what they are."""
    scores = score_values(np.full(3, 0.1), np.array([0.1, 0.1, 0.4]))
    assert np.isnan(scores.r2)
    assert scores.mae == pytest.approx(0.1)
    low, high = bootstrap_number_interval("r2", np.full(3, 0.1), np.zeros(3), seed=1)
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2"])
@pytest.mark.parametrize("n_rows", [900, 3 * MAX_GROUPS + 1])
def test_interval_of_numbers_is_that_of_drawn_rows(metric: str, n_rows: int) -> None:
    """Drawn as sums, and in groups where there are many rows: as wide as rows drawn one by one."""
    rng = np.random.default_rng(4)
    target = rng.normal(0, 3, n_rows)
    estimated = target + rng.normal(0.5, 2, n_rows)
    found = bootstrap_number_interval(metric, target, estimated, seed=1)  # type: ignore[arg-type]
    draws = [rng.integers(0, n_rows, n_rows) for _ in range(1000)]
    values = [getattr(score_values(target[d], estimated[d]), metric) for d in draws]
    low, high = np.percentile(values, [2.5, 97.5])
    assert found[1] - found[0] == pytest.approx(high - low, rel=0.12)
    assert found[0] < getattr(score_values(target, estimated), metric) < found[1]


@pytest.mark.parametrize(
    ("target", "estimated", "message"),
    [
        ([], [], "shape"),
        ([1.0, 2.0], [1.0], "shape"),
        ([1.0, 2.0], [1.0, np.inf], "not numbers on 1 of 2 rows"),
    ],
)
def test_unusable_numbers_are_refused(
    target: list[float], estimated: list[float], message: str
) -> None:
    """Nothing is scored on no rows or on infinities."""
    with pytest.raises(EvaluationError, match=message):
        score_values(np.array(target), np.array(estimated))


# --- forecasts ----------------------------------------------------------------------------------


def test_forecast_errors_are_standardised_by_column() -> None:
    """Errors of 2 and 30 with deviations of 2 and 10 are 1 and 3; what was not measured is left out."""
    target = np.array([[[2.0, 30.0], [np.nan, 0.0]]])
    scores = score_forecasts(target, np.zeros((1, 2, 2)), np.array([2.0, 10.0]))
    assert scores.mse == pytest.approx((1 + 9 + 0) / 3)
    assert scores.mae == pytest.approx((1 + 3 + 0) / 3)
    mse, mae = score_steps(target, np.zeros((1, 2, 2)), np.array([2.0, 10.0]))
    assert mse.tolist() == [5.0, 0.0]
    np.testing.assert_array_equal(mae, [[2.0, 30.0], [np.nan, 0.0]])


def test_the_naive_error_is_that_of_a_season_ago() -> None:
    """Steps of 1 and 5 by turns: off by 4 from step to step, by 0 from season to season, by 6 at the end."""
    values = np.array([[1.0], [5.0], [1.0], [5.0], [1.0], [11.0]])
    everything = np.ones(6, dtype=bool)
    assert measure_naive_error(values, everything)[0] == (4 * 4 + 10) / 5
    assert measure_naive_error(values, everything, season=2)[0] == (0 * 3 + 6) / 4
    assert measure_naive_error(values, np.arange(6) < 5, season=2)[0] == 0.0


def test_the_naive_error_takes_measured_training_steps_alone() -> None:
    """Neither a gap nor a later step counts; a column without two steps has none."""
    values = np.array([[1.0, 1.0], [3.0, np.nan], [np.nan, 3.0], [7.0, np.nan], [99.0, 9.0]])
    found = measure_naive_error(values, np.array([True, True, True, True, False]))
    np.testing.assert_array_equal(found, [2.0, np.nan])


def test_the_naive_forecast_itself_has_a_scaled_error_of_one() -> None:
    """Forecasts of one step that repeat the last value, judged on the steps that gave the unit."""
    rng = np.random.default_rng(6)
    values = np.cumsum(rng.normal(0, 3, (200, 2)), axis=0) * np.array([1.0, 50.0])
    unit = measure_naive_error(values, np.ones(200, dtype=bool))
    mase = compute_mase(values[1:, np.newaxis], values[:-1, np.newaxis], unit)
    assert mase == pytest.approx(1.0)


def test_a_constant_column_has_no_scaled_error() -> None:
    """It is left out; where all are constant there is no number."""
    target = np.array([[[1.0, 4.0]], [[1.0, 8.0]]])
    assert compute_mase(target, np.zeros_like(target), np.array([0.0, 3.0])) == 2.0
    assert np.isnan(compute_mase(target, np.zeros_like(target), np.array([0.0, np.nan])))


@pytest.mark.parametrize(
    ("target", "forecast", "message"),
    [
        (np.zeros((0, 2, 1)), np.zeros((0, 2, 1)), "0 values were measured"),
        (np.full((3, 2, 1), np.nan), np.zeros((3, 2, 1)), "0 values were measured"),
        (np.zeros((3, 2, 1)), np.zeros((3, 1, 1)), "shape"),
        (np.zeros((3, 2, 1)), np.full((3, 2, 1), np.nan), "not numbers on 3 of 3 windows"),
    ],
)
def test_unusable_forecasts_are_refused(
    target: np.ndarray, forecast: np.ndarray, message: str
) -> None:
    """Nothing is scored on no window, or on NaN."""
    with pytest.raises(EvaluationError, match=message):
        score_forecasts(target, forecast, np.ones(1))


def test_overlapping_windows_widen_the_interval() -> None:
    """Windows that share their steps err alike: drawn in blocks, their mean moves as much as it really does."""
    rng = np.random.default_rng(5)
    n_shared, n_windows = 20, 2000

    def draw() -> np.ndarray:
        noise = rng.normal(0, 1, n_windows + n_shared - 1)
        starts = np.arange(n_windows)[:, np.newaxis]
        return noise[starts + np.arange(n_shared)][:, :, np.newaxis]

    zero, one = np.zeros((n_windows, n_shared, 1)), np.ones(1)
    means = [score_forecasts(draw(), zero, one).mse for _ in range(200)]
    truth = np.subtract(*np.percentile(means, [97.5, 2.5]))
    target = draw()
    width = {
        n: np.subtract(
            *bootstrap_forecast_interval("mse", target, zero, one, n_per_block=n, seed=1)[::-1]
        )
        for n in (1, 5 * n_shared)
    }
    assert width[5 * n_shared] == pytest.approx(truth, rel=0.3)
    assert width[1] < 0.4 * truth


def test_blocks_are_neighbours() -> None:
    """Windows that count 1, 10, 100, ...: two neighbours are always a multiple of 11, single ones are not."""
    sums = (10.0 ** np.arange(10))[:, np.newaxis]
    in_pairs = resample_blocks(sums, 2, seed=1)[:, 0]
    assert in_pairs.shape == (1000,)
    assert (in_pairs % 11 == 0).all()
    assert len(np.unique(in_pairs)) > 100
    assert (resample_blocks(sums, 1, seed=1)[:, 0] % 11 != 0).any()


def test_a_short_holdout_still_has_an_interval() -> None:
    """One window has no spread; its interval is its score."""
    target = np.ones((1, 2, 1))
    found = bootstrap_forecast_interval(
        "mae", target, np.zeros((1, 2, 1)), np.ones(1), n_per_block=120, seed=1
    )
    assert found == (1.0, 1.0)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.97, "0.9700"),
        (12.3456, "12.346"),
        (123456.7, "123,457"),
        (0.000277, "0.000277"),
        (0.0, "0.0000"),
        (-0.02, "-0.0200"),
        (float("nan"), "no number"),
        (None, "no number"),
    ],
)
def test_figures_are_said_with_the_digits_that_matter(value: float | None, said: str) -> None:
    """Accuracies, errors in thousands and errors in millionths alike."""
    assert say_score(value) == said

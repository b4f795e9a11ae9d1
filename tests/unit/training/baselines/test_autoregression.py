"""The closed form finds the line that made the series, in any chunks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tasks.training.baselines import autoregression
from tasks.training.baselines.autoregression import solve_autoregression
from tasks.training.data.windows import Windows


def make_windows(series: npt.ArrayLike, window: int, horizon: int, columns: list[int]) -> Windows:
    steps = np.asarray(series, dtype=np.float32)
    return Windows(
        series=steps,
        starts=np.arange(len(steps) - window - horizon + 1),
        window=window,
        horizon=horizon,
        columns=np.array(columns),
        is_own=np.ones(len(steps), dtype=bool),
    )


def make_noise(n_steps: int, n_columns: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(4).normal(size=(n_steps, n_columns)).cumsum(axis=0)


def test_a_linear_recurrence_is_recovered() -> None:
    """y(t+1) = 1.2 y(t) - 0.2 y(t-1): 0.2 times the last rise, of which differences have -0.2."""
    rng = np.random.default_rng(3)
    y = [0.0, 1.0]
    for _ in range(4000):
        y.append(1.2 * y[-1] - 0.2 * y[-2] + rng.normal())
    weights, intercepts = solve_autoregression(
        make_windows(np.reshape(y, (-1, 1)), 2, 2, [0]), np.ones(1), alpha=0.0
    )
    # Two steps ahead 0.2 + 0.2 * 0.2 of the last rise.
    assert weights[0, 0].tolist() == pytest.approx([-0.2, -0.24], abs=0.04)
    assert weights[0, 1].tolist() == [0.0, 0.0]
    assert intercepts.ravel().tolist() == pytest.approx([0.0, 0.0], abs=0.1)


def test_a_ramp_goes_on_rising() -> None:
    """Windows that are all alike leave the weights open: the drift is the intercept."""
    ramp = np.arange(20.0).reshape(-1, 1) * 3
    weights, intercepts = solve_autoregression(make_windows(ramp, 4, 2, [0]), np.ones(1), alpha=0.0)
    assert np.abs(weights).max() < 1e-9
    assert intercepts.ravel().tolist() == pytest.approx([3.0, 6.0])


def test_it_is_ridge_regression_on_all_windows_at_once() -> None:
    """The sums over chunks give scikit-learn's Ridge on standardised differences, column by column."""
    from sklearn.linear_model import Ridge

    windows = make_windows(make_noise(60, 3), 5, 2, [2, 0])
    scale = np.array([2.0, 0.5])
    weights, intercepts = solve_autoregression(windows, scale, alpha=3.0)
    inputs, targets = windows.take(slice(None))
    for i, column in enumerate([2, 0]):
        last = inputs[:, -1:, column].astype(np.float64)
        ridge = Ridge(alpha=3.0).fit(
            (inputs[:, :, column] - last) / scale[i], (targets[:, :, i] - last) / scale[i]
        )
        np.testing.assert_allclose(weights[i], ridge.coef_.T, atol=1e-9)
        np.testing.assert_allclose(intercepts[:, i], ridge.intercept_ * scale[i], atol=1e-9)


def test_chunks_and_groups_of_columns_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound on memory is no other result."""
    windows = make_windows(make_noise(80, 3), 6, 3, [0, 1, 2])
    scale = np.array([1.0, 2.0, 3.0])
    whole = solve_autoregression(windows, scale, alpha=1.0)
    monkeypatch.setattr(autoregression, "CHUNK_BYTES", 7 * 8 * 9 * 3)  # seven windows
    monkeypatch.setattr(autoregression, "MAX_EQUATION_BYTES", 2 * 8 * 6 * 9)  # two columns
    parts = solve_autoregression(windows, scale, alpha=1.0)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)


def test_ridge_shrinks_to_the_last_value() -> None:
    """However much the weights cost, what is left is the last value and the mean rise after it."""
    windows = make_windows(make_noise(60, 1), 5, 1, [0])
    weights, intercepts = solve_autoregression(windows, np.ones(1), alpha=1e12)
    inputs, targets = windows.take(slice(None))
    assert np.abs(weights).max() < 1e-8
    assert intercepts[0, 0] == pytest.approx((targets[:, 0, 0] - inputs[:, -1, 0]).mean(), abs=1e-6)

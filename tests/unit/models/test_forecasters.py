"""Classical forecasts are Keras models: they compute what their formula says, and survive a file."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tasks.models.forecasters import build_linear_forecaster, build_naive_forecaster

# Two windows of four steps of the columns x and y.
WINDOWS = np.array(
    [[[1, 10], [2, 20], [3, 30], [4, 40]], [[5, 1], [5, 2], [5, 1], [5, 2]]], dtype=np.float32
)


@pytest.mark.parametrize(
    ("season", "columns", "expected"),
    [
        (1, [0], [[4], [4], [4], [4], [4]]),
        (1, [1, 0], [[40, 4]] * 5),
        (2, [0], [[3], [4], [3], [4], [3]]),
        (3, [1], [[20], [30], [40], [20], [30]]),
        (4, [0, 1], [[1, 10], [2, 20], [3, 30], [4, 40], [1, 10]]),
    ],
)
def test_the_last_season_is_repeated(
    season: int, columns: list[int], expected: list[list[float]]
) -> None:
    """As often as the horizon needs it, of the columns that are asked for, in their order."""
    model = build_naive_forecaster(
        name="naive", window=4, n_features=2, columns=columns, horizon=5, season=season
    )
    assert model.predict_on_batch(WINDOWS)[0].tolist() == expected
    assert model.count_params() == 0


def test_a_periodic_series_is_forecast_exactly() -> None:
    """Of x, y, x, y, ... with a season of two."""
    model = build_naive_forecaster(
        name="naive", window=4, n_features=2, columns=[1], horizon=3, season=2
    )
    assert model.predict_on_batch(WINDOWS)[1].ravel().tolist() == [1.0, 2.0, 1.0]


@pytest.mark.parametrize("season", [0, 5])
def test_a_season_lies_in_the_window(season: int) -> None:
    """Else there is nothing to repeat."""
    with pytest.raises(ValueError, match=f"season of {season} steps in a window of 4"):
        build_naive_forecaster(
            name="naive", window=4, n_features=1, columns=[0], horizon=1, season=season
        )


def make_linear() -> keras.Model:
    weights = np.zeros((2, 4, 2))
    weights[0, 2, :] = [-1.0, -2.0]  # of y: goes on as it last rose
    weights[1, 0, 0] = 0.5  # of x: half-way back to where the window began
    return build_linear_forecaster(
        name="linear",
        n_features=2,
        columns=[1, 0],
        weights=weights,
        intercepts=np.array([[0.0, 0.25], [100.0, 0.0]]),
    )


def test_every_column_has_weights_of_its_own() -> None:
    """Of the differences to the last value, to which they are added again, and an intercept."""
    # Of y 40 + 10 and 40 + 2 * 10 + 100, as it rose by 10; of x 4 less half of 3 and more a quarter, and 4.
    assert make_linear().predict_on_batch(WINDOWS)[0].tolist() == [[50.0, 2.75], [160.0, 4.0]]
    assert make_linear().count_params() == 2 * 4 * 2 + 2 * 2


def test_a_level_far_from_zero_keeps_its_digits() -> None:
    """A series shifted by a million has the same forecast, shifted by a million."""
    shifted = make_linear().predict_on_batch(WINDOWS + 1e6) - np.float32(1e6)
    np.testing.assert_allclose(shifted, make_linear().predict_on_batch(WINDOWS), atol=0.1)


def test_the_policy_of_another_model_does_not_matter() -> None:
    """In half precision a forecast of thousands would be wrong by whole units."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        forecast = make_linear().predict_on_batch(WINDOWS * np.float32(1001.0))
    finally:
        keras.config.set_dtype_policy(before)
    assert forecast[0, 0].tolist() == [50050.0, 2502.75]


@pytest.mark.parametrize("kind", ["naive", "linear"])
def test_it_is_loaded_in_safe_mode(kind: str, tmp_path: Path) -> None:
    """With the same forecasts, and no code of its own."""
    model = (
        make_linear()
        if kind == "linear"
        else build_naive_forecaster(
            name="naive", window=4, n_features=2, columns=[1], horizon=3, season=2
        )
    )
    model.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", compile=False, safe_mode=True)
    assert loaded.predict_on_batch(WINDOWS).tolist() == model.predict_on_batch(WINDOWS).tolist()

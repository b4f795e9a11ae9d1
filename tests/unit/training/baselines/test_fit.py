"""One door: the kind must suit what is predicted, and what comes out is saved and loaded again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits
from training_support import BASELINE, IMAGES, PRICES, TABLE, WAVES, make_waves, write

from tasks.dataset import Dataset
from tasks.errors import TrainingError
from tasks.models.predictor import PREPARATION_FILE, Predictor
from tasks.preparation import Preparation
from tasks.training.baselines import fit_baseline, save_baseline
from tasks.workflow.baselines import BASELINES_OF, choose_baselines


@pytest.mark.parametrize(
    ("preparation", "kind", "expected"),
    [
        (TABLE, "linear_regression", "'classification'|logistic_regression"),
        (PRICES, "logistic_regression", "linear_regression"),
        (WAVES, "gradient_boosting", "last_value"),
        (IMAGES, "logistic_regresion", "logistic_regression"),
    ],
)
def test_a_kind_for_something_else_is_refused(
    table_rows: Dataset, preparation: Preparation, kind: str, expected: str
) -> None:
    """Before any row is read, with what there is instead."""
    with pytest.raises(TrainingError, match=f"'mine' is of the kind '{kind}'") as caught:
        fit_baseline(table_rows, preparation, {"kind": kind}, name="mine", seed=1)
    assert any(name in str(caught.value) for name in expected.split("|"))


@pytest.mark.parametrize("preparation", [TABLE, PRICES, WAVES])
def test_every_kind_of_a_workflow_file_can_be_fitted(
    preparation: Preparation, table_rows: Dataset, tmp_path: Path
) -> None:
    """With its default settings, scored on training and validation rows alike."""
    dataset = write(tmp_path / "waves", make_waves()) if preparation is WAVES else table_rows
    if preparation is PRICES:
        preparation = Preparation("height", (), None, None, ("width",), kind="regression")
    chosen = choose_baselines(preparation.kind, of_images=False, has_season=True)
    assert set(chosen) == set(BASELINES_OF[preparation.kind])
    measure = "accuracy" if preparation.kind == "classification" else "mae"
    for name, settings in chosen.items():
        spec: dict[str, Any] = settings.model_dump(mode="json")
        if name == "seasonal_naive":
            spec["season"] = 12
        with threadpool_limits(limits=1):
            result = fit_baseline(dataset, preparation, spec, name=name, seed=1)
        assert set(result.metrics) == {
            f"{part}_{what}" for part in ("train", "validation") for what in ("loss", measure)
        }
        assert (result.estimator is None) == (preparation.kind == "forecast")
        assert (result.network is None) == (preparation.kind != "forecast")


@pytest.mark.parametrize("kind", ["logistic_regression", "gradient_boosting"])
def test_a_saved_table_model_predicts_the_same(
    kind: str, table_rows: Dataset, tmp_path: Path
) -> None:
    """Loaded with the trusted types alone, and no pickle."""
    spec = BASELINE | {"kind": kind, "learning_rate": 0.1, "max_leaf_nodes": 7, "max_iter": 30}
    with threadpool_limits(limits=1):
        result = fit_baseline(table_rows, TABLE, spec, name=kind, seed=1)
        assert save_baseline(result, tmp_path) == ("scikit-learn", "skops")
        (tmp_path / PREPARATION_FILE).write_text(TABLE.to_json(), encoding="utf-8")
        rows = np.array([[3.0, 1000.0], [5.0, 900.0]])
        probabilities = Predictor.load(tmp_path).predict_probabilities(rows)
        expected = result.estimator.predict_proba(rows.astype(np.float32))
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)


def test_a_saved_series_model_predicts_the_same(tmp_path: Path) -> None:
    """As a Keras model, which needs no scikit-learn."""
    dataset = write(tmp_path / "waves", make_waves())
    spec = {"kind": "linear_autoregression", "alpha": 1.0}
    result = fit_baseline(dataset, WAVES, spec, name="linear", seed=1)
    packages = save_baseline(result, tmp_path)
    (tmp_path / PREPARATION_FILE).write_text(WAVES.to_json(), encoding="utf-8")
    steps = make_waves().slice(100, 12)
    window = np.stack([np.arange(12.0) * 3600, *(steps[n].to_numpy() for n in "ab")], axis=1)
    forecast = Predictor.load(tmp_path).forecast(window[np.newaxis])
    assert packages[0] == "keras"
    # The sine of 24 steps goes on: a linear recurrence has no error of its own.
    following = make_waves().slice(112, 3)["b"].to_numpy()
    np.testing.assert_allclose(forecast[0, :, 0], following, atol=0.1)


def test_a_seed_gives_the_same_trees(table_rows: Dataset) -> None:
    """A retry publishes what the first try would have."""
    spec = {"kind": "gradient_boosting", "max_iter": 5, "learning_rate": 0.1, "max_leaf_nodes": 4}
    with threadpool_limits(limits=1):
        first, second = (
            fit_baseline(table_rows, TABLE, spec, name="trees", seed=7) for _ in range(2)
        )
    assert first.metrics == second.metrics

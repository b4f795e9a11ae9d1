"""Forecasts are judged by standardised errors, over what was measured, and step by step."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tasks.evaluation.comparison import Judged, compare_models
from tasks.evaluation.forecast import ForecastScorer

NAN = np.nan
# One validation window, two of the hold-out; horizon 2, columns with standard deviations 2 and 10.
TARGET = np.array([[[0.0, 0], [0, 0]], [[2.0, 10], [4, NAN]], [[2.0, 30], [0, 0]]])


@pytest.fixture
def scorer() -> ForecastScorer:
    return ForecastScorer(
        target=TARGET,
        is_holdout=np.array([False, True, True]),
        columns=("flow", "level"),
        scale=np.array([2.0, 10.0]),
        naive_error=np.array([1.0, 4.0]),
        n_per_block=5,
        n_left_out=4,
    )


def test_errors_are_standardised_and_unmeasured_values_count_for_nothing(
    scorer: ForecastScorer,
) -> None:
    """Of seven measured values the standardised errors are 1, 1, 2, 1, 3, 0 and 0."""
    scores = scorer.score(np.zeros_like(TARGET), is_holdout=True)
    assert scores["mse"] == pytest.approx(16 / 7)
    assert scores["mae"] == pytest.approx(8 / 7)
    before = scorer.score(np.full_like(TARGET, 10.0), is_holdout=False)
    assert (before["mse"], before["mae"]) == (13.0, 3.0)


def test_the_scaled_error_is_in_units_of_the_naive_one(scorer: ForecastScorer) -> None:
    """Absolute errors of 2, 4, 2, 0 and 10, 30, 0; the naive forecast was off by 1 and by 4."""
    scores = scorer.score(np.zeros_like(TARGET), is_holdout=True)
    assert scores["mase"] == pytest.approx((2 + 4 + 2 + 0 + 10 / 4 + 30 / 4 + 0) / 7)


def test_the_document_tells_the_error_of_each_step(scorer: ForecastScorer) -> None:
    """Per step the standardised mse over the columns, and each column's mae in its own unit."""
    models = {
        "zero": Judged("candidate", np.zeros_like(TARGET)),
        "right": Judged("baseline", np.nan_to_num(TARGET, nan=99.0)),
    }
    document = compare_models(models, scorer, "mse", significance=0.05, seed=1).to_json()
    json.dumps(document, allow_nan=False)
    assert (document["n_holdout"], document["n_validation"], document["n_left_out"]) == (2, 1, 4)
    zero = document["horizon"]["models"]["zero"]
    assert document["horizon"]["columns"] == ["flow", "level"]
    assert zero["mae"] == [[2.0, 20.0], [2.0, 0.0]]
    assert zero["mse"] == [pytest.approx((1 + 1 + 1 + 9) / 4), pytest.approx(4 / 3)]
    assert document["horizon"]["models"]["right"]["mse"] == [0.0, 0.0]


def test_a_step_that_was_never_measured_has_no_error(scorer: ForecastScorer) -> None:
    """Its figure is null, not 0."""
    target = TARGET.copy()
    target[1:, 1] = NAN
    unmeasured = replace(scorer, target=target)
    models = {"zero": Judged("candidate", np.zeros_like(TARGET))}
    zero = compare_models(models, unmeasured, "mse", significance=0.05, seed=1).to_json()[
        "horizon"
    ]["models"]["zero"]
    assert zero["mse"][1] is None
    assert zero["mae"][1] == [None, None]

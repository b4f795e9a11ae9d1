"""Everybody is judged by the same windows or rows, given as they would be served."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import skops.io
from cleaning_support import as_raw, clean
from series_support import make_days, make_series_workflow, save_last_value
from sklearn.linear_model import LinearRegression

from tasks.dataset import Dataset, tensor_column_to_array
from tasks.errors import EvaluationError
from tasks.evaluation.contenders import ServedModel
from tasks.evaluation.prediction import NightData, get_target, predict_all
from tasks.models.packaging import save_as_mlflow_model
from tasks.models.predictor import ESTIMATOR_FILE, PREPARATION_FILE
from tasks.preparation import Preparation

CLEANING = [
    {"regular_grid": {"every": "1d"}},
    {"impute": {"columns": ["flow"], "by": "interpolate"}},
    {"scale": {"columns": ["flow"], "to": "standard"}},
]


def prepare(folder: Path, rows: pa.Table, workflow: Any) -> NightData:
    cleaned = clean(folder, workflow, rows)
    return NightData(
        raw=Dataset.open(folder / "raw"),
        clean=Dataset.open(cleaned.clean.folder),
        preparation=cleaned.preparation,
        workflow=workflow,
        quarantined=Dataset.open(cleaned.quarantine.folder).table(["id"])["id"],
    )


@pytest.fixture
def series(tmp_path: Path) -> NightData:
    """Days 0 to 19 without 13 and 17, with a flow of 10 to 29: the first ten train, the last five judge."""
    flow = [str(10 + i) for i in range(20)]
    rows = make_days(flow, without=(13, 17))
    return prepare(tmp_path / "cleaning", rows, make_series_workflow(cleaning=CLEANING))


def serve(folder: Path, preparation: Preparation, plus: float = 0.0) -> ServedModel:
    """Package a model that says the last value, and open it as the evaluation does."""
    result = save_last_value(folder / "result", preparation, plus)
    save_as_mlflow_model(folder / "model", result, packages=[])
    return ServedModel.open(folder.name, folder / "model", preparation.kind)


def test_forecasts_are_judged_by_measured_values_alone(tmp_path: Path, series: NightData) -> None:
    """Days 13 and 17 were filled in for training: what came then is unknown."""
    predicted = predict_all(series, [serve(tmp_path / "last", series.preparation)])
    first = [t.day - 1 for t in predicted.table["time"].to_pylist()]
    # What came from day 16 on follows a window that begins with a gap, and from 18 on one that ends
    # with a gap: nobody can be given these.
    assert first == [10, 11, 12, 13, 15, 17]
    assert predicted.table["split"].to_pylist() == ["validation"] * 4 + ["holdout"] * 2
    target = tensor_column_to_array(predicted.table["target"])[:, :, 0]
    nan = np.nan
    came = [[20, 21], [21, 22], [22, nan], [nan, 24], [25, 26], [nan, 28]]
    np.testing.assert_array_equal(target, came)
    np.testing.assert_allclose(
        tensor_column_to_array(predicted.table["last"])[:, :, 0],
        [[19, 19], [20, 20], [21, 21], [22, 22], [24, 24], [26, 26]],
        rtol=1e-5,
    )
    scores = predicted.scorer.score(predicted.predictions["last"], is_holdout=True)
    assert scores["mae"] == pytest.approx((1 + 2 + 2) / 3 / np.arange(10.0, 20.0).std(), rel=1e-5)
    assert predicted.scorer.describe(predicted.predictions)["n_left_out"] == 2


def test_a_champion_of_a_longer_window_is_given_its_own(tmp_path: Path, series: NightData) -> None:
    """Its window ends at the same step; windows that it cannot be given are left out for everybody."""
    shape = series.preparation.forecast
    assert shape is not None
    longer = replace(series.preparation, forecast=replace(shape, window=13, horizon=4))
    models = [
        serve(tmp_path / "last", series.preparation),
        serve(tmp_path / "champion", longer, plus=1.0),
    ]
    predicted = predict_all(series, models)
    # Before day 13 there were no thirteen days yet.
    assert [t.day - 1 for t in predicted.table["time"].to_pylist()] == [13, 15, 17]
    last, champion = (predicted.predictions[n] for n in ("last", "champion"))
    assert champion.shape == last.shape == (3, 2, 1)
    scale = np.arange(10.0, 20.0).std()
    np.testing.assert_allclose(champion - last, scale, rtol=1e-4)


def test_a_champion_of_another_horizon_is_excused(tmp_path: Path, series: NightData) -> None:
    """It cannot say what tonight is asked; the others are judged by all windows."""
    shape = series.preparation.forecast
    assert shape is not None
    shorter = replace(series.preparation, forecast=replace(shape, horizon=1))
    models = [serve(tmp_path / "last", series.preparation), serve(tmp_path / "champion", shorter)]
    predicted = predict_all(series, models)
    assert list(predicted.predictions) == ["last"]
    assert "forecasts 1 steps of flow" in predicted.problems["champion"]
    assert predicted.scorer.n_holdout == 2


def test_a_champion_of_a_column_that_no_longer_arrives_is_excused(
    tmp_path: Path, series: NightData
) -> None:
    """The missing column is named."""
    old = replace(
        series.preparation,
        features=("flow", "rain"),
        raw_features=("flow", "time", "rain"),
    )
    models = [serve(tmp_path / "last", series.preparation), serve(tmp_path / "champion", old)]
    predicted = predict_all(series, models)
    assert list(predicted.predictions) == ["last"]
    assert "no column 'rain'" in predicted.problems["champion"]


def test_a_champion_of_a_window_longer_than_the_series_is_excused(
    tmp_path: Path, series: NightData
) -> None:
    """Left to itself it would take every window from everybody."""
    shape = series.preparation.forecast
    assert shape is not None
    longer = replace(series.preparation, forecast=replace(shape, window=19))
    models = [serve(tmp_path / "last", series.preparation), serve(tmp_path / "champion", longer)]
    predicted = predict_all(series, models)
    assert "no window of the holdout" in predicted.problems["champion"]
    assert predicted.scorer.n_holdout == 2


def test_tonights_models_are_not_excused(tmp_path: Path, series: NightData) -> None:
    """What only the champion may do stops the night for anybody else."""
    shape = series.preparation.forecast
    assert shape is not None
    shorter = replace(series.preparation, forecast=replace(shape, horizon=1))
    with pytest.raises(EvaluationError, match="last forecasts 1 steps of flow"):
        predict_all(series, [serve(tmp_path / "last", shorter)])


def test_a_model_of_another_kind_is_refused(tmp_path: Path, series: NightData) -> None:
    """What was a forecast cannot be compared with models of classes."""
    serve(tmp_path / "champion", series.preparation)
    with pytest.raises(EvaluationError, match="champion is a model of forecast"):
        ServedModel.open("champion", tmp_path / "champion" / "model", "classification")


def test_windows_are_taken_as_they_were_given(tmp_path: Path, series: NightData) -> None:
    """An example repeats what the model said: its inputs are the raw windows before the steps ahead."""
    model = serve(tmp_path / "last", series.preparation)
    predicted = predict_all(series, [model])
    places = np.array([4, 5])
    windows = predicted.take_inputs(model, places)
    np.testing.assert_allclose(
        model.load().predict(windows)[:, :, 0], predicted.predictions["last"][places][:, :, 0]
    )


def test_windows_that_nobody_can_serve_are_refused(tmp_path: Path) -> None:
    """Every second day is missing: interpolated for training, but no window of three is complete at both ends."""
    rows = make_days([str(i) for i in range(40)], without=tuple(range(1, 39, 2)))
    workflow = make_series_workflow(
        cleaning=CLEANING, predict={"kind": "forecast", "window": 2, "horizon": 2}
    )
    data = prepare(tmp_path / "cleaning", rows, workflow)
    with pytest.raises(EvaluationError, match=r"None of \d+ hold-out windows") as raised:
        predict_all(data, [serve(tmp_path / "last", data.preparation)])
    assert "forward_fill" in str(raised.value.hint)


def test_numbers_are_predicted_from_raw_rows(tmp_path: Path) -> None:
    """A model of twice the width, fed texts, is judged in the target's own unit."""
    rng = np.random.default_rng(1)
    width = rng.integers(0, 100, 60)
    rows = as_raw({"width": [str(v) for v in width], "price": [str(2 * v + 1) for v in width]})
    workflow = make_series_workflow(
        columns={"target": "price", "features": ["width"]},
        predict={"kind": "regression"},
        split={"by": "hash", "validation": 0.2, "holdout": 0.2},
        cleaning=[{"scale": {"columns": ["width"], "to": "standard"}}],
    )
    data = prepare(tmp_path / "cleaning", rows, workflow)
    table = data.clean.table()
    estimator = LinearRegression().fit(
        data.preparation.inputs(table), data.preparation.read_targets(table)
    )
    result = tmp_path / "result"
    result.mkdir()
    skops.io.dump(estimator, result / ESTIMATOR_FILE)
    (result / PREPARATION_FILE).write_text(data.preparation.to_json(), encoding="utf-8")
    save_as_mlflow_model(tmp_path / "model", result, packages=[])
    predicted = predict_all(data, [ServedModel.open("line", tmp_path / "model", "regression")])
    assert predicted.table.column_names == ["id", "split", "target", "line"]
    assert set(predicted.table["split"].to_pylist()) == {"validation", "holdout"}
    np.testing.assert_allclose(predicted.table["line"], predicted.table["target"], atol=1e-3)
    assert predicted.scorer.score(predicted.predictions["line"], is_holdout=True)["rmse"] < 1e-3
    model = ServedModel.open("line", tmp_path / "model", "regression")
    given = predicted.take_inputs(model, np.array([3, 0]))
    assert (given["width"].astype(float) * 2 + 1).tolist() == [
        predicted.table["target"][i].as_py() for i in (3, 0)
    ]


def test_rows_without_a_target_cannot_judge() -> None:
    """The error names the key of the workflow file."""
    with pytest.raises(EvaluationError, match="no target") as raised:
        get_target(Preparation(None, (), None, None, ("age",)))
    assert "columns.target" in str(raised.value.expected)

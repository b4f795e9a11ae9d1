"""scikit-learn's estimators: made by name, saved without pickle."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from tasks.errors import CleaningError
from tasks.preparation.estimators import (
    MAX_ESTIMATOR_BYTES,
    ROWS_PER_PREDICTION,
    fit_estimator,
    load_estimator,
    make_estimator,
    predict_in_chunks,
)


def make_data(n_rows: int = 80) -> Any:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(n_rows, 3))
    return X, X @ np.array([1.0, -2.0, 3.0]) + rng.normal(size=n_rows)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("sklearn.linear_model.Ridge", "regressor"),
        ("sklearn.linear_model.LogisticRegression", "classifier"),
        ("sklearn.ensemble.HistGradientBoostingRegressor", "regressor"),
    ],
)
def test_an_estimator_is_made_by_its_name(path: str, kind: str) -> None:
    """With the seed, unless it is given one."""
    estimator, found = make_estimator(path, {"random_state": 3} if kind == "classifier" else {}, 7)
    assert found == kind
    assert estimator.get_params()["random_state"] == (3 if kind == "classifier" else 7)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("sklearn.linear_model.Rigde", "'Ridge', perhaps"),
        ("sklearn.preprocessing.StandardScaler", "does not predict"),
        ("sklearn.cluster.KMeans", "neither a regressor nor a classifier"),
        ("sklearn.base.BaseEstimator", "does not predict"),
        ("sklearn.linear_model", "not there"),
        ("sklearn.no_such_module.Ridge", "cannot be imported"),
        ("sklearn.linear_model._ridge.Ridge", "is not a class of scikit-learn"),
        ("sklearn.conftest.raccoon_face_fxt", "is not a public class"),
        ("sklearn.utils.os.system", "cannot be imported"),
        ("sklearn.linear_model.__builtins__", "not there"),
        ("sklearn", "is not a class of scikit-learn"),
        ("sklearn..Ridge", "is not a class of scikit-learn"),
        ("os.system", "is not a class of scikit-learn"),
        ("tasks.errors.NocturneError", "is not a class of scikit-learn"),
        ("", "is not a class of scikit-learn"),
    ],
)
def test_anything_else_is_refused(path: str, message: str) -> None:
    """Nothing but scikit-learn's public estimators is imported, however it is written."""
    with pytest.raises(CleaningError, match=message):
        make_estimator(path, {}, 0)


@pytest.mark.parametrize(
    ("path", "params", "message"),
    [
        ("sklearn.linear_model.Ridge", {"alhpa": 1.0}, "'alpha', perhaps"),
        ("sklearn.ensemble.RandomForestRegressor", {"n_jobs": -1}, "one core"),
        ("sklearn.ensemble.StackingRegressor", {}, "estimators"),
    ],
)
def test_wrong_parameters_are_refused(path: str, params: Any, message: str) -> None:
    """The error names the parameter and the nearest."""
    with pytest.raises(CleaningError, match=message):
        make_estimator(path, params, 0)


def test_a_wrong_value_of_a_parameter_is_told_when_fitting() -> None:
    """With scikit-learn's own words."""
    estimator, _ = make_estimator("sklearn.linear_model.Ridge", {"alpha": -1.0}, 0)
    with pytest.raises(CleaningError, match=r"'y'(.|\n)*alpha"):
        fit_estimator(estimator, *make_data(), "y")


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("sklearn.linear_model.BayesianRidge", {}),
        ("sklearn.ensemble.RandomForestRegressor", {"n_estimators": 3}),
        ("sklearn.ensemble.HistGradientBoostingRegressor", {"max_iter": 3}),
        ("sklearn.ensemble.GradientBoostingRegressor", {"n_estimators": 3}),
        ("sklearn.neighbors.KNeighborsRegressor", {}),
        ("sklearn.svm.SVR", {}),
        ("sklearn.neural_network.MLPRegressor", {"max_iter": 500, "tol": 10.0}),
        ("sklearn.gaussian_process.GaussianProcessRegressor", {"optimizer": None}),
        ("sklearn.dummy.DummyRegressor", {}),
    ],
)
def test_a_loaded_estimator_predicts_the_same_bits(path: str, params: Any) -> None:
    """And a second fit is saved as the same text: a retry writes the same bytes."""
    X, y = make_data()
    texts = []
    for _ in range(2):
        estimator, _ = make_estimator(path, params, 0)
        texts.append(fit_estimator(estimator, X, y, "y"))
    assert texts[0] == texts[1]
    loaded = load_estimator(texts[0])
    assert loaded.predict(X).tobytes() == estimator.predict(X).tobytes()


def test_an_estimator_of_untrusted_types_is_neither_saved_nor_loaded() -> None:
    """A function from anywhere would be run when the model is served."""
    with pytest.raises(CleaningError, match="cannot be loaded safely"):
        fit_estimator(FunctionTransformer(np.emath.sqrt), np.ones((2, 1)), None, "y")
    text = base64.b64encode(skops.io.dumps(FunctionTransformer(np.emath.sqrt))).decode()
    with pytest.raises(CleaningError, match="cannot be loaded"):
        load_estimator(text)


@pytest.mark.parametrize("text", ["", "no base64!", base64.b64encode(b"PK no zip").decode()])
def test_a_damaged_text_is_refused(text: str) -> None:
    """A clear error, not one of a ZIP file."""
    with pytest.raises(CleaningError, match="cannot be loaded"):
        load_estimator(text)


def test_an_estimator_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model would carry it."""
    monkeypatch.setattr("tasks.preparation.estimators.MAX_ESTIMATOR_BYTES", 100)
    assert MAX_ESTIMATOR_BYTES > 100
    with pytest.raises(CleaningError, match="at most 100 bytes"):
        fit_estimator(LinearRegression(), *make_data(), "y")


def test_every_prediction_is_made_on_the_same_number_of_rows() -> None:
    """The last ones are padded, and what is padded does not come out."""
    shapes = []

    def predict(X: Any) -> Any:
        shapes.append(X.shape)
        return X[:, 0] * 2

    X = np.arange(2.0 * (ROWS_PER_PREDICTION + 1)).reshape(-1, 2)
    assert predict_in_chunks(predict, X, 1)[:, 0].tolist() == (X[:, 0] * 2).tolist()
    assert shapes == [(ROWS_PER_PREDICTION, 2)] * 2
    assert predict_in_chunks(predict, X[:0], 1).shape == (0, 1)

"""Filling missing values with a prediction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.impute import KNNImputer
from sklearn.linear_model import LinearRegression

from tasks.errors import CleaningError
from tasks.preparation.frame import take_rows
from tasks.preparation.transformers import model_impute
from tasks.preparation.transformers.model_impute import ModelImpute

NAN = float("nan")
KINDS = {
    "iterative": {"by": "iterative"},
    "nearest_neighbors": {"by": "nearest_neighbors", "n_neighbors": 9},
    "linear": {"by": "model", "estimator": "sklearn.linear_model.LinearRegression"},
    "forest": {
        "by": "model",
        "estimator": "sklearn.ensemble.RandomForestRegressor",
        "params": {"n_estimators": 5},
    },
    "boosting": {
        "by": "model",
        "estimator": "sklearn.ensemble.HistGradientBoostingRegressor",
        "params": {"max_iter": 5},
    },
    "network": {
        "by": "model",
        "estimator": "sklearn.neural_network.MLPRegressor",
        "params": {"max_iter": 500, "tol": 100.0},
    },
    "classifier": {
        "by": "model",
        "estimator": "sklearn.linear_model.LogisticRegression",
        "columns": ["word"],
    },
    "classifying forest": {
        "by": "model",
        "estimator": "sklearn.ensemble.RandomForestClassifier",
        "params": {"n_estimators": 5},
        "columns": ["word"],
    },
}


def make_frame(n_rows: int = 700, n_columns: Any = 7, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, n_columns))
    X = X + 0.1 * rng.normal(size=X.shape)
    words = np.where(X[:, 0] > 0.5, "high", np.where(X[:, 0] > -0.5, "mid", "low"))
    X[rng.random(X.shape) < 0.15] = NAN
    frame = {f"x{i}": np.ascontiguousarray(X[:, i]) for i in range(n_columns)}
    return {**frame, "word": pa.array(words, mask=rng.random(n_rows) < 0.2)}


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_row_gets_the_same_bits_alone_and_in_any_batch(
    check_manners: Callable[..., None], kind: str
) -> None:
    """Through JSON too; products of matrices round with their shape, so this takes care."""
    frame = make_frame()
    impute = ModelImpute(**KINDS[kind], indicator=True, seed=4).fit(frame)
    rng = np.random.default_rng(1)
    whole = impute.transform(frame).frame
    names = ["word"] if kind.startswith("classif") else [f"x{i}" for i in range(7)]
    for size in (1, 1, 1, 2, 3, 17, 255, 256, 257, 600):
        rows = rng.choice(700, size, replace=False)
        part = impute.transform(take_rows(frame, rows)).frame
        for name in names:
            expected = take_rows({name: whole[name]}, rows)[name]
            if isinstance(expected, np.ndarray):
                assert part[name].tobytes() == expected.tobytes(), (size, name)
            else:
                assert part[name].equals(expected), (size, name)
    check_manners(impute, take_rows(frame, np.arange(5)))
    assert not any(np.isnan(whole[n]).any() for n in names if n != "word")
    assert "word" not in names or whole["word"].null_count == 0


def test_nearest_neighbours_are_those_of_scikit_learn() -> None:
    """Known answer: KNNImputer."""
    frame = make_frame(200)
    X = np.column_stack([frame[f"x{i}"] for i in range(7)])
    theirs = KNNImputer(n_neighbors=3).fit_transform(X)
    out = ModelImpute(by="nearest_neighbors", n_neighbors=3).fit(frame).transform(frame).frame
    ours = np.column_stack([out[f"x{i}"] for i in range(7)])
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_model_is_fitted_on_known_values_from_the_other_columns_with_medians() -> None:
    """Known answer: LinearRegression on the other columns, their medians where they are missing."""
    frame = make_frame(200)
    del frame["word"]
    impute = ModelImpute(["x0"], by="model", estimator="sklearn.linear_model.LinearRegression")
    out = impute.fit(frame).transform(frame)
    others = np.column_stack([frame[f"x{i}"] for i in range(1, 7)])
    others = np.where(np.isnan(others), np.nanmedian(others, axis=0), others)
    known = ~np.isnan(frame["x0"])
    theirs = LinearRegression().fit(others[known], frame["x0"][known]).predict(others[~known])
    np.testing.assert_allclose(out.frame["x0"][~known], theirs, rtol=1e-9)
    assert out.frame["x0"][known].tolist() == frame["x0"][known].tolist()
    assert dict(out.changes) == {("x0", "filled by a model"): int((~known).sum())}


def test_chained_equations_find_a_line() -> None:
    """The line y = 2 x + 1."""
    x = np.arange(30.0)
    y = 2 * x + 1
    y[[3, 20]] = NAN
    frame = {"x": x, "y": y}
    out = ModelImpute(["y"], by="iterative").fit(frame).transform(frame)
    np.testing.assert_allclose(out.frame["y"], 2 * x + 1, rtol=1e-3)
    assert dict(out.changes) == {("y", "filled by chained equations"): 2}


def test_a_classifier_fills_text_with_training_texts() -> None:
    """Numbers are the predictors; texts that are there stay, whatever they are."""
    x = np.array([0.0, 0.1, 0.2, 5.0, 5.1, 5.2] * 4)
    words = pa.array(["low", "low", "low", "high", "high", None] * 4)
    impute = ModelImpute(**{**KINDS["classifier"], "columns": ["w"]}).fit({"x": x, "w": words})
    out = impute.transform({"x": np.array([0.0, 5.0, 1.0]), "w": pa.array([None, None, "new"])})
    assert out.frame["w"].to_pylist() == ["low", "high", "new"]
    assert impute.classes_ == {"w": ["high", "low"]}


def test_only_the_chosen_columns_are_filled() -> None:
    """Other predictors stay missing."""
    frame = make_frame(100)
    for kind in ("iterative", "nearest_neighbors", "linear"):
        out = ModelImpute(["x1"], **KINDS[kind]).fit(frame).transform(frame).frame
        assert not np.isnan(out["x1"]).any()
        assert out["x2"].tobytes() == frame["x2"].tobytes()


def test_indicators_are_chosen_when_fitting() -> None:
    """At the end, 0 and 1."""
    frame = {"x": np.array([1.0, NAN, 3.0]), "y": np.array([1.0, 2.0, 3.0])}
    impute = ModelImpute(by="iterative", indicator=True).fit(frame)
    out = impute.transform({"x": np.array([1.0, NAN]), "y": np.array([NAN, 2.0])}).frame
    assert list(out) == ["x", "y", "x_was_missing"]
    assert out["x_was_missing"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("kind", ["iterative", "nearest_neighbors", "linear", "forest"])
def test_a_row_of_missing_values_is_filled_too(kind: str) -> None:
    """With what the columns are on the whole."""
    frame = make_frame(100)
    impute = ModelImpute(**KINDS[kind]).fit(frame)
    empty = {name: np.full(2, NAN) for name in frame if name != "word"}
    out = impute.transform(empty).frame
    assert all(np.isfinite(column).all() for column in out.values())


@pytest.mark.parametrize("kind", ["iterative", "nearest_neighbors", "linear", "forest", "boosting"])
def test_infinite_and_huge_predictors_are_survived(kind: str) -> None:
    """Infinite ones count as missing, and stay as they are; huge ones are cut for the prediction."""
    frame = make_frame(100)
    impute = ModelImpute(**KINDS[kind]).fit(frame)
    row = {
        f"x{i}": np.array([value]) for i, value in enumerate([NAN, np.inf, -np.inf, 1e300, 1, 1, 1])
    }
    out = impute.transform(row).frame
    assert np.isfinite(out["x0"]).all()
    assert (out["x1"][0], out["x2"][0], out["x3"][0]) == (np.inf, -np.inf, 1e300)
    train = {**frame, "x1": np.where(np.arange(100) == 3, np.inf, frame["x1"])}
    out = ModelImpute(["x0"], **KINDS[kind]).fit(train).transform(train).frame
    assert np.isfinite(out["x0"]).all()


@pytest.mark.parametrize("kind", ["iterative", "nearest_neighbors", "linear"])
def test_a_column_without_a_training_value_is_refused_but_as_a_predictor_left_out(
    kind: str,
) -> None:
    """There is nothing to learn from it."""
    frame = {**make_frame(50), "none": np.full(50, NAN)}
    with pytest.raises(CleaningError, match="'none'"):
        ModelImpute(**KINDS[kind]).fit(frame)
    impute = ModelImpute(["x0"], **KINDS[kind]).fit(frame)
    assert "none" not in impute.predictors_
    assert not np.isnan(impute.transform(frame).frame["x0"]).any()


def test_a_missing_predictor_is_refused_when_predicting() -> None:
    """It would not be the same prediction."""
    frame = make_frame(50)
    impute = ModelImpute(["x0"], by="iterative").fit(frame)
    with pytest.raises(CleaningError, match="'x3' is not there"):
        impute.transform({name: c for name, c in frame.items() if name != "x3"})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"columns": ["word"], "by": "iterative"}, "holds texts"),
        ({"columns": ["x99"], "by": "iterative"}, "is not there"),
        ({"columns": ["word"], **KINDS["linear"]}, "holds texts"),
        ({**KINDS["classifier"], "columns": ["x0"]}, "holds numbers"),
        ({**KINDS["classifier"], "columns": None}, "none are named"),
        ({"by": "model", "estimator": "sklearn.cluster.KMeans"}, "neither"),
        ({"by": "model", "estimator": "sklearn.linear_model.Ridge", "params": {"x": 1}}, "'x'"),
        (
            {
                "by": "model",
                "estimator": "sklearn.neighbors.KNeighborsRegressor",
                "params": {"n_neighbors": 999},
            },
            "cannot predict the column 'x0'",
        ),
    ],
)
def test_what_cannot_be_done_is_told_when_fitting(params: Any, message: str) -> None:
    """Not when the model is served."""
    with pytest.raises(CleaningError, match=message):
        ModelImpute(**params).fit(make_frame(40))


def test_a_single_class_and_a_lonely_column_are_refused() -> None:
    """Nothing can be told apart, or predicted from."""
    frame = {"x": np.arange(3.0), "w": pa.array(["a", "a", None])}
    with pytest.raises(CleaningError, match="'w'"):
        ModelImpute(**{**KINDS["classifier"], "columns": ["w"]}).fit(frame)
    with pytest.raises(CleaningError, match="no other column of numbers"):
        ModelImpute(["x"], **KINDS["linear"]).fit(frame)


@pytest.mark.parametrize("kind", ["iterative", "nearest_neighbors", "linear"])
def test_it_learns_from_a_bounded_sample_drawn_by_the_seed(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The same sample for the same seed, another for another; a sparse column has its values in it."""
    monkeypatch.setattr(model_impute, "MAX_FIT_ROWS", 60)
    monkeypatch.setattr(model_impute, "MAX_NEIGHBOR_ROWS", 60)
    frame = make_frame(2000)
    sparse = np.full(2000, NAN)
    sparse[[7, 1500]] = [1.0, 2.0]
    frame["sparse"] = sparse
    documents = [
        ModelImpute(**KINDS[kind], seed=s).fit(frame).to_json()["learned"] for s in (1, 1, 2)
    ]
    assert documents[0] == documents[1]
    assert documents[0] != documents[2]
    filled = ModelImpute(**KINDS[kind]).fit(frame).transform(frame).frame["sparse"]
    assert np.isfinite(filled).all()


def test_constant_columns_are_filled_with_their_value() -> None:
    """Whatever the method."""
    frame = {"c": np.array([2.0] * 9 + [NAN]), "x": np.arange(10.0)}
    for kind in ("iterative", "nearest_neighbors", "linear", "forest"):
        out = ModelImpute(["c"], **KINDS[kind]).fit(frame).transform(frame).frame
        assert out["c"][-1] == pytest.approx(2.0)

"""Filling missing values with a figure of the column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.impute import SimpleImputer

from tasks.errors import CleaningError
from tasks.preparation.transformers.impute import SimpleImpute

NAN = float("nan")


def frame() -> Any:
    return {
        "age": np.array([20.0, NAN, 30.0, 20.0, 90.0, NAN]),
        "town": pa.array(["b", None, "a", "a", "b", "c"]),
        "day": np.array(["2020-01-01", "NaT"] * 3, "M8[us]"),
        "full": np.arange(6.0),
    }


@pytest.mark.parametrize(
    ("by", "expected"), [("mean", 40.0), ("median", 25.0), ("most_frequent", 20.0)]
)
def test_the_figure_is_that_of_the_known_training_values(by: str, expected: Any) -> None:
    """Mean, median and most frequent value leave missing values out."""
    impute = SimpleImpute(["age"], by=by).fit(frame())
    assert impute.fill_values_ == {"age": expected}
    assert impute.transform(frame()).frame["age"].tolist() == [20, expected, 30, 20, 90, expected]


@pytest.mark.parametrize("by", ["mean", "median", "most_frequent"])
def test_the_figures_are_those_of_scikit_learn(by: str) -> None:
    """Known answer: scikit-learn's SimpleImputer."""
    rng = np.random.default_rng(5)
    x = rng.normal(1e6, 3, size=1000).round(1)
    x[rng.random(1000) < 0.2] = NAN
    theirs = SimpleImputer(strategy=by).fit(x.reshape(-1, 1)).statistics_[0]
    assert SimpleImpute(["x"], by=by).fit({"x": x}).fill_values_["x"] == pytest.approx(
        theirs, rel=1e-14
    )


def test_by_default_every_column_of_numbers_is_filled() -> None:
    """Text and dates are left alone by the mean."""
    impute = SimpleImpute(by="mean").fit(frame())
    assert impute.columns_ == ["age", "full"]
    out = impute.transform(frame())
    assert out.frame["town"].null_count == 1
    assert np.isnat(out.frame["day"]).sum() == 3
    assert dict(out.changes) == {("age", "filled with the mean"): 2}


def test_most_frequent_fills_numbers_and_text_and_takes_the_least_of_equals() -> None:
    """Of texts that are equally frequent, the first in order is taken, whatever their places."""
    impute = SimpleImpute(by="most_frequent").fit(frame())
    assert impute.fill_values_ == {"age": 20.0, "town": "a", "full": 0.0}
    assert impute.transform(frame()).frame["town"].to_pylist() == ["b", "a", "a", "a", "b", "c"]


def test_a_constant_fills_the_columns_of_its_kind() -> None:
    """A text fills text, a number fills numbers, zero included."""
    text = SimpleImpute(by="constant", value="?").fit(frame())
    assert text.columns_ == ["town"]
    assert text.transform(frame()).frame["town"].to_pylist()[1] == "?"
    number = SimpleImpute(by="constant", value=0).fit(frame())
    assert number.columns_ == ["age", "full"]
    assert number.transform(frame()).frame["age"].tolist()[1] == 0.0


def test_a_constant_needs_no_training_value() -> None:
    """It is the way out for a column with nothing but missing values."""
    empty = {"x": np.array([NAN, NAN])}
    impute = SimpleImpute(["x"], by="constant", value=-1.0).fit(empty)
    assert impute.transform(empty).frame["x"].tolist() == [-1.0, -1.0]


@pytest.mark.parametrize("by", ["mean", "median", "most_frequent"])
@pytest.mark.parametrize("values", [[NAN, NAN], [], [float("inf"), NAN]])
def test_a_column_without_a_training_value_is_refused(by: str, values: Any) -> None:
    """There is nothing to learn; the error names the column and the way out."""
    with pytest.raises(CleaningError, match=r"'x'(.|\n)*constant"):
        SimpleImpute(by=by).fit({"x": np.array(values, float)})


def test_a_column_of_text_without_a_training_value_is_refused() -> None:
    """The same for text."""
    with pytest.raises(CleaningError, match="'t'"):
        SimpleImpute(by="most_frequent").fit({"t": pa.array([None, None], pa.string())})


def test_a_named_column_must_be_there_when_fitting_and_hold_its_kind() -> None:
    """A misspelt name is told with the nearest; text has no mean."""
    with pytest.raises(CleaningError, match="'age', perhaps"):
        SimpleImpute(["agee"]).fit(frame())
    with pytest.raises(CleaningError, match="holds texts"):
        SimpleImpute(["town"], by="mean").fit(frame())


def test_indicators_are_chosen_when_fitting() -> None:
    """The columns that come out do not depend on the rows to be predicted."""
    impute = SimpleImpute(by="mean", indicator=True).fit(frame())
    out = impute.transform(frame()).frame
    assert list(out) == [*frame(), "age_was_missing"]
    assert out["age_was_missing"].tolist() == [0, 1, 0, 0, 0, 1]
    gaps_elsewhere = {"age": np.array([1.0]), "full": np.array([NAN])}
    out = impute.transform(gaps_elsewhere).frame
    assert list(out) == ["age", "full", "age_was_missing"]
    assert out["full"].tolist() == [2.5]


def test_an_indicator_never_replaces_a_column() -> None:
    """A column of that name is refused when fitting."""
    taken = {**frame(), "age_was_missing": np.zeros(6)}
    with pytest.raises(CleaningError, match="age_was_missing"):
        SimpleImpute(["age"], indicator=True).fit(taken)


def test_a_column_that_is_not_there_is_left_alone() -> None:
    """A model that predicts has fewer columns than training."""
    impute = SimpleImpute(by="mean", indicator=True).fit(frame())
    assert list(impute.transform({"full": np.array([1.0])}).frame) == ["full"]


def test_infinite_values_are_no_part_of_a_figure_and_stay() -> None:
    """Only finite values are averaged, and only missing ones filled."""
    x = np.array([1.0, 3.0, np.inf, -np.inf, NAN])
    out = SimpleImpute(by="mean").fit({"x": x}).transform({"x": x}).frame["x"]
    assert out.tolist() == [1.0, 3.0, np.inf, -np.inf, 2.0]


def test_a_mean_of_the_greatest_floats_does_not_overflow() -> None:
    """The sum would be infinite, the mean is not."""
    x = np.array([1.7e308, 1.6e308, NAN])
    assert SimpleImpute(by="mean").fit({"x": x}).fill_values_["x"] == pytest.approx(1.65e308)
    assert SimpleImpute(by="median").fit({"x": x}).fill_values_["x"] == pytest.approx(1.65e308)


@pytest.mark.parametrize("by", ["mean", "median", "most_frequent", "constant"])
@pytest.mark.parametrize("indicator", [False, True])
def test_it_keeps_a_transformers_manners(
    check_manners: Callable[..., None], by: str, indicator: bool
) -> None:
    """JSON, batches, single rows, no row, inputs untouched."""
    value = 1.5 if by == "constant" else None
    impute = SimpleImpute(by=by, value=value, indicator=indicator).fit(frame())
    check_manners(impute, frame())

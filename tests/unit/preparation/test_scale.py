"""Normalisation with figures of training rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from tasks.errors import CleaningError
from tasks.preparation.transformers.scale import Scale

NAN, INF = float("nan"), float("inf")

COLUMNS = {
    "ordinary": np.array([1.0, 4.0, -2.0, 7.5, NAN, 3.0]),
    "far": 1e9 + np.array([4.0, 7.0, 13.0, 16.0, NAN, 10.0]),
    "small": np.array([1e-9, 2e-9, 5e-9, NAN, 3e-9, 9e-9]),
    "mostly zero": np.array([0.0, 0.0, 0.0, 0.0, 0.0, 8.0]),
    "constant": np.full(6, 0.1),
    "zero": np.zeros(6),
}


@pytest.mark.parametrize("name", list(COLUMNS))
@pytest.mark.parametrize(
    ("to", "their_class", "params"),
    [
        ("standard", StandardScaler, {}),
        ("range", MinMaxScaler, {}),
        ("range", MinMaxScaler, {"feature_range": (-1.0, 3.0)}),
        ("robust", RobustScaler, {}),
    ],
)
def test_the_numbers_are_those_of_scikit_learn(
    name: str, to: str, their_class: Any, params: Any
) -> None:
    """Known answers; training rows and new ones."""
    x = COLUMNS[name]
    new = np.concatenate([x, [x[0] + 1.0, x[0] - 0.5]])
    theirs = their_class(**params).fit(x.reshape(-1, 1)).transform(new.reshape(-1, 1))[:, 0]
    limits = list(params.get("feature_range", (0.0, 1.0)))
    ours = Scale(["x"], to=to, range=limits).fit({"x": x}).transform({"x": new}).frame["x"]
    # MinMaxScaler multiplies before it subtracts, which costs digits far from zero.
    tolerance = 1e-6 if (name, to) == ("far", "range") else 1e-12
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def test_a_range_is_reached_exactly() -> None:
    """Least and greatest training value become the range's ends, to the bit."""
    rng = np.random.default_rng(1)
    x = rng.normal(1e6, 3.0, 1000)
    out = Scale(["x"], to="range", range=[0.0, 1.0]).fit({"x": x}).transform({"x": x}).frame["x"]
    assert (out.min(), out.max()) == (0.0, 1.0)


def test_figures_are_those_of_a_hand_worked_case() -> None:
    """2, 4, 4, 4, 5, 5, 7, 9: mean 5, standard deviation 2."""
    x = np.array([2.0, 4, 4, 4, 5, 5, 7, 9])
    scale = Scale(["x"], to="standard").fit({"x": x})
    assert (scale.centers_, scale.scales_) == ({"x": 5.0}, {"x": 2.0})


def test_values_far_from_zero_keep_their_variance() -> None:
    """A one-pass variance would be 0 or negative here."""
    x = 1e13 + np.array([0.0, 1.0, 2.0, 3.0])
    scale = Scale(["x"]).fit({"x": x})
    assert scale.scales_["x"] == pytest.approx(np.sqrt(1.25), rel=1e-12)


@pytest.mark.parametrize(("to", "expected"), [("standard", 0.0), ("range", -1.0), ("robust", 0.0)])
def test_a_constant_column_becomes_the_middle_or_the_lower_end(to: str, expected: Any) -> None:
    """0.1 three times has no exact mean in floats, and is constant all the same."""
    x = np.full(3, 0.1)
    out = Scale(["x"], to=to, range=[-1.0, 1.0]).fit({"x": x}).transform({"x": x})
    assert out.frame["x"].tolist() == [expected] * 3


def test_a_spread_of_rounding_counts_as_constant() -> None:
    """0.3 and 0.1 + 0.2 differ by the last bit alone."""
    x = np.array([0.3, 0.1 + 0.2])
    assert Scale(["x"]).fit({"x": x}).scales_ == {"x": 1.0}


def test_infinities_are_no_part_of_the_figures_and_stay_infinite() -> None:
    """They are told after the last step."""
    x = np.array([1.0, 3.0, INF, -INF, NAN])
    out = Scale(["x"]).fit({"x": x}).transform({"x": x}).frame["x"]
    assert out.tolist()[:4] == [-1.0, 1.0, INF, -INF]


def test_huge_and_tiny_values_neither_overflow_nor_vanish() -> None:
    """Squares of 1e200 and of 1e-200 do not fit a float."""
    for magnitude in (1e200, 1e-200):
        x = magnitude * np.array([2.0, 4, 4, 4, 5, 5, 7, 9])
        out = Scale(["x"]).fit({"x": x}).transform({"x": x}).frame["x"]
        np.testing.assert_allclose(out, [-1.5, -0.5, -0.5, -0.5, 0, 0, 1, 2], atol=1e-12)


def test_values_too_far_apart_are_refused() -> None:
    """Their distance is no float; the error says to clip."""
    with pytest.raises(CleaningError, match=r"'x'(.|\n)*clip"):
        Scale(["x"], to="range").fit({"x": np.array([-1.7e308, 1.7e308])})


def test_a_column_without_a_training_value_is_refused() -> None:
    """The error names it."""
    with pytest.raises(CleaningError, match="'x'"):
        Scale(["x"]).fit({"x": np.array([NAN])})


def test_columns_the_user_named_must_be_there_and_hold_numbers() -> None:
    """Misspelt or text: an error."""
    frame = {"x": np.array([1.0]), "t": pa.array(["a"])}
    with pytest.raises(CleaningError, match="'y'"):
        Scale(["y"]).fit(frame)
    with pytest.raises(CleaningError, match="holds texts"):
        Scale(["t"]).fit(frame)


def test_columns_the_user_did_not_name_are_skipped_when_they_are_no_numbers() -> None:
    """Encoded away, or still text."""
    frame = {"x": np.array([1.0, 3.0]), "t": pa.array(["a", "b"])}
    scale = Scale(["x", "t", "gone"], skip_others=True).fit(frame)
    assert scale.centers_ == {"x": 2.0}
    assert scale.transform(frame).frame["t"].to_pylist() == ["a", "b"]


@pytest.mark.parametrize("to", ["standard", "range", "robust"])
def test_it_keeps_a_transformers_manners(check_manners: Callable[..., None], to: str) -> None:
    """JSON, batches, single rows, no row, inputs untouched."""
    frame = {name: column.copy() for name, column in COLUMNS.items()}
    check_manners(Scale(list(frame), to=to, range=[-1, 1]).fit(frame), frame)


def test_a_single_training_row_is_enough() -> None:
    """Everything is constant then."""
    frame = {"x": np.array([5.0])}
    assert Scale(["x"]).fit(frame).transform(frame).frame["x"].tolist() == [0.0]

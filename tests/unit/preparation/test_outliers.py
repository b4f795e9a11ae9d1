"""Fixed limits, and limits learned from training rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tasks.errors import CleaningError
from tasks.preparation.transformers.outliers import Clip, Outliers

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("low", "high", "expected", "n"),
    [
        (0.0, 10.0, [0.0, 0.0, 5.0, 10.0, 10.0, 0.0, 10.0], 4),
        (0.0, None, [0.0, 0.0, 5.0, 10.0, 11.0, 0.0, INF], 2),
        (None, 10.0, [-1.0, 0.0, 5.0, 10.0, 10.0, -INF, 10.0], 2),
    ],
)
def test_values_beyond_a_limit_are_moved_to_it(low: Any, high: Any, expected: Any, n: Any) -> None:
    """A value equal to the limit is not counted, a missing one stays."""
    x = np.array([-1.0, 0.0, 5.0, 10.0, 11.0, -INF, INF, NAN])
    out = Clip(["x"], min=low, max=high).transform({"x": x})
    assert out.frame["x"][:-1].tolist() == expected
    assert np.isnan(out.frame["x"][-1])
    assert dict(out.changes) == {("x", "clipped to the limit"): n}


def test_clip_leaves_other_columns_and_absent_ones_alone() -> None:
    """Only the named columns."""
    out = Clip(["x", "target"], max=1.0).transform({"x": np.array([2.0]), "y": np.array([9.0])})
    assert {k: v.tolist() for k, v in out.frame.items()} == {"x": [1.0], "y": [9.0]}


def test_clip_keeps_a_transformers_manners(check_manners: Callable[..., None]) -> None:
    """JSON, batches, single rows, no row, inputs untouched."""
    check_manners(Clip(["x"], min=0), {"x": np.array([-1.0, NAN, 3.0, -INF])})


def test_iqr_is_tukeys_fence() -> None:
    """Known answer: quartiles 2 and 4 of 1 to 5, so 2 - 3 and 4 + 3."""
    outliers = Outliers(["x"], by="iqr").fit({"x": np.array([5.0, NAN, 1, 2, 3, 4, INF])})
    assert outliers.limits_ == {"x": [-1.0, 7.0]}
    assert Outliers(["x"], by="iqr", factor=0.5).fit({"x": np.arange(1.0, 6)}).limits_["x"] == [
        1,
        5,
    ]


def test_z_score_counts_the_populations_standard_deviations() -> None:
    """Known answer: 2, 4, 4, 4, 5, 5, 7, 9 have the mean 5 and the deviation 2."""
    x = np.array([2.0, 4, 4, 4, 5, 5, 7, 9, NAN])
    assert Outliers(by="z_score").fit({"x": x}).limits_ == {"x": [-1.0, 11.0]}
    assert Outliers(by="z_score", factor=1.0).fit({"x": x}).limits_ == {"x": [3.0, 7.0]}


def test_quantiles_are_linear_between_neighbours() -> None:
    """Known answer: of 0 to 100, 2.5 % lie below 2.5."""
    outliers = Outliers(by="quantiles", quantiles=[0.025, 0.9]).fit({"x": np.arange(101.0)})
    assert outliers.limits_["x"] == pytest.approx([2.5, 90.0])


@pytest.mark.parametrize(
    ("action", "expected", "what"),
    [
        ("winsorise", [-1.0, -1.0, 7.0, 7.0], "outlier, moved to the limit"),
        ("missing", [NAN, -1.0, 7.0, NAN], "outlier, set missing"),
    ],
)
def test_an_outlier_is_moved_or_set_missing(action: Any, expected: Any, what: Any) -> None:
    """What equals a limit is within; infinities are beyond."""
    outliers = Outliers(by="iqr", action=action).fit({"x": np.arange(1.0, 6)})
    out = outliers.transform({"x": np.array([-INF, -1.0, 7.0, 7.1])})
    assert np.array_equal(out.frame["x"], expected, equal_nan=True)
    assert dict(out.changes) == {("x", what): 2}
    assert out.problems == ()


def test_an_outliers_row_goes_to_quarantine_with_its_value() -> None:
    """The value itself stays, and nothing counts as changed."""
    outliers = Outliers(by="iqr", action="quarantine").fit({"x": np.arange(1.0, 6)})
    x = np.array([0.0, 99.0, NAN, -99.0])
    out = outliers.transform({"x": x})
    (problem,) = out.problems
    assert (problem.column, problem.kind) == ("x", "beyond the training limits")
    assert problem.rows.tolist() == [1, 3]
    assert problem.values == [99.0, -99.0]
    assert np.array_equal(out.frame["x"], x, equal_nan=True)
    assert not out.changes


def test_equal_quartiles_give_no_limits() -> None:
    """Else every value but the commonest would be an outlier."""
    x = np.array([0.0] * 8 + [5.0, 9.0])
    outliers = Outliers(["x"], by="iqr", action="missing").fit({"x": x})
    assert outliers.limits_ == {"x": None}
    assert outliers.transform({"x": x}).frame["x"].tolist() == x.tolist()


@pytest.mark.parametrize("by", ["z_score", "quantiles"])
def test_a_constant_column_has_its_value_as_both_limits(by: str) -> None:
    """Exactly its value: a mean that is off by rounding would throw all rows out."""
    x = np.full(10, 0.1)
    outliers = Outliers(["x"], by=by, action="quarantine").fit({"x": x})
    assert outliers.limits_ == {"x": [0.1, 0.1]}
    assert outliers.transform({"x": x}).problems == ()


def test_a_boolean_has_no_outliers_unless_it_is_named() -> None:
    """However rare one of its values is."""
    frame = {"flag": np.array([0.0] * 99 + [1.0, NAN]), "x": np.arange(101.0)}
    assert list(Outliers(by="z_score").fit(frame).limits_) == ["x"]
    assert list(Outliers(["flag"], by="z_score").fit(frame).limits_) == ["flag"]


def test_a_column_without_a_training_value_is_refused() -> None:
    """The error names it."""
    with pytest.raises(CleaningError, match="'x'"):
        Outliers(by="iqr").fit({"x": np.array([NAN, INF])})


def test_limits_beyond_the_greatest_float_are_that_float() -> None:
    """JSON knows no infinity."""
    x = np.array([-1.7e308, -1e308, 0.0, 1e308, 1.7e308])
    for by in ("iqr", "z_score"):
        limits = Outliers(by=by).fit({"x": x}).limits_["x"]
        assert limits == [-np.finfo(float).max, np.finfo(float).max]


@pytest.mark.parametrize("by", ["iqr", "z_score", "quantiles"])
@pytest.mark.parametrize("action", ["winsorise", "quarantine", "missing"])
def test_it_keeps_a_transformers_manners(
    check_manners: Callable[..., None], by: str, action: Any
) -> None:
    """JSON, batches, single rows, no row, inputs untouched."""
    frame = {"x": np.array([1.0, 2, 3, NAN, 100, -INF, 4]), "c": np.full(7, 3.0)}
    check_manners(Outliers(by=by, action=action, quantiles=[0.1, 0.9]).fit(frame), frame)

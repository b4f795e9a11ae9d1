"""When a column counts as drifting."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from tasks.scoring.bins import bin_column
from tasks.scoring.drift import Drift, judge_drift


def judge(now: np.ndarray, **limits: float) -> Drift:
    """A column of 5,000 normal training rows, and some later ones."""
    then = bin_column("x", np.random.default_rng(1).normal(size=5000))
    return judge_drift(
        {"input": [then]},
        {"input": [then.count(now)]},
        **{"max_psi": 0.25, "max_js": 0.1, **limits},
        n_training=5000,
        n_rows=len(now),
    )


@pytest.mark.parametrize("n_rows", [30, 1000])
def test_rows_of_the_same_distribution_do_not_drift(n_rows: int) -> None:
    """Also where there are so few that their index is above the limit by chance."""
    drift = judge(np.random.default_rng(6).normal(size=n_rows))
    assert not drift.is_drifting
    assert drift.sentence == f"No drift in 1 column of {n_rows:,} new rows."
    if n_rows == 30:
        assert drift.columns[0].divergence.psi > 0.25


@pytest.mark.parametrize("n_rows", [40, 1000])
def test_shifted_rows_drift(n_rows: int) -> None:
    """By two standard deviations, of few rows as of many; the sentence has figure and limit."""
    drift = judge(np.random.default_rng(3).normal(2.0, size=n_rows))
    assert drift.is_drifting
    assert "Drift in 'x' of 1 column " in drift.sentence
    assert "limit 0.25" in drift.sentence


def test_a_shift_below_both_limits_is_none() -> None:
    """However certain it is: ten thousand rows tell a tenth of a standard deviation from chance."""
    drift = judge(np.random.default_rng(3).normal(0.1, size=10_000))
    found = drift.columns[0].divergence
    assert found.psi > found.chance_psi
    assert not drift.is_drifting
    assert judge(np.random.default_rng(3).normal(0.1, size=10_000), max_psi=0.005).is_drifting
    assert judge(np.random.default_rng(3).normal(0.1, size=10_000), max_js=0.0005).is_drifting


@pytest.mark.parametrize(
    ("n_rows", "what"), [(0, "no row is new"), (29, "only 29 rows are new")], ids=["none", "few"]
)
def test_too_few_rows_are_not_judged(n_rows: int, what: str) -> None:
    """Below thirty the limits of chance do not hold."""
    drift = judge(np.full(n_rows, 99.0))
    assert drift.columns == ()
    assert not drift.is_drifting
    assert what in drift.sentence


def test_columns_are_sorted_and_what_drifts_comes_first() -> None:
    """The largest index first, so that a reader sees what has moved."""
    rng = np.random.default_rng(5)
    bins = [bin_column(name, rng.normal(size=2000)) for name in "abc"]
    moved = [bins[0].count(rng.normal(size=500)), bins[1].count(rng.normal(3, size=500)), bins[2].count(rng.normal(1, size=500))]  # fmt: skip
    said = bin_column("prediction", pa.array(["yes"] * 500 + ["no"] * 500))
    drift = judge_drift(
        {"input": bins, "prediction": [said]},
        {"input": moved, "prediction": [said.count(pa.array(["yes"] * 250 + ["no"] * 250))]},
        max_psi=0.25,
        max_js=0.1,
        n_training=2000,
        n_rows=500,
    )
    assert [column.name for column in drift.columns][:2] == ["b", "c"]
    assert {column.name: column.part for column in drift.columns}["prediction"] == "prediction"
    assert "'b' and 1 more of 4 columns" in drift.sentence


def test_the_document_is_json_without_nan() -> None:
    """Also of a column that was all missing."""
    then = bin_column("x", np.full(100, np.nan))
    drift = judge_drift(
        {"input": [then]},
        {"input": [then.count(np.arange(50.0))]},
        max_psi=0.25,
        max_js=0.1,
        n_training=100,
        n_rows=50,
    )
    document = json.loads(json.dumps(drift.to_json(), allow_nan=False))
    assert document["is_drifting"]
    assert [b["now"] for b in document["columns"][0]["bins"]] == [1.0, 0.0]

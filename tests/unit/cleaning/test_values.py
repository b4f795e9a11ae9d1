"""A regression's target: numbers as they come, and what is none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tasks.cleaning.values import to_values
from tasks.errors import CleaningError


def test_numbers_stay_what_they_are() -> None:
    """Fractions too; a missing one and an infinite one are told apart."""
    values, problems = to_values(np.array([1.5, np.nan, np.inf, -2.0]), "price")
    assert values.to_pylist() == [1.5, None, None, -2.0]
    assert [(p.kind, p.rows.tolist(), p.values) for p in problems] == [
        ("NaN or infinite", [2], [np.inf]),
        ("missing", [1], None),
    ]


def test_text_is_read_as_numbers() -> None:
    """As a CSV file has them; a text that is none goes with what stood there."""
    values, problems = to_values(pa.array(["1.5", None, "many", "1e3"]), "price")
    assert values.to_pylist() == [1.5, None, None, 1000.0]
    assert [(p.kind, p.rows.tolist(), p.values) for p in problems] == [
        ("not a number", [2], ["many"]),
        ("missing", [1], None),
    ]


def test_sound_numbers_have_no_problem() -> None:
    """Nothing is reported where nothing is wrong."""
    assert to_values(np.array([1.0, 2.0]), "price")[1] == ()


def test_a_date_is_no_number() -> None:
    """The error names the key to correct."""
    with pytest.raises(CleaningError, match=r"(?s)'price' holds dates.*columns\.target"):
        to_values(np.array(["2026-01-01"], "M8[us]"), "price")

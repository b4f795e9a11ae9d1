"""Figures of columns."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset import array_to_tensor_column
from tasks.validation import column_profile
from tasks.validation.column_profile import ColumnProfile, profile_columns
from tasks.validation.view import TypedView

OpenTable = Callable[..., TypedView]


@pytest.fixture
def profile_of(open_table: OpenTable) -> Callable[..., ColumnProfile]:
    """Profile one column."""

    def make(values: Any, kind: pa.DataType | None = None, **options: Any) -> ColumnProfile:
        column = values if isinstance(values, pa.Array) else pa.array(values, kind)
        (profile,) = profile_columns(open_table(pa.table({"c": column})), **options)
        return profile

    return make


def test_numbers_are_counted_and_measured(profile_of: Callable[..., ColumnProfile]) -> None:
    """NaN is missing; infinite values count as values and stay out of the figures."""
    nan, inf = float("nan"), float("inf")
    profile = profile_of([2.0, 4.0, None, nan, 4.0, inf, 6.0])
    assert (profile.kind, profile.n_rows, profile.n_missing, profile.n_infinite) == (
        "number",
        7,
        2,
        1,
    )
    assert (profile.least, profile.greatest, profile.mean) == (2.0, 6.0, 4.0)
    assert profile.std == pytest.approx(2**0.5)
    assert profile.counts[0] == (4.0, 2)
    assert (profile.n_distinct, profile.is_increasing, profile.largest_step) == (4, True, 2.0)
    assert profile.missing_fraction == pytest.approx(2 / 7)


def test_figures_do_not_depend_on_the_batches(
    open_table: OpenTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mean and deviation by NumPy on the whole, the order across the cut."""
    values = np.random.default_rng(7).normal(1e6, 1.0, 1000)
    view = open_table(pa.table({"c": values, "d": np.r_[np.arange(500), np.arange(500)]}))
    original = TypedView.batches

    def cut(self: TypedView, names: list[str]) -> Any:
        for batch in original(self, names):
            yield from (batch.slice(i, 7) for i in range(0, batch.num_rows, 7))

    monkeypatch.setattr(TypedView, "batches", cut)
    c, d = profile_columns(view)
    assert c.mean == pytest.approx(values.mean(), rel=1e-12)
    assert c.std == pytest.approx(values.std(), rel=1e-9)
    assert (d.is_increasing, d.largest_step, d.n_distinct) == (False, 1.0, 500)


def test_texts_have_lengths_and_counts(profile_of: Callable[..., ColumnProfile]) -> None:
    """Characters, not bytes."""
    profile = profile_of(["é", "bbb", "é", None])
    assert (profile.kind, profile.least, profile.greatest) == ("text", 1.0, 3.0)
    assert profile.counts == (("é", 2), ("bbb", 1))
    assert profile.mean is None


def test_dates_far_off_have_figures(profile_of: Callable[..., ColumnProfile]) -> None:
    """Before 1970 and after 2262; steps in seconds."""
    days = [datetime.date(1500, 1, 1), datetime.date(1500, 1, 8), datetime.date(2300, 1, 1)]
    profile = profile_of(days)
    assert profile.least == datetime.datetime(1500, 1, 1, tzinfo=datetime.UTC)
    assert profile.greatest == datetime.datetime(2300, 1, 1, tzinfo=datetime.UTC)
    assert profile.largest_step == (days[2] - days[1]).total_seconds()


def test_dates_beyond_the_calendar_have_none(profile_of: Callable[..., ColumnProfile]) -> None:
    """Arrow counts on where Python's years end."""
    profile = profile_of(pa.array([2**62], pa.timestamp("us")))
    assert (profile.greatest, profile.n_distinct, profile.n_there) == (None, None, 1)


@pytest.mark.parametrize(
    ("values", "n_distinct"),
    [([1.0, 2.0, 3.0], 3), ([1.0, 2.0, 3.0, 4.0], None), (["a" * 200], 1), (["a" * 201], None)],
)
def test_what_is_counted_has_a_bound(
    profile_of: Callable[..., ColumnProfile],
    monkeypatch: pytest.MonkeyPatch,
    values: list[Any],
    n_distinct: int | None,
) -> None:
    """Past it the values are not kept."""
    monkeypatch.setattr(column_profile, "MAX_DISTINCT", 3)
    profile = profile_of(values)
    assert profile.n_distinct == n_distinct
    assert len(profile.counts) == (n_distinct or 0)


@pytest.mark.parametrize(
    ("values", "is_unique"), [(["a", "b", None, None], True), (["a", "a"], False)]
)
def test_uniqueness_is_told_where_it_is_asked(
    profile_of: Callable[..., ColumnProfile], values: list[Any], is_unique: bool
) -> None:
    """Missing values repeat nothing."""
    assert profile_of(values).is_unique is None
    assert profile_of(values, unique=["c"]).is_unique is is_unique


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.nulls(2), "text"),
        (pa.array([[1], None]), "other"),
        (pa.nulls(2, pa.float64()), "number"),
    ],
)
def test_columns_without_figures(
    profile_of: Callable[..., ColumnProfile], column: pa.Array, kind: str
) -> None:
    """All missing, or of a type that no suite looks into."""
    profile = profile_of(column)
    assert (profile.kind, profile.least, profile.mean, profile.is_increasing) == (
        kind,
        None,
        None,
        False,
    )


def test_numbers_at_the_ends_of_the_floats(profile_of: Callable[..., ColumnProfile]) -> None:
    """No mean can be computed, and no warning is given."""
    profile = profile_of([1.7e308, -1.7e308, 1.7e308])
    assert (profile.least, profile.greatest, profile.std) == (-1.7e308, 1.7e308, None)


def test_images_have_profiles_by_figure(open_table: OpenTable) -> None:
    """Beside the scalar columns, in their order."""
    images = array_to_tensor_column(np.zeros((2, 3, 4, 1), dtype=np.uint8))
    profiles = profile_columns(open_table(pa.table({"image": images, "a": [1, 2]})))
    by_name = {profile.name: profile for profile in profiles}
    assert by_name["image_width"].counts == ((4.0, 2),)
    assert list(by_name)[-1] == "a"

"""k-anonymity: counts of combinations, and which of them pass."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import PrivacyError
from tasks.privacy.anonymity import GroupCounts, Rule, judge, make_keys

# Age, postcode and how many rows: worked by hand below.
PEOPLE = [("30", "12*")] * 3 + [("30", "13*")] * 2 + [("40", "12*")] + [(None, "12*")] * 2


def count(rows: list[tuple[str | None, ...]], n_columns: int = 2) -> pa.Table:
    counts = GroupCounts([str(i) for i in range(n_columns)])
    for start in range(0, len(rows), 3):
        some = rows[start : start + 3]
        counts.add([pa.array([r[i] for r in some], pa.string()) for i in range(n_columns)])
    return counts.merge()


def keys_of(*rows: tuple[str | None, ...]) -> set[str]:
    columns = [pa.array([r[i] for r in rows], pa.string()) for i in range(len(rows[0]))]
    return set(make_keys(columns).to_pylist())


def test_counts_add_up_over_batches() -> None:
    """Missing is a value of its own."""
    found = count(PEOPLE).to_pylist()
    assert {(r["0"], r["1"]): r["n_rows"] for r in found} == Counter(PEOPLE)
    assert count([]).num_rows == 0


def test_worked_example() -> None:
    """3, 2, 1 and 2 rows share a combination: with k = 2 one row is out, with k = 3 five are."""
    for k, passing in [
        (2, [("30", "12*"), ("30", "13*"), (None, "12*")]),
        (3, [("30", "12*")]),
        (4, []),
    ]:
        verdict = judge(count(PEOPLE), ["0", "1"], [Rule(("0", "1"), k, stops=False)], {})
        assert set(verdict.allowed.to_pylist()) == (keys_of(*passing) if passing else set())


def test_rules_hold_for_the_rows_that_are_left() -> None:
    """What one rule takes out makes the groups of another smaller, back and forth.

    (x, 1) occurs once and goes by the second rule. Then x has two rows and goes by the first,
    and with it 2 has two rows; of y three are left.
    """
    rows = [("x", "1"), ("x", "2"), ("x", "2"), ("y", "2"), ("y", "2"), ("y", "2")]
    rules = [Rule(("0",), 3, stops=False), Rule(("1",), 3, stops=False)]
    verdict = judge(count(rows), ["0", "1"], rules, {})
    assert set(verdict.allowed.to_pylist()) == keys_of(("y", "2"))
    assert set(verdict.refused[0].to_pylist()) == keys_of(("x", "2"))
    assert set(verdict.refused[1].to_pylist()) == keys_of(("x", "1"))


def test_merged_categories_are_counted_together() -> None:
    """Two rare towns are `other`, which two rows share."""
    rows = [("Rome",)] * 3 + [("Alba",), ("Cumae",)]
    rules = [Rule(("0",), 2, stops=False)]
    frequent = {"0": pa.array(["Rome"])}
    assert judge(count(rows, 1), ["0"], rules, {}).allowed.to_pylist() == ["4:Rome"]
    merged = judge(count(rows, 1), ["0"], rules, frequent).allowed
    assert set(merged.to_pylist()) == {"4:Rome", "5:other"}


def test_stopping_tells_counts_and_no_value() -> None:
    """With k = 3 five rows in three combinations are too few; which ones is not told."""
    with pytest.raises(PrivacyError) as caught:
        judge(count(PEOPLE), ["0", "1"], [Rule(("0", "1"), 3, stops=True)], {})
    message = str(caught.value)
    assert "5 of 8 rows share their (0, 1) with fewer than 3 rows" in message
    assert "3 different combinations" in message
    assert "40" not in message
    assert "12*" not in message


def test_a_rule_that_stops_looks_at_what_suppression_leaves() -> None:
    """The night does not stop for rows that are not written."""
    rows = [("x", "1"), *[("y", "2")] * 3]
    rules = [Rule(("1",), 2, stops=True), Rule(("0",), 2, stops=False)]
    verdict = judge(count(rows), ["0", "1"], rules, {})
    assert set(verdict.allowed.to_pylist()) == keys_of(("y", "2"))


def test_too_many_combinations_are_an_error() -> None:
    """Memory has a bound, and the message says what to do."""
    counts = GroupCounts(["age", "zip"], max_groups=3)
    counts.add([pa.array(["1", "2", "3", "4"]), pa.array(["a"] * 4)])
    with pytest.raises(PrivacyError, match=r"more than 3 different combinations of \(age, zip\)"):
        counts.merge()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.none() | st.text("ab1:-", max_size=3)] * 2),
        min_size=1,
        max_size=8,
        unique=True,
    )
)
def test_different_combinations_have_different_keys(rows: list[tuple[str | None, ...]]) -> None:
    """Whatever signs the values have: ("1", "a") is not ("1a", "")."""
    assert len(keys_of(*rows)) == len(rows)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=24),
    st.integers(2, 4),
    st.integers(2, 4),
)
def test_what_passes_is_k_anonymous(rows: list[tuple[str, str]], k: int, other: int) -> None:
    """Counted again by Python, every rule holds for the rows that pass."""
    rules = [Rule(("0", "1"), k, stops=False), Rule(("1",), other, stops=False)]
    allowed = set(judge(count(list(rows)), ["0", "1"], rules, {}).allowed.to_pylist())
    left = [row for row in rows if keys_of(row) <= allowed]
    assert all(n >= k for n in Counter(left).values())
    assert all(n >= other for n in Counter(row[1] for row in left).values())

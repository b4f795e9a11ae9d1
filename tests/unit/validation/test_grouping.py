"""Which columns an expectation touches, and what is judged together."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.validation.grouping import group_expectations

KNOWN = ("a", "b", "c", "d")


class Expectation:
    """As much of Great Expectations' as grouping looks at, so that its import is not waited for."""

    def __init__(self, type_: str, **kwargs: Any) -> None:
        self.type = type_
        self.kwargs = kwargs
        self.configuration = self


def of(column: str) -> Expectation:
    return Expectation("expect_column_values_to_not_be_null", column=column)


TABLE = Expectation("expect_table_row_count_to_equal", value=1)
PAIR = Expectation("expect_column_pair_values_to_be_equal", column_A="b", column_B="c")
SEVERAL = Expectation("expect_compound_columns_to_be_unique", column_list=["c", "d"])
NAMES = Expectation("expect_table_columns_to_match_ordered_list", column_list=["a", "z"])
EXISTS = Expectation("expect_column_to_exist", column="a")
CONDITION = Expectation("expect_column_max_to_be_between", column="a", row_condition="d > 1")


@pytest.mark.parametrize(
    ("expectations", "max_columns", "groups"),
    [
        ([of("a"), of("b"), of("a")], 1, [("a",), ("b",)]),
        ([of("b"), PAIR, of("a")], 1, [("b", "c"), ("a",)]),
        ([PAIR, SEVERAL, of("c")], 1, [("b", "c"), ("c", "d")]),
        ([of("a"), TABLE, NAMES, EXISTS], 1, [(), ("a",)]),
        ([of("z"), of("a")], 1, [(), ("a",)]),
        ([CONDITION, of("a")], 1, [("a", "d")]),
        ([of("a"), of("b"), of("c")], 2, [("a", "b"), ("c",)]),
        ([of("a"), of("b"), TABLE], 9, [(), ("a", "b")]),
        ([PAIR, SEVERAL], 3, [("b", "c", "d")]),
    ],
)
def test_expectations_are_grouped_by_columns(
    expectations: list[Any], max_columns: int, groups: list[tuple[str, ...]]
) -> None:
    """One group a column, unless they are compared or few enough; the table's own has no data."""
    made = group_expectations(expectations, KNOWN, max_columns=max_columns)
    assert [group.columns for group in made] == groups
    assert [group.is_whole_table for group in made] == [not columns for columns in groups]
    grouped = [e for group in made for e in group.expectations]
    assert sorted(map(id, grouped)) == sorted(map(id, expectations))

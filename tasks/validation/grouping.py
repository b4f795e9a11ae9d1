"""Which columns each expectation touches, and the groups that are judged together.

Pure; judging group by group bounds the memory by the widest group and not by the whole table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

_COLUMN_KEYS = ("column", "column_A", "column_B")


@dataclass(frozen=True)
class Group:
    """Expectations that are judged on one frame.

    Parameters
    ----------
    columns : tuple of str
        What the frame holds of the data.
    expectations : tuple of Expectation
    is_whole_table : bool
        Whether the frame must have the names of all columns; those not in ``columns`` without data.
    """

    columns: tuple[str, ...]
    expectations: tuple[Expectation, ...]
    is_whole_table: bool = False


def list_named_columns(configuration: Any) -> list[str]:
    """List the columns whose values an expectation looks at; none where it is about the table."""
    kwargs = configuration.kwargs
    # These name columns and never look into them.
    if configuration.type.startswith("expect_table_"):
        return []
    named = [kwargs[key] for key in _COLUMN_KEYS if kwargs.get(key) is not None]
    return list(dict.fromkeys(map(str, [*named, *(kwargs.get("column_list") or ())])))


def group_expectations(
    expectations: Sequence[Expectation], known: Sequence[str], *, max_columns: int = 1
) -> tuple[Group, ...]:
    """Group expectations by the columns they touch.

    Parameters
    ----------
    expectations : sequence of Expectation
    known : sequence of str
        Columns that there are.
    max_columns : int, default 1
        Groups are joined up to this many columns: each costs some hundredths of a second besides
        the judging. An expectation about more columns makes a larger group.

    Returns
    -------
    tuple of Group
        Each expectation in one of them; one whose columns are among another's joins that one, so
        that a column is read again only where expectations about several columns overlap.
    """
    of_table: list[Expectation] = []
    for_conditions: list[str] = []
    of_columns: list[tuple[tuple[str, ...], Expectation]] = []
    for expectation in expectations:
        configuration = expectation.configuration
        named = list_named_columns(configuration)
        # Conditions are written in a language of their own; a column too many does no harm.
        condition = str(configuration.kwargs.get("row_condition") or "")
        mentioned = [name for name in known if name in condition]
        if (
            not named
            or configuration.type == "expect_column_to_exist"
            or not set(named) <= set(known)  # Great Expectations says of each what it misses
        ):
            of_table.append(expectation)
            for_conditions.extend(mentioned)
        else:
            of_columns.append((tuple(dict.fromkeys([*named, *mentioned])), expectation))
    groups: dict[tuple[str, ...], list[Expectation]] = {}
    for columns, expectation in sorted(of_columns, key=lambda pair: -len(pair[0])):
        home = next((key for key in groups if set(columns) <= set(key)), columns)
        groups.setdefault(home, []).append(expectation)
    made: list[Group] = []
    for columns, members in groups.items():
        joined = tuple(dict.fromkeys([*(made[-1].columns if made else ()), *columns]))
        if made and len(joined) <= max_columns:
            made[-1] = Group(joined, (*made[-1].expectations, *members))
        else:
            made.append(Group(columns, tuple(members)))
    if of_table:
        made.insert(0, Group(tuple(dict.fromkeys(for_conditions)), tuple(of_table), True))
    return tuple(made)

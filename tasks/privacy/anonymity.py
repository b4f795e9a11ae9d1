"""How many rows share a combination of values, and which rows k-anonymity lets pass.

Pure and vectorised; ``Protector`` counts all rows of a night with it before it releases any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import PrivacyError
from tasks.preparation.masking import merge_categories

MAX_GROUPS = 5_000_000  # some hundreds of megabytes; so many combinations protect nobody anyway
_ROWS_PENDING = 1_000_000  # groups that are gathered before they are added up

_N = "n_rows"


class GroupCounts:
    """Counts the rows of every combination of some columns; a missing value is a value of its own.

    Parameters
    ----------
    columns : sequence of str
    max_groups : int, default 5,000,000
        The bound on memory.
    """

    def __init__(self, columns: Sequence[str], *, max_groups: int = MAX_GROUPS) -> None:
        self.columns = tuple(columns)
        self._max_groups = max_groups
        self._counted: list[pa.Table] = []
        self._n_pending = 0
        self._n_merged = 0

    def add(self, values: Sequence[pa.StringArray]) -> None:
        """Add rows.

        Parameters
        ----------
        values : sequence of n_columns pyarrow.StringArray of length n_rows

        Raises
        ------
        PrivacyError
            When there are more combinations than can be held.
        """
        names = [*map(str, range(len(values))), _N]
        ones = pa.array(np.ones(len(values[0]), np.int64))
        # Large strings: the texts of all groups together may pass 2 GiB.
        rows = pa.table([*(v.cast(pa.large_string()) for v in values), ones], names=names)
        grouped = _add_up(rows)
        self._counted.append(grouped)
        self._n_pending += grouped.num_rows
        if self._n_pending > max(_ROWS_PENDING, self._n_merged):
            self.merge()

    def merge(self) -> pa.Table:
        """Add up what was counted.

        Returns
        -------
        pyarrow.Table with n_groups rows
            The columns "0", "1", ... of large_string, and ``n_rows`` (int64).
        """
        if not self._counted:
            names = [*map(str, range(len(self.columns))), _N]
            types = [*([pa.large_string()] * len(self.columns)), pa.int64()]
            return pa.schema(list(zip(names, types, strict=True))).empty_table()
        merged = _add_up(pa.concat_tables(self._counted))
        self._counted, self._n_pending, self._n_merged = [merged], 0, merged.num_rows
        if merged.num_rows > self._max_groups:
            raise PrivacyError(
                f"There are more than {self._max_groups:,} different combinations of "
                f"({', '.join(self.columns)}).",
                expected="columns that many rows share the values of",
                hint="generalise them more in 'privacy', before they are counted",
            )
        return merged


def _add_up(rows: pa.Table) -> pa.Table:
    names = rows.schema.names
    return rows.group_by(names[:-1]).aggregate([(_N, "sum")]).rename_columns(names)


@dataclass(frozen=True)
class Rule:
    """One k-anonymity step.

    Parameters
    ----------
    columns : tuple of str
    k : int
    stops : bool
        Whether the night stops, in place of suppressing rows.
    """

    columns: tuple[str, ...]
    k: int
    stops: bool

    def describe(self) -> str:
        """Tell the reason of a suppressed row, without a value."""
        return f"shares ({', '.join(self.columns)}) with fewer than {self.k} rows"


@dataclass(frozen=True)
class Verdict:
    """Which combinations may be written.

    Parameters
    ----------
    allowed : pyarrow.LargeStringArray
        Keys (:func:`make_keys`) of the combinations of all columns that pass every rule.
    refused : tuple of pyarrow.LargeStringArray
        For each rule, keys of the combinations that it suppresses.
    """

    allowed: pa.Array
    refused: tuple[pa.Array, ...]


def judge(
    groups: pa.Table,
    columns: Sequence[str],
    rules: Sequence[Rule],
    frequent: Mapping[str, pa.Array],
) -> Verdict:
    """Tell which combinations pass.

    Parameters
    ----------
    groups : pyarrow.Table
        Of :meth:`GroupCounts.merge`.
    columns : sequence of n_columns str
        Of all rules together.
    rules : sequence of Rule
    frequent : mapping of str to pyarrow.Array
        For columns whose rare categories become ``other``: the categories that stay.

    Returns
    -------
    Verdict

    Raises
    ------
    PrivacyError
        When a rule that stops is broken; tells how many rows, never which values.

    Notes
    -----
    Suppressing the rows of one rule makes the groups of another smaller, so the rules are repeated
    until all hold for the rows that are left. Rules that stop look at what is left then.
    """
    if not rules:
        nothing = pa.array([], pa.large_string())
        return Verdict(nothing, ())
    values = [
        merge_rare(groups.column(i).combine_chunks(), frequent.get(name))
        for i, name in enumerate(columns)
    ]
    n_rows = groups.column(_N).to_numpy()
    at = {name: i for i, name in enumerate(columns)}
    group_of = [_number_groups([values[at[name]] for name in rule.columns]) for rule in rules]
    is_left = np.ones(len(n_rows), bool)
    refused_by = np.full(len(n_rows), -1)
    changed = True
    while changed:
        changed = False
        for i, rule in enumerate(rules):
            if rule.stops:
                continue
            is_small = is_left & (_count_shared(group_of[i], n_rows, is_left) < rule.k)
            if is_small.any():
                is_left &= ~is_small
                refused_by[is_small] = i
                changed = True
    for i, rule in enumerate(rules):
        is_small = is_left & (_count_shared(group_of[i], n_rows, is_left) < rule.k)
        if rule.stops and is_small.any():
            n_small = len(np.unique(group_of[i][is_small]))
            raise PrivacyError(
                f"{n_rows[is_small].sum()} of {n_rows.sum()} rows share their "
                f"({', '.join(rule.columns)}) with fewer than {rule.k} rows; they have "
                f"{n_small} different combinations.",
                expected=f"at least {rule.k} rows for every combination, as 'privacy' says",
                hint="generalise these columns more, or use 'action: suppress'",
            )
    keys = make_keys(values)
    return Verdict(
        keys.filter(pa.array(is_left)),
        tuple(keys.filter(pa.array(refused_by == i)) for i in range(len(rules))),
    )


def merge_rare(values: pa.Array, frequent: pa.Array | None) -> pa.Array:
    """Replace every category that is not frequent by ``other``; None leaves all."""
    if frequent is None:
        return values
    return merge_categories(values, frequent.cast(values.type))


def make_keys(values: Sequence[pa.Array]) -> pa.Array:
    """Join the values of every row to one text; different combinations give different texts.

    Parameters
    ----------
    values : sequence of n_columns pyarrow arrays of text, of length n_rows

    Returns
    -------
    pyarrow.LargeStringArray of length n_rows
        Each value behind its length, so that none can be mistaken for two; ``-`` for a missing one.
    """
    large = pa.large_string()
    colon, missing, nothing = (pa.scalar(text, large) for text in (":", "-", ""))
    parts = []
    for value in values:
        text = value.cast(large)
        length = pc.binary_length(text).cast(large)
        parts.append(pc.fill_null(pc.binary_join_element_wise(length, text, colon), missing))
    return pc.binary_join_element_wise(*parts, nothing)


def _number_groups(values: Sequence[pa.Array]) -> npt.NDArray[np.int64]:
    """Give every combination of values a number."""
    codes = make_keys(values).dictionary_encode().indices
    return np.asarray(codes, np.int64)


def _count_shared(
    group_of: npt.NDArray[np.int64], n_rows: npt.NDArray[np.int64], is_left: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Rows that are left in the group of each combination."""
    return np.asarray(np.bincount(group_of, weights=n_rows * is_left), np.float64)[group_of]

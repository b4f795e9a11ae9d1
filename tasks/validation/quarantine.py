"""Rows that break an expectation marked ``"meta": {"quarantine": true}``, and the reason of each.

Pure; ``checks.py`` collects them while a suite is judged, and cleaning sends them to quarantine.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import NocturneError, SuiteError, nearest
from tasks.validation.grouping import list_named_columns
from tasks.validation.results import say_promise
from tasks.validation.rows import ROW_TYPES, find_failing_rows

REJECTED_SCHEMA = pa.schema([("row", pa.int64()), ("reason", pa.string())])
MAX_VALUE_CHARACTERS = 100
MAX_PROMISE_CHARACTERS = 200  # a long set of values is cut; the suite has it all


def check_mark(configuration: Any, stage: str, where: str, hint: str) -> None:
    """Check that an expectation that is marked to quarantine rows can do so.

    Parameters
    ----------
    configuration : ExpectationConfiguration
    stage : {"raw", "clean"}
        Of its suite.
    where : str
        For the error.
    hint : str
        For the error.

    Raises
    ------
    SuiteError
        When it cannot name rows, says ``mostly`` or ``row_condition``, or is of a clean suite.
    """
    mark = (configuration.meta or {}).get("quarantine", False)
    if not isinstance(mark, bool):
        raise SuiteError(f"{where}: quarantine is {mark!r}.", expected="true or false", hint=hint)
    if not mark:
        return
    if stage != "raw":
        raise SuiteError(
            f"{where} is marked to send rows to quarantine, in a suite for clean data.",
            expected="marks in suites for raw data: what is clean is not taken apart again",
            hint="mark it in the raw suite, or take the mark away",
        )
    if configuration.type not in ROW_TYPES:
        raise SuiteError(
            f"{where}: {configuration.type} cannot send rows to quarantine.",
            expected=f"an expectation that tells rows apart: {nearest('', ROW_TYPES)}",
            hint='take the mark "quarantine" away',
        )
    for key, instead in (
        ("mostly", "the limit is 'expectations.max_quarantined_fraction' in the workflow file"),
        ("row_condition", "every row that breaks it goes to quarantine"),
    ):
        # Great Expectations fills 'mostly: 1' in.
        if configuration.kwargs.get(key) not in (None, 1, 1.0):
            raise SuiteError(
                f'{where}: {key!r} beside the mark "quarantine".',
                expected=f"no {key!r}: {instead}",
                hint=hint,
            )


class Rejections:
    """The rows that marked expectations reject, gathered group by group.

    Attributes
    ----------
    n_by_expectation : Counter of str
        Rows that each expectation rejects; a row may count for several.
    """

    def __init__(self) -> None:
        self.n_by_expectation: Counter[str] = Counter()
        self._rows: list[npt.NDArray[np.int64]] = []
        self._reasons: list[pa.Array] = []

    def add(self, configuration: Any, table: pa.Table, n_unexpected: int) -> None:
        """Find the rows that break one expectation.

        Parameters
        ----------
        configuration : ExpectationConfiguration
        table : pyarrow.Table with n_rows rows
            The columns it names.
        n_unexpected : int
            What Great Expectations counts.

        Raises
        ------
        NocturneError
            When we count otherwise.
        """
        columns = list_named_columns(configuration)
        is_failing = find_failing_rows(configuration.type, configuration.kwargs, table)
        rows = np.flatnonzero(is_failing)
        if len(rows) != n_unexpected:
            raise NocturneError(
                f"{', '.join(columns)}: {len(rows)} rows break {configuration.type}, and Great "
                f"Expectations counts {n_unexpected}.",
                expected="the same count, or the wrong rows would go to quarantine",
                hint='take the mark "quarantine" from the expectation, and report this as a bug '
                "of Nocturne with the expectation's arguments and the column's type",
            )
        if not len(rows):
            return
        promise = say_promise(configuration)
        if len(promise) > MAX_PROMISE_CHARACTERS:
            promise = promise[:MAX_PROMISE_CHARACTERS] + "..."
        named = ", ".join(columns)
        self.n_by_expectation[f"{named}: {promise}"] += len(rows)
        self._rows.append(rows)
        values = _write_values(table.select(columns), rows)
        self._reasons.append(
            pc.binary_join_element_wise(f"{named}: promised {promise}; found ", values, "")
        )

    def to_table(self) -> pa.Table:
        """Write the rejected rows.

        Returns
        -------
        pyarrow.Table with :data:`REJECTED_SCHEMA`
            One line per row, by row; several reasons are joined by ``; ``.
        """
        if not self._rows:
            return REJECTED_SCHEMA.empty_table()
        rows = np.concatenate(self._rows)
        order = np.argsort(rows, kind="stable")
        table = pa.table(
            {"row": rows[order], "reason": pa.concat_arrays(self._reasons).take(pa.array(order))}
        )
        if len(np.unique(rows)) < len(rows):
            grouped = table.group_by("row", use_threads=False).aggregate([("reason", "list")])
            reasons = pc.binary_join(grouped["reason_list"], "; ")
            table = pa.table({"row": grouped["row"], "reason": reasons})
        return table.cast(REJECTED_SCHEMA).combine_chunks()


def _write_values(table: pa.Table, rows: npt.NDArray[np.int64]) -> pa.Array:
    """Write what stands in some rows, each value cut, with its column's name where there are several."""
    places = pa.array(rows)
    texts = []
    for name in table.column_names:
        column = table[name].take(places).combine_chunks()
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us"))  # without the Z: suites write none either
        text = column.cast(pa.string())
        text = pc.utf8_slice_codeunits(text, 0, MAX_VALUE_CHARACTERS).fill_null("nothing")
        texts.append(
            pc.binary_join_element_wise(f"{name} ", text, "") if table.num_columns > 1 else text
        )
    return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, ", ")

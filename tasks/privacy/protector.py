"""The privacy of a workflow, done to rows before anything of them is written.

The ingest step passes every batch, every line that does not parse and, where something must be
counted first, the whole night's rows a second time through ``Protector``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import PrivacyError
from tasks.preparation.masking import read_text
from tasks.privacy.anonymity import GroupCounts, Rule, Verdict, judge, make_keys, merge_rare
from tasks.privacy.columns import protect_column
from tasks.privacy.keys import read_keyring, require_keyring, require_pseudonym_key
from tasks.privacy.suppressed import shape_suppressed_rows
from tasks.privacy.tokens import TokenCipher
from tasks.workflow import Workflow
from tasks.workflow.privacy import Drop, Encrypt, Generalise, KAnonymity, Mask, Pseudonymise

# The name that a line which does not parse has in the quarantine's JSON; its token belongs to it.
UNPARSED_NAME = "text"


class Protector:
    """Does what ``privacy`` of a workflow file says.

    Parameters
    ----------
    workflow : Workflow
    environ : mapping of str to str, optional
        Holds the keys; by default the process's environment.

    Attributes
    ----------
    changes : Counter of (column, what)
        How many values were lost, because they were no number or no date, and how many rows
        suppressed; tells no value.

    Raises
    ------
    PrivacyError
        When a key is missing or cannot be used, naming the environment variable and how to make
        one.

    Examples
    --------
    >>> protector = Protector(workflow)                          # doctest: +SKIP
    >>> for part in parts:                                       # doctest: +SKIP
    ...     protector.count(shape(protector.protect(part.rows)))
    >>> for rows in written:                                     # doctest: +SKIP
    ...     kept, suppressed = protector.release(rows)
    """

    def __init__(self, workflow: Workflow, environ: Mapping[str, str] | None = None) -> None:
        self.changes: Counter[tuple[str, str]] = Counter()
        self._steps = [step.settings for step in workflow.privacy]
        self._read_keys(workflow.name, os.environ if environ is None else environ)
        self._rules = tuple(
            Rule(step.columns, step.k, step.action == "stop")
            for step in self._steps
            if isinstance(step, KAnonymity)
        )
        shared = dict.fromkeys(name for rule in self._rules for name in rule.columns)
        self._groups = GroupCounts(tuple(shared))
        self._min_rows: dict[str, int] = {}
        for step in self._steps:
            if isinstance(step, Generalise) and step.min_rows is not None:
                for name in step.columns:
                    self._min_rows[name] = max(step.min_rows, self._min_rows.get(name, 0))
        self._categories = {name: GroupCounts([name]) for name in self._min_rows}
        self._n_counted = 0
        self._frequent: dict[str, pa.Array] = {}
        self._verdict: Verdict | None = None

    @property
    def needs_second_pass(self) -> bool:
        """Whether all rows must be counted before any can be released."""
        return bool(self._rules or self._min_rows)

    def protect(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Protect rows as they come from the source, but for what needs the second pass.

        Parameters
        ----------
        rows : pyarrow.RecordBatch with n_rows rows
            The source's own columns, of any Arrow types. A column that is not there is passed
            over: whether it has to be is settled when the rows are shaped.

        Returns
        -------
        pyarrow.RecordBatch with n_rows rows
            The same columns without those of ``drop``; those of other steps are text.

        Raises
        ------
        PrivacyError
            When a column has a type that cannot be protected.
        """
        columns, names = list(rows.columns), rows.schema.names
        dropped: set[str] = set()
        for step in self._steps:
            if isinstance(step, Drop):
                dropped.update(step.columns)
            elif isinstance(step, Mask | Pseudonymise | Generalise | Encrypt):
                # By place and not by name: a name that stands there twice is protected twice.
                for i, name in enumerate(names):
                    if name in step.columns:
                        columns[i] = protect_column(
                            step,
                            columns[i],
                            name,
                            pseudonym_key=self._pseudonym_key,
                            cipher=self._cipher,
                            changes=self.changes,
                        )
        kept = [i for i, name in enumerate(names) if name not in dropped]
        if not kept:
            return rows.select([])
        return pa.RecordBatch.from_arrays([columns[i] for i in kept], [names[i] for i in kept])

    def protect_text(self, text: str) -> str:
        """Protect a line that did not parse, whose values cannot be told apart.

        Returns
        -------
        str
            The line itself where the workflow protects nothing; else a token where encryption keys
            are configured (``nocturne decrypt`` opens it), or how many characters it had.
        """
        if not self._steps:
            return text
        if self._cipher is not None:
            return self._cipher.encrypt(text, UNPARSED_NAME)
        return f"withheld ({len(text)} characters): the workflow protects columns"

    def count(self, rows: pa.RecordBatch) -> None:
        """Count protected rows: how often each category and each combination occurs.

        Parameters
        ----------
        rows : pyarrow.RecordBatch
            Columns of the raw dataset, after :meth:`protect`.

        Raises
        ------
        PrivacyError
            When there are more combinations than can be held.
        """
        if self._verdict is not None:
            raise _mistake("Rows were counted after others had been released.")
        self._n_counted += rows.num_rows
        if not rows.num_rows:
            return
        if self._rules:
            self._groups.add([_read(rows, name) for name in self._groups.columns])
        for name, counts in self._categories.items():
            counts.add([_read(rows, name)])

    def release(self, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Let counted rows pass: rare categories merged, rows that too few share taken out.

        Parameters
        ----------
        rows : pyarrow.RecordBatch with n_rows rows
            As they were counted.

        Returns
        -------
        released : pyarrow.RecordBatch
            Rows to be written, with the same columns; those with merged categories are text.
        suppressed : pyarrow.RecordBatch with :data:`tasks.dataset.columns.QUARANTINE_SCHEMA`
            The others, without the columns of ``k_anonymity``.

        Raises
        ------
        PrivacyError
            When ``k_anonymity`` with ``action: stop`` does not hold, or nothing was counted.
        """
        verdict = self._settle()
        for name, frequent in self._frequent.items():
            merged = merge_rare(_read(rows, name), frequent)
            rows = rows.set_column(rows.schema.get_field_index(name), name, merged)
        if not self._rules:
            return rows, shape_suppressed_rows(rows.slice(0, 0), [], ())
        keys = make_keys([_read(rows, name) for name in self._groups.columns])
        # What was not counted is not allowed either.
        is_allowed = pc.is_in(keys, value_set=verdict.allowed)
        is_suppressed = pc.invert(is_allowed)
        reasons = self._explain(keys.filter(is_suppressed), verdict)
        suppressed = rows.filter(is_suppressed)
        return rows.filter(is_allowed), shape_suppressed_rows(
            suppressed, reasons, self._groups.columns
        )

    def _settle(self) -> Verdict:
        """Judge what was counted, once."""
        if self._verdict is not None:
            return self._verdict
        if self.needs_second_pass and not self._n_counted:
            raise _mistake("Rows were released before they were counted.")
        for name, counts in self._categories.items():
            found = counts.merge()
            is_frequent = pc.greater_equal(found.column("n_rows"), self._min_rows[name])
            self._frequent[name] = found.column("0").filter(is_frequent).combine_chunks()
        self._verdict = judge(
            self._groups.merge(), self._groups.columns, self._rules, self._frequent
        )
        return self._verdict

    def _explain(self, keys: pa.Array, verdict: Verdict) -> list[str]:
        """Reasons of suppressed rows: the rule that took them out."""
        places = np.zeros(len(keys), np.int64)
        for i, refused in enumerate(verdict.refused):
            places[np.asarray(pc.is_in(keys, value_set=refused))] = i
        for i, n in zip(*np.unique(places, return_counts=True), strict=True):
            self.changes[", ".join(self._rules[i].columns), "suppressed"] += int(n)
        return [self._rules[i].describe() for i in places.tolist()]

    def _read_keys(self, workflow: str, environ: Mapping[str, str]) -> None:
        self._pseudonym_key = b""
        if any(isinstance(step, Pseudonymise) for step in self._steps):
            why = f"'pseudonymise' in the workflow {workflow!r}"
            self._pseudonym_key = require_pseudonym_key(environ, why)
        keyring = None
        if any(isinstance(step, Encrypt) for step in self._steps):
            keyring = require_keyring(environ, f"'encrypt' in the workflow {workflow!r}")
        elif self._steps:
            keyring = read_keyring(environ)  # for lines that do not parse
        self._cipher = TokenCipher(keyring, workflow) if keyring is not None else None


def _read(rows: pa.RecordBatch, name: str) -> pa.StringArray:
    if name not in rows.schema.names:
        raise PrivacyError(
            f"The rows have no column {name!r}, which 'privacy' counts.",
            expected=f"one of {', '.join(map(repr, rows.schema.names))}",
            hint="correct 'privacy' or 'columns' in the workflow file",
        )
    return read_text(rows.column(name), name)


def _mistake(what: str) -> PrivacyError:
    return PrivacyError(
        what, hint="this is a mistake in Nocturne: please report it with the workflow file"
    )

"""A column as counts in bins: what is kept of the rows a model was trained on, to be compared with later ones.

Pure; the bins are made once, from training rows, and later rows are counted in the same ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.preparation.frame import Column, find_kind

N_QUANTILES = 10  # Siddiqi's tenths
MAX_VALUES = 20  # a text's most frequent values have bins of their own
# Numbers with no more different values than this are counted value by value: of 0 and 1, and of
# grades from 1 to 6, quantiles fall together.
MAX_DISCRETE = 12
OTHER, MISSING = "other", "missing"
MAX_TEXT_CHARACTERS = 100  # of a value that is kept

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BinnedColumn:
    """A column's bins, and how many training rows were in each.

    Parameters
    ----------
    name : str
    kind : {"number", "value"}
        Of numbers the bins are between ``edges``; else each of ``values`` is one.
    edges : tuple of float
        Rising; bin i holds the numbers in (edges[i - 1], edges[i]], the first and the last are open.
    values : tuple of str
        Most frequent first. Behind them comes the bin ``other``.
    counts : tuple of int
        Training rows per bin; the last bin is ``missing``.
    """

    name: str
    kind: Literal["number", "value"]
    edges: tuple[float, ...]
    values: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the bins, for people."""
        if self.kind == "value":
            return (*self.values, OTHER, MISSING)
        ends = [f"{edge:,.0f}" if abs(edge) >= 1000 else f"{edge:.4g}" for edge in self.edges]
        between = [f"{a} to {b}" for a, b in itertools.pairwise(ends)]
        return (f"up to {ends[0]}", *between, f"above {ends[-1]}", MISSING)

    @property
    def n_rows(self) -> int:
        """Training rows."""
        return sum(self.counts)

    def count(self, column: Column) -> Counts:
        """Count later rows in the same bins.

        Parameters
        ----------
        column : Column of length n_rows
            Numbers or text.

        Returns
        -------
        ndarray of shape (n_bins,), int64
            Summing to n_rows.
        """
        n_bins = len(self.labels)
        if self.kind == "number":
            numbers = _to_numbers(column)
            is_missing = np.isnan(numbers)
            places = np.searchsorted(np.array(self.edges), numbers, side="left")
            places[is_missing] = n_bins - 1
        else:
            texts = _to_text(column)
            known = pc.index_in(texts, value_set=pa.array(self.values, pa.string()))
            places = np.asarray(known.fill_null(len(self.values)), dtype=np.int64).copy()
            places[np.asarray(texts.is_null())] = n_bins - 1
        return np.bincount(places, minlength=n_bins).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        """Make a JSON-able mapping."""
        return {
            "name": self.name,
            "kind": self.kind,
            "edges": list(self.edges),
            "values": list(self.values),
            "counts": list(self.counts),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` made."""
        return cls(
            value["name"],
            value["kind"],
            tuple(value["edges"]),
            tuple(value["values"]),
            tuple(value["counts"]),
        )


def bin_column(name: str, column: Column) -> BinnedColumn:
    """Make a column's bins from training rows, and count these.

    Parameters
    ----------
    name : str
    column : Column of length n_rows
        Numbers or text.

    Returns
    -------
    BinnedColumn
        Numbers in tenths by their quantiles, or value by value where there are few different
        ones; texts by their most frequent values.

    Examples
    --------
    >>> binned = bin_column("grade", np.array([1.0, 2.0, 2.0, np.nan]))
    >>> dict(zip(binned.labels, binned.counts, strict=True))
    {'2': 2, '1': 1, 'other': 0, 'missing': 1}
    """
    is_number = isinstance(column, np.ndarray)
    if is_number and find_kind(column) == "number":
        known = np.asarray(column)[np.isfinite(column)]
        if len(np.unique(known)) > MAX_DISCRETE:
            # The value at or below which i tenths of the rows lie, in whole numbers: as floats three
            # tenths of 100 rows are 31. A value that takes several tenths has one bin.
            places = -(-np.arange(1, N_QUANTILES) * len(known) // N_QUANTILES) - 1
            edges = np.unique(np.sort(known)[places])
            empty = BinnedColumn(name, "number", tuple(map(float, edges)), (), ())
            return replace(empty, counts=tuple(empty.count(column).tolist()))
    empty = BinnedColumn(name, "value", (), _list_frequent(_to_text(column)), ())
    return replace(empty, counts=tuple(empty.count(column).tolist()))


def _list_frequent(texts: pa.StringArray) -> tuple[str, ...]:
    counted = pc.value_counts(texts.drop_null())
    pairs = zip(
        counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True
    )
    # By number and then by name, so that the same rows give the same bins in any order.
    frequent = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    return tuple(value for value, _ in frequent[:MAX_VALUES])


def _to_numbers(column: Column) -> npt.NDArray[np.float64]:
    if isinstance(column, np.ndarray):
        return np.asarray(column, dtype=np.float64)
    # What was a number in training and is text now: what cannot be read is missing.
    return np.full(len(column), np.nan)


def _to_text(column: Column) -> pa.StringArray:
    if isinstance(column, np.ndarray):
        texts = pa.array(column, mask=np.isnan(column)).cast(pa.string())
        # 1.0 as Arrow writes it, and 1 as people do
        return pc.replace_substring_regex(texts, r"^(-?\d+)\.0$", r"\1")
    return pc.utf8_slice_codeunits(column.cast(pa.string()), 0, MAX_TEXT_CHARACTERS)

"""Numbers as items: a column of numbers becomes a few bins with about as many rows each.

Pure module of association rules; the edges are numbers that a person can read.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

READABLE_DIGITS = 4  # of an edge; more only where bins would fall together or shift
MAX_DIGITS = 12  # what undoing a scaling leaves exact
MAX_GROWTH = 1.25  # a bin may grow by rounding, but not past this share of the fullest one
MAX_DRIFT = 1.5  # an earlier night's bin may hold so many times the rows of tonight's fullest
CLOSE = 1e-6  # undoing a scaling gives 24.999999999: as near as this to 25, of the spread, is 25


@dataclass(frozen=True)
class Bins:
    """How a column of numbers is cut.

    Parameters
    ----------
    column : str
    edges : tuple of float
        Upper edges that belong to their bin, rising; the last bin has none. Where ``values`` are
        given, empty.
    values : tuple of float
        The column's few values, each an item of its own.
    is_integer : bool
        Whether the column holds whole numbers.
    least, spread : float
        The least value seen, and how far the greatest is from it.

    Examples
    --------
    >>> bins = choose_bins("age", np.arange(1.0, 101.0), 4)
    >>> bins.list_labels()
    ['age: up to 25', 'age: 26 to 50', 'age: 51 to 75', 'age: 76 or more']
    >>> bins.cut(np.array([25.0, 26.0, 300.0, np.nan])).tolist()
    [0, 1, 3, -1]
    """

    column: str
    edges: tuple[float, ...]
    values: tuple[float, ...]
    is_integer: bool
    least: float
    spread: float

    def cut(self, numbers: Floats) -> Ints:
        """Give the bin of each number, from 0; -1 of what is missing or none of the few values."""
        is_known = np.isfinite(numbers)
        filled = np.where(is_known, numbers, 0.0)
        tolerance = _find_tolerance(self.is_integer, self.spread)
        if self.values:
            values = np.array(self.values)
            codes = np.searchsorted(values[1:] / 2 + values[:-1] / 2, filled).astype(np.int64)
            is_known &= np.abs(filled - values[codes]) <= tolerance
        else:
            # Noise of an undone scaling must not lift a number over the edge that it stands on.
            edges = np.array(self.edges) + (tolerance if self.is_integer else 1e-9 * self.spread)
            codes = np.searchsorted(edges, filled).astype(np.int64)
        return np.where(is_known, codes, -1)

    def list_labels(self) -> list[str]:
        """Word the bins as items."""
        if self.values:
            return [f"{self.column} = {say_number(value)}" for value in self.values]
        first = self.edges[0]
        is_one_value = first == self.least
        labels = [f"{self.column}{' =' if is_one_value else ': up to'} {say_number(first)}"]
        for low, high in zip(self.edges[:-1], self.edges[1:], strict=True):
            first = low + 1 if self.is_integer else low
            labels.append(
                f"{self.column} = {say_number(high)}"
                if first == high
                else f"{self.column}: {say_number(first)} to {say_number(high)}"
            )
        last = self.edges[-1]
        labels.append(
            f"{self.column}: {say_number(last + 1)} or more"
            if self.is_integer
            else f"{self.column}: over {say_number(last)}"
        )
        return labels


def choose_bins(column: str, numbers: Floats, n_bins: int) -> Bins | None:
    """Choose how to cut a column, from a sample of its values.

    Parameters
    ----------
    column : str
    numbers : ndarray of shape (n_rows,), float64
        In the unit in which the items are to be worded; NaN is missing.
    n_bins : int
        At most; columns in which few values are frequent have fewer.

    Returns
    -------
    Bins or None
        None where there are not two different values.

    Notes
    -----
    Edges are the quantiles 1 / n_bins, 2 / n_bins, ... of the sample (inverse of the empirical
    distribution function: values that occur), rounded to as few significant digits, but at least
    four, as leave no bin empty and none much fuller than before.
    """
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return None
    with np.errstate(over="ignore"):
        spread = min(float(known.max() - known.min()), float(np.finfo(np.float64).max))
    if spread == 0.0:
        return None
    whole = np.rint(known)
    is_integer = bool(np.all(np.abs(known - whole) <= CLOSE * min(spread, 1.0)))
    known = whole if is_integer else known
    distinct = np.unique(known)
    if len(distinct) <= n_bins:
        values = tuple(_shorten(distinct, _find_tolerance(is_integer, spread) / 2).tolist())
        return Bins(column, (), values, is_integer, float(known.min()), spread)
    shares = np.arange(1, n_bins) / n_bins
    edges = np.unique(np.quantile(known, shares, method="inverted_cdf"))
    edges = edges[edges < known.max()]
    if not len(edges):  # nearly all rows have the greatest value
        edges = np.array([distinct[-2]])
    fullest = _count(known, edges).max()
    for digits in range(READABLE_DIGITS, MAX_DIGITS):
        rounded = _round(edges, digits)
        counts = _count(known, rounded)
        if (
            (rounded[1:] > rounded[:-1]).all()
            and counts.min() > 0
            and counts.max() <= fullest * MAX_GROWTH
        ):
            edges = rounded
            break
    return Bins(column, tuple(edges.tolist()), (), is_integer, float(known.min()), spread)


def fits(earlier: Bins, fresh: Bins, numbers: Floats) -> bool:
    """Tell whether the cuts of an earlier night still cut a column well.

    Rules of two nights can be compared only where their items are cut alike; a little more in one bin
    than tonight's own cuts would leave is worth that.

    Parameters
    ----------
    earlier, fresh : Bins
        Of one column; ``fresh`` is chosen from ``numbers``.
    numbers : ndarray of shape (n_rows,), float64

    Returns
    -------
    bool
        Whether there are as many bins, none of them empty, and none past :data:`MAX_DRIFT` times the
        fullest of the fresh ones.

    Examples
    --------
    >>> first = choose_bins("age", np.arange(1.0, 101.0), 4)
    >>> second = choose_bins("age", np.arange(1.0, 109.0), 4)
    >>> second.edges, fits(first, second, np.arange(1.0, 109.0))
    ((27.0, 54.0, 81.0), True)
    """
    if earlier.is_integer != fresh.is_integer or len(earlier.edges) != len(fresh.edges):
        return False
    if fresh.values or earlier.values:
        return fresh.values == earlier.values
    known = numbers[np.isfinite(numbers)]
    counts = _count(known, np.array(earlier.edges))
    fullest = _count(known, np.array(fresh.edges)).max()
    return bool(counts.min() > 0 and counts.max() <= fullest * MAX_DRIFT)


def read_bins(documents: object, n_bins: int) -> dict[str, Bins]:
    """Read the cuts that an earlier night wrote, perhaps by another version of Nocturne.

    Parameters
    ----------
    documents : object
        ``bins`` of its document: ``{"asked": 4, "columns": [{"column": "age", "edges": [...], ...}]}``.
    n_bins : int
        Asked for tonight.

    Returns
    -------
    dict of str to Bins
        By the column; empty where it cannot be read, or another number was asked for.
    """
    try:
        if not isinstance(documents, Mapping) or documents["asked"] != n_bins:
            return {}
        return {
            str(document["column"]): Bins(
                column=str(document["column"]),
                edges=tuple(float(edge) for edge in document["edges"]),
                values=tuple(float(value) for value in document["values"]),
                is_integer=bool(document["is_integer"]),
                least=float(document["least"]),
                spread=float(document["spread"]),
            )
            for document in documents["columns"]
        }
    except (KeyError, TypeError, ValueError) as error:
        logger.warning("The earlier night's bins cannot be read: %s", error)
        return {}


def say_number(value: float) -> str:
    """Write an edge.

    Examples
    --------
    >>> say_number(1234.0), say_number(0.25), say_number(-0.0), say_number(3e20)
    ('1,234', '0.25', '0', '3e+20')
    """
    text = f"{value + 0.0:,.{MAX_DIGITS}g}"
    return text if float(text.replace(",", "")) == value else f"{value:,}"


def _count(numbers: Floats, edges: Floats) -> Ints:
    return np.bincount(np.searchsorted(edges, numbers), minlength=len(edges) + 1)


def _find_tolerance(is_integer: bool, spread: float) -> float:
    """Find how far a number may be from a value and still be it."""
    return CLOSE * min(spread, 1.0) if is_integer else CLOSE * spread


def _shorten(numbers: Floats, tolerance: float) -> Floats:
    """Round to as few significant digits as change no number by more than a tolerance."""
    for digits in range(READABLE_DIGITS, MAX_DIGITS + 1):
        rounded = _round(numbers, digits)
        if np.isfinite(rounded).all() and (np.abs(rounded - numbers) <= tolerance).all():
            return rounded
    return numbers


def _round(numbers: Floats, digits: int) -> Floats:
    """Round to significant digits, as decimal text does: 0.1 + 0.2 becomes 0.3 and no neighbour of it."""
    return np.array([float(f"{number:.{digits}g}") for number in numbers.tolist()])

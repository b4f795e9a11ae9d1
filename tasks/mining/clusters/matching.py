"""Which clusters are last night's: by the rows that both nights have.

Pure module of ``mining.clusters``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.mining.clusters.agreement import Counts
from tasks.mining.clusters.models import NOISE

Ints = npt.NDArray[np.integer[Any]]

SURVIVAL = 0.5  # share of a cluster's rows that must stay together for it to be the same


@dataclass(frozen=True)
class Numbering:
    """Which number each of tonight's clusters has.

    Parameters
    ----------
    numbers : ndarray of int of shape (n_clusters,)
        By label.
    is_new : ndarray of bool of shape (n_clusters,)
    gone : tuple of int
        Numbers of last night's clusters that are there no more.
    next_number : int
        The least that no cluster of any night has had.
    """

    numbers: Ints
    is_new: npt.NDArray[np.bool_]
    gone: tuple[int, ...]
    next_number: int


@dataclass(frozen=True)
class Moves:
    """Where the rows of both nights went.

    Parameters
    ----------
    n_rows : int
        Rows in both nights that were looked at.
    n_moved : int
        Of these, rows whose cluster has another number; from or to noise counts.
    moves : tuple of (int, int, int)
        From, to (-1 for noise) and rows, most first.
    """

    n_rows: int
    n_moved: int
    moves: tuple[tuple[int, int, int], ...]


def number_clusters(
    sizes: Ints, overlap: Counts | None = None, old: Sequence[int] = (), next_number: int = 0
) -> Numbering:
    r"""Give clusters numbers: last night's keep theirs, others get new ones, largest first.

    Parameters
    ----------
    sizes : ndarray of int of shape (n_clusters,)
        Tonight's rows by label.
    overlap : ndarray of int of shape (n_old + 1, n_clusters + 1), optional
        Rows in both nights, by last night's cluster and tonight's label; the last of each are noise.
        None on the first night.
    old : sequence of int
        Numbers of last night's clusters, in the order of ``overlap``.
    next_number : int, default 0

    Returns
    -------
    Numbering

    Notes
    -----
    Old clusters are matched with new ones, one to one, so that as many rows as possible stay in their
    cluster (H. W. Kuhn's assignment). A match holds where more than half of the old cluster's shared
    rows are in the new one, the survival of a cluster in MONIC [1]_.

    References
    ----------
    .. [1] M. Spiliopoulou, I. Ntoutsi, Y. Theodoridis, R. Schult, "MONIC: modeling and monitoring cluster
       transitions", KDD 2006. https://doi.org/10.1145/1150402.1150491

    Examples
    --------
    >>> overlap = np.array([[0, 8, 0], [3, 3, 0], [0, 0, 0]])
    >>> found = number_clusters(np.array([5, 20]), overlap, old=[4, 6], next_number=7)
    >>> found.numbers.tolist(), found.is_new.tolist(), found.gone, found.next_number
    ([7, 4], [True, False], (6,), 8)
    """
    from scipy.optimize import linear_sum_assignment

    numbers = np.full(len(sizes), NOISE, dtype=np.int64)
    is_new = np.ones(len(sizes), dtype=np.bool_)
    if overlap is not None and len(old):
        shared = overlap[:-1].sum(axis=1)
        pairs = linear_sum_assignment(overlap[:-1, :-1], maximize=True)
        for place, label in zip(*pairs, strict=True):
            if overlap[place, label] > SURVIVAL * shared[place]:
                numbers[label], is_new[label] = old[place], False
    for label in np.lexsort((np.arange(len(sizes)), -np.asarray(sizes))):
        if is_new[label]:
            numbers[label] = next_number
            next_number += 1
    survived = set(numbers[~is_new].tolist())
    return Numbering(numbers, is_new, tuple(n for n in old if n not in survived), next_number)


def count_moves(overlap: Counts, old: Sequence[int], numbers: Ints) -> Moves:
    """Count the rows whose cluster has another number than last night.

    Parameters
    ----------
    overlap : ndarray of int of shape (n_old + 1, n_clusters + 1)
        As for :func:`number_clusters`.
    old : sequence of int
        Numbers of last night's clusters.
    numbers : ndarray of int of shape (n_clusters,)
        Of tonight's, by label.

    Examples
    --------
    >>> count_moves(np.array([[1, 8, 0], [0, 0, 0]]), [4], np.array([7, 4]))
    Moves(n_rows=9, n_moved=1, moves=((4, 7, 1),))
    """
    sources, targets = [*old, NOISE], [*numbers.tolist(), NOISE]
    moves = [
        (source, target, int(overlap[i, j]))
        for i, source in enumerate(sources)
        for j, target in enumerate(targets)
        if overlap[i, j] and source != target
    ]
    moves.sort(key=lambda move: (-move[2], move[0], move[1]))
    return Moves(int(overlap.sum()), sum(n for _, _, n in moves), tuple(moves))


def choose_names(numbering: Numbering, names: Mapping[int, str]) -> dict[int, str]:
    """Keep the names of the clusters that last night had too.

    Parameters
    ----------
    numbering : Numbering
        Of tonight's clusters.
    names : mapping of int to str
        Last night's names by number.

    Returns
    -------
    dict of int to str
        By label; without new clusters, and those whose name is not known.
    """
    return {
        label: names[int(number)]
        for label, number in enumerate(numbering.numbers)
        if not numbering.is_new[label] and int(number) in names
    }

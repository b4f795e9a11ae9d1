"""What changed since the night before: rules that are new, gone, or hold more or less often.

Reads the list that an earlier night wrote; what cannot be read there is no error.
"""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

MAX_TOLD = 10  # rules of each kind
MAX_EARLIER_RULES = 100_000  # the most that a night keeps

Sides = tuple[str, str]


@dataclass(frozen=True)
class Figures:
    """How well a rule holds.

    Parameters
    ----------
    confidence, lift : float
    """

    confidence: float
    lift: float


@dataclass(frozen=True)
class Changes:
    """Rules of two nights, compared.

    Parameters
    ----------
    n_new, n_gone, n_stayed : int
    new : tuple of (sides, Figures)
        The first of tonight's order.
    gone : tuple of (sides, Figures)
        The first of the earlier night's order, with what they were then.
    moved : tuple of (sides, Figures, Figures)
        Earlier and tonight, those whose confidence changed most.
    """

    n_new: int
    n_gone: int
    n_stayed: int
    new: tuple[tuple[Sides, Figures], ...]
    gone: tuple[tuple[Sides, Figures], ...]
    moved: tuple[tuple[Sides, Figures, Figures], ...]


def compare_rules(before: Mapping[Sides, Figures], now: Mapping[Sides, Figures]) -> Changes:
    """Compare the rules of two nights, each in its order.

    Examples
    --------
    >>> half, most = Figures(0.5, 2.0), Figures(0.9, 3.6)
    >>> changes = compare_rules({("a", "b"): half, ("c", "d"): half}, {("a", "b"): most})
    >>> changes.n_new, changes.n_gone, changes.n_stayed, changes.moved[0][0]
    (0, 1, 1, ('a', 'b'))
    """
    new = [sides for sides in now if sides not in before]
    gone = [sides for sides in before if sides not in now]
    stayed = [sides for sides in now if sides in before]
    moved = [s for s in stayed if now[s] != before[s]]
    moved.sort(key=lambda s: (-abs(now[s].confidence - before[s].confidence), s))
    return Changes(
        n_new=len(new),
        n_gone=len(gone),
        n_stayed=len(stayed),
        new=tuple((s, now[s]) for s in new[:MAX_TOLD]),
        gone=tuple((s, before[s]) for s in gone[:MAX_TOLD]),
        moved=tuple((s, before[s], now[s]) for s in moved[:MAX_TOLD]),
    )


def read_figures(path: Path) -> dict[Sides, Figures] | None:
    """Read the list of rules that a night wrote.

    Parameters
    ----------
    path : Path
        ``rules.csv``, perhaps of another version of Nocturne.

    Returns
    -------
    dict or None
        In its order; None, with a warning in the log, where it cannot be read.
    """
    figures: dict[Sides, Figures] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found = Figures(float(row["confidence"]), float(row["lift"]))
                if not (math.isfinite(found.confidence) and math.isfinite(found.lift)):
                    raise ValueError("a figure is not finite")
                figures[row["left"], row["right"]] = found
                if len(figures) >= MAX_EARLIER_RULES:
                    break
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        logger.warning("The earlier night's rules cannot be read: %s: %s", path, error)
        return None
    return figures

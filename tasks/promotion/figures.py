"""What the gate is given beside the paired gain: how everybody scored, and how the challenger served.

Plain figures of ``tasks.promotion``; ``decide.py`` reads them from the night's documents.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

MAX_LABEL_CHARACTERS = 60  # values come from the data: a page of text may be a class


@dataclass(frozen=True)
class Contender:
    """A model in the comparison.

    Parameters
    ----------
    name : str
        Its name in the workflow file; of the champion its version.
    score : float
        On the hold-out; NaN for none.
    problem : str or None
        Of the champion: why it has no score, such as ``could not be loaded: ...``.
    """

    name: str
    score: float
    problem: str | None = None

    @property
    def has_score(self) -> bool:
        """Whether anybody can be compared with it."""
        return math.isfinite(self.score)


@dataclass(frozen=True)
class Group:
    """A class, or the rows with one value of a column, and what was lost there.

    Parameters
    ----------
    by : {"class", "slice"}
    column : str or None
        Of a slice.
    value : str
        The class, or the column's value.
    n_rows : int
        Hold-out rows.
    challenger, champion : float
        Their scores; NaN for none.
    loss : float
        How much worse the challenger is than the champion: a difference, of errors a share of the
        champion's; NaN where that has no number.
    is_error : bool
        Whether the loss is such a share.
    """

    by: Literal["class", "slice"]
    column: str | None
    value: str
    n_rows: int
    challenger: float
    champion: float
    loss: float
    is_error: bool = False

    @property
    def label(self) -> str:
        """The group in words, on one line and not longer than a name should be."""
        value = _shorten(self.value)
        return (
            f"class {value}" if self.by == "class" else f"{_shorten(self.column or '')} = {value}"
        )


@dataclass(frozen=True)
class Trial:
    """How the challenger served in a fresh interpreter.

    Parameters
    ----------
    passed : bool
    sentence : str
        What was found.
    latency_ms : float
        The median time to predict one row; NaN where it was not measured.
    size_bytes : float
        Of the model's folder; NaN where it is not known.
    max_difference, tolerance : float
        By how much it differs from what it said in its night, and by how much it may; NaN where that
        was not looked at.
    """

    passed: bool
    sentence: str
    latency_ms: float = math.nan
    size_bytes: float = math.nan
    max_difference: float = math.nan
    tolerance: float = math.nan


def _shorten(name: str) -> str:
    text = " ".join(name.split())
    return text if len(text) <= MAX_LABEL_CHARACTERS else f"{text[: MAX_LABEL_CHARACTERS - 1]}…"

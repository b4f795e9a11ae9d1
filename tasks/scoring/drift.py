"""Whether what has arrived has drifted away from what the champion was trained on.

Pure: counts in, a document out; ``step.py`` counts while it scores, and reporting draws the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tasks.scoring.bins import BinnedColumn
from tasks.scoring.divergence import Divergence, compare

Part = Literal["input", "prediction"]

# Below this many later rows nothing is judged: the limits of chance are of large samples.
MIN_ROWS = 30
# How often all columns together may cry wolf where nothing has changed; shared between them.
ALPHA = 0.01


@dataclass(frozen=True)
class ColumnDrift:
    """How far one column has drifted.

    Parameters
    ----------
    name : str
    part : {"input", "prediction"}
    divergence : Divergence
    is_drifting : bool
        Whether an index is above its limit, and above what chance gives.
    labels : tuple of str
        Names of the bins.
    then, now : tuple of float
        Shares of the rows in each bin, each summing to 1.
    """

    name: str
    part: Part
    divergence: Divergence
    is_drifting: bool
    labels: tuple[str, ...]
    then: tuple[float, ...]
    now: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Make a JSON-able mapping, with a row per bin."""
        bins = zip(self.labels, self.then, self.now, strict=True)
        return {
            "name": self.name,
            "part": self.part,
            "is_drifting": self.is_drifting,
            **asdict(self.divergence),
            "bins": [{"label": label, "then": then, "now": now} for label, then, now in bins],
        }


@dataclass(frozen=True)
class Drift:
    """How far what has arrived has drifted.

    Parameters
    ----------
    columns : tuple of ColumnDrift
        The largest index first.
    n_training : int
        Rows of the profile.
    n_rows : int
        Later rows.
    max_psi, max_js : float
        The limits.
    problem : str or None
        Why nothing was judged.
    """

    columns: tuple[ColumnDrift, ...]
    n_training: int
    n_rows: int
    max_psi: float
    max_js: float
    problem: str | None = None

    @property
    def is_drifting(self) -> bool:
        """Whether any column does."""
        return any(column.is_drifting for column in self.columns)

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        if self.problem is not None:
            return f"Drift was not judged: {self.problem}."
        drifting = [column for column in self.columns if column.is_drifting]
        n_columns = len(self.columns)
        judged = f"{n_columns} column{'s' * (n_columns != 1)} of {self.n_rows:,} new rows"
        if not drifting:
            return f"No drift in {judged}."
        first = drifting[0]
        others = f" and {len(drifting) - 1} more" if len(drifting) > 1 else ""
        return (
            f"Drift in {first.name!r}{others} of {judged}: its population stability index is "
            f"{first.divergence.psi:.3g} (limit {self.max_psi:g}, chance at most "
            f"{first.divergence.chance_psi:.2g}), its Jensen-Shannon divergence "
            f"{first.divergence.js:.3g} bits (limit {self.max_js:g})."
        )

    def to_json(self) -> dict[str, Any]:
        """Make the document ``drift.json``."""
        return {
            "is_drifting": self.is_drifting,
            "sentence": self.sentence,
            "problem": self.problem,
            "n_training": self.n_training,
            "n_rows": self.n_rows,
            "max_psi": self.max_psi,
            "max_js": self.max_js,
            "columns": [column.to_json() for column in self.columns],
        }


def judge_drift(
    profiles: Mapping[Part, Sequence[BinnedColumn]],
    counts: Mapping[Part, Sequence[npt.NDArray[np.int64]]],
    *,
    max_psi: float,
    max_js: float,
    n_training: int,
    n_rows: int,
) -> Drift:
    """Judge every column.

    Parameters
    ----------
    profiles : mapping of part to sequence of BinnedColumn
        Of the training rows.
    counts : mapping of part to sequence of ndarray of shape (n_bins,), int64
        Of later rows, in the same order. A column without a row is left out.
    max_psi, max_js : float
        The limits of the workflow file.
    n_training, n_rows : int
        Rows of the profile, and later ones.

    Returns
    -------
    Drift
        With a problem in place of columns where there are fewer than :data:`MIN_ROWS` later rows.

    Notes
    -----
    A column drifts when one of its indices is above the workflow's limit *and* above the value that
    samples of this size exceed by chance in ``ALPHA / n_columns`` of the cases (Bonferroni), so that
    in all of them together one scoring in a hundred cries wolf.
    """
    if n_rows < MIN_ROWS:
        what = "no row is new" if not n_rows else f"only {n_rows} rows are new"
        return Drift((), n_training, n_rows, max_psi, max_js, f"{what}, and {MIN_ROWS} are needed")
    pairs = [
        (part, binned, now)
        for part, columns in profiles.items()
        for binned, now in zip(columns, counts[part], strict=True)
        if binned.n_rows and now.sum()
    ]
    judged = []
    for part, binned, now in pairs:
        then = np.array(binned.counts, dtype=np.int64)
        found = compare(then, now, alpha=ALPHA / len(pairs))
        is_drifting = (found.psi > max_psi and found.psi > found.chance_psi) or (
            found.js > max_js and found.js > found.chance_js
        )
        judged.append(
            ColumnDrift(
                binned.name,
                part,
                found,
                is_drifting,
                binned.labels,
                tuple((then / then.sum()).tolist()),
                tuple((now / now.sum()).tolist()),
            )
        )
    judged.sort(key=lambda column: (not column.is_drifting, -column.divergence.psi, column.name))
    return Drift(tuple(judged), n_training, n_rows, max_psi, max_js)

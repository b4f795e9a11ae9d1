"""True and predicted numbers of a regression, and how far they lie apart.

Pure module of the reporting stage; ``charts/numbers.py`` draws them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class PredictedNumbers:
    """Hold-out rows with what was predicted for them.

    Parameters
    ----------
    rows : DataFrame
        Columns ``id``, ``true``, ``predicted`` (by the challenger) and, where there is a baseline,
        ``baseline`` (by the best of them), in the target's own unit.
    n_rows : int
        Hold-out rows there are, of which ``rows`` may be a part.
    target : str
        Name of the target column.
    baseline : str or None
        Name of the best baseline.
    """

    rows: pd.DataFrame
    n_rows: int
    target: str
    baseline: str | None


def tabulate_errors(numbers: PredictedNumbers) -> pd.DataFrame:
    """How far every row is off, predicted minus true: columns ``id``, ``predicted`` and ``baseline``."""
    rows = numbers.rows
    errors = {"id": rows["id"], "predicted": rows["predicted"] - rows["true"]}
    if "baseline" in rows:
        errors["baseline"] = rows["baseline"] - rows["true"]
    return pd.DataFrame(errors)


def is_biased(errors: pd.Series[float]) -> bool:
    """Whether the mean error lies further from 0 than chance puts it in one of twenty samples.

    Notes
    -----
    The normal approximation: further than 1.96 standard errors of the mean.
    """
    known = errors[np.isfinite(errors)]
    if len(known) < 2:
        return False
    return bool(abs(known.mean()) > 1.96 * known.std() / np.sqrt(len(known)))

"""One door to all classical baselines: finds the kind, reads the rows, fits.

Called by ``tasks.training.request`` for every candidate that is no network.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tasks.dataset import Dataset
from tasks.errors import TrainingError, nearest
from tasks.preparation import Preparation
from tasks.training.baselines.request import FitRequest
from tasks.training.baselines.result import BaselineResult
from tasks.training.baselines.series import (
    fit_last_value,
    fit_linear_autoregression,
    fit_seasonal_naive,
)
from tasks.training.baselines.tables import (
    fit_gradient_boosting,
    fit_linear_regression,
    fit_logistic_regression,
)
from tasks.training.data.parts import load_part

logger = logging.getLogger(__name__)

Fitter = Callable[[FitRequest[Any]], BaselineResult]

# By what is predicted, and the baseline's kind.
_FITTERS: dict[str, dict[str, Fitter]] = {
    "classification": {
        "logistic_regression": fit_logistic_regression,
        "gradient_boosting": fit_gradient_boosting,
    },
    "regression": {
        "linear_regression": fit_linear_regression,
        "gradient_boosting": fit_gradient_boosting,
    },
    "forecast": {
        "last_value": fit_last_value,
        "seasonal_naive": fit_seasonal_naive,
        "linear_autoregression": fit_linear_autoregression,
    },
}


def fit_baseline(
    dataset: Dataset,
    preparation: Preparation,
    spec: Mapping[str, Any],
    *,
    name: str,
    seed: int,
    scratch: Path | None = None,
) -> BaselineResult:
    """Fit a classical model on the training rows.

    Parameters
    ----------
    dataset : Dataset
        Clean rows with ``split``.
    preparation : Preparation
    spec : mapping
        The baseline's settings, as in the workflow file: its ``kind`` and that kind's keys.
    name : str
        The baseline's name, for messages and as the model's.
    seed : int
        Only gradient boosting has any use for it: above 200,000 rows it draws those that its
        histograms' bins are found from.
    scratch : Path, optional
        Folder for rows that are too many for the memory; it must outlive the call.

    Returns
    -------
    BaselineResult

    Raises
    ------
    TrainingError
        When the kind does not predict what the workflow asks for, or the training rows cannot be
        fitted, such as rows of one class only.

    Notes
    -----
    Rows of tables and images are in memory as a whole, with one copy in float32 or float64; windows
    of series are read in chunks.
    """
    kind = str(spec.get("kind"))
    fitters = _FITTERS[preparation.kind]
    if kind not in fitters:
        raise TrainingError(
            f"The baseline {name!r} is of the kind {kind!r}, which is none for a {preparation.kind}.",
            expected=nearest(kind, fitters),
            hint="correct 'kind' under 'baselines' in the workflow file",
        )
    result = fitters[kind](
        FitRequest(
            training=load_part(dataset, preparation, "train", scratch=scratch),
            validation=load_part(dataset, preparation, "validation", scratch=scratch),
            preparation=preparation,
            spec=spec,
            name=name,
            seed=seed,
        )
    )
    logger.info(
        "%s: %s on %d training rows, %d iterations, %s, %.1f s",
        name,
        kind,
        result.n_training_rows,
        result.n_iterations,
        "converged" if result.is_converged else "not converged",
        result.seconds,
    )
    return result

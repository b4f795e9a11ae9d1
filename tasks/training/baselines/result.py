"""A fitted baseline: the model, how it came about and scores, and the file it is saved as.

Made by the fitters of ``tables`` and ``series``, given back by ``fit``.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.models.predictor import ESTIMATOR_FILE, NETWORK_FILE
from tasks.training.baselines.request import FitRequest, PartT
from tasks.training.progress import MEASURE_OF, TRAIN, VALIDATION

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class BaselineResult:
    """A fitted baseline and how it came about.

    Parameters
    ----------
    estimator : scikit-learn estimator or None
        Of tables and images: takes flattened float32 rows; its classes are the preparation's codes,
        its numbers are in the target's unit.
    network : keras.Model or None
        Of series: takes (n_windows, window, n_features) and gives (n_windows, horizon, n_columns), in
        clean units. Exactly one of both is there.
    is_converged : bool
        False when the iterations ran out first; the model is usable all the same.
    n_iterations : int
        Of the solver, or trees for each class; 1 where the solution is a formula, 0 where nothing is
        fitted.
    n_parameters : int
        Coefficients and intercepts; of trees a threshold per question and a value per leaf.
    metrics : mapping of str to float
        ``train_loss`` and ``train_accuracy`` or ``train_mae``, and the same for ``validation`` where
        it has rows, as for networks: cross-entropy for classes, else squared and absolute errors of
        standardised values.
    n_training_rows, n_validation_rows : int
        Rows, or windows of a series.
    seconds : float
        Time spent fitting.
    """

    estimator: Any | None
    network: keras.Model | None
    is_converged: bool
    n_iterations: int
    n_parameters: int
    metrics: Mapping[str, float]
    n_training_rows: int
    n_validation_rows: int
    seconds: float


def make_result(
    request: FitRequest[PartT],
    model: Any,
    score: Callable[[Any, FitRequest[PartT], PartT], tuple[float, float]],
    *,
    is_converged: bool,
    n_iterations: int,
    n_parameters: int,
    seconds: float,
) -> BaselineResult:
    """Score a fitted model and say how it came about.

    Parameters
    ----------
    request : FitRequest
    model : keras.Model or scikit-learn estimator
        A network for a forecast, else an estimator.
    score : callable
        Takes the model, the request and one of its parts, and gives the loss and the measure beside it.
    is_converged, n_iterations, n_parameters, seconds
        As in the result.

    Returns
    -------
    BaselineResult
    """
    kind = request.preparation.kind
    metrics: dict[str, float] = {}
    for part, rows in ((TRAIN, request.training), (VALIDATION, request.validation)):
        if rows.n_rows:
            loss, measure = score(model, request, rows)
            metrics |= {f"{part}_loss": loss, f"{part}_{MEASURE_OF[kind]}": measure}
    return BaselineResult(
        estimator=None if kind == "forecast" else model,
        network=model if kind == "forecast" else None,
        is_converged=is_converged,
        n_iterations=n_iterations,
        n_parameters=n_parameters,
        metrics=metrics,
        n_training_rows=request.training.n_rows,
        n_validation_rows=request.validation.n_rows,
        seconds=seconds,
    )


def save_baseline(result: BaselineResult, folder: Path) -> tuple[str, ...]:
    """Save the model of a baseline.

    Parameters
    ----------
    result : BaselineResult
    folder : Path
        Exists; ``network.keras`` or ``estimator.skops`` is written into it.

    Returns
    -------
    tuple of str
        Distributions the model needs for predicting, beyond NumPy, pandas and pyarrow.
    """
    if result.network is not None:
        import keras

        result.network.save(folder / NETWORK_FILE)
        return ("keras", keras.backend.backend())
    import skops.io

    # Trees are long arrays that repeat themselves: deflated they take a third.
    skops.io.dump(result.estimator, folder / ESTIMATOR_FILE, compression=zipfile.ZIP_DEFLATED)
    return ("scikit-learn", "skops")

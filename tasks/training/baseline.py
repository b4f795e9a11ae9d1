"""The classical model beside every network: standardisation and logistic regression.

Called by ``tasks.training.request`` on the same training rows as the networks; needs scikit-learn.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tasks.dataset import Dataset
from tasks.errors import TrainingError
from tasks.preparation import Preparation
from tasks.training.parts import Part, load_part

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BaselineResult:
    """A fitted baseline and how it came about.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Takes flattened float32 rows; its classes are the preparation's codes.
    is_converged : bool
        False when the solver reached ``max_iter`` first; the model is usable all the same.
    n_iterations : int
    n_parameters : int
        Coefficients and intercepts.
    metrics : mapping of str to float
        ``train_loss``, ``train_accuracy``, and the same for ``validation`` where it has rows.
    n_training_rows, n_validation_rows : int
    seconds : float
        Time spent fitting.
    """

    pipeline: Pipeline
    is_converged: bool
    n_iterations: int
    n_parameters: int
    metrics: Mapping[str, float]
    n_training_rows: int
    n_validation_rows: int
    seconds: float


def fit_baseline(
    dataset: Dataset, preparation: Preparation, spec: Mapping[str, Any], *, name: str
) -> BaselineResult:
    """Fit StandardScaler and multinomial logistic regression on the training rows.

    Parameters
    ----------
    dataset : Dataset
        Clean rows with ``split``.
    preparation : Preparation
    spec : mapping
        The baseline's settings, as in the workflow file (``max_iter``).
    name : str
        For messages.

    Returns
    -------
    BaselineResult

    Raises
    ------
    TrainingError
        When the training rows cannot be fitted, such as rows of one class only.

    Notes
    -----
    L-BFGS in float32 fits the 60,000 images of MNIST with 100 iterations in 11 s on one core;
    Newton's method with conjugate gradients needs 100 s for 20. No chance is involved.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    training = load_part(dataset, preparation, "train")
    validation = load_part(dataset, preparation, "validation")
    pipeline = Pipeline(
        [
            ("scaler", StandardScaler()),
            ("classifier", LogisticRegression(solver="lbfgs", max_iter=spec["max_iter"])),
        ]
    )
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            pipeline.fit(_flatten(training.inputs), training.codes)
        except ValueError as error:
            raise TrainingError(
                f"The candidate {name!r} cannot be fitted: {error}",
                expected="training rows of at least two classes, without missing values",
                hint="look at the clean data's profile",
            ) from error
    seconds = time.perf_counter() - start
    classifier = pipeline["classifier"]
    if len(classifier.classes_) != len(preparation.classes):
        raise TrainingError(
            f"The training rows hold {len(classifier.classes_)} of the preparation's classes.",
            expected=f"rows of all of {list(preparation.classes)}",
            hint="run the cleaning step again: the preparation belongs to other rows",
        )
    is_converged = not any(issubclass(w.category, ConvergenceWarning) for w in caught)
    n_iterations = int(np.max(classifier.n_iter_))
    logger.info(
        "%s: %d training rows, %d iterations, %s, %.1f s",
        name,
        training.n_rows,
        n_iterations,
        "converged" if is_converged else "not converged",
        seconds,
    )
    return BaselineResult(
        pipeline=pipeline,
        is_converged=is_converged,
        n_iterations=n_iterations,
        n_parameters=classifier.coef_.size + classifier.intercept_.size,
        metrics=_score(pipeline, "train", training) | _score(pipeline, "validation", validation),
        n_training_rows=training.n_rows,
        n_validation_rows=validation.n_rows,
        seconds=seconds,
    )


def _flatten(inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return inputs.reshape(len(inputs), -1).astype(np.float32)


def _score(pipeline: Pipeline, name: str, part: Part) -> dict[str, float]:
    if not part.n_rows:
        return {}
    probabilities = pipeline.predict_proba(_flatten(part.inputs))
    of_class = probabilities[np.arange(part.n_rows), part.codes]
    smallest = np.finfo(np.float32).tiny  # a probability that rounds to 0 has a finite loss
    return {
        f"{name}_loss": float(-np.log(np.maximum(of_class, smallest)).mean()),
        f"{name}_accuracy": float((probabilities.argmax(axis=1) == part.codes).mean()),
    }

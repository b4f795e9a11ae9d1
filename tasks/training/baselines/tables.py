"""Baselines of tables and images: linear models and gradient-boosted trees of scikit-learn.

Called by ``fit``; takes the rows as ``tasks.training.data.parts`` read them.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import TrainingError
from tasks.training.baselines.request import FitRequest
from tasks.training.baselines.result import BaselineResult, make_result
from tasks.training.data.rows import Rows

# A histogram of 256 bins per input and leaf, and each tree looks at all of them: 28x28 pixels are
# slow, more than 64x64 take longer than any network beside them.
MAX_BOOSTED_INPUTS = 4096
# OpenMP's threads wait for each other by spinning: beside other trainings two of them took 7 s for 50
# trees on 100 rows, and 5 s on 10,000, where one took 0.05 and 0.6 s.
MAX_ROWS_ON_ONE_THREAD = 50_000


def fit_logistic_regression(request: FitRequest[Rows]) -> BaselineResult:
    """Fit StandardScaler and multinomial logistic regression.

    Parameters
    ----------
    request : FitRequest of Rows
        Of classes; its ``max_iter`` bounds the solver's iterations.

    Returns
    -------
    BaselineResult

    Raises
    ------
    TrainingError
        When the training rows have not all classes.

    Notes
    -----
    L-BFGS in float32 fits the 60,000 images of MNIST with 100 iterations in 11 s on one core;
    Newton's method with conjugate gradients needs 100 s for 20.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    _check_classes(request)
    model = LogisticRegression(solver="lbfgs", max_iter=request.spec["max_iter"])
    pipeline = Pipeline([("scaler", StandardScaler()), ("classifier", model)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        seconds = _fit(pipeline, request)
    return make_result(
        request,
        pipeline,
        _score,
        is_converged=not any(issubclass(w.category, ConvergenceWarning) for w in caught),
        n_iterations=int(np.max(model.n_iter_)),
        n_parameters=model.coef_.size + model.intercept_.size,
        seconds=seconds,
    )


def fit_linear_regression(request: FitRequest[Rows]) -> BaselineResult:
    """Fit StandardScaler and linear regression, by least squares or ridge.

    Parameters
    ----------
    request : FitRequest of Rows
        Of numbers; its ``alpha`` is the weight of the squared coefficients, 0 for least squares.

    Returns
    -------
    BaselineResult

    Raises
    ------
    TrainingError
        When the training rows cannot be fitted.
    """
    from sklearn.linear_model import LinearRegression, Ridge
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    alpha = request.spec["alpha"]
    model = Ridge(alpha=alpha) if alpha else LinearRegression()
    pipeline = Pipeline([("scaler", StandardScaler()), ("regressor", model)])
    # In float64: the normal equations and the singular values of columns that nearly say the same
    # have no digits to give away.
    seconds = _fit(pipeline, request, dtype=np.float64)
    return make_result(
        request,
        pipeline,
        _score,
        is_converged=True,
        n_iterations=1,
        n_parameters=model.coef_.size + 1,
        seconds=seconds,
    )


def fit_gradient_boosting(request: FitRequest[Rows]) -> BaselineResult:
    """Fit gradient-boosted trees on histograms; the validation rows say when to stop.

    Parameters
    ----------
    request : FitRequest of Rows
        Of classes or numbers; its ``max_iter``, ``learning_rate`` and ``max_leaf_nodes`` are
        scikit-learn's.

    Returns
    -------
    BaselineResult

    Raises
    ------
    TrainingError
        When a row has more than :data:`MAX_BOOSTED_INPUTS` inputs, or the training rows cannot be
        fitted.

    Notes
    -----
    Trees are added until the validation rows' loss has not fallen for ten of them [1]_. Without
    validation rows scikit-learn sets a tenth of the training rows aside where they are more than
    10,000; fewer get all trees.

    References
    ----------
    .. [1] G. Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 2017,
       whose histograms scikit-learn's trees grow on.
       https://proceedings.neurips.cc/paper/2017/hash/6449f44a102fde848669bdd9eb6b76fa-Abstract.html
    """
    import threadpoolctl
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    training, validation, spec = request.training, request.validation, request.spec
    n_inputs = int(np.prod(request.preparation.input_shape))
    if n_inputs > MAX_BOOSTED_INPUTS:
        raise TrainingError(
            f"The baseline {request.name!r} would grow trees on {n_inputs:,} inputs per row.",
            expected=f"at most {MAX_BOOSTED_INPUTS:,}: beyond, trees take longer than the networks",
            hint="make the images smaller, or remove this baseline from 'baselines'",
        )
    is_of_classes = request.preparation.kind == "classification"
    if is_of_classes:
        _check_classes(request)
    boosting = HistGradientBoostingClassifier if is_of_classes else HistGradientBoostingRegressor
    has_validation = validation.n_rows > 0
    model = boosting(
        max_iter=spec["max_iter"],
        learning_rate=spec["learning_rate"],
        max_leaf_nodes=spec["max_leaf_nodes"],
        early_stopping=True if has_validation else "auto",
        random_state=request.seed,
    )
    unseen = {}
    if has_validation:
        unseen = {"X_val": _flatten(validation.inputs), "y_val": _to_y(validation)}
    n_threads = 1 if training.n_rows <= MAX_ROWS_ON_ONE_THREAD else None
    with threadpoolctl.threadpool_limits(n_threads, user_api="openmp"):
        seconds = _fit(model, request, **unseen)
    return make_result(
        request,
        model,
        _score,
        is_converged=not model.do_early_stopping_ or model.n_iter_ < model.max_iter,
        n_iterations=int(model.n_iter_),
        n_parameters=_count_nodes(model),
        seconds=seconds,
    )


def _check_classes(request: FitRequest[Rows]) -> None:
    n_found = len(np.unique(request.training.targets))
    if n_found < 2:
        raise TrainingError(
            f"The baseline {request.name!r} cannot be fitted: the training rows hold {n_found} class.",
            expected="training rows of at least two classes",
            hint="look at the target column of the clean data; more rows may be needed",
        )
    classes = request.preparation.classes
    if n_found != len(classes):
        raise TrainingError(
            f"The training rows hold {n_found} of the preparation's classes.",
            expected=f"rows of all of {list(classes)}",
            hint="run the cleaning step again: the preparation belongs to other rows",
        )


def _fit(
    estimator: Any, request: FitRequest[Rows], *, dtype: npt.DTypeLike = np.float32, **unseen: Any
) -> float:
    """Fit an estimator on the training rows, and give the seconds it took."""
    start = time.perf_counter()
    X = _flatten(request.training.inputs).astype(dtype, copy=False)
    try:
        estimator.fit(X, _to_y(request.training), **unseen)
    except ValueError as error:
        raise TrainingError(
            f"The baseline {request.name!r} cannot be fitted: {error}",
            expected="training rows of finite numbers",
            hint="look at the clean data's profile",
        ) from error
    return time.perf_counter() - start


def _flatten(inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return inputs.reshape(len(inputs), int(np.prod(inputs.shape[1:]))).astype(np.float32)


def _to_y(rows: Rows) -> npt.NDArray[Any]:
    """Give codes as they are, and numbers as one row of float64."""
    return rows.targets if rows.targets.ndim == 1 else rows.targets.ravel().astype(np.float64)


def _count_nodes(model: Any) -> int:
    # scikit-learn shows its histogram trees under no public name.
    trees = (tree for trees in model._predictors for tree in trees)  # noqa: SLF001
    return sum(len(tree.nodes) for tree in trees)


def _score(estimator: Any, request: FitRequest[Rows], rows: Rows) -> tuple[float, float]:
    """Give cross-entropy and accuracy of classes, or both errors of standardised numbers."""
    X = _flatten(rows.inputs)
    if request.preparation.kind == "regression":
        errors = (estimator.predict(X) - _to_y(rows)) / request.target_scale
        return float((errors**2).mean()), float(np.abs(errors).mean())
    probabilities = estimator.predict_proba(X)
    of_class = probabilities[np.arange(rows.n_rows), rows.targets]
    smallest = np.finfo(np.float32).tiny  # a probability that rounds to 0 has a finite loss
    loss = float(-np.log(np.maximum(of_class, smallest)).mean())
    return loss, float((probabilities.argmax(axis=1) == rows.targets).mean())

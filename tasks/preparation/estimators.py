"""scikit-learn's estimators: made by their name, saved as text without pickle, loaded again.

Used by the imputation by a model; scikit-learn and skops are imported when they are needed.
"""

from __future__ import annotations

import base64
import importlib
import inspect
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tasks.errors import CleaningError, nearest

EstimatorKind: TypeAlias = Literal["regressor", "classifier"]

# What skops may load beside the public estimators, which it trusts by itself: the parts of
# scikit-learn's own that these estimators consist of, and nothing else.
TRUSTED_TYPES = (
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)

# A forest of 100 full trees on 20,000 rows has 50 MB; it is loaded with every model that is served.
MAX_ESTIMATOR_BYTES = 64 * 1024 * 1024

# A product of matrices rounds differently with their shape, so every prediction is made on exactly
# this many rows: a row alone gets the same bits as a row among others. Few enough for a single row
# to cost little, enough for the cost per call to vanish.
ROWS_PER_PREDICTION = 256

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a ZIP file can hold


def make_estimator(path: str, params: Mapping[str, Any], seed: int) -> tuple[Any, EstimatorKind]:
    """Make an estimator that is named in a workflow file.

    Parameters
    ----------
    path : str
        A class of scikit-learn, such as ``sklearn.linear_model.Ridge``.
    params : mapping of str to value
        Its parameters. ``random_state`` is the seed unless it is given; ``n_jobs`` cannot be: one
        core is what an estimator takes by itself.
    seed : int

    Returns
    -------
    estimator : scikit-learn estimator
        Not fitted.
    kind : {"regressor", "classifier"}

    Raises
    ------
    CleaningError
        When it is no estimator of scikit-learn that predicts, or has no such parameter.
    """
    from sklearn.base import is_classifier, is_regressor

    cls = _find_class(path)
    known = list(inspect.signature(cls).parameters)
    for name in params:
        if name not in known or name == "n_jobs":
            own = [other for other in known if other != "n_jobs"]
            raise CleaningError(
                f"{path} is given the parameter {name!r}: {params[name]!r}.",
                expected="one core, so no 'n_jobs'" if name == "n_jobs" else nearest(name, own),
                hint="correct 'params' of 'impute' in the workflow file",
            )
    own_seed = {"random_state": seed} if "random_state" in known else {}
    try:
        estimator = cls(**{**own_seed, **params})
    except Exception as error:
        raise _refuse_params(path, params, error) from error
    if is_regressor(estimator):
        return estimator, "regressor"
    if is_classifier(estimator):
        return estimator, "classifier"
    raise _refuse_class(path, "is neither a regressor nor a classifier")


def _find_class(path: str) -> type:
    from sklearn.base import BaseEstimator

    module_name, _, name = path.rpartition(".")
    parts = module_name.split(".")
    # Only public modules are imported: some private and test modules do things when they are.
    if parts[0] != "sklearn" or not all(p.isidentifier() and p[0] != "_" for p in parts):
        raise _refuse_class(path, "is not a class of scikit-learn")
    if {"tests", "conftest", "externals"} & set(parts):
        raise _refuse_class(path, "is not a public class of scikit-learn")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise _refuse_class(path, f"cannot be imported: {error}") from error
    known = [
        other
        for other, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, BaseEstimator)
        and value.__module__.startswith("sklearn.")
        and hasattr(value, "predict")
        and not inspect.isabstract(value)
    ]
    if name not in known:
        raise _refuse_class(path, "is not there, or does not predict", nearest(name, known))
    found: type = getattr(module, name)
    return found


def _refuse_class(path: str, why: str, expected: str | None = None) -> CleaningError:
    return CleaningError(
        f"The estimator {path!r} {why}.",
        expected=expected
        or "a regressor or classifier of scikit-learn, such as "
        "'sklearn.ensemble.HistGradientBoostingRegressor'",
        hint="correct 'estimator' of 'impute' in the workflow file",
    )


def _refuse_params(path: str, params: Mapping[str, Any], error: Exception) -> CleaningError:
    return CleaningError(
        f"{path} with the parameters {dict(params)} cannot be used: {error}",
        expected="parameters as scikit-learn documents them",
        hint="correct 'estimator' or 'params' of 'impute' in the workflow file",
    )


def fit_estimator(
    estimator: Any,
    X: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64] | npt.NDArray[np.int64] | None,
    column: str,
) -> str:
    """Fit an estimator, and save it as text that is the same for the same fit.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Fitted in place.
    X : ndarray of shape (n_rows, n_predictors), float64
    y : ndarray of shape (n_rows,), optional
    column : str
        What it is to predict, for the error.

    Returns
    -------
    str
        To be read by :func:`load_estimator`.

    Raises
    ------
    CleaningError
        When scikit-learn refuses the data or the parameters, the estimator consists of types that
        are not trusted, or is larger than :data:`MAX_ESTIMATOR_BYTES`.
    """
    import skops.io

    try:
        with one_thread():
            estimator.fit(X, y)
    except Exception as error:
        raise CleaningError(
            f"{estimator} cannot learn the column {column!r} from {len(X)} training rows: {error}",
            expected="parameters and columns that scikit-learn can fit",
            hint="correct 'estimator' or 'params' of 'impute', or take the column out of it",
        ) from error
    saved = skops.io.dumps(estimator)
    untrusted = set(skops.io.get_untrusted_types(data=saved)) - set(TRUSTED_TYPES)
    if untrusted:
        raise CleaningError(
            f"{estimator} for the column {column!r} cannot be loaded safely: it consists of "
            f"{', '.join(sorted(untrusted))}.",
            expected="an estimator of scikit-learn's common parts",
            hint="take another 'estimator', such as sklearn.ensemble.HistGradientBoostingRegressor",
        )
    packed = _pack(saved)
    if len(packed) > MAX_ESTIMATOR_BYTES:
        raise CleaningError(
            f"{estimator} for the column {column!r} takes {len(packed):,} bytes, "
            "which every model would carry.",
            expected=f"at most {MAX_ESTIMATOR_BYTES:,} bytes",
            hint="make it smaller, with 'params: {max_depth: 8}' or fewer 'n_estimators'",
        )
    return base64.b64encode(packed).decode("ascii")


def load_estimator(text: str) -> Any:
    """Load what :func:`fit_estimator` saved.

    Raises
    ------
    CleaningError
        When the text is damaged, or holds types that are not trusted.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.loads(base64.b64decode(text, validate=True), trusted=list(TRUSTED_TYPES))
    except (UntrustedTypesFoundException, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CleaningError(
            f"The estimator that fills missing values in cannot be loaded: {error}",
            expected="what this version of Nocturne saved",
            hint="load the model with the version of Nocturne that trained it, or retrain it",
        ) from error


def predict_in_chunks(
    predict: Any, X: npt.NDArray[np.float64], n_outputs: int
) -> npt.NDArray[np.float64]:
    """Predict rows so that each gets the same bits whatever the others are.

    Parameters
    ----------
    predict : callable
        From an array of shape (ROWS_PER_PREDICTION, n_predictors) to one of shape
        (ROWS_PER_PREDICTION,) or (ROWS_PER_PREDICTION, n_outputs).
    X : ndarray of shape (n_rows, n_predictors), float64
    n_outputs : int

    Returns
    -------
    ndarray of shape (n_rows, n_outputs), float64
    """
    predicted = np.empty((len(X), n_outputs))
    chunk = np.empty((ROWS_PER_PREDICTION, X.shape[1]))
    with one_thread():
        for start in range(0, len(X), ROWS_PER_PREDICTION):
            rows = X[start : start + ROWS_PER_PREDICTION]
            chunk[: len(rows)] = rows
            chunk[len(rows) :] = rows[0]
            made = np.asarray(predict(chunk.copy()), np.float64)
            predicted[start : start + len(rows)] = made.reshape(-1, n_outputs)[: len(rows)]
    return predicted


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: several cut a product of matrices into other shapes, which round otherwise.

    scikit-learn's and BLAS's own threads, for as long as the context lasts.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def _pack(saved: bytes) -> bytes:
    """Write a skops file again, compressed, without the addresses and times of this process."""
    names: dict[str, str] = {}
    ids: dict[int, int] = {}

    def number(node: Any) -> Any:
        if isinstance(node, list):
            return [number(item) for item in node]
        if not isinstance(node, dict):
            return node
        renamed = {key: number(value) for key, value in node.items()}
        if "__loader__" in node:
            if isinstance(node.get("__id__"), int):
                renamed["__id__"] = ids.setdefault(node["__id__"], len(ids))
            if isinstance(node.get("file"), str):
                suffix = node["file"].rpartition(".")[2]
                renamed["file"] = names.setdefault(node["file"], f"{len(names)}.{suffix}")
        return renamed

    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved)) as source,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        schema = json.dumps(number(json.loads(source.read("schema.json"))))
        for old, new in names.items():
            target.writestr(_entry(new), source.read(old))
        target.writestr(_entry("schema.json"), schema)
    return packed.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry

"""The script that MLflow runs to load a registered model: a copy of it lies in every model folder.

Written there by ``tasks.models.packaging``. It predicts with the code that the model was saved with
and not with whatever ``tasks`` the process has imported, so that models of many nights can live side
by side in one process, each reading its rows in its own way.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow  # noqa: TID253 - only MLflow runs this file
import numpy as np
import pandas as pd

ARTIFACT = "predictor"  # name of the predictor's folder among the model's artifacts
PACKAGE = "tasks"
PREDICTION = "prediction"
PROBABILITY_PREFIX = "probability_"


class RegisteredModel(mlflow.pyfunc.PythonModel):
    """Raw rows in, and what the model says of each out; windows of a series in, and forecasts out."""

    def load_context(self, context: Any) -> None:
        """Load the predictor with the model's own code."""
        script = Path(__file__)
        module = _import_own_code(script.parent / "code", f"{PACKAGE}.models.predictor")
        self._predictor = module.Predictor.load(Path(context.artifacts[ARTIFACT]))
        self._refusals = module.REFUSALS
        self._classes = np.asarray(self._predictor.classes)
        names = [f"{PROBABILITY_PREFIX}{name}" for name in self._predictor.classes]
        self._columns = pd.Index([PREDICTION, *names])
        # MLflow has compiled this script into the model's folder, whose content is verified.
        cached = Path(importlib.util.cache_from_source(str(script)))
        cached.unlink(missing_ok=True)
        if cached.parent.is_dir() and not any(cached.parent.iterdir()):
            cached.parent.rmdir()

    def predict(
        self,
        context: Any,  # noqa: ARG002 - MLflow's signature
        model_input: np.ndarray,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame | np.ndarray:
        """Predict raw rows, or forecast what follows windows of raw values.

        Parameters
        ----------
        context : PythonModelContext
            Not used after loading.
        model_input : ndarray or pandas.DataFrame
            Images of shape (n_rows, height, width, channels), a frame with the raw feature columns,
            or windows of shape (n_windows, window, n_raw_columns), float64, with times in seconds
            since 1970 and NaN for what is missing.
        params : dict, optional
            Of forecasts ``refuse``: whether a window that cannot be cleaned is an error (the
            default), or its forecast NaN.

        Returns
        -------
        pandas.DataFrame or ndarray
            Of classes ``prediction`` and one ``probability_<class>`` per class; of numbers
            ``prediction``; of forecasts an array of shape (n_windows, horizon, n_columns), float64.

        Raises
        ------
        mlflow.MlflowException
            Where the rows are not such as the model was trained on, with what is wrong with them; a
            server answers with status 400.
        """
        try:
            return self._ask(model_input, params or {})
        except self._refusals as error:
            raise mlflow.MlflowException.invalid_parameter_value(str(error)) from error

    def _ask(self, model_input: Any, params: dict[str, Any]) -> pd.DataFrame | np.ndarray:
        predictor = self._predictor
        if predictor.preparation.kind == "forecast":
            return np.asarray(predictor.forecast(model_input, refuse=params.get("refuse", True)))
        if predictor.preparation.kind == "regression":
            return pd.DataFrame({PREDICTION: predictor.predict_values(model_input)})
        probabilities = predictor.predict_probabilities(model_input)
        predicted = self._classes[probabilities.argmax(axis=1)]
        # The names are put on at the end: making an index of texts anew takes pandas longer than a
        # small network takes to predict a row.
        frame = pd.DataFrame(dict(enumerate([predicted, *probabilities.T])), copy=False)
        frame.columns = self._columns
        return frame


def _import_own_code(folder: Path, name: str) -> ModuleType:
    """Import a module of the model's own package, unseen by the rest of the process."""
    path = str(folder)
    others = {key: sys.modules.pop(key) for key in list(sys.modules) if _is_ours(key)}
    writes_bytecode = not sys.dont_write_bytecode
    # MLflow has put the folder on the path for good, where a later ``import tasks`` would find it.
    sys.path[:] = [path, *(entry for entry in sys.path if entry != path)]
    sys.dont_write_bytecode = True  # nothing may be added to a folder whose content is verified
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    finally:
        sys.dont_write_bytecode = not writes_bytecode
        sys.path.remove(path)
        for key in [key for key in sys.modules if _is_ours(key)]:
            del sys.modules[key]
        sys.modules.update(others)


def _is_ours(module_name: str) -> bool:
    return module_name == PACKAGE or module_name.startswith(f"{PACKAGE}.")


mlflow.models.set_model(RegisteredModel())

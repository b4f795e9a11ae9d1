"""Make the folder that MLflow registers, out of the folder that training wrote.

Called by ``tasks.training.step``; needs MLflow, but no server, no run and no network.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import tasks
from tasks.dataset import Dataset
from tasks.models.onnx_export import Export, export_network
from tasks.models.onnx_network import ONNX_FILE
from tasks.models.predictor import ESTIMATOR_FILE, NETWORK_FILE, PREPARATION_FILE
from tasks.preparation import Preparation
from tasks.preparation.transformers import list_packages

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema

SCRIPT = Path(__file__).with_name("pyfunc_model.py")
ARTIFACT = "predictor"  # the same name as in the script
# The part of the package that a prediction runs through; the model carries a copy.
SERVING_CODE = (
    "__init__.py",
    "errors.py",
    "preparation",
    "dataset",
    "models/__init__.py",
    "models/onnx_network.py",
    "models/predictor.py",
    "models/window_cleaning.py",
)
COMMON_PACKAGES = ("mlflow", "numpy", "pandas", "pyarrow")
# What a network needs that is not exported, and what one needs that is.
_KERAS_PACKAGES = frozenset({"keras", "tensorflow", "jax", "torch"})
_ONNX_PACKAGE = "onnxruntime"
N_COMPARED_ROWS = 256  # real ones, on which the exported network must say what Keras says


def find_network(model: Path) -> Path:
    """Find where an MLflow model folder keeps its network; there is no such file in one without."""
    return model / "artifacts" / ARTIFACT / NETWORK_FILE


def save_as_mlflow_model(
    folder: Path,
    result: Path,
    *,
    packages: Sequence[str],
    image_dtype: npt.DTypeLike | None = None,
    clean: Path | None = None,
    has_cards: bool = False,
) -> None:
    """Write an MLflow pyfunc model that takes raw rows, and predicts without Keras where that can be.

    Parameters
    ----------
    folder : Path
        The new model folder; must not exist.
    result : Path
        What training wrote: ``preparation.json`` and ``network.keras`` or ``estimator.skops``.
    packages : sequence of str
        Distributions the model needs beside :data:`COMMON_PACKAGES`; their installed versions
        become the model's requirements. Of an exported network ONNX Runtime takes Keras's place.
    image_dtype : NumPy dtype, optional
        Of the images, for the signature; uint8 by default.
    clean : Path, optional
        A dataset of clean rows, on some of which an exported network is compared with Keras.
    has_cards : bool, default False
        Whether there are cards, which Keras must not take in this process.

    Notes
    -----
    *Models from code*: MLflow runs ``pyfunc_model.py`` to load the model, and nothing is pickled.
    MLflow's environment inference and input example are left out: they take seconds and predict.

    A network is exported to ``network.onnx`` beside ``network.keras``, and the model predicts with
    the former; the Keras file stays for who trains on or looks inside. Where the export fails or says
    something else, Keras serves the model. The key ``serving`` of the model's metadata tells.
    """
    import mlflow

    preparation = Preparation.from_json((result / PREPARATION_FILE).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        # MLflow advises an input example, which fails for tensors, and type hints.
        warnings.simplefilter("ignore", UserWarning)
        predictor = Path(scratch) / ARTIFACT
        predictor.mkdir()
        for name in (PREPARATION_FILE, NETWORK_FILE, ESTIMATOR_FILE):
            if (result / name).is_file():
                shutil.copy(result / name, predictor / name)
        export = None
        if (predictor / NETWORK_FILE).is_file():
            export = export_network(
                predictor / NETWORK_FILE,
                predictor / ONNX_FILE,
                kind=preparation.kind,
                rows=None if clean is None else _take_inputs(clean, preparation),
                in_own_interpreter=has_cards,
            )
            if export.problem is None:
                packages = [*(set(packages) - _KERAS_PACKAGES), _ONNX_PACKAGE]
        mlflow.pyfunc.save_model(
            path=str(folder),
            python_model=str(SCRIPT),
            artifacts={ARTIFACT: str(predictor)},
            code_paths=[str(_copy_serving_code(Path(scratch)))],
            signature=_make_signature(preparation, image_dtype or np.uint8),
            metadata=_describe(preparation, export),
            pip_requirements=[
                f"{name}=={importlib.metadata.version(name)}"
                for name in sorted({*COMMON_PACKAGES, *packages, *list_packages(preparation)})
            ],
        )


def _copy_serving_code(scratch: Path) -> Path:
    source = Path(tasks.__file__).parent
    target = scratch / source.name
    for name in SERVING_CODE:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source / name, target / name, ignore=ignore)
        else:
            shutil.copy(source / name, target / name)
    return target


def _take_inputs(clean: Path, preparation: Preparation) -> npt.NDArray[Any] | None:
    """Take the first rows of a dataset, or the first windows, as a network reads them."""
    shape = preparation.forecast
    n_rows = N_COMPARED_ROWS + (shape.window - 1 if shape is not None else 0)
    batches = Dataset.open(clean, verify=False).batches(
        preparation.clean_columns, batch_size=n_rows
    )
    inputs = preparation.inputs(next(batches))
    if shape is not None:
        if len(inputs) < shape.window:  # of the first partition
            return None
        # Steps in the order of the file, and so perhaps no windows of the series: but real values.
        inputs = np.lib.stride_tricks.sliding_window_view(inputs, shape.window, axis=0)
        inputs = inputs.transpose(0, 2, 1)
    is_finite: npt.NDArray[np.bool_] = np.isfinite(inputs).all(axis=tuple(range(1, inputs.ndim)))
    return inputs[is_finite]


def _describe(preparation: Preparation, export: Export | None) -> dict[str, Any]:
    """Say what a tensor's signature does not: what is predicted, and the names of the columns."""
    shape = preparation.forecast
    return {
        "kind": preparation.kind,
        "columns": list(preparation.columns),
        "forecast": {**asdict(shape), "columns": list(shape.columns)} if shape else None,
        "serving": _describe_serving(export),
    }


def _describe_serving(export: Export | None) -> dict[str, Any]:
    """Say what predicts; of an exported network how near it is to Keras, else why it is not there."""
    if export is None:
        return {"by": "scikit-learn"}
    if export.problem is not None:
        return {"by": "keras", "reason": export.problem}
    found = {"by": "onnxruntime", "max_difference": export.max_difference, "n_rows": export.n_rows}
    return {**found, "trained_in": export.precision} if export.precision else found


def _make_signature(preparation: Preparation, image_dtype: npt.DTypeLike) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    float64, shape = np.dtype(np.float64), preparation.forecast
    if shape is not None:
        inputs = TensorSpec(float64, (-1, shape.window, len(preparation.columns)))
        outputs = TensorSpec(float64, (-1, *preparation.output_shape))
        refuse = ParamSpec("refuse", "boolean", default=True)
        return ModelSignature(Schema([inputs]), Schema([outputs]), ParamSchema([refuse]))
    if preparation.image_shape is not None:
        tensor = TensorSpec(np.dtype(image_dtype), (-1, *preparation.image_shape))
        return ModelSignature(inputs=Schema([tensor]), outputs=_list_outputs(preparation))
    # Any type: raw rows hold numbers, or texts that cleaning reads as numbers, dates or classes.
    columns = Schema([ColSpec(AnyType(), name) for name in preparation.columns])
    return ModelSignature(inputs=columns, outputs=_list_outputs(preparation))


def _list_outputs(preparation: Preparation) -> Schema:
    from mlflow.types import ColSpec, DataType, Schema

    if preparation.kind == "regression":
        return Schema([ColSpec(DataType.double, "prediction")])
    is_text = isinstance(preparation.classes[0], str)
    outputs = [ColSpec(DataType.string if is_text else DataType.long, "prediction")]
    outputs += [ColSpec(DataType.float, f"probability_{name}") for name in preparation.classes]
    return Schema(outputs)

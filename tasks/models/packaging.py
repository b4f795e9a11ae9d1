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
    "models/predictor.py",
    "models/window_cleaning.py",
)
COMMON_PACKAGES = ("mlflow", "numpy", "pandas", "pyarrow")


def find_network(model: Path) -> Path:
    """Find where an MLflow model folder keeps its network; there is no such file in one without."""
    return model / "artifacts" / ARTIFACT / NETWORK_FILE


def save_as_mlflow_model(
    folder: Path,
    result: Path,
    *,
    packages: Sequence[str],
    image_dtype: npt.DTypeLike | None = None,
) -> None:
    """Write an MLflow pyfunc model that takes raw rows.

    Parameters
    ----------
    folder : Path
        The new model folder; must not exist.
    result : Path
        What training wrote: ``preparation.json`` and ``network.keras`` or ``estimator.skops``.
    packages : sequence of str
        Distributions the model needs beside :data:`COMMON_PACKAGES`; their installed versions
        become the model's requirements.
    image_dtype : NumPy dtype, optional
        Of the images, for the signature; uint8 by default.

    Notes
    -----
    *Models from code*: MLflow runs ``pyfunc_model.py`` to load the model, and nothing is pickled.
    MLflow's environment inference and input example are left out: they take seconds and predict.
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
        mlflow.pyfunc.save_model(
            path=str(folder),
            python_model=str(SCRIPT),
            artifacts={ARTIFACT: str(predictor)},
            code_paths=[str(_copy_serving_code(Path(scratch)))],
            signature=_make_signature(preparation, image_dtype or np.uint8),
            metadata=_describe(preparation),
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


def _describe(preparation: Preparation) -> dict[str, Any]:
    """Say what a tensor's signature does not: what is predicted, and the names of the columns."""
    shape = preparation.forecast
    return {
        "kind": preparation.kind,
        "columns": list(preparation.columns),
        "forecast": {**asdict(shape), "columns": list(shape.columns)} if shape else None,
    }


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

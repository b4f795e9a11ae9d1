"""The registered model works anywhere, with the code it was saved with, beside others of its kind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import mlflow
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest
import skops.io
from mlflow.exceptions import MlflowException
from series_support import save_last_value
from sklearn.linear_model import LinearRegression

import tasks.preparation
from tasks.dataset import DatasetWriter, array_to_tensor_column, digest_folder
from tasks.models.onnx_export import N_RANDOM_ROWS
from tasks.models.onnx_network import ONNX_FILE
from tasks.models.packaging import find_network, save_as_mlflow_model
from tasks.models.predictor import ESTIMATOR_FILE, NETWORK_FILE, PREPARATION_FILE, Predictor
from tasks.preparation import Preparation

FRESH_PROCESS = """
import json, sys
import mlflow, numpy as np, pandas as pd
images, tables, image_file = sys.argv[1:]
before = list(sys.path)
picture_model = mlflow.pyfunc.load_model(images)
table_model = mlflow.pyfunc.load_model(tables)
frame = pd.DataFrame({"height": [1.0, -2.0], "other": ["x", "y"], "width": [2.0, 9.0]})
print(json.dumps({
    "images": picture_model.predict(np.load(image_file)).to_dict("list"),
    "tables": table_model.predict(frame)["prediction"].tolist(),
    "path_is_clean": sys.path == before,
    "heavy": [name for name in ("keras", "tensorflow", "jax", "torch") if name in sys.modules],
    "left_in_modules": [name for name in sys.modules if name.split(".")[0] == "tasks"],
}))
"""


def test_models_predict_in_a_fresh_process_outside_the_project(
    image_folder: Path, table_folder: Path, images: npt.NDArray[np.uint8], tmp_path: Path
) -> None:
    """Only what lies in the model's folder is needed, without Keras, and loading changes neither folder nor process."""
    picture_model, table_model = tmp_path / "pictures", tmp_path / "tables"
    save_as_mlflow_model(picture_model, image_folder, packages=["keras", "tensorflow"])
    save_as_mlflow_model(table_model, table_folder, packages=["scikit-learn", "skops"])
    digests = [digest_folder(picture_model), digest_folder(table_model)]
    np.save(tmp_path / "images.npy", images)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            FRESH_PROCESS,
            str(picture_model),
            str(table_model),
            str(tmp_path / "images.npy"),
        ],
        cwd=tempfile.gettempdir(),
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    expected = Predictor.load(image_folder).predict_probabilities(images)
    names = np.array(["cat", "dog", "emu"])[expected.argmax(axis=1)]
    assert answer["images"]["prediction"] == names.tolist()
    np.testing.assert_allclose(answer["images"]["probability_dog"], expected[:, 1], atol=1e-5)
    assert answer["tables"] == [10, 20]
    assert answer["heavy"] == []
    assert answer["path_is_clean"]
    assert answer["left_in_modules"] == []
    assert [digest_folder(picture_model), digest_folder(table_model)] == digests


def test_models_of_two_nights_each_use_their_own_code(
    table_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process loads both, and neither sees the other's code or the process's own."""
    tonight, earlier = tmp_path / "tonight", tmp_path / "earlier"
    save_as_mlflow_model(tonight, table_folder, packages=[])
    save_as_mlflow_model(earlier, table_folder, packages=[])
    code = earlier / "code" / "tasks" / "preparation" / "preparation.py"
    text = code.read_text(encoding="utf-8")
    doubled = text.replace("return numbers", "return -numbers")
    assert doubled != text
    code.write_text(doubled, encoding="utf-8")

    def refuse(*_: object) -> None:
        raise AssertionError("the process's own code was used")

    monkeypatch.setattr(tasks.preparation.Preparation, "inputs", refuse)
    path, modules = list(sys.path), _our_modules()
    models = [mlflow.pyfunc.load_model(str(folder)) for folder in (tonight, earlier, tonight)]
    assert sys.path == path
    assert _our_modules() == modules
    frame = pd.DataFrame({"width": [1.0, 9.0], "height": [0.5, -2.0]})
    predicted = [model.predict(frame)["prediction"].tolist() for model in models]
    assert predicted[0] == predicted[2] == [10, 20]
    assert predicted[1] == [10, 10]


def test_the_frame_holds_the_class_and_a_probability_per_class(
    table_folder: Path, tmp_path: Path
) -> None:
    """Probabilities sum to one, and the largest one is the prediction."""
    save_as_mlflow_model(tmp_path / "model", table_folder, packages=[])
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    predicted = model.predict(pd.DataFrame({"width": [1.0], "height": [0.5]}))
    assert list(predicted.columns) == ["prediction", "probability_10", "probability_20"]
    assert predicted["probability_10"].iloc[0] > 0.5
    assert predicted.iloc[0, 1:].sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((1, 6, 6, 1), dtype=np.float32), "float32"),
        (np.zeros((1, 5, 6, 1), dtype=np.uint8), r"\(1, 5, 6, 1\)"),
    ],
)
def test_the_signature_refuses_other_images(
    image_folder: Path, tmp_path: Path, given: Any, message: str
) -> None:
    """MLflow checks shape and dtype before our code is reached."""
    save_as_mlflow_model(tmp_path / "model", image_folder, packages=[])
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    with pytest.raises(MlflowException, match=message):
        model.predict(given)


def test_a_model_of_numbers_answers_with_a_number_per_row(tmp_path: Path) -> None:
    """One column, ``prediction``, in the target's unit; raw texts are read as the numbers they are."""
    result = tmp_path / "result"
    result.mkdir()
    X = np.arange(4.0)[:, np.newaxis]
    skops.io.dump(LinearRegression().fit(X, 3 * X[:, 0] + 1), result / ESTIMATOR_FILE)
    preparation = Preparation("price", (), None, None, ("x",), kind="regression")
    (result / PREPARATION_FILE).write_text(preparation.to_json(), encoding="utf-8")
    save_as_mlflow_model(tmp_path / "model", result, packages=[])
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    predicted = model.predict(pd.DataFrame({"x": ["1", "2.5"]}))
    assert list(predicted.columns) == ["prediction"]
    np.testing.assert_allclose(predicted["prediction"], [4.0, 8.5], rtol=1e-6)
    assert model.metadata.get_output_schema().input_names() == ["prediction"]
    assert model.metadata.metadata["kind"] == "regression"


def test_a_forecaster_takes_windows_and_answers_with_tensors(
    gridded_series: Preparation, tmp_path: Path
) -> None:
    """Windows of raw values in, with times in seconds; the steps ahead in the columns' own units out."""
    result = save_last_value(tmp_path / "result", gridded_series)
    save_as_mlflow_model(tmp_path / "model", result, packages=["keras"])
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    days = 19_723 * 86_400.0 + 86_400.0 * np.arange(3)
    windows = np.stack([np.stack([flow, days], axis=1) for flow in ([1.0, np.nan, 7.0], [1, 2, 3])])
    np.testing.assert_allclose(model.predict(windows)[:, :, 0], [[7, 7], [3, 3]], rtol=1e-5)
    inputs, outputs = model.metadata.get_input_schema(), model.metadata.get_output_schema()
    assert [(spec.type.name, spec.shape) for spec in inputs] == [("float64", (-1, 3, 2))]
    assert [(spec.type.name, spec.shape) for spec in outputs] == [("float64", (-1, 2, 1))]
    metadata = model.metadata.metadata
    assert metadata.pop("serving")["by"] == "onnxruntime"
    assert metadata == {
        "kind": "forecast",
        "columns": ["flow", "time"],
        "forecast": {
            "time": "time",
            "columns": ["flow"],
            "window": 3,
            "horizon": 2,
            "season": None,
            "every": "1d",
        },
    }


def test_a_forecaster_refuses_a_window_unless_told_otherwise(
    plain_series: Preparation, tmp_path: Path
) -> None:
    """A missing value that nothing can fill is an error, or with ``refuse=False`` a NaN for that window."""
    save_as_mlflow_model(
        tmp_path / "model", save_last_value(tmp_path / "result", plain_series), packages=[]
    )
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    windows = np.ones((2, 3, 2))
    windows[0, 1, 1] = np.nan
    refused = "Window 0 cannot be forecast: step 1, rain: missing"
    with pytest.raises(MlflowException, match=refused) as raised:
        model.predict(windows)
    assert raised.value.get_http_status_code() == 400
    told = model.predict(windows, params={"refuse": False})
    assert np.isnan(told[0]).all()
    np.testing.assert_allclose(told[1], 1.0, rtol=1e-5)
    with pytest.raises(MlflowException, match=r"\(2, 4, 2\)"):
        model.predict(np.ones((2, 4, 2)))


def test_requirements_are_the_installed_versions(table_folder: Path, tmp_path: Path) -> None:
    """What the model was saved with is what it asks for, and no more."""
    save_as_mlflow_model(tmp_path / "model", table_folder, packages=["skops", "scikit-learn"])
    lines = (tmp_path / "model" / "requirements.txt").read_text(encoding="utf-8").split()
    names = [line.split("==")[0] for line in lines]
    assert names == ["mlflow", "numpy", "pandas", "pyarrow", "scikit-learn", "skops"]
    assert f"numpy=={np.__version__}" in lines


def test_an_exported_network_needs_onnx_runtime_in_place_of_keras(
    image_folder: Path, tmp_path: Path
) -> None:
    """A tenth of the memory and of the download; the Keras file stays for training and looking inside."""
    save_as_mlflow_model(tmp_path / "model", image_folder, packages=["keras", "tensorflow"])
    lines = (tmp_path / "model" / "requirements.txt").read_text(encoding="utf-8").split()
    names = [line.split("==")[0] for line in lines]
    assert names == ["mlflow", "numpy", "onnxruntime", "pandas", "pyarrow"]
    assert find_network(tmp_path / "model").is_file()
    serving = mlflow.models.Model.load(tmp_path / "model").metadata["serving"]
    assert serving["by"] == "onnxruntime"
    assert serving["max_difference"] <= 1e-4


def test_a_network_that_cannot_be_exported_is_served_by_keras(
    plain_series: Preparation, tmp_path: Path
) -> None:
    """No failed night: the model predicts, needs Keras, and its metadata says why."""
    result = save_last_value(tmp_path / "result", plain_series)
    inputs = keras.Input((3, 2))
    # The last value once more, by a layer that is not known to the export.
    last = keras.layers.Cropping1D((2, 0))(inputs)
    twice = keras.layers.UpSampling1D(2)(last)
    outputs = keras.layers.Dense(1, kernel_initializer="ones")(twice)
    keras.Model(inputs, outputs).save(result / NETWORK_FILE)
    save_as_mlflow_model(tmp_path / "model", result, packages=["keras", "tensorflow"])
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    windows = np.full((1, 3, 2), 20.0)
    windows[:, :, 1] = 0.0
    np.testing.assert_allclose(model.predict(windows), 20.0, rtol=1e-5)
    serving = model.metadata.metadata["serving"]
    assert serving["by"] == "keras"
    assert "UpSampling1D" in serving["reason"]
    assert "keras==" in (tmp_path / "model" / "requirements.txt").read_text(encoding="utf-8")


def test_a_model_of_before_the_export_is_loaded_through_keras(
    image_folder: Path, images: npt.NDArray[np.uint8], tmp_path: Path
) -> None:
    """Champions of earlier nights have no exported network, and go on being served and compared."""
    save_as_mlflow_model(tmp_path / "model", image_folder, packages=["keras", "tensorflow"])
    with_onnx = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(images)
    file = find_network(tmp_path / "model").with_name(ONNX_FILE)
    file.unlink()
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    inside = model.unwrap_python_model()._predictor
    assert "_slice_rows" in inside._compute_outputs.__qualname__
    by_keras = model.predict(images)
    assert by_keras["prediction"].tolist() == with_onnx["prediction"].tolist()
    np.testing.assert_allclose(by_keras.iloc[:, 1:], with_onnx.iloc[:, 1:], atol=1e-5)


def test_networks_of_two_nights_are_served_side_by_side(
    image_folder: Path, images: npt.NDArray[np.uint8], tmp_path: Path
) -> None:
    """Each has its own session, whatever is loaded after it."""
    save_as_mlflow_model(tmp_path / "earlier", image_folder, packages=["keras"])
    network = keras.saving.load_model(image_folder / NETWORK_FILE)
    network.set_weights([-weights for weights in network.get_weights()])
    network.save(image_folder / NETWORK_FILE)
    save_as_mlflow_model(tmp_path / "tonight", image_folder, packages=["keras"])
    models = {
        name: mlflow.pyfunc.load_model(str(tmp_path / name)) for name in ("earlier", "tonight")
    }
    said = {name: model.predict(images).iloc[:, 1:].to_numpy() for name, model in models.items()}
    expected = network.predict_on_batch(images)
    np.testing.assert_allclose(said["tonight"], expected, atol=1e-5)
    assert np.abs(said["earlier"] - expected).max() > 0.01


@pytest.mark.parametrize(("n_steps", "n_windows"), [(40, 40 - 2 - 3), (2, 0)])
def test_the_export_is_compared_on_windows_of_clean_rows(
    gridded_series: Preparation, tmp_path: Path, n_steps: int, n_windows: int
) -> None:
    """Those with a gap left in them are passed over, and a series that is too short has none."""
    flow = np.arange(float(n_steps))
    flow[7:8] = np.nan
    rows = pa.table({"flow": flow, "flow_was_missing": np.zeros(n_steps)})
    with DatasetWriter(tmp_path / "rows", rows.schema) as writer:
        writer.write(rows)
    result = save_last_value(tmp_path / "result", gridded_series)
    save_as_mlflow_model(tmp_path / "model", result, packages=[], clean=tmp_path / "rows")
    serving = mlflow.models.Model.load(tmp_path / "model").metadata["serving"]
    assert serving["n_rows"] == N_RANDOM_ROWS + n_windows


def test_images_are_compared_on_clean_rows(
    image_folder: Path, images: npt.NDArray[np.uint8], tmp_path: Path
) -> None:
    """The first images of the dataset, as they lie there."""
    rows = pa.table({"picture": array_to_tensor_column(images)})
    with DatasetWriter(tmp_path / "rows", rows.schema) as writer:
        writer.write(rows)
    save_as_mlflow_model(tmp_path / "model", image_folder, packages=[], clean=tmp_path / "rows")
    serving = mlflow.models.Model.load(tmp_path / "model").metadata["serving"]
    assert serving["n_rows"] == N_RANDOM_ROWS + len(images)


def test_rows_that_cannot_be_predicted_are_the_callers_fault(
    table_folder: Path, tmp_path: Path
) -> None:
    """Status 400 with the message of the cleaning, and not 500 with a stack of calls."""
    save_as_mlflow_model(tmp_path / "model", table_folder, packages=[])
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    with pytest.raises(MlflowException, match="width") as raised:
        model.predict(pd.DataFrame({"width": ["wide"], "height": [0.5]}))
    assert raised.value.get_http_status_code() == 400


def test_the_folder_holds_no_pickle_and_no_bytecode(table_folder: Path, tmp_path: Path) -> None:
    """Code as text, arrays in skops's or Keras's format, the rest YAML and JSON."""
    save_as_mlflow_model(tmp_path / "model", table_folder, packages=[])
    suffixes = {p.suffix for p in (tmp_path / "model").rglob("*") if p.is_file()}
    assert suffixes == {"", ".txt", ".yaml", ".json", ".skops", ".py"}


def _our_modules() -> dict[str, Any]:
    return {k: v for k, v in sys.modules.items() if k == "tasks" or k.startswith("tasks.")}

"""The smoke test finds out in a fresh process whether a model loads, says the same, and how fast."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import mlflow
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from series_support import save_last_value

from tasks.dataset import digest_folder
from tasks.models.example import write_example
from tasks.models.packaging import save_as_mlflow_model
from tasks.models.predictor import Predictor
from tasks.models.smoke import measure_folder, run_smoke_test
from tasks.preparation import Preparation

TABLE_PACKAGES = ["scikit-learn", "skops"]


@pytest.fixture
def table_model(tmp_path: Path, table_folder: Path) -> Path:
    """A model that needs no TensorFlow, under a path with spaces."""
    model = tmp_path / "a folder with spaces" / "model"
    save_as_mlflow_model(model, table_folder, packages=TABLE_PACKAGES)
    return model


@pytest.fixture
def table_example(tmp_path: Path, table_folder: Path, table: pa.Table) -> Path:
    """Raw rows, and the classes' probabilities as the model says them here."""
    folder = tmp_path / "an example"
    expected = Predictor.load(table_folder).predict_probabilities(table)
    write_example(folder, table.select(["width", "height"]), expected)
    return folder


def save_scripted_model(folder: Path, load: str, predict: str) -> Path:
    """Write an MLflow model whose loading and predicting are lines of a script."""
    script = folder.with_suffix(".py")
    script.write_text(
        "import mlflow, numpy as np, os, sys, time\n"
        "class Scripted(mlflow.pyfunc.PythonModel):\n"
        f"    def load_context(self, context):\n        {load}\n"
        f"    def predict(self, context, model_input, params=None):\n        {predict}\n"
        "mlflow.models.set_model(Scripted())\n"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # MLflow advises type hints
        mlflow.pyfunc.save_model(path=str(folder), python_model=str(script), pip_requirements=[])
    return folder


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Two rows, to which the right answer is 1000 and 2000."""
    write_example(tmp_path / "two", np.array([[1.0], [2.0]]), np.array([1000.0, 2000.0]))
    return tmp_path / "two"


def test_a_sound_model_passes_and_is_measured(table_model: Path, table_example: Path) -> None:
    """It says in a fresh process what it said here; time and size are known, and its folder is as it was."""
    before = digest_folder(table_model)
    report = run_smoke_test(table_model, table_example)
    assert report.passed, report.reason
    assert report.reason == "It loads and predicts 4 rows as it did in its night."
    assert report.load_seconds is not None
    assert report.load_seconds > 0
    assert report.latency_ms_p50 is not None
    assert report.latency_ms_p99 is not None
    assert 0 < report.latency_ms_p50 <= report.latency_ms_p99
    assert report.max_difference is not None
    assert report.max_difference < 1e-6
    assert report.size_bytes == measure_folder(table_model) > 1000
    assert digest_folder(table_model) == before
    json.dumps(report.to_json(), allow_nan=False)


def test_images_and_windows_pass(
    tmp_path: Path,
    image_folder: Path,
    images: npt.NDArray[np.uint8],
    plain_series: Preparation,
) -> None:
    """Networks are fed tensors, and forecasts compared step by step."""
    pictures, river = tmp_path / "pictures", tmp_path / "river"
    save_as_mlflow_model(pictures, image_folder, packages=["keras", "tensorflow"])
    write_example(
        tmp_path / "p", images, Predictor.load(image_folder).predict_probabilities(images)
    )
    assert run_smoke_test(pictures, tmp_path / "p").passed
    series_folder = save_last_value(tmp_path / "last_value", plain_series)
    save_as_mlflow_model(river, series_folder, packages=["keras", "tensorflow"])
    windows = np.array([[[10.0, 0.0], [20.0, 1.0], [30.0, 2.0]], [[5.0, 0.0], [6, 1.0], [7, 2]]])
    expected = np.array([[[30.0], [30.0]], [[7.0], [7.0]]])  # the last value of ``flow``
    write_example(tmp_path / "w", windows, expected)
    report = run_smoke_test(river, tmp_path / "w")
    assert report.passed, report.reason
    assert report.max_difference == pytest.approx(0.0, abs=1e-5)


def test_without_an_example_loading_is_enough(table_model: Path) -> None:
    """A version of a night before there were examples can still be rolled back to."""
    report = run_smoke_test(table_model, None)
    assert report.passed
    assert report.reason == "It loads; there was no example to predict."
    assert (report.latency_ms_p50, report.max_difference) == (None, None)


def test_a_model_whose_files_are_gone_does_not_load(
    table_model: Path, table_example: Path, tmp_path: Path
) -> None:
    """The reason begins with plain words and ends with what the interpreter said."""
    shutil.rmtree(table_model / "artifacts")
    report = run_smoke_test(table_model, table_example)
    assert not report.passed
    assert report.sentence.startswith("The model does not load: ")
    assert "predictor.py" in report.reason.partition("\n")[2]
    assert report.latency_ms_p50 is None
    gone = run_smoke_test(tmp_path / "gone", table_example)
    assert (gone.passed, gone.size_bytes) == (False, 0)


def test_a_model_may_not_need_the_project(table_model: Path, table_example: Path) -> None:
    """A part of the model's own code that is missing is not taken from where the test was started."""
    shutil.rmtree(table_model / "code" / "tasks" / "preparation" / "transformers")
    report = run_smoke_test(table_model, table_example)
    assert report.sentence.startswith("The model does not load: No module named 'tasks.")


@pytest.mark.parametrize(
    ("predict", "reason"),
    [
        ("raise RuntimeError('no oil')", "The model loads and does not predict: no oil"),
        ("return model_input[:, 0] * np.nan", "It predicts no number for 2 of 2 rows."),
        (
            "return model_input[:, 0] * 1001.5 if len(model_input) == 2 else model_input[:, 0]",
            "It differs by 0.0015 of the largest value from what it said in its night; up to 0.001 is rounding.",
        ),
        ("return model_input", "It answers in the shape (2, 1) and not (2,)."),
    ],
    ids=["raises", "no numbers", "differs", "other shape"],
)
def test_what_a_model_says_must_be_what_it_said(
    predict: str, reason: str, tmp_path: Path, example: Path
) -> None:
    """A model that predicts something else than in its night fails, and the reason says by how much."""
    model = save_scripted_model(tmp_path / "model", "pass", predict)
    report = run_smoke_test(model, example)
    assert not report.passed
    assert report.sentence == reason


def test_rounding_and_noise_are_no_difference(tmp_path: Path, example: Path) -> None:
    """Numbers are compared by the size of the largest, and what a model prints is not its answer."""
    predict = "print('{\"passed\": false}'); return model_input[:, 0] * 1000.5"
    model = save_scripted_model(tmp_path / "model", "os.write(1, b'hello')", predict)
    report = run_smoke_test(model, example)
    assert report.passed, report.reason
    assert report.max_difference == pytest.approx(0.0005)


def test_a_model_that_kills_its_process_fails(tmp_path: Path, example: Path) -> None:
    """A crash below Python is a finding like any other."""
    model = save_scripted_model(tmp_path / "model", "os.kill(os.getpid(), 11)", "return 0")
    report = run_smoke_test(model, example)
    assert report.sentence == "Its interpreter ended with signal 11 and no answer."


def test_a_model_that_hangs_is_given_up(tmp_path: Path, example: Path) -> None:
    """It says how long was waited, and the process is gone."""
    mark = tmp_path / "pid"
    load = f"open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    model = save_scripted_model(tmp_path / "model", load, "return 0")
    report = run_smoke_test(model, example, timeout_seconds=10)
    assert report.sentence == "It was not done in 10 seconds."
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_the_cards_are_left_to_those_that_train(
    tmp_path: Path, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever cards the night sees, the fresh process sees none."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    load = "self.factor = 1000 if os.environ['CUDA_VISIBLE_DEVICES'] == '' else 0"
    model = save_scripted_model(tmp_path / "model", load, "return model_input[:, 0] * self.factor")
    assert run_smoke_test(model, example).passed


def test_it_can_be_called_by_hand(table_model: Path, table_example: Path, tmp_path: Path) -> None:
    """One line of JSON on the output stream; the exit code says whether the model passed."""
    command = [sys.executable, "-m", "tasks.models.smoke", str(table_model)]
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [*command, str(table_example)], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["passed"] is True
    done = subprocess.run(
        [*command, str(tmp_path / "no example")], cwd=root, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["reason"].startswith("The example cannot be read: ")

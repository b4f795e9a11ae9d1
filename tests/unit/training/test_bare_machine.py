"""A training needs Keras, NumPy and pyarrow, and nothing else of what Nocturne is installed with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from training_support import CNN, IMAGES, LSTM, WAVES, make_waves, write

from tasks.dataset import Dataset
from tasks.preparation import Preparation
from tasks.training.request import TrainingReport, TrainingRequest

PROJECT = Path(__file__).resolve().parents[3]
# What a machine that only trains does not have: whoever asks for it there ends with an ImportError.
ABSENT = (
    "airflow", "great_expectations", "matplotlib", "mlflow", "optuna", "pandas", "psutil", "pydantic",
    "scipy", "seaborn", "sklearn", "skops", "sqlalchemy", "typer", "yaml",
)  # fmt: skip

TRAIN = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Absent())
from tasks.training.__main__ import main
sys.exit(main([{request!r}]))
"""


def train_there(request: TrainingRequest, folder: Path) -> TrainingReport:
    """Carry out a request in an interpreter that has no more than a bare machine."""
    file = folder / "request.json"
    request.write(file)
    done = subprocess.run(
        [sys.executable, "-c", TRAIN.format(absent=set(ABSENT), request=str(file))],
        cwd=PROJECT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "epoch 1/" in done.stdout
    return TrainingReport.read(Path(request.output))


@pytest.mark.parametrize("what", ["images", "series"])
def test_a_network_is_trained_without_the_rest_of_nocturne(
    tmp_path: Path, image_rows: Dataset, what: str
) -> None:
    """Rows are read, batched, augmented, fitted and the network saved."""
    preparation: Preparation
    if what == "images":
        rows, preparation = image_rows, IMAGES
        spec = CNN | {"augment": {"shift": 0.1, "rotate": 5.0, "zoom": 0.0}, "schedule": "cosine"}
    else:
        rows, preparation, spec = write(tmp_path / "waves", make_waves()), WAVES, LSTM
    (tmp_path / "preparation.json").write_text(preparation.to_json())
    request = TrainingRequest(
        candidate="there",
        spec=spec,
        dataset=str(rows.folder),
        preparation=str(tmp_path / "preparation.json"),
        output=str(tmp_path / "result"),
        seed=1,
        checkpoints=str(tmp_path / "checkpoints"),
    )
    report = train_there(request, tmp_path)
    assert report.n_epochs == 3
    assert (tmp_path / "result" / "network.keras").is_file()
    history = json.loads((tmp_path / "result" / "history.json").read_text())
    assert history["measure"] == ("accuracy" if what == "images" else "mae")

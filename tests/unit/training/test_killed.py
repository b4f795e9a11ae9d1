"""`kill -9` in the middle of a training: the next try goes on, and ends where an unbroken one ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from training_support import CNN

from tasks.dataset import Dataset
from tasks.training.request import TrainingReport, TrainingRequest

PROJECT = Path(__file__).resolve().parents[3]
EPOCH_SECONDS = 0.3  # at least: long enough to be hit in its middle
SPEC = CNN | {
    "epochs": 6,
    "dropout": 0.3,
    "patience": 5,
    "augment": {"shift": 0.2, "rotate": 0, "zoom": 0},
}

# A checkpoint after every epoch, and epochs long enough to be hit in their middle.
TRAIN = """
import sys, time
from tasks.training import monitor
monitor.SECONDS_BETWEEN_CHECKPOINTS = 0.0
original = monitor.TrainingMonitor.on_epoch_begin
def begin_slowly(self, epoch, logs=None):
    original(self, epoch, logs)
    time.sleep(0.3)
monitor.TrainingMonitor.on_epoch_begin = begin_slowly
from tasks.training.__main__ import main
sys.exit(main([sys.argv[1]]))
"""


def start(request: TrainingRequest, folder: Path) -> subprocess.Popen[str]:
    file = folder / f"{Path(request.output).name}.json"
    request.write(file)
    return subprocess.Popen(
        [sys.executable, "-u", "-c", TRAIN, str(file)],
        cwd=PROJECT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def get_weights(request: TrainingRequest) -> np.ndarray:
    network = keras.saving.load_model(Path(request.output) / "network.keras", compile=False)
    return np.concatenate([w.ravel() for w in network.get_weights()])


def test_a_training_that_was_killed_goes_on(
    tmp_path: Path, image_rows: Dataset, preparation_file: Path
) -> None:
    """The second try begins after the last finished epoch, and its weights are the unbroken ones'."""
    unbroken = TrainingRequest(
        candidate="cnn",
        spec=SPEC,
        dataset=str(image_rows.folder),
        preparation=str(preparation_file),
        output=str(tmp_path / "unbroken"),
        seed=5,
    )
    broken = replace(
        unbroken, output=str(tmp_path / "broken"), checkpoints=str(tmp_path / "checkpoints")
    )
    whole = start(unbroken, tmp_path)
    with start(broken, tmp_path) as first:
        for line in first.stdout or ():
            if line.startswith("epoch 3/"):
                break
        time.sleep(EPOCH_SECONDS)
        first.send_signal(signal.SIGKILL)
    assert first.returncode == -signal.SIGKILL
    assert not Path(broken.output).exists()
    told, errors = start(broken, tmp_path).communicate(timeout=300)
    epochs = [line.partition(":")[0] for line in told.splitlines() if line.startswith("epoch")]
    assert epochs[0] in ("epoch 4/6", "epoch 5/6"), errors[-2000:]
    _, errors = whole.communicate(timeout=300)
    assert whole.returncode == 0, errors[-2000:]
    np.testing.assert_array_equal(get_weights(broken), get_weights(unbroken))
    assert TrainingReport.read(Path(broken.output)).n_epochs == 6

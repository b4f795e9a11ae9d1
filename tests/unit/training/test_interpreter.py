"""Training in a fresh interpreter: progress comes through, errors are readable, nothing is left running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from training_support import BASELINE, MLP

from tasks.dataset import Dataset
from tasks.errors import TrainingError
from tasks.training.interpreter import train_in_fresh_interpreter
from tasks.training.request import TrainingRequest

PROJECT = Path(__file__).resolve().parents[3]
BARE_MACHINE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"pydantic", "mlflow", "airflow", "sklearn", "skops", "great_expectations",
                                  "seaborn", "matplotlib", "yaml"}:
            raise ImportError(f"{name} is not on a bare machine")

sys.meta_path.insert(0, Refuse())
from tasks.training.__main__ import main
code = main(sys.argv[1:2])
import numpy as np
from pathlib import Path
from tasks.models.predictor import Predictor
print(Predictor.load(Path(sys.argv[2])).predict_probabilities(np.zeros((3, 6, 6, 1), "uint8")).shape)
sys.exit(code)
"""


@pytest.fixture
def baseline_request(
    image_rows: Dataset, preparation_file: Path, tmp_path: Path
) -> TrainingRequest:
    """The baseline: the quickest to start."""
    output = str(tmp_path / "out")
    return TrainingRequest(
        "baseline", BASELINE, str(image_rows.folder), str(preparation_file), output, 1
    )


def test_a_network_trains_on_a_bare_machine(
    baseline_request: TrainingRequest, tmp_path: Path
) -> None:
    """Keras, NumPy and pyarrow are enough; one line per epoch is printed."""
    request = replace(baseline_request, candidate="mlp", spec=MLP)
    request.write(tmp_path / "request.json")
    done = subprocess.run(
        [sys.executable, "-c", BARE_MACHINE, str(tmp_path / "request.json"), request.output],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *epochs, trained, shape = done.stdout.splitlines()
    assert [line.split(":")[0] for line in epochs] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert re.fullmatch(r"mlp: trained in \d+\.\d s", trained)
    assert shape == "(3, 2)"


def test_the_interpreter_s_own_message_is_the_error(
    baseline_request: TrainingRequest, tmp_path: Path
) -> None:
    """What happened, what was expected and what to do, and nothing else."""
    request = replace(baseline_request, dataset=str(tmp_path / "nowhere"))
    with pytest.raises(
        TrainingError, match=r"(?s)^\S+nowhere has no manifest.json\.\nExpected: .*What to do"
    ):
        train_in_fresh_interpreter(request, tmp_path, lambda _: None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("kill -9 $$", "'baseline' was ended by signal 9"),
        ("echo 'Illegal instruction' >&2; exit 5", r"(?s)exit code 5:\nIllegal instruction"),
    ],
)
def test_an_interpreter_that_dies_is_explained(
    baseline_request: TrainingRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
    message: str,
) -> None:
    """Killed for memory, or broken before it could say why."""
    dying = tmp_path / "python"
    dying.write_text(f"#!/bin/sh\n{body}\n")
    dying.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dying))
    with pytest.raises(TrainingError, match=message):
        train_in_fresh_interpreter(baseline_request, tmp_path, lambda _: None)


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """A killed task leaves no training behind that its retry would meet."""
    os.mkfifo(tmp_path / "request.json")  # reading it waits for ever, as a long training would
    start = (
        "import os, subprocess, sys; child = subprocess.Popen([sys.executable, '-m', 'tasks.training',"
        " sys.argv[1], '--parent', str(os.getpid())]); print(child.pid, flush=True); child.wait()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", start, str(tmp_path / "request.json")],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(2.0)
    assert is_running(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True
    ).stdout
    return bool(state.strip()) and not state.strip().startswith("Z")

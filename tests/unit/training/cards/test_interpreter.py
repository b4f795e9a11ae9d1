"""Training in a fresh interpreter: progress comes through, errors are readable, nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from training_support import BASELINE

from tasks.dataset import Dataset
from tasks.errors import CardLostError, TrainingError, TrainingStoppedError
from tasks.training.cards.gpu import Gpu
from tasks.training.cards.interpreter import train_in_fresh_interpreter
from tasks.training.cards.lease import lease_cards
from tasks.training.request import TrainingRequest

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def baseline_request(
    image_rows: Dataset, preparation_file: Path, tmp_path: Path
) -> TrainingRequest:
    """The baseline: the quickest to start."""
    output = str(tmp_path / "out")
    return TrainingRequest(
        "baseline", BASELINE, str(image_rows.folder), str(preparation_file), output, 1
    )


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
    ("body", "kind", "message"),
    [
        ("kill -9 $$", TrainingStoppedError, "'baseline' was ended by signal 9"),
        (
            "echo 'Illegal instruction' >&2; exit 5",
            TrainingError,
            r"(?s)exit code 5:\nIllegal instruction",
        ),
        (
            "echo 'F tensorflow: CUDA_ERROR_ECC_UNCORRECTABLE' >&2; kill -6 $$",
            CardLostError,
            r"(?s)card that trained 'baseline' was lost:\n.*ECC",
        ),
        ("echo 'tasks.training: Gone.' >&2; exit 3", TrainingStoppedError, r"^Gone\.$"),
        ("echo 'tasks.training: Broken.' >&2; exit 1", TrainingError, r"^Broken\.$"),
    ],
)
def test_an_interpreter_that_dies_is_explained(
    baseline_request: TrainingRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
    kind: type[TrainingError],
    message: str,
) -> None:
    """Killed for memory, without its card, or broken before it could say why."""
    dying = tmp_path / "python"
    dying.write_text(f"#!/bin/sh\n{body}\n")
    dying.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dying))
    with pytest.raises(kind, match=message) as raised:
        train_in_fresh_interpreter(baseline_request, tmp_path, lambda _: None)
    assert type(raised.value) is kind


def test_it_sees_the_leased_cards_and_holds_the_lease(
    baseline_request: TrainingRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that is the lease is open in the interpreter, too."""
    gpu = Gpu(0, "NVIDIA H200", "GPU-1111")
    looking = tmp_path / "python"
    monkeypatch.setattr(sys, "executable", str(looking))
    lines: list[str] = []
    with lease_cards([gpu], 1, tmp_path / "leases") as lease:
        looking.write_text(
            '#!/bin/sh\necho "cards $CUDA_VISIBLE_DEVICES"\n'
            f"test -e /dev/fd/{lease.descriptors[0]} && echo held\nexit 7\n"
        )
        looking.chmod(0o755)
        with pytest.raises(TrainingError, match="exit code 7"):
            train_in_fresh_interpreter(baseline_request, tmp_path, lines.append, lease=lease)
    assert lines == ["cards GPU-1111", "held"]


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

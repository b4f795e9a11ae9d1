"""Leases of cards: one holder each, freed when the holder ends however that is, never a deadlock."""

from __future__ import annotations

import logging
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.training.cards.gpu import Gpu
from tasks.training.cards.lease import lease_cards

PROJECT = Path(__file__).resolve().parents[3]
FIRST, SECOND = Gpu(0, "NVIDIA H200", "GPU-1111"), Gpu(1, "NVIDIA H200", "GPU-2222")
# Another process that leases one of the two cards, says which, and holds it until it is ended.
HOLDER = """
import sys
from pathlib import Path
from tasks.training.cards.gpu import Gpu
from tasks.training.cards.lease import lease_cards

gpus = [Gpu(i, "NVIDIA H200", uuid) for i, uuid in enumerate(sys.argv[2:])]
with lease_cards(gpus, 1, Path(sys.argv[1])) as lease:
    print(lease.gpus[0].uuid, flush=True)
    sys.stdin.read()
"""


@contextmanager
def hold_elsewhere(folder: Path, *uuids: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), *uuids],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_two_processes_never_share_a_card(tmp_path: Path) -> None:
    """The second gets the other card."""
    with (
        hold_elsewhere(tmp_path, "GPU-1111", "GPU-2222") as (_, theirs),
        lease_cards([FIRST, SECOND], 1, tmp_path) as ours,
    ):
        assert theirs == "GPU-1111"
        assert ours.gpus == (SECOND,)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_dead_holder_leaves_no_lease(
    tmp_path: Path, number: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever waits says for whom, and gets the card when the holder has died."""
    caplog.set_level(logging.INFO)
    with hold_elsewhere(tmp_path, "GPU-1111") as (holder, _):
        killer = threading.Timer(1.0, holder.send_signal, [number])
        killer.start()
        began = time.monotonic()
        with lease_cards([FIRST], 1, tmp_path) as lease:
            waited = time.monotonic() - began
        killer.join()
    assert lease.gpus == (FIRST,)
    assert 0.9 < waited < 10.0
    expected = f"waiting for a card: NVIDIA H200 0 is held by process {holder.pid}"
    assert caplog.messages == [expected]


def test_a_lease_ends_with_its_block(tmp_path: Path) -> None:
    """Also when the block raises."""
    with pytest.raises(RuntimeError), lease_cards([FIRST], 1, tmp_path):
        raise RuntimeError
    with hold_elsewhere(tmp_path, "GPU-1111") as (_, theirs):
        assert theirs == "GPU-1111"


def test_a_process_that_inherits_the_lease_keeps_it(tmp_path: Path) -> None:
    """A training whose task was killed has its card until it has ended itself."""
    with lease_cards([FIRST], 1, tmp_path) as lease:
        child = subprocess.Popen(["sleep", "1.5"], pass_fds=lease.descriptors)
    began = time.monotonic()
    with lease_cards([FIRST], 1, tmp_path):
        assert time.monotonic() - began > 0.9
    assert child.wait() == 0


def test_several_cards_are_leased_at_once_or_not_at_all(tmp_path: Path) -> None:
    """While one of two is taken, whoever wants both keeps the other from nobody."""
    got: list[tuple[Gpu, ...]] = []

    def lease_both() -> None:
        with lease_cards([FIRST, SECOND], 2, tmp_path) as lease:
            got.append(lease.gpus)

    with hold_elsewhere(tmp_path, "GPU-1111"):
        waiting = threading.Thread(target=lease_both)
        waiting.start()
        time.sleep(0.3)
        with hold_elsewhere(tmp_path, "GPU-2222") as (_, theirs):
            assert theirs == "GPU-2222"
        assert not got
    waiting.join(20)
    assert got == [(FIRST, SECOND)]


def test_fewer_cards_are_leased_where_fewer_are_there(tmp_path: Path) -> None:
    """Nobody waits for cards that do not exist."""
    with lease_cards([FIRST], 4, tmp_path / "new" / "folder") as lease:
        assert lease.gpus == (FIRST,)
        assert len(lease.descriptors) == 1
        assert re.fullmatch(r"\d+", (tmp_path / "new" / "folder" / "GPU-1111.lock").read_text())

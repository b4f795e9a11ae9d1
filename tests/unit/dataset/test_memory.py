"""Giving memory back, only where there is much of it; and the most that was held."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pytest

from tasks.dataset.memory import measure_peak, release_free_memory, restart_peak

MIB = 1024 * 1024
N_MIB = 128  # so much is taken; far more than the interpreter takes by the way


class Ring:
    """Garbage that only the collector finds: it holds itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.parametrize(("worth_bytes", "is_collected"), [(0, True), (2**60, False)])
def test_memory_is_given_back_where_it_is_worth_it(
    monkeypatch: pytest.MonkeyPatch, worth_bytes: int, is_collected: bool
) -> None:
    """A small process keeps its pages for the next step; what is in use stays in either case."""
    monkeypatch.setattr("tasks.dataset.memory.WORTH_RELEASING_BYTES", worth_bytes)
    in_use = pa.array(range(1000))
    gc.disable()
    try:
        ring = weakref.ref(Ring())
        release_free_memory()
        assert (ring() is None) == is_collected
    finally:
        gc.enable()
    assert in_use.to_pylist() == list(range(1000))


def touch(n_mib: int) -> np.ndarray:
    """Take memory and write to it: pages that were never touched are not held."""
    return np.ones(n_mib * MIB, dtype=np.uint8)


def get_held_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def test_the_peak_is_what_was_held_and_not_what_is() -> None:
    """Memory that was freed again counts, in bytes."""
    restart_peak()
    before = measure_peak()
    held = touch(N_MIB)
    assert held[-1] == 1
    del held
    gc.collect()
    assert measure_peak() >= before + 0.9 * N_MIB * MIB
    assert get_held_bytes() < before + 0.5 * N_MIB * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can restart the peak")
def test_a_restarted_peak_forgets_what_was_before() -> None:
    """One step's figure is not the one of the step before it in the same process."""
    held = touch(N_MIB)
    del held
    gc.collect()
    before = measure_peak()
    restart_peak()
    assert measure_peak() < before - 0.5 * N_MIB * MIB
    assert measure_peak() >= 0.9 * get_held_bytes()


def test_where_the_peak_cannot_be_restarted_it_is_that_of_the_whole_life(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without Linux's /proc nothing fails, and the system's own figure is in bytes, too."""
    held = touch(N_MIB)
    del held
    monkeypatch.setattr("tasks.dataset.memory._PROCESS", tmp_path / "nowhere")
    restart_peak()
    found = measure_peak()
    assert found >= get_held_bytes()
    assert found >= N_MIB * MIB
    assert found < psutil.virtual_memory().total * 2


def test_a_status_without_a_peak_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Some sandboxes leave the line out."""
    (tmp_path / "status").write_text("Name:\tpython\nVmRSS:\t1 kB\n")
    monkeypatch.setattr("tasks.dataset.memory._PROCESS", tmp_path)
    assert measure_peak() >= 1 * MIB


def test_the_peak_is_read_in_kibibytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As proc_pid_status(5) writes it, whatever it calls them."""
    (tmp_path / "status").write_text("VmPeak:\t9 kB\nVmHWM:\t  300 kB\nVmRSS:\t1 kB\n")
    monkeypatch.setattr("tasks.dataset.memory._PROCESS", tmp_path)
    assert measure_peak() == 300 * 1024

"""Giving memory back: only where there is much of it."""

from __future__ import annotations

import gc
import weakref

import pyarrow as pa
import pytest

from tasks.dataset.memory import release_free_memory


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

"""An array filled from a stream has the rows in order; memory does not grow with a mapped one."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tasks.training.data import array_builder as module
from tasks.training.data.array_builder import ArrayBuilder


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("bound", [0, 10**9])
def test_rows_come_back_in_order(
    tmp_path: Path, dtype: str, bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In memory or in a file, from contiguous pieces or not."""
    monkeypatch.setattr(module, "MAX_ARRAY_BYTES", bound)
    rows = np.arange(60).reshape(10, 3, 2).astype(dtype)
    builder = ArrayBuilder(10, (3, 2), tmp_path / "a.npy")
    builder.append(rows[:4])
    builder.append(rows[:3:-1][::-1])
    found = builder.finish()
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, rows)
    assert (tmp_path / "a.npy").exists() == (bound == 0)


def test_memory_does_not_grow_with_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 MiB pass through in pieces of 1 MiB; held are a few pieces."""
    monkeypatch.setattr(module, "MAX_ARRAY_BYTES", 1024)
    builder = ArrayBuilder(64 * 1024, (1024,), tmp_path / "large.npy")
    tracemalloc.start()
    for i in range(64):
        builder.append(np.full((1024, 1024), i, dtype=np.uint8))
    found = builder.finish()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * 1024**2
    assert found[1023:1026, 0].tolist() == [0, 1, 1]


def test_nothing_is_an_empty_array() -> None:
    """Without rows there is no dtype to learn."""
    assert ArrayBuilder(0, (4, 2), None).finish().shape == (0, 4, 2)


def test_missing_rows_are_noticed() -> None:
    """An array that is not full would hold whatever lay in memory."""
    builder = ArrayBuilder(3, (), None)
    builder.append(np.array([1]))
    with pytest.raises(ValueError, match="1 of 3 rows have come"):
        builder.finish()

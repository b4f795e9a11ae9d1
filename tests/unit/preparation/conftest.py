"""What every transformer must keep to, whatever it does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.preparation.frame import Frame, count_rows, take_rows
from tasks.preparation.transformer import Transformer
from tasks.preparation.transformers import transformer_from_json

Manners = Callable[..., None]


def concat_frames(parts: list[Frame]) -> Frame:
    """Put frames with the same columns under each other."""
    return {
        name: np.concatenate([part[name] for part in parts])
        if isinstance(parts[0][name], np.ndarray)
        else pa.concat_arrays([part[name] for part in parts])
        for name in (parts[0] if parts else {})
    }


def same_bits(first: Any, second: Any) -> bool:
    """Whether two columns are the same bits, NaN and the sign of zero included."""
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and first.tobytes() == second.tobytes()
    return bool(first.equals(second))


def check_same(first: Frame, second: Frame) -> None:
    """Check that two frames have the same columns in the same order, with the same bits."""
    assert list(first) == list(second)
    for name in first:
        assert same_bits(first[name], second[name]), name


def save_and_load(transformer: Transformer) -> Transformer:
    """Through real JSON text, as a model carries it."""
    return transformer_from_json(json.loads(json.dumps(transformer.to_json(), allow_nan=False)))


def copy_frame(frame: Frame) -> Frame:
    """Copy every column."""
    return {
        name: column.copy()
        if isinstance(column, np.ndarray)
        else pa.array(column.to_pylist(), column.type)
        for name, column in frame.items()
    }


@pytest.fixture
def check_manners() -> Manners:
    """A check of a fitted transformer: JSON, batches, single rows, no row, inputs untouched."""

    def check(transformer: Transformer, frame: Frame, sizes: tuple[int, ...] = (1, 2, 3)) -> None:
        before = copy_frame(frame)
        whole = transformer.transform(frame).frame
        check_same(before, frame)
        loaded = save_and_load(transformer)
        assert json.dumps(loaded.to_json()) == json.dumps(transformer.to_json())
        check_same(loaded.transform(frame).frame, whole)
        check_same(before, frame)
        n_rows = count_rows(frame)
        nothing = transformer.transform(take_rows(frame, np.arange(0))).frame
        assert list(nothing) == list(whole)
        assert count_rows(nothing) == 0
        if transformer.needs_all_rows:
            return
        for size in sizes:
            parts = [
                take_rows(frame, np.arange(start, min(start + size, n_rows)))
                for start in range(0, n_rows, size)
            ]
            check_same(concat_frames([loaded.transform(part).frame for part in parts]), whole)

    return check

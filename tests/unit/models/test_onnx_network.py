"""An exported network is asked in slices, on several threads, and says the same as at once."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from tasks.errors import ModelError
from tasks.models import onnx_network as module
from tasks.models.onnx_export import build_onnx_model
from tasks.models.onnx_network import load_onnx_network


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    """A network that says 2 x + 1 of two features."""
    inputs = keras.Input((2,))
    network = keras.Model(inputs, keras.layers.Rescaling(2.0, 1.0)(inputs))
    onnx.save(build_onnx_model(network), tmp_path / "network.onnx")
    return tmp_path / "network.onnx"


def test_rows_keep_their_order_over_slices_and_threads(
    doubling: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eleven rows, two at a time."""
    monkeypatch.setattr(module, "VALUES_AT_ONCE", 4)
    rows = np.arange(22.0).reshape(11, 2)
    assert load_onnx_network(doubling)(rows).tolist() == (2 * rows + 1).tolist()


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64", "float16"])
def test_any_numbers_are_read(doubling: Path, dtype: str) -> None:
    """Images come as uint8, and as a view with its rows apart."""
    rows = np.arange(12).reshape(3, 4).astype(dtype)[:, ::2]
    answer = load_onnx_network(doubling)(rows)
    assert answer.dtype == np.float32
    assert answer.tolist() == [[1, 5], [9, 13], [17, 21]]


def test_several_threads_may_ask_at_once(doubling: Path) -> None:
    """A server answers requests side by side."""
    compute = load_onnx_network(doubling)
    given = [np.full((3, 2), i) for i in range(40)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(compute, given))
    assert [a[0, 0] for a in answers] == [2 * i + 1 for i in range(40)]


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    """The message names the file."""
    file = tmp_path / "network.onnx"
    file.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"network\.onnx cannot be loaded as a network"):
        load_onnx_network(file)


def test_without_onnx_runtime_the_message_says_so(
    doubling: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is loaded without its requirements."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match="ONNX Runtime is not installed"):
        load_onnx_network(doubling)

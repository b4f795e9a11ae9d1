"""Keras's images: MNIST from a file, all of them checked, and the message without them."""

from __future__ import annotations

import datetime
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.errors import SourceError
from tasks.ingestion.keras_datasets import (
    check_images,
    download_images,
    read_keras,
    read_mnist_file,
)
from tasks.workflow import KerasSource

NIGHT = datetime.date(2026, 1, 1)


def write_mnist(folder: Path, **changes: Any) -> Path:
    random = np.random.default_rng(0)
    arrays = {
        "x_train": random.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        "y_train": np.arange(20, dtype=np.uint8) % 10,
        "x_test": random.integers(0, 256, (5, 28, 28), dtype=np.uint8),
        "y_test": np.arange(5, dtype=np.uint8),
        **changes,
    }
    path = folder / "mnist.npz"
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def test_training_rows_arrive_and_the_holdout_is_there_at_once(tmp_path: Path) -> None:
    """On the first of four nights a quarter of the training rows is there, and all test rows."""
    path = write_mnist(tmp_path)
    source = KerasSource.model_validate(
        {"kind": "keras", "dataset": "mnist", "arrives": {"from": "2026-01-01", "nights": 4}}
    )
    train, test = read_keras(source, path, NIGHT)
    assert (train.source, test.source) == ("mnist/train", "mnist/test")
    assert train.rows["split"].to_pylist() == ["train"] * 5
    assert test.rows["split"].to_pylist() == ["holdout"] * 5
    assert train.rows["label"].to_pylist() == [0, 1, 2, 3, 4]
    assert train.rows["image"].type.shape == [28, 28, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "has no y_test"),
        ({"x_train": np.zeros((20, 28, 27), np.uint8)}, r"x_train has shape \(20, 28, 27\)"),
        ({"x_train": np.zeros((20, 28, 28), np.float32)}, "x_train has .* type float32"),
        ({"y_train": np.zeros(19, np.uint8)}, r"y_train has shape \(19,\)"),
        ({"y_test": np.zeros(5)}, "y_test has .* type float64"),
        ({"x_test": np.zeros((0, 28, 28), np.uint8)}, r"x_test has shape \(0, 28, 28\)"),
        ({"x_test": np.array([{}])}, "Object arrays cannot be loaded"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """Keys, shapes, types and counts are checked, and pickled objects never loaded."""
    path = write_mnist(tmp_path, **changes)
    with pytest.raises(SourceError, match=message):
        read_mnist_file(path)


def test_missing_file_says_how_to_set_it(tmp_path: Path) -> None:
    """The error names the variable."""
    with pytest.raises(SourceError, match=r"does not exist.*\n.*NOCTURNE_MNIST"):
        read_mnist_file(tmp_path / "none.npz")


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    """An npy file is not the archive that is asked for."""
    path = tmp_path / "mnist.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(SourceError, match="is a single array"):
        read_mnist_file(path)


@pytest.mark.parametrize("kept_bytes", [0, 10, 5_000, -30])
def test_truncated_file_is_refused(tmp_path: Path, kept_bytes: int) -> None:
    """A file that was cut short anywhere is no npz."""
    path = write_mnist(tmp_path)
    path.write_bytes(path.read_bytes()[:kept_bytes])
    with pytest.raises(SourceError, match="corrupted, cut short or no npz"):
        read_mnist_file(path)


def test_flipped_byte_is_refused(tmp_path: Path) -> None:
    """The archive's own checksum is looked at."""
    path = write_mnist(tmp_path)
    content = bytearray(path.read_bytes())
    content[2_000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(SourceError, match="corrupted"):
        read_mnist_file(path)


def test_no_network_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network and without a cached file the error names NOCTURNE_MNIST."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("network is unreachable")

    # What a host without network does, whatever this one has.
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in (
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    before = socket.getdefaulttimeout()
    with pytest.raises(SourceError, match=r"NOCTURNE_MNIST to a local mnist\.npz"):
        download_images("mnist")
    assert socket.getdefaulttimeout() == before


def test_the_file_of_mnist_is_none_of_another_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only MNIST is read from NOCTURNE_MNIST; ten labels in a column of their own become one."""
    from keras.datasets import cifar10

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    labels = np.array([[9], [0], [4]], np.uint8)
    # What a download gives: there is no network where the tests run.
    monkeypatch.setattr(cifar10, "load_data", lambda: ((images, labels), (images, labels)))
    source = KerasSource.model_validate({"kind": "keras", "dataset": "cifar10"})
    train, test = read_keras(source, tmp_path / "mnist.npz", NIGHT)
    assert (train.source, test.source) == ("cifar10/train", "cifar10/test")
    assert train.rows["label"].to_pylist() == [9, 0, 4]
    assert train.rows["image"].type.shape == [32, 32, 3]
    np.testing.assert_array_equal(train.rows["image"].to_numpy_ndarray(), images)


@pytest.mark.parametrize("dataset", ["fashion_mnist", "cifar10"])
def test_a_data_set_of_another_shape_is_refused(dataset: str) -> None:
    """The error says what a network can do about it, and nothing of NOCTURNE_MNIST."""
    arrays = {f"x_{part}": np.zeros((2, 5, 5), np.uint8) for part in ("train", "test")}
    arrays |= {f"y_{part}": np.zeros(2, np.uint8) for part in ("train", "test")}
    with pytest.raises(SourceError, match=r"x_train has shape \(2, 5, 5\)") as caught:
        check_images(arrays, dataset, "here")
    assert "NOCTURNE_MNIST" not in str(caught.value)

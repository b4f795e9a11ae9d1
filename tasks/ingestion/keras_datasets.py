"""MNIST as ``keras.datasets`` has it: from a file of the user's, or downloaded once by Keras.

Source for ``step.py``. Both ways hold all images in memory, 55 MB.
"""

from __future__ import annotations

import contextlib
import datetime
import socket
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import array_to_tensor_column
from tasks.dataset.columns import SPLIT_COLUMN
from tasks.errors import SourceError
from tasks.ingestion.arrival import count_arrived_rows
from tasks.ingestion.parts import Part, cut_into_parts
from tasks.workflow import KerasSource

IMAGE_SHAPE = (28, 28)
KEYS = ("x_train", "y_train", "x_test", "y_test")
DOWNLOAD_TIMEOUT_SECONDS = (
    60.0  # Keras sets none: a network that swallows packets would hold the night
)
_HINT = "set NOCTURNE_MNIST to a local mnist.npz with the keys " + ", ".join(KEYS)


@dataclass(frozen=True)
class Mnist:
    """Images of shape (n, 28, 28), uint8, and labels of shape (n,), int64."""

    x_train: npt.NDArray[np.uint8]
    y_train: npt.NDArray[np.int64]
    x_test: npt.NDArray[np.uint8]
    y_test: npt.NDArray[np.int64]


def read_keras(source: KerasSource, file: Path | None, night: datetime.date) -> Iterator[Part]:
    """Read what had arrived of MNIST by a night: training rows first, then all test rows.

    Parameters
    ----------
    source : KerasSource
    file : Path or None
        A local ``mnist.npz``; None lets Keras download it.
    night : datetime.date

    Yields
    ------
    Part
        Columns ``image`` (uint8 tensors of shape (28, 28, 1)), ``label`` (int64) and ``split``:
        ``train`` for the training images, of which arrivals are counted, and ``holdout`` for the
        test images, which are there from the first night on. ``source`` is ``mnist/train`` or
        ``mnist/test``, ``line`` the row in that part, from 1.

    Raises
    ------
    SourceError
        When the file or the network is not there, the content is not MNIST's, or nothing arrived.
    """
    mnist = read_mnist_file(file) if file is not None else download_mnist()
    n_arrived = count_arrived_rows("mnist", len(mnist.x_train), source.arrives, night)
    yield from _to_parts("train", mnist.x_train[:n_arrived], mnist.y_train[:n_arrived], "train")
    yield from _to_parts("test", mnist.x_test, mnist.y_test, "holdout")


def read_mnist_file(file: Path) -> Mnist:
    """Read an ``mnist.npz``, without pickle, and check it.

    Raises
    ------
    SourceError
        When it is missing, corrupted, or holds something else.
    """
    where = f"The file {file} (NOCTURNE_MNIST)"
    try:
        # Opened here, because np.load leaves a file open that turns out to be no archive.
        with file.open("rb") as content:
            archive = np.load(content, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise SourceError(
                    f"{where} is a single array.",
                    expected=f"an archive with the arrays {', '.join(KEYS)}",
                    hint=_HINT,
                )
            arrays = {key: archive[key] for key in KEYS if key in archive.files}
    except FileNotFoundError as error:
        raise SourceError(f"{where} does not exist.", hint=_HINT) from error
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise SourceError(
            f"{where} is corrupted, cut short or no npz file: {error}",
            expected="an archive written by numpy.savez",
            hint="fetch the file again; or " + _HINT,
        ) from error
    return check_mnist(arrays, where)


def download_mnist() -> Mnist:
    """Let Keras download MNIST into its cache (``KERAS_HOME``), or read it from there.

    Raises
    ------
    SourceError
        When there is no network, or the cached file cannot be read.
    """
    from keras.datasets import mnist

    try:
        with _socket_timeout(DOWNLOAD_TIMEOUT_SECONDS):
            (x_train, y_train), (x_test, y_test) = mnist.load_data()
    except Exception as error:  # Keras raises no narrower one when a download fails
        raise SourceError(
            f"keras.datasets.mnist could not be downloaded or read: {error}",
            expected="a network connection, or the file",
            hint=_HINT,
        ) from error
    arrays = dict(zip(KEYS, (x_train, y_train, x_test, y_test), strict=True))
    return check_mnist(arrays, "keras.datasets.mnist")


def check_mnist(arrays: Mapping[str, npt.NDArray[Any]], where: str) -> Mnist:
    """Check keys, shapes, types and counts of MNIST's four arrays.

    Parameters
    ----------
    arrays : mapping of str to ndarray
    where : str
        Where they come from, for the error.

    Returns
    -------
    Mnist

    Raises
    ------
    SourceError
        Naming the array that is not as it should be.
    """
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise SourceError(
            f"{where} has no {', '.join(missing)}.",
            expected=f"the arrays {', '.join(KEYS)}",
            hint=_HINT,
        )
    for part in ("train", "test"):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        is_image = images.ndim == 3 and images.shape[1:] == IMAGE_SHAPE and len(images) > 0
        if not is_image or images.dtype != np.uint8:
            raise SourceError(
                f"{where}: x_{part} has shape {images.shape} and type {images.dtype}.",
                expected=f"shape (n, {IMAGE_SHAPE[0]}, {IMAGE_SHAPE[1]}) and type uint8",
                hint=_HINT,
            )
        if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
            raise SourceError(
                f"{where}: y_{part} has shape {labels.shape} and type {labels.dtype}.",
                expected=f"one whole number for each of the {len(images)} images",
                hint=_HINT,
            )
    return Mnist(
        x_train=arrays["x_train"],
        y_train=arrays["y_train"].astype(np.int64),
        x_test=arrays["x_test"],
        y_test=arrays["y_test"].astype(np.int64),
    )


def _to_parts(
    part: str, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], split: str
) -> list[Part]:
    rows = pa.table(
        {
            "image": array_to_tensor_column(images[..., np.newaxis]),
            "label": pa.array(labels),
            SPLIT_COLUMN: pa.array([split] * len(labels), pa.string()),
        }
    )
    lines = pa.array(np.arange(1, len(labels) + 1, dtype=np.int64))
    return cut_into_parts(f"mnist/{part}", rows, lines)


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)

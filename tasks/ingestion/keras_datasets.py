"""The images of ``keras.datasets``: downloaded once by Keras, MNIST also from a file of the user's.

Source for ``step.py``. All images are in memory: 55 MB, and 184 MB of ``cifar10``.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib
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

IMAGE_SHAPES = {"mnist": (28, 28, 1), "fashion_mnist": (28, 28, 1), "cifar10": (32, 32, 3)}
KEYS = ("x_train", "y_train", "x_test", "y_test")
DOWNLOAD_TIMEOUT_SECONDS = (
    60.0  # Keras sets none: a network that swallows packets would hold the night
)
_MNIST_HINT = "set NOCTURNE_MNIST to a local mnist.npz with the keys " + ", ".join(KEYS)
_HINT = "run once with a network: Keras keeps the files under KERAS_HOME"


@dataclass(frozen=True)
class ImageSet:
    """Images of shape (n, height, width, channels), uint8, and labels of shape (n,), int64."""

    x_train: npt.NDArray[np.uint8]
    y_train: npt.NDArray[np.int64]
    x_test: npt.NDArray[np.uint8]
    y_test: npt.NDArray[np.int64]


def read_keras(source: KerasSource, file: Path | None, night: datetime.date) -> Iterator[Part]:
    """Read what had arrived of a data set by a night: training rows first, then all test rows.

    Parameters
    ----------
    source : KerasSource
    file : Path or None
        A local ``mnist.npz``, for MNIST only; None lets Keras download the data set.
    night : datetime.date

    Yields
    ------
    Part
        Columns ``image`` (uint8 tensors of shape (28, 28, 1), or (32, 32, 3) for ``cifar10``),
        ``label`` (int64) and ``split``: ``train`` for the training images, of which arrivals are
        counted, and ``holdout`` for the test images, which are there from the first night on.
        ``source`` is for example ``mnist/train`` or ``mnist/test``, ``line`` the row in that part,
        from 1.

    Raises
    ------
    SourceError
        When the file or the network is not there, the content is another one, or nothing arrived.
    """
    name = source.dataset
    images = read_mnist_file(file) if file and name == "mnist" else download_images(name)
    n_arrived = count_arrived_rows(name, len(images.x_train), source.arrives, night)
    arrived = slice(0, n_arrived)
    yield from _to_parts(f"{name}/train", images.x_train[arrived], images.y_train[arrived], "train")
    yield from _to_parts(f"{name}/test", images.x_test, images.y_test, "holdout")


def read_mnist_file(file: Path) -> ImageSet:
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
                    hint=_MNIST_HINT,
                )
            arrays = {key: archive[key] for key in KEYS if key in archive.files}
    except FileNotFoundError as error:
        raise SourceError(f"{where} does not exist.", hint=_MNIST_HINT) from error
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise SourceError(
            f"{where} is corrupted, cut short or no npz file: {error}",
            expected="an archive written by numpy.savez",
            hint="fetch the file again; or " + _MNIST_HINT,
        ) from error
    return check_images(arrays, "mnist", where)


def download_images(dataset: str) -> ImageSet:
    """Let Keras download a data set into its cache (``KERAS_HOME``), or read it from there.

    Parameters
    ----------
    dataset : str
        One of :data:`IMAGE_SHAPES`.

    Raises
    ------
    SourceError
        When there is no network, or the cached file cannot be read.
    """
    module = importlib.import_module(f"keras.datasets.{dataset}")
    try:
        with _socket_timeout(DOWNLOAD_TIMEOUT_SECONDS):
            (x_train, y_train), (x_test, y_test) = module.load_data()
    except Exception as error:  # Keras raises no narrower one when a download fails
        raise SourceError(
            f"keras.datasets.{dataset} could not be downloaded or read: {error}",
            expected="a network connection, or the file",
            hint=_get_hint(dataset),
        ) from error
    arrays = dict(zip(KEYS, (x_train, y_train, x_test, y_test), strict=True))
    return check_images(arrays, dataset, f"keras.datasets.{dataset}")


def check_images(arrays: Mapping[str, npt.NDArray[Any]], dataset: str, where: str) -> ImageSet:
    """Check keys, shapes, types and counts of a data set's four arrays.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Labels of shape (n,), or (n, 1) as ``cifar10`` has them.
    dataset : str
        One of :data:`IMAGE_SHAPES`.
    where : str
        Where they come from, for the error.

    Returns
    -------
    ImageSet

    Raises
    ------
    SourceError
        Naming the array that is not as it should be.
    """
    hint = _get_hint(dataset)
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise SourceError(
            f"{where} has no {', '.join(missing)}.",
            expected=f"the arrays {', '.join(KEYS)}",
            hint=hint,
        )
    *size, n_channels = IMAGE_SHAPES[dataset]
    stored = tuple(size) if n_channels == 1 else IMAGE_SHAPES[dataset]
    checked: dict[str, npt.NDArray[Any]] = {}
    for part in ("train", "test"):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        is_image = images.ndim > 1 and images.shape[1:] == stored and len(images) > 0
        if not is_image or images.dtype != np.uint8:
            raise SourceError(
                f"{where}: x_{part} has shape {images.shape} and type {images.dtype}.",
                expected=f"shape (n, {', '.join(map(str, stored))}) and type uint8",
                hint=hint,
            )
        has_shape = labels.shape in ((len(images),), (len(images), 1))
        if not has_shape or not np.issubdtype(labels.dtype, np.integer):
            raise SourceError(
                f"{where}: y_{part} has shape {labels.shape} and type {labels.dtype}.",
                expected=f"one whole number for each of the {len(images)} images",
                hint=hint,
            )
        checked[f"x_{part}"] = images.reshape(-1, *IMAGE_SHAPES[dataset])
        checked[f"y_{part}"] = labels.reshape(-1).astype(np.int64)
    return ImageSet(**checked)


def _get_hint(dataset: str) -> str:
    return _MNIST_HINT if dataset == "mnist" else _HINT


def _to_parts(
    name: str, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], split: str
) -> list[Part]:
    rows = pa.table(
        {
            "image": array_to_tensor_column(images),
            "label": pa.array(labels),
            SPLIT_COLUMN: pa.repeat(pa.scalar(split, pa.string()), len(labels)),
        }
    )
    lines = pa.array(np.arange(1, len(labels) + 1, dtype=np.int64))
    return cut_into_parts(name, rows, lines)


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)

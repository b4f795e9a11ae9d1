"""A NumPy archive as a stream of parts: an array per column, as long as each other.

Used by ``files.py``. Arrays are read a few rows at a time, nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import array_to_tensor_column
from tasks.ingestion.locations import SourceFile
from tasks.ingestion.parts import ROWS_PER_PART, Part, make_empty_part
from tasks.ingestion.raw import check_columns, find_id_column
from tasks.workflow import Columns

PART_BYTES = 32 * 1024 * 1024  # of the largest array in a part
_IMAGE_TYPES = (np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.float64))
_EXPECTED = "an archive written by numpy.savez, with an array per column"


@dataclass(frozen=True)
class _Array:
    """An array in the archive, opened behind its header."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stream: IO[bytes]

    def read(self, n_rows: int) -> npt.NDArray[Any]:
        """Read the next rows.

        Raises
        ------
        EOFError
            When the archive ends before.
        """
        shape = (n_rows, *self.shape[1:])
        n_bytes = math.prod(shape) * self.dtype.itemsize
        content = self.stream.read(n_bytes)
        if len(content) < n_bytes:
            raise EOFError(f"the array {self.name!r} is cut short")
        return np.frombuffer(content, self.dtype).reshape(shape)


def read_npz_file(file: SourceFile, columns: Columns, needed: list[str]) -> Iterator[Part]:
    """Stream a NumPy archive.

    Parameters
    ----------
    file : SourceFile
    columns : Columns
        Names the id and the images.
    needed : list of str
        The arrays to read; no other is.

    Yields
    ------
    Part
        First one without rows. Images of shape (n, height, width) or (n, height, width, channels)
        and of type uint8, float32 or float64 become tensors with channels; other arrays have one
        dimension. Rows are numbered from 1.

    Raises
    ------
    SourceError
        When an array is missing, holds objects, has other dimensions or another length, or the
        archive is damaged.
    """
    image = columns.image.column if columns.image else None
    try:
        with (
            contextlib.closing(file.open()) as stream,
            zipfile.ZipFile(stream) as archive,
            contextlib.ExitStack() as stack,
        ):
            known = [n.removesuffix(".npy") for n in archive.namelist()]
            check_columns(needed, known, f"The file {file.where}")
            id_column = find_id_column(known, columns, f"The file {file.where}")
            wanted = list(dict.fromkeys([*needed, *([id_column] if id_column else [])]))
            arrays = [_open_array(stack, file, archive, name, name == image) for name in wanted]
            _check_lengths(file, arrays)
            yield from _read_parts(file, arrays, image)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, zlib.error) as error:
        raise file.make_error(
            f"is corrupted, cut short or no npz file: {error}", expected=_EXPECTED
        ) from file.find_cause(error)


def _read_parts(file: SourceFile, arrays: list[_Array], image: str | None) -> Iterator[Part]:
    n_rows = arrays[0].shape[0]
    row_bytes = max(math.prod(a.shape[1:]) * a.dtype.itemsize for a in arrays)
    size = max(1, min(ROWS_PER_PART, PART_BYTES // max(1, row_bytes)))
    for first in range(0, n_rows + 1, size):  # also a part of an archive without rows
        n_part = min(size, n_rows - first)
        columns = {a.name: _to_column(file, a, n_part, a.name == image) for a in arrays}
        rows = pa.RecordBatch.from_pydict(columns)
        if not first:
            yield make_empty_part(file.name, rows.schema)
        if n_part:
            lines = pa.array(np.arange(first + 1, first + 1 + n_part))
            yield Part(file.name, lines, rows)


def _open_array(
    stack: contextlib.ExitStack,
    file: SourceFile,
    archive: zipfile.ZipFile,
    name: str,
    is_image: bool,
) -> _Array:
    stream = stack.enter_context(archive.open(f"{name}.npy"))
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    what = f"has the array {name!r} of shape {shape} and type {dtype}"
    if dtype.hasobject:
        raise file.make_error(
            f"{what}: Python objects, which are never unpickled.",
            expected="numbers, booleans, text or times",
            hint="convert it, for example with astype(str) or astype(float), and save it again",
        )
    if is_image and (len(shape) not in (3, 4) or dtype.newbyteorder("=") not in _IMAGE_TYPES):
        raise file.make_error(
            f"{what}.",
            expected="images of shape (n, height, width) or (n, height, width, channels) "
            "and of type uint8, float32 or float64",
            hint="convert it and save it again, or correct 'columns.image'",
        )
    if not is_image and (len(shape) != 1 or dtype.kind not in "biufUSM"):
        raise file.make_error(
            f"{what}.",
            expected="one number, boolean, text or time per row",
            hint="save each column as an array of its own",
        )
    if is_fortran and len(shape) > 1:
        raise file.make_error(
            f"{what}, with the last row first in memory (Fortran order).",
            expected="rows one after the other, so that they can be streamed",
            hint="save numpy.ascontiguousarray of it",
        )
    return _Array(name, shape, dtype, stream)


def _check_lengths(file: SourceFile, arrays: list[_Array]) -> None:
    for array in arrays[1:]:
        if array.shape[0] != arrays[0].shape[0]:
            raise file.make_error(
                f"has {array.shape[0]} rows in {array.name!r} "
                f"and {arrays[0].shape[0]} in {arrays[0].name!r}.",
                expected="the same number in every array that is read",
            )


def _to_column(file: SourceFile, array: _Array, n_rows: int, is_image: bool) -> pa.Array:
    values = array.read(n_rows)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if is_image:
        return array_to_tensor_column(values[..., np.newaxis] if values.ndim == 3 else values)
    if values.dtype.kind == "S":
        try:
            return pa.array(values, pa.binary()).cast(pa.string())
        except pa.ArrowInvalid as error:
            raise file.make_error(
                f"has bytes in the array {array.name!r} that are not UTF-8.",
                expected="text",
                hint="decode it with numpy.char.decode and save it again",
            ) from error
    if values.dtype.kind == "U":
        return pa.array(values, pa.string())
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    return pa.array(values)

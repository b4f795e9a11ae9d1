"""Folders of images by class as a stream of parts: PNG and JPEG, each file a row.

Used by ``files.py``.
"""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import array_to_tensor_column
from tasks.dataset.columns import ID_COLUMN
from tasks.errors import SourceError
from tasks.ingestion.locations import SourceFile
from tasks.ingestion.parts import ROWS_PER_PART, Part, UnparsedLine
from tasks.workflow import Columns, FilesSource

MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # Pillow's, by channels
FORMATS = ("PNG", "JPEG")
MAX_FILE_BYTES = 64 * 1024 * 1024
PART_BYTES = 32 * 1024 * 1024
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH_PLACE = 24  # in the header that every PNG begins with


def read_image_files(
    files: list[SourceFile], source: FilesSource, columns: Columns
) -> Iterator[Part]:
    """Stream the images of many files.

    Parameters
    ----------
    files : list of SourceFile
    source : FilesSource
    columns : Columns
        ``image.tensor`` says the size of the images and how many channels they get: 1 (grey), 3
        (red, green, blue) or 4 (with transparency).

    Yields
    ------
    Part
        At least one. Columns: the images (uint8), the target, which is the name of the file's
        folder, and the id, which is the file's name. Turned as the camera noted it (EXIF). In
        ``unparsed`` are the files that are no images, cut short or damaged, of another size, with
        16 bits per channel, which would lose half of them, or too large.

    Raises
    ------
    SourceError
        When there is no way to make such tensors of images, or a column that images do not have.
    """
    if columns.image is None or columns.image.tensor[2] not in MODES:
        raise SourceError(
            f"The source {source.path!r} has images, and 'columns.image' "
            + (f"asks for {columns.image.tensor[2]} channels." if columns.image else "is not set."),
            expected="'columns.image' with 1, 3 or 4 channels",
            hint="correct 'columns' in the workflow file",
        )
    size = max(1, min(ROWS_PER_PART, PART_BYTES // math.prod(columns.image.tensor)))
    for first in range(0, max(1, len(files)), size):
        yield _read_part(files[first : first + size], columns, columns.image.tensor)


def decode_image(content: bytes, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8] | str:
    """Decode an image.

    Parameters
    ----------
    content : bytes
        A PNG or JPEG file.
    shape : tuple of int
        Height, width and channels that it must have or gets.

    Returns
    -------
    ndarray of that shape, uint8; or str
        Why it cannot be used.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    height, width, channels = shape
    if (
        content.startswith(_PNG_SIGNATURE)
        and content[_PNG_DEPTH_PLACE : _PNG_DEPTH_PLACE + 1] == b"\x10"
    ):
        return "16 bits per channel: convert it to 8, or save the images as npz"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged comment is no damaged image
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                # Before anything is decoded: a small file may hold a picture as large as a house.
                if sorted(image.size) != sorted((width, height)):
                    found = f"{image.size[1]} x {image.size[0]}"
                    return f"height x width {found} where 'columns.image.tensor' says {height} x {width}"
                turned = ImageOps.exif_transpose(image).convert(MODES[channels])
    except UnidentifiedImageError:
        return "no PNG or JPEG image"
    except Image.DecompressionBombError:
        return "an image of too many pixels"
    except Exception as error:  # noqa: BLE001 - a damaged file brings Pillow to errors of any class
        return f"an image that is cut short or damaged ({type(error).__name__})"
    pixels = np.asarray(turned, dtype=np.uint8).reshape(turned.height, turned.width, channels)
    if pixels.shape != shape:
        found = f"{pixels.shape[0]} x {pixels.shape[1]}"
        return f"height x width {found} where 'columns.image.tensor' says {height} x {width}"
    return pixels


def _read_part(files: list[SourceFile], columns: Columns, shape: tuple[int, int, int]) -> Part:
    images: list[npt.NDArray[np.uint8]] = []
    kept: list[SourceFile] = []
    unparsed = []
    for file in files:
        found: npt.NDArray[np.uint8] | str = "a file that lies in no folder of a class"
        if file.folder or columns.target is None:
            found = _read_file(file, shape)
        if isinstance(found, str):
            unparsed.append(UnparsedLine(1, found, file.name, file.name))
        else:
            images.append(found)
            kept.append(file)
    names = pa.array([file.name for file in kept], pa.string())
    image_column = columns.image.column if columns.image else ""
    rows = {
        columns.id or ID_COLUMN: names,
        image_column: array_to_tensor_column(np.array(images, np.uint8).reshape(-1, *shape)),
    }
    if columns.target is not None:
        rows[columns.target] = pa.array([file.folder for file in kept], pa.string())
    lines = pa.array(np.ones(len(kept), dtype=np.int64))
    batch = pa.RecordBatch.from_pydict(rows)
    return Part("images", lines, batch, tuple(unparsed), names)


def _read_file(file: SourceFile, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8] | str:
    with contextlib.closing(file.open()) as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    if not content:
        return "an empty file"
    if len(content) > MAX_FILE_BYTES:
        return f"a file of more than {MAX_FILE_BYTES:,} bytes"
    return decode_image(content, shape)

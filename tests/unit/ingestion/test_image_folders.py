"""Folders of images: their class, their size, and files that are no usable image."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.dataset import tensor_column_to_array
from tasks.errors import SourceError
from tasks.ingestion import image_folders
from tasks.ingestion.image_folders import decode_image
from tasks.ingestion.raw import shape_raw_rows, shape_unparsed_lines
from tasks.workflow import Columns

Read = Callable[..., Any]
GREY = Columns.model_validate({"target": "label", "image": {"tensor": [4, 6, 1]}})


def encode(pixels: Any, kind: str = "PNG", **options: Any) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.asarray(pixels)).save(content, kind, **options)
    return content.getvalue()


def ramp(*shape: int) -> Any:
    return np.arange(int(np.prod(shape)), dtype=np.uint8).reshape(shape)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
    (tmp_path / "data" / "cat" / "a.png").write_bytes(encode(ramp(4, 6)))
    (tmp_path / "data" / "dog" / "b.jpg").write_bytes(encode(ramp(4, 6), "JPEG"))
    return tmp_path


@pytest.mark.parametrize("path", ["data", "data/*/*", "data/**/*.[pj]*"])
def test_the_class_is_the_folder_and_the_id_the_path(folder: Path, read: Read, path: str) -> None:
    """By a folder or by a glob: the same rows, pixels to the bit."""
    (part,) = read(path, GREY, format="images")
    raw = shape_raw_rows(part, GREY, has_split=False)
    assert raw.select(["id", "source", "line", "label"]).to_pylist() == [
        {"id": "cat/a.png", "source": "cat/a.png", "line": 1, "label": "cat"},
        {"id": "dog/b.jpg", "source": "dog/b.jpg", "line": 1, "label": "dog"},
    ]
    np.testing.assert_array_equal(tensor_column_to_array(raw["image"])[0, ..., 0], ramp(4, 6))


def test_unusable_files_are_reported_and_the_rest_is_read(
    folder: Path, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its name and the reason, however the files are cut into parts."""
    monkeypatch.setattr(image_folders, "ROWS_PER_PART", 2)
    cat = folder / "data" / "cat"
    whole = encode(np.random.default_rng(0).integers(0, 255, (4, 6), dtype=np.uint8))
    (cat / "cut.png").write_bytes(whole[: len(whole) // 2 + 8])
    (cat / "empty.png").write_bytes(b"")
    (cat / "large.png").write_bytes(encode(ramp(6, 6)))
    (cat / "text.png").write_text("no image")
    (folder / "data" / "stray.png").write_bytes(encode(ramp(4, 6)))
    parts = read("data", GREY, format="images")
    assert sum(part.rows.num_rows for part in parts) == 2
    found = [row for part in parts for row in shape_unparsed_lines(part).to_pylist()]
    assert {(row["source"], row["line"]): row["reason"] for row in found} == {
        ("cat/cut.png", 1): "an image that is cut short or damaged (OSError)",
        ("cat/empty.png", 1): "an empty file",
        ("cat/large.png", 1): "height x width 6 x 6 where 'columns.image.tensor' says 4 x 6",
        ("cat/text.png", 1): "no PNG or JPEG image",
        ("stray.png", 1): "a file that lies in no folder of a class",
    }


@pytest.mark.parametrize(
    ("channels", "expected"), [(1, [76]), (3, [255, 0, 0]), (4, [255, 0, 0, 255])]
)
def test_channels_are_those_of_the_tensor(channels: int, expected: list[int]) -> None:
    """Red becomes 0.299 * 255 of grey (ITU-R 601), or keeps its colours."""
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 0] = 255
    pixels = decode_image(encode(red), (4, 6, channels))
    assert not isinstance(pixels, str)
    assert pixels.shape == (4, 6, channels)
    assert pixels[0, 0].tolist() == expected


def test_a_palette_becomes_its_colours() -> None:
    """An indexed PNG is an image like any other."""
    content = io.BytesIO()
    Image.fromarray(np.full((4, 6, 3), 90, np.uint8)).convert("P").save(content, "PNG")
    pixels = decode_image(content.getvalue(), (4, 6, 3))
    assert not isinstance(pixels, str)
    assert abs(int(pixels.mean()) - 90) < 20


def test_the_camera_is_turned_back() -> None:
    """EXIF orientation 6: taken upright, stored lying down."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = ramp(4, 6)
    content = encode(stored, "PNG", exif=exif)
    pixels = decode_image(content, (6, 4, 1))
    assert not isinstance(pixels, str)
    np.testing.assert_array_equal(pixels[..., 0], np.rot90(stored, -1))
    assert decode_image(content, (4, 6, 1)) == (
        "height x width 6 x 4 where 'columns.image.tensor' says 4 x 6"
    )


def test_sixteen_bits_are_not_halved_silently() -> None:
    """Pillow would clip them."""
    reason = decode_image(encode(np.full((4, 6), 1_000, np.uint16)), (4, 6, 1))
    assert isinstance(reason, str)
    assert reason.startswith("16 bits per channel")


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    """A picture of 30,000 x 30,000 pixels in a few bytes of header."""
    content = bytearray(encode(ramp(4, 6)))
    content[16:24] = (30_000).to_bytes(4) * 2
    import zlib

    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4)
    assert decode_image(bytes(content), (4, 6, 1)) == "an image of too many pixels"


@pytest.mark.parametrize("place", range(8, 70, 3))
def test_no_damage_stops_the_night(place: int) -> None:
    """A flipped byte anywhere gives pixels of the right shape or a reason."""
    content = bytearray(encode(ramp(4, 6)))
    content[place % len(content)] ^= 0xFF
    found = decode_image(bytes(content), (4, 6, 1))
    assert isinstance(found, str) or found.shape == (4, 6, 1)


@pytest.mark.parametrize(
    "columns",
    [Columns(features=("height",)), {"target": "y", "image": {"tensor": [4, 6, 2]}}],
)
def test_columns_that_images_cannot_fill_are_refused(
    folder: Path, read: Read, columns: Any
) -> None:
    """Without `columns.image`, or with two channels."""
    with pytest.raises(SourceError, match=r"'columns\.image' with 1, 3 or 4 channels"):
        read("data", Columns.model_validate(columns), format="images")

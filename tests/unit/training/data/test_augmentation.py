"""Random changes of images: by hand where a pixel lands exactly, against a plain loop elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tasks.training.data import augmentation as module
from tasks.training.data.augmentation import Augmentation, draw_numbers

NUMBERS = np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1)


@pytest.mark.parametrize(
    ("down", "right", "expected"),
    [
        (0.5, 0.5, [[0, 1, 2], [3, 4, 5], [6, 7, 8]]),
        (1.0, 0.5, [[0, 1, 2], [0, 1, 2], [3, 4, 5]]),
        (0.0, 0.5, [[3, 4, 5], [6, 7, 8], [6, 7, 8]]),
        (0.5, 1.0, [[0, 0, 1], [3, 3, 4], [6, 6, 7]]),
        (1.0, 0.0, [[1, 2, 2], [1, 2, 2], [4, 5, 5]]),
    ],
)
def test_shifts_by_hand(down: float, right: float, expected: list[list[int]]) -> None:
    """A third of three pixels is one; the border goes on outside."""
    draws = np.array([[down, right, 0.9, 0.9]])
    found = Augmentation(shift=1 / 3).change(NUMBERS, draws)
    assert found.dtype == np.uint8
    assert found[0, :, :, 0].tolist() == expected


def test_a_quarter_turn_by_hand() -> None:
    """Against the clock: what was on the right is on top."""
    draws = np.array([[0.5, 0.5, 1.0, 0.5]])
    found = Augmentation(rotate=90.0).change(NUMBERS, draws)
    assert found[0, :, :, 0].tolist() == [[2, 5, 8], [1, 4, 7], [0, 3, 6]]


def test_a_zoom_by_hand() -> None:
    """Twice the size about the centre: every second pixel lies between two."""
    row = np.array([0, 10, 20, 30, 40], np.uint8)
    image = np.broadcast_to(row, (5, 5)).reshape(1, 5, 5, 1)
    found = Augmentation(zoom=0.999999).change(image, np.array([[0.5, 0.5, 0.5, 1.0]]))
    assert found[0, 2, :, 0].tolist() == [10, 15, 20, 25, 30]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_all_at_once_equals_a_plain_loop(
    channels: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pixel by pixel from the documented equation, however images are taken together."""
    rng = np.random.default_rng(4)
    images = rng.integers(0, 256, (5, 7, 9, channels)).astype(dtype)
    draws = rng.random((5, 4))
    augmentation = Augmentation(shift=0.2, rotate=40.0, zoom=0.3)
    expected = change_plainly(images, draws, augmentation)
    monkeypatch.setattr(module, "CHUNK_BYTES", 2 * 4 * 7 * 9 * channels)
    found = augmentation.change(images, draws)
    assert found.dtype == dtype
    tolerance = 0.51 if dtype == "uint8" else 1e-2  # rounding; float32 coordinates
    np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.parametrize("augment", [{}, {"shift": 0.2}, {"rotate": 30.0, "zoom": 0.2}])
def test_the_middle_of_the_range_changes_nothing(augment: dict[str, float]) -> None:
    """And the result is a copy."""
    images = np.random.default_rng(4).integers(0, 256, (3, 8, 8, 1), dtype=np.uint8)
    found = Augmentation(**augment).change(images, np.full((3, 4), 0.5))
    np.testing.assert_array_equal(found, images)
    assert not np.shares_memory(found, images)


def test_a_constant_image_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is done to it: nothing darker comes in from outside."""
    images = np.full((4, 6, 6, 1), 200, np.uint8)
    draws = np.random.default_rng(1).random((4, 4))
    assert (Augmentation(0.5, 180.0, 0.5).change(images, draws) == 200).all()


def test_numbers_are_drawn_for_places() -> None:
    """Of an epoch, however many are drawn at once; another epoch or seed has others."""
    whole = draw_numbers(7, 2, 0, 10)
    assert whole.shape == (10, 4)
    for first, n_rows in [(0, 3), (3, 7), (9, 1)]:
        np.testing.assert_array_equal(
            draw_numbers(7, 2, first, n_rows), whole[first : first + n_rows]
        )
    assert len(np.unique(np.concatenate([whole, draw_numbers(7, 3, 0, 10)]))) == 80
    assert (whole != draw_numbers(8, 2, 0, 10)).all()


def change_plainly(
    images: npt.NDArray[Any], draws: npt.NDArray[np.float64], augmentation: Augmentation
) -> npt.NDArray[np.float64]:
    _, height, width, _ = images.shape
    result = np.empty(images.shape)
    for image, draw, changed in zip(images.astype(float), 2 * draws - 1, result, strict=True):
        down, right = draw[:2] * augmentation.shift * (height, width)
        angle, zoom = np.radians(draw[2] * augmentation.rotate), 1 + draw[3] * augmentation.zoom
        for i in range(height):
            for j in range(width):
                y, x = i - (height - 1) / 2 - down, j - (width - 1) / 2 - right
                p = (np.cos(angle) * y + np.sin(angle) * x) / zoom + (height - 1) / 2
                q = (np.cos(angle) * x - np.sin(angle) * y) / zoom + (width - 1) / 2
                p, q = np.clip(p, 0, height - 1), np.clip(q, 0, width - 1)
                top, left = int(p), int(q)
                below, beside = min(top + 1, height - 1), min(left + 1, width - 1)
                upper = image[top, left] * (1 - (q - left)) + image[top, beside] * (q - left)
                lower = image[below, left] * (1 - (q - left)) + image[below, beside] * (q - left)
                changed[i, j] = upper * (1 - (p - top)) + lower * (p - top)
    return result

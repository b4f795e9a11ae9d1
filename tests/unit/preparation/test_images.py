"""Images that show nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.dataset.tensors import array_to_tensor_column, tensor_type
from tasks.errors import CleaningError
from tasks.preparation.transformers import transformer_from_json
from tasks.preparation.transformers.images import CheckImages


def find_blank(images: Any, **params: Any) -> Any:
    out = CheckImages("image", **params).transform({"image": array_to_tensor_column(images)})
    return [row for problem in out.problems for row in problem.rows.tolist()]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.float32, np.float64])
def test_an_image_of_equal_pixels_is_blank(dtype: Any) -> None:
    """Whatever the pixel, zero or not."""
    images = np.zeros((3, 3, 3, 1), dtype)
    images[1] = 7
    images[2, 0, 0] = 1
    assert find_blank(images) == [0, 1]


def test_contrast_is_measured_over_all_channels() -> None:
    """A plain red image has a contrast between its channels."""
    images = np.zeros((2, 2, 2, 3), np.uint8)
    images[1, :, :, 0] = 200
    assert find_blank(images) == [0]


def test_a_contrast_of_the_minimum_is_still_blank() -> None:
    """No further apart than that."""
    images = np.zeros((3, 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = [9, 10, 11]
    assert find_blank(images, min_contrast=10.0) == [0, 1]


def test_the_contrast_of_signed_pixels_does_not_overflow() -> None:
    """-128 to 127 is 255, which int8 does not hold."""
    images = np.zeros((1, 2, 2, 1), np.int8)
    images[0, 0, 0], images[0, 1, 1] = -128, 127
    assert find_blank(images, min_contrast=100.0) == []


def test_missing_images_and_nan_are_left_to_others() -> None:
    """Neither is blank; the places are those of the frame."""
    values = np.array([[np.nan] * 4, [1.0] * 4, [np.inf] * 4, [1, 2, 3, 4]])
    storage = pa.array([None, *values.tolist()], pa.list_(pa.float64(), 4))
    column = pa.ExtensionArray.from_storage(tensor_type(np.float64, (2, 2, 1)), storage)
    out = CheckImages("image").transform({"image": column})
    (problem,) = out.problems
    assert (problem.column, problem.kind, problem.rows.tolist()) == ("image", "blank image", [2])
    assert out.frame["image"] is column


def test_no_image_at_all_is_no_problem() -> None:
    """No row, or every image missing, or no such column."""
    kind = tensor_type(np.uint8, (2, 2, 1))
    for values in ([], [None, None]):
        storage = pa.array(values, pa.list_(pa.uint8(), 4))
        column = pa.ExtensionArray.from_storage(kind, storage)
        assert CheckImages("image").transform({"image": column}).problems == ()
    assert CheckImages("image").transform({"x": np.zeros(1)}).problems == ()


def test_a_column_of_numbers_is_refused() -> None:
    """It holds no images."""
    with pytest.raises(CleaningError, match="holds numbers"):
        CheckImages("x").transform({"x": np.zeros(1)})


def test_its_params_go_through_json_and_the_frame_stays_as_it_is() -> None:
    """A plain transformer: it looks and changes nothing."""
    check = CheckImages("image", min_contrast=1.0)
    assert not check.is_learned
    loaded = transformer_from_json(json.loads(json.dumps(check.to_json())))
    images = np.zeros((3, 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = [1, 2, 0]
    frame = {"image": array_to_tensor_column(images)}
    for transformer in (check, loaded):
        out = transformer.transform(frame)
        assert out.frame["image"] is frame["image"]
        assert out.problems[0].rows.tolist() == [0, 2]

"""What the suites see of tensors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import array_to_tensor_column
from tasks.dataset.tensor_profile import list_figures, profile_tensors


def images(*rows: list[float], dtype: npt.DTypeLike = np.uint8) -> pa.Array:
    """Images of 2 x 2 pixels."""
    return array_to_tensor_column(np.array(rows, dtype=dtype).reshape(-1, 2, 2, 1))


def profile(column: pa.Array) -> list[dict[str, object]]:
    figures = profile_tensors(column)
    assert tuple(figures) == list_figures(column.type)
    rows: list[dict[str, object]] = pa.table(figures).to_pylist()
    return rows


def test_images_become_figures_per_row() -> None:
    """Least, greatest, mean, share of zeros and shape, worked by hand."""
    shape = {"nan_count": 0, "height": 2, "width": 2, "channels": 1}
    assert profile(images([0, 0, 0, 0], [0, 2, 4, 250])) == [
        {"min": 0, "max": 0, "mean": 0.0, "empty_fraction": 1.0, **shape},
        {"min": 0, "max": 250, "mean": 64.0, "empty_fraction": 0.25, **shape},
    ]


def test_nan_pixels_are_counted_and_passed_over() -> None:
    """The mean of 1 and 3 is 2, whatever the two NaN beside them; all NaN has no figures."""
    nan = float("nan")
    first, second = profile(images([1, nan, 3, nan], [nan] * 4, dtype=np.float32))
    assert (first["min"], first["max"], first["mean"]) == (1, 3, 2)
    assert [first["nan_count"], second["nan_count"]] == [2, 4]
    assert second["mean"] != second["mean"]


def test_a_missing_image_has_missing_figures() -> None:
    """The others keep theirs, in their places."""
    column = images([9, 9, 9, 9], [1, 2, 3, 4])
    storage = pa.FixedSizeListArray.from_arrays(
        column.storage.values, 4, mask=pa.array([True, False])
    )
    first, second = profile(pa.ExtensionArray.from_storage(column.type, storage))
    assert (first["max"], first["height"]) == (None, None)
    assert (second["max"], second["height"]) == (4, 2)


def test_tensors_of_other_shapes_name_their_axes_by_number() -> None:
    """Height, width and channels are for images."""
    figures = profile_tensors(array_to_tensor_column(np.ones((3, 5))))
    assert figures["axis_0"].to_pylist() == [5, 5, 5]

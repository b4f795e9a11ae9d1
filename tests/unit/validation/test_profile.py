"""The frame that the suites look at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from tasks.dataset import array_to_tensor_column
from tasks.errors import ValidationFailedError
from tasks.validation import profile
from tasks.validation.profile import profile_batch, profile_rows


def images(*rows: list[float], dtype: npt.DTypeLike = np.uint8) -> pa.Array:
    """Images of 2 x 2 pixels."""
    return array_to_tensor_column(np.array(rows, dtype=dtype).reshape(-1, 2, 2, 1))


def test_images_become_figures_per_row() -> None:
    """Least, greatest, mean, share of zeros and shape, worked by hand."""
    batch = pa.record_batch({"id": ["a", "b"], "image": images([0, 0, 0, 0], [0, 2, 4, 250])})
    assert profile_batch(batch).to_pylist() == [
        {
            "id": "a", "image_min": 0, "image_max": 0, "image_mean": 0.0, "image_empty_fraction": 1.0,
            "image_nan_count": 0, "image_height": 2, "image_width": 2, "image_channels": 1,
        },
        {
            "id": "b", "image_min": 0, "image_max": 250, "image_mean": 64.0, "image_empty_fraction": 0.25,
            "image_nan_count": 0, "image_height": 2, "image_width": 2, "image_channels": 1,
        },
    ]  # fmt: skip


def test_nan_pixels_are_counted_and_passed_over() -> None:
    """The mean of 1 and 3 is 2, whatever the two NaN beside them; all NaN has no figures."""
    nan = float("nan")
    batch = pa.record_batch({"image": images([1, nan, 3, nan], [nan] * 4, dtype=np.float32)})
    first, second = profile_batch(batch).to_pylist()
    assert (first["image_min"], first["image_max"], first["image_mean"]) == (1, 3, 2)
    assert [first["image_nan_count"], second["image_nan_count"]] == [2, 4]
    assert np.isnan(second["image_mean"])


def test_a_missing_image_has_missing_figures() -> None:
    """The others keep theirs, in their places."""
    column = images([9, 9, 9, 9], [1, 2, 3, 4])
    storage = pa.FixedSizeListArray.from_arrays(
        column.storage.values, 4, mask=pa.array([True, False])
    )
    batch = pa.record_batch({"image": pa.ExtensionArray.from_storage(column.type, storage)})
    profiled = profile_batch(batch)
    assert profiled["image_max"].to_pylist() == [None, 4]
    assert profiled["image_height"].to_pylist() == [None, 2]


def test_numeric_text_is_read_as_numbers() -> None:
    """Features of a CSV file are text; what is no number is missing, other columns stay text."""
    batch = pa.record_batch({"x": ["1.5", "tall", None, " 2 "], "kind": ["1", "2", "3", "4"]})
    profiled = profile_batch(batch, numeric=("x",))
    assert profiled["x"].to_pylist() == [1.5, None, None, 2.0]
    assert profiled["kind"].to_pylist() == ["1", "2", "3", "4"]


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound on memory is kept by an error, not by looking at fewer rows."""
    monkeypatch.setattr(profile, "MAX_ROWS", 3)
    batch = pa.record_batch({"x": [1, 2]})
    assert len(profile_rows([batch])) == 2
    with pytest.raises(ValidationFailedError, match="more than 3 rows"):
        profile_rows([batch, batch])

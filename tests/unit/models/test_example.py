"""An example comes back as it was given, and only a sound one is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.errors import ModelError
from tasks.models.example import MAX_ROWS, read_example, write_example


@pytest.mark.parametrize(
    "inputs",
    [
        np.arange(48, dtype=np.uint8).reshape(3, 4, 4, 1),
        np.array([[[1.0, np.nan]], [[2.0, 3.0]], [[4.0, 5.0]]]),  # windows with a gap
    ],
    ids=["images", "windows"],
)
def test_arrays_keep_their_dtype_and_values(inputs: np.ndarray, tmp_path: Path) -> None:
    """Images stay uint8, and what is missing stays missing."""
    write_example(tmp_path / "example", inputs, np.array([0.25, 0.5, 0.75], np.float32))
    found = read_example(tmp_path / "example")
    np.testing.assert_array_equal(found.inputs, inputs)
    assert isinstance(found.inputs, np.ndarray)
    assert (found.inputs.dtype, found.expected.dtype) == (inputs.dtype, np.dtype(np.float64))
    assert found.expected.tolist() == [0.25, 0.5, 0.75]
    assert len(found) == 3


@pytest.mark.parametrize("form", ["arrow", "pandas"])
def test_tables_keep_their_columns(form: str, tmp_path: Path) -> None:
    """Text, numbers and missing values come back alike, whichever form they were given in."""
    table = pa.table({"city": ["Ulm", None], "size": [1.5, 2.5], "note": ["7", "x"]})
    rows = table if form == "arrow" else table.to_pandas().set_index(pd.Index([7, 9]))
    write_example(tmp_path, rows, np.array([[0.5, 0.5], [1.0, 0.0]]))
    found = read_example(tmp_path).inputs
    assert isinstance(found, pd.DataFrame)
    pd.testing.assert_frame_equal(found, table.to_pandas())
    row = read_example(tmp_path).take_row(1)
    assert isinstance(row, pd.DataFrame)
    assert row["note"].tolist() == ["x"]


@pytest.mark.parametrize(
    ("n_rows", "expected"),
    [
        (0, np.zeros(0)),
        (MAX_ROWS + 1, np.zeros(MAX_ROWS + 1)),
        (2, np.zeros(3)),
        (2, np.array([0.5, np.nan])),
        (1, np.array(0.5)),
    ],
    ids=["none", "too many", "other number of answers", "no number", "no axis"],
)
def test_an_unsound_example_is_not_written(n_rows: int, expected: Any, tmp_path: Path) -> None:
    """What cannot be compared with is refused where it is made, not at two in the morning."""
    with pytest.raises(ModelError, match=f"An example of {n_rows} rows"):
        write_example(tmp_path / "example", np.zeros((n_rows, 2)), expected)
    assert not (tmp_path / "example").exists()


def test_a_folder_without_an_example_is_named(tmp_path: Path) -> None:
    """The error says which folder, and what should lie in it."""
    with pytest.raises(ModelError, match=r"cannot be read as an example(.|\n)*expected\.npy"):
        read_example(tmp_path / "nothing")

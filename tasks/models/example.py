"""A model's example: a few raw rows and what the model said of them in its night.

Written by the evaluation beside its scores, read by the smoke test before a model is promoted, or
promoted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE_FOLDER = "example"
ARRAY_FILE = "inputs.npy"
TABLE_FILE = "inputs.parquet"
EXPECTED_FILE = "expected.npy"
MAX_ROWS = 16  # enough to tell two models apart, and loaded in no time

Inputs: TypeAlias = "npt.NDArray[Any] | pd.DataFrame"


@dataclass(frozen=True)
class Example:
    """Raw rows as a model's pyfunc takes them, and what it said of them.

    Parameters
    ----------
    inputs : ndarray of shape (n_rows, ...) or pandas.DataFrame
        Images, windows of raw values, or raw columns.
    expected : ndarray, float64
        Of classes their probabilities, of shape (n_rows, n_classes); of numbers those predicted, of
        shape (n_rows,); of forecasts the steps ahead, of shape (n_rows, horizon, n_columns).
    """

    inputs: Inputs
    expected: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.expected)

    def take_row(self, place: int) -> Inputs:
        """Take one row, in the shape of many."""
        rows: Inputs = self.inputs[place : place + 1]
        return rows


def write_example(
    folder: Path, inputs: pa.Table | Inputs, expected: npt.NDArray[np.floating[Any]]
) -> None:
    """Write an example into a folder of its own.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    inputs : pyarrow.Table, pandas.DataFrame or ndarray
        1 to :data:`MAX_ROWS` raw rows, as they were given to the model.
    expected : ndarray of shape (n_rows, ...)
        What it said of them, as in :class:`Example`; finite.

    Raises
    ------
    ModelError
        When there are no rows or too many, or the answers are not one finite answer per row.
    """
    n_rows = len(inputs)
    answers = np.asarray(expected, dtype=np.float64)
    is_sound = answers.ndim > 0 and len(answers) == n_rows and bool(np.isfinite(answers).all())
    if not 1 <= n_rows <= MAX_ROWS or not is_sound:
        raise ModelError(
            f"An example of {n_rows} rows and answers of the shape {answers.shape}"
            f"{'' if np.isfinite(answers).all() else ', some of which are not numbers'}.",
            expected=f"1 to {MAX_ROWS} rows and a finite answer to each",
            hint="take the first hold-out rows and the model's own predictions for them",
        )
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(inputs, np.ndarray):
        np.save(folder / ARRAY_FILE, inputs, allow_pickle=False)
    else:
        if not isinstance(inputs, pa.Table):
            inputs = pa.Table.from_pandas(inputs, preserve_index=False)
        # Without pandas' notes, so that the same rows are read however they were given.
        pq.write_table(inputs.replace_schema_metadata(None), folder / TABLE_FILE)
    np.save(folder / EXPECTED_FILE, answers, allow_pickle=False)


def read_example(folder: Path) -> Example:
    """Read an example.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Example

    Raises
    ------
    ModelError
        When the folder does not hold one.
    """
    try:
        if (folder / ARRAY_FILE).is_file():
            inputs: Inputs = np.load(folder / ARRAY_FILE, allow_pickle=False)
        else:
            inputs = pq.read_table(folder / TABLE_FILE).to_pandas()
        expected = np.load(folder / EXPECTED_FILE, allow_pickle=False)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ModelError(
            f"{folder} cannot be read as an example: {str(error)[:300]}",
            expected=f"{ARRAY_FILE} or {TABLE_FILE}, and {EXPECTED_FILE}, as the evaluation writes them",
            hint="clear the task evaluate, so that the example is written again",
        ) from error
    return Example(inputs, np.asarray(expected, dtype=np.float64))

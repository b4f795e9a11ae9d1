"""The frame that Great Expectations looks at: scalar columns as they are, tensors as figures per row.

Pure; so one engine and one suite format serve tables and images, and a suite never sees pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import tensor_column_to_array
from tasks.errors import ValidationFailedError

if TYPE_CHECKING:
    import pandas as pd

# GX's pandas engine holds all rows: 5 million with 10 columns took 1.6 GiB. More is refused.
MAX_ROWS = 5_000_000
AXES = ("height", "width", "channels")


def profile_rows(
    batches: Iterable[pa.RecordBatch], *, numeric: Collection[str] = ()
) -> pd.DataFrame:
    """Profile a stream of rows.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        At least one, with n_rows rows in all.
    numeric : collection of str
        Columns that are read as numbers where they hold text, as they do in a CSV file; what is
        no number becomes missing, so that ``expect_column_values_to_not_be_null`` counts it.

    Returns
    -------
    pandas.DataFrame with n_rows rows
        As :func:`profile_batch` makes it.

    Raises
    ------
    ValidationFailedError
        When there are more than :data:`MAX_ROWS` rows.
    """
    profiled: list[pa.RecordBatch] = []
    n_rows = 0
    for batch in batches:
        n_rows += batch.num_rows
        if n_rows > MAX_ROWS:
            raise ValidationFailedError(
                f"There are more than {MAX_ROWS:,} rows to validate at once.",
                expected=f"at most {MAX_ROWS:,}, which is what the memory is planned for",
                hint="let the workflow read fewer files",
            )
        profiled.append(profile_batch(batch, numeric=numeric))
    frame: pd.DataFrame = pa.Table.from_batches(profiled).to_pandas()
    return frame


def profile_batch(batch: pa.RecordBatch, *, numeric: Collection[str] = ()) -> pa.RecordBatch:
    """Profile some rows.

    Parameters
    ----------
    batch : pyarrow.RecordBatch with n_rows rows
    numeric : collection of str
        See :func:`profile_rows`.

    Returns
    -------
    pyarrow.RecordBatch with n_rows rows
        Scalar columns under their names. A tensor column ``image`` becomes ``image_min``,
        ``image_max``, ``image_mean`` (without NaN), ``image_empty_fraction`` (share of zeros, 0
        to 1), ``image_nan_count``, ``image_height``, ``image_width`` and ``image_channels``; all
        are missing where the tensor is.
    """
    columns: dict[str, pa.Array] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if isinstance(column.type, pa.FixedShapeTensorType):
            for suffix, figures in _profile_tensors(column).items():
                columns[f"{name}_{suffix}"] = figures
        elif name in numeric and pa.types.is_string(column.type):
            columns[name] = _read_numbers(column)
        else:
            columns[name] = column
    return pa.RecordBatch.from_pydict(columns)


def _profile_tensors(column: pa.Array) -> dict[str, pa.Array]:
    is_there = np.asarray(column.is_valid())
    tensors = tensor_column_to_array(column.filter(pa.array(is_there)))
    shape = tensors.shape[1:]
    size = int(np.prod(shape))
    flat = tensors.reshape(len(tensors), size)
    if np.issubdtype(flat.dtype, np.floating):
        is_nan = np.isnan(flat)
        n_nan = is_nan.sum(axis=1)
        # fmin and fmax pass over NaN without the warning of nanmin on a row of NaN alone.
        least, greatest = np.fmin.reduce(flat, axis=1), np.fmax.reduce(flat, axis=1)
        total = np.where(is_nan, 0.0, flat).sum(axis=1, dtype=np.float64)
        n_numbers = np.maximum(size - n_nan, 1)
        mean = np.where(n_nan < size, total / n_numbers, np.nan)
    else:
        n_nan = np.zeros(len(flat), dtype=np.int64)
        least, greatest = flat.min(axis=1), flat.max(axis=1)
        mean = flat.mean(axis=1, dtype=np.float64)
    axes = AXES if len(shape) == len(AXES) else [f"axis_{i}" for i in range(len(shape))]
    figures = {
        "min": least,
        "max": greatest,
        "mean": mean,
        "empty_fraction": (size - np.count_nonzero(flat, axis=1)) / size,
        "nan_count": n_nan,
        **{axis: np.full(len(flat), length) for axis, length in zip(axes, shape, strict=True)},
    }
    return {name: _spread(values, is_there) for name, values in figures.items()}


def _spread(values: npt.NDArray[Any], is_there: npt.NDArray[np.bool_]) -> pa.Array:
    """Put the values of the tensors that are there back among the missing ones."""
    whole = np.zeros(len(is_there), dtype=values.dtype)
    whole[is_there] = values
    return pa.array(whole, mask=~is_there)


def _read_numbers(column: pa.Array) -> pa.Array:
    import pandas as pd

    numbers = pd.to_numeric(column.to_pandas(), errors="coerce")
    return pa.array(np.asarray(numbers, dtype=np.float64), from_pandas=True)

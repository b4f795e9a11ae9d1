"""Tensors in Arrow columns: the canonical ``fixed_shape_tensor`` type and NumPy, without a copy.

Ground module; images are columns of this type from ingestion to the batch that trains a network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.errors import DatasetError


def tensor_type(dtype: npt.DTypeLike, shape: tuple[int, ...]) -> pa.FixedShapeTensorType:
    """Arrow type of one tensor per row.

    Parameters
    ----------
    dtype : NumPy dtype
        Kept as it is: uint8 images stay uint8.
    shape : tuple of int
        Shape of one row's tensor, for example ``(28, 28, 1)``.

    Returns
    -------
    pyarrow.FixedShapeTensorType
    """
    return pa.fixed_shape_tensor(pa.from_numpy_dtype(np.dtype(dtype)), shape)


def array_to_tensor_column(array: npt.NDArray[Any]) -> pa.FixedShapeTensorArray:
    """Wrap an array of shape (n_rows, ...) as an Arrow column of tensors, without a copy where it is contiguous.

    Parameters
    ----------
    array : ndarray of shape (n_rows, d1, d2, ...)

    Returns
    -------
    pyarrow.FixedShapeTensorArray of length n_rows
    """
    contiguous = np.ascontiguousarray(array)
    values = pa.array(contiguous.reshape(-1))
    size = int(np.prod(contiguous.shape[1:]))
    storage = pa.FixedSizeListArray.from_arrays(values, size)
    return pa.ExtensionArray.from_storage(
        tensor_type(contiguous.dtype, contiguous.shape[1:]), storage
    )


def tensor_column_to_array(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """View an Arrow column of tensors as one array of shape (n_rows, ...).

    One chunk is viewed without a copy; several chunks are concatenated.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray of fixed_shape_tensor, without nulls

    Returns
    -------
    ndarray of shape (n_rows, d1, d2, ...), read-only where it is a view

    Raises
    ------
    DatasetError
        When the column does not hold tensors or has missing rows.
    """
    if not isinstance(column.type, pa.FixedShapeTensorType):
        raise DatasetError(
            f"A column of type {column.type} was read as tensors.",
            expected="a column of Arrow type fixed_shape_tensor",
            hint="name the tensor column under 'columns.image' in the workflow file",
        )
    if column.null_count:
        raise DatasetError(
            f"{column.null_count} rows of a tensor column are missing.",
            expected="a tensor in every row",
            hint="send rows without a tensor to quarantine in the cleaning step",
        )
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    arrays = [chunk.to_numpy_ndarray() for chunk in chunks if len(chunk)]
    if len(arrays) == 1:
        return np.asarray(arrays[0])
    if not arrays:
        dtype = column.type.value_type.to_pandas_dtype()
        return np.empty((0, *column.type.shape), dtype=dtype)
    return np.concatenate(arrays)

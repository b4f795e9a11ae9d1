"""Tensors as figures per row: what a suite sees of images, so that it never sees pixels.

Pure; one engine and one suite format serve tables and images.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import tensor_column_to_array

AXES = ("height", "width", "channels")
FIGURES = ("min", "max", "mean", "empty_fraction", "nan_count")


def list_figures(kind: pa.FixedShapeTensorType) -> tuple[str, ...]:
    """List the figures of a tensor: its values', and the length of each axis."""
    return (*FIGURES, *_name_axes(len(kind.shape)))


def profile_tensors(column: pa.Array) -> dict[str, pa.Array]:
    """Profile some tensors.

    Parameters
    ----------
    column : pyarrow.FixedShapeTensorArray of length n_rows

    Returns
    -------
    dict of str to pyarrow.Array of length n_rows
        ``min``, ``max``, ``mean`` (without NaN), ``empty_fraction`` (share of zeros, 0 to 1),
        ``nan_count``, and ``height``, ``width``, ``channels`` (``axis_0`` and on where there are
        not three axes); all are missing where the tensor is.
    """
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
        mean = _sum_rows(flat) / size
    figures = {
        "min": least,
        "max": greatest,
        "mean": mean,
        "empty_fraction": (size - _sum_rows((flat != 0).view(np.uint8))) / size,
        "nan_count": n_nan,
        **{
            axis: np.full(len(flat), length)
            for axis, length in zip(_name_axes(len(shape)), shape, strict=True)
        },
    }
    return {name: _spread(values, is_there) for name, values in figures.items()}


def _sum_rows(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Add up the whole numbers of each row of a matrix.

    Of bytes in the narrowest type that holds the sum: a third of the time of NumPy's own choice, and of
    ``mean`` and ``count_nonzero``.
    """
    if values.dtype != np.uint8:
        return np.asarray(values.sum(axis=1, dtype=np.float64))
    largest = values.shape[1] * np.iinfo(np.uint8).max
    narrow = np.uint32 if largest <= np.iinfo(np.uint32).max else np.uint64
    return np.asarray(values.sum(axis=1, dtype=narrow))


def _name_axes(n_axes: int) -> tuple[str, ...]:
    return AXES if n_axes == len(AXES) else tuple(f"axis_{i}" for i in range(n_axes))


def _spread(values: npt.NDArray[Any], is_there: npt.NDArray[np.bool_]) -> pa.Array:
    """Put the values of the tensors that are there back among the missing ones."""
    whole = np.zeros(len(is_there), dtype=values.dtype)
    whole[is_there] = values
    return pa.array(whole, mask=~is_there)

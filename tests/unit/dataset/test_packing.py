"""Tensors are bytes inside Parquet files, and tensors everywhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column, tensor_column_to_array
from tasks.dataset.packing import pack_tensors, unpack_schema, unpack_tensors

N_ROWS = 100


def make_tensors(dtype: npt.DTypeLike = np.uint8) -> npt.NDArray[np.generic]:
    values = np.random.default_rng(1).integers(0, 255, (N_ROWS, 4, 3, 2))
    return values.astype(dtype)


def write(folder: Path, rows: pa.Table) -> Dataset:
    """Write in crooked pieces, of which none begins where a partition does."""
    with DatasetWriter(folder, rows.schema, rows_per_partition=30) as writer:
        for batch in rows.to_batches(11):
            writer.write(batch)
    return Dataset.open(folder)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_tensors_come_back_as_they_were(tmp_path: Path, dtype: str) -> None:
    """Bit for bit, with their shape and type, however the rows are cut and filtered."""
    tensors = make_tensors(dtype)
    rows = pa.table({"part": ["a", "b"] * 50, "image": array_to_tensor_column(tensors)})
    dataset = write(tmp_path / "rows", rows.slice(7))
    assert dataset.schema.equals(rows.schema)
    for batch_size in (7, 65_536):
        read = pa.Table.from_batches(dataset.batches(batch_size=batch_size), dataset.schema)
        np.testing.assert_array_equal(tensor_column_to_array(read["image"]), tensors[7:])
    chosen = dataset.tensor("image", where=pc.field("part") == "b")
    np.testing.assert_array_equal(chosen, tensors[7:][0::2])


def test_a_missing_tensor_stays_missing(tmp_path: Path) -> None:
    """And its neighbours stay whole."""
    tensors = make_tensors()
    plain = array_to_tensor_column(tensors)
    is_missing = np.arange(N_ROWS) % 7 == 0
    storage = pa.FixedSizeListArray.from_arrays(plain.storage.values, 24, mask=pa.array(is_missing))
    rows = pa.table({"image": pa.ExtensionArray.from_storage(plain.type, storage)})
    read = write(tmp_path / "rows", rows.slice(3)).table()["image"]
    assert np.asarray(read.is_null()).tolist() == is_missing[3:].tolist()
    there = tensor_column_to_array(read.filter(read.is_valid()))
    np.testing.assert_array_equal(there, tensors[3:][~is_missing[3:]])


def test_they_are_bytes_in_the_file(tmp_path: Path) -> None:
    """Of one length each, with their type and shape beside them for another reader."""
    rows = pa.table({"image": array_to_tensor_column(make_tensors(np.float32))})
    dataset = write(tmp_path / "rows", rows)
    field = pq.read_schema(dataset.folder / "part-00000.parquet").field("image")
    assert field.type == pa.binary(24 * 4)
    assert field.metadata[b"nocturne.tensor"] == b'{"dtype": "float", "shape": [4, 3, 2]}'


def test_a_tensor_with_a_missing_number_is_kept_as_a_list(tmp_path: Path) -> None:
    """It has no bytes of its own, and loses nothing."""
    kind = pa.fixed_shape_tensor(pa.float64(), [2])
    storage = pa.array([[1.0, None], [3.0, 4.0]], pa.list_(pa.float64(), 2))
    rows = pa.table({"pair": pa.ExtensionArray.from_storage(kind, storage)})
    assert pack_tensors(rows) is rows
    read = write(tmp_path / "rows", rows).table()["pair"].combine_chunks()
    assert read.storage.to_pylist() == [[1.0, None], [3.0, 4.0]]


def test_datasets_of_before_are_read(tmp_path: Path) -> None:
    """Files in which tensors are lists are still what they were."""
    tensors = make_tensors()
    rows = pa.table({"image": array_to_tensor_column(tensors)})
    pq.write_table(rows, tmp_path / "old.parquet")
    stored = pq.ParquetFile(tmp_path / "old.parquet")
    assert unpack_schema(stored.schema_arrow).equals(rows.schema)
    (batch,) = map(unpack_tensors, stored.iter_batches())
    np.testing.assert_array_equal(tensor_column_to_array(batch["image"]), tensors)


def test_no_rows_have_the_same_schema(tmp_path: Path) -> None:
    """An empty part of a night is a dataset too."""
    rows = pa.table({"image": array_to_tensor_column(make_tensors()[:0])})
    dataset = write(tmp_path / "rows", rows)
    assert dataset.schema.equals(rows.schema)
    assert dataset.table().num_rows == 0

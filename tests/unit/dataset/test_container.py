"""The dataset container: what is written is what is read, and an altered folder is noticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tasks.dataset import (
    Dataset,
    DatasetWriter,
    array_to_tensor_column,
    digest_folder,
    tensor_column_to_array,
    tensor_type,
)
from tasks.errors import DatasetError

SCHEMA = pa.schema([("id", pa.string()), ("n", pa.int64())])


def rows(start: int, stop: int) -> pa.RecordBatch:
    numbers = list(range(start, stop))
    return pa.record_batch([[str(n) for n in numbers], numbers], schema=SCHEMA)


def write(folder: Path, *batches: pa.RecordBatch, **options: int) -> Dataset:
    with DatasetWriter(folder, SCHEMA, **options) as writer:
        for batch in batches:
            writer.write(batch)
    return Dataset.open(folder)


def test_rows_come_back_in_their_order(tmp_path: Path) -> None:
    """Reading gives the rows that were written, in the order in which they were written."""
    dataset = write(tmp_path / "d", rows(0, 3), rows(3, 7))
    assert dataset.n_rows == 7
    assert dataset.table().column("n").to_pylist() == list(range(7))


def test_partitions_are_filled_and_numbered(tmp_path: Path) -> None:
    """Seven rows at three a partition are three files of 3, 3 and 1."""
    dataset = write(tmp_path / "d", rows(0, 7), rows_per_partition=3)
    assert [(p.file, p.n_rows) for p in dataset.manifest.partitions] == [
        ("part-00000.parquet", 3),
        ("part-00001.parquet", 3),
        ("part-00002.parquet", 1),
    ]
    assert dataset.table().column("n").to_pylist() == list(range(7))


def test_digest_does_not_depend_on_how_rows_were_cut(tmp_path: Path) -> None:
    """The same rows have the same digest, whatever batches they came in."""
    one = write(tmp_path / "a", rows(0, 100), partition_bytes=400)
    many = write(tmp_path / "b", *(rows(i, i + 1) for i in range(100)), partition_bytes=400)
    assert one.sha256 == many.sha256
    assert digest_folder(one.folder) == digest_folder(many.folder)


def test_digest_looks_at_every_row(tmp_path: Path) -> None:
    """Two data sets that differ in their last row have different digests."""
    one = write(tmp_path / "a", rows(0, 20_000))
    other = write(tmp_path / "b", rows(0, 19_999), rows(20_000, 20_001))
    assert one.sha256 != other.sha256


def test_empty_dataset_has_its_columns(tmp_path: Path) -> None:
    """A dataset without rows can be opened and has its schema."""
    dataset = write(tmp_path / "d")
    assert dataset.n_rows == 0
    assert dataset.table().schema == SCHEMA


def test_failed_writer_leaves_nothing(tmp_path: Path) -> None:
    """An error while writing leaves no folder that looks finished."""
    with (
        pytest.raises(RuntimeError, match="crash"),
        DatasetWriter(tmp_path / "d", SCHEMA) as writer,
    ):
        writer.write(rows(0, 3))
        raise RuntimeError("crash")
    assert list(tmp_path.iterdir()) == []


def test_dataset_is_written_once(tmp_path: Path) -> None:
    """A finished dataset is never overwritten."""
    write(tmp_path / "d", rows(0, 1))
    with pytest.raises(DatasetError, match="exists already"):
        DatasetWriter(tmp_path / "d", SCHEMA)


def test_other_columns_are_refused(tmp_path: Path) -> None:
    """A batch with another schema is an error, not a cast."""
    with (
        pytest.raises(DatasetError, match="have the columns"),
        DatasetWriter(tmp_path / "d", SCHEMA) as writer,
    ):
        writer.write(pa.record_batch({"id": ["a"], "n": [1.5]}))


@pytest.mark.parametrize("damage", ["flip", "delete", "manifest", "no manifest"])
def test_altered_folder_is_noticed(tmp_path: Path, damage: str) -> None:
    """One changed byte, a lost partition or a changed manifest is an error when it is opened."""
    folder = write(tmp_path / "d", rows(0, 5)).folder
    part, manifest = folder / "part-00000.parquet", folder / "manifest.json"
    if damage == "flip":
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 1
        part.write_bytes(content)
    elif damage == "delete":
        part.unlink()
    elif damage == "manifest":
        manifest.write_text(manifest.read_text().replace('"n_rows": 5', '"n_rows": 6'))
    else:
        manifest.unlink()
    with pytest.raises(DatasetError):
        Dataset.open(folder)


def test_unknown_column_suggests_the_nearest(tmp_path: Path) -> None:
    """A misspelt column is answered with the one that was meant."""
    dataset = write(tmp_path / "d", rows(0, 1))
    with pytest.raises(DatasetError, match="'id', perhaps"):
        list(dataset.batches(["idd"]))


def test_rows_are_filtered_as_they_stream(tmp_path: Path) -> None:
    """A condition keeps its rows, also on a column that is not asked for."""
    dataset = write(tmp_path / "d", rows(0, 10))
    assert dataset.table(["id"], where=pc.field("n") >= 8).to_pylist() == [{"id": "8"}, {"id": "9"}]


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int16"])
def test_tensors_keep_shape_and_type(tmp_path: Path, dtype: str) -> None:
    """Images come back with their own dtype and shape."""
    images = np.arange(5 * 4 * 3 * 2).reshape(5, 4, 3, 2).astype(dtype)
    schema = pa.schema([("image", tensor_type(dtype, (4, 3, 2)))])
    with DatasetWriter(tmp_path / "d", schema) as writer:
        writer.write(pa.record_batch([array_to_tensor_column(images)], schema=schema))
    read = Dataset.open(tmp_path / "d").tensor("image")
    assert read.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(read, images)


def test_one_chunk_of_tensors_is_not_copied() -> None:
    """A column in one piece becomes an array that shares its memory."""
    images = np.arange(24, dtype=np.uint8).reshape(3, 2, 4, 1)
    column = array_to_tensor_column(images)
    assert np.shares_memory(tensor_column_to_array(column), images)


def test_column_that_is_no_tensor_is_refused() -> None:
    """Reading numbers as tensors says what was expected."""
    with pytest.raises(DatasetError, match="fixed_shape_tensor"):
        tensor_column_to_array(pa.array([1, 2]))

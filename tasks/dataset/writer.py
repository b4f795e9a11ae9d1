"""Write a dataset as a stream of record batches, in bounded memory.

Ground module; every stage that makes rows writes them through ``DatasetWriter``.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.dataset.digest import digest_file
from tasks.dataset.manifest import Manifest, Partition, schema_to_columns
from tasks.errors import DatasetError

ROWS_PER_PARTITION = 1_000_000
_COMPRESSION_LEVEL = 1  # MNIST's images in 1.2 s and 11 MiB; the default takes 2.6 s for no less
ROW_GROUP_BYTES = 64 * 1024 * 1024  # what the writer holds in memory at once, at most about twice


class DatasetWriter:
    """Streams record batches into the Parquet partitions of a new dataset folder.

    Rows are regrouped into row groups of a fixed length, so that the same rows give the same bytes
    however the caller cut its batches. The folder appears under its name when the writer is closed
    without an error; until then it has the suffix ``.partial``.

    Parameters
    ----------
    folder : Path
        Must not exist yet.
    schema : pyarrow.Schema
        Columns of every batch.
    origin : mapping, optional
        Written into the manifest.
    rows_per_partition : int, default 1,000,000
    row_group_bytes : int, default 64 MiB
        Bound on the rows gathered in memory before they are written.

    Raises
    ------
    DatasetError
        When the folder exists, or a batch has other columns.
    """

    def __init__(
        self,
        folder: Path,
        schema: pa.Schema,
        *,
        origin: Mapping[str, Any] | None = None,
        rows_per_partition: int = ROWS_PER_PARTITION,
        row_group_bytes: int = ROW_GROUP_BYTES,
    ) -> None:
        if folder.exists():
            raise DatasetError(
                f"{folder} exists already.",
                expected="a new folder: datasets are written once and never changed",
                hint="write under another name",
            )
        self.folder = folder
        self.schema = schema
        self.origin = dict(origin or {})
        self._rows_per_partition = rows_per_partition
        self._rows_per_group = max(
            1, min(rows_per_partition, row_group_bytes // _estimate_row_bytes(schema))
        )
        self._partial = folder.with_name(folder.name + ".partial")
        self._pending: list[pa.RecordBatch] = []
        self._n_pending = 0
        self._partitions: list[Partition] = []
        self._parquet: pq.ParquetWriter | None = None
        self._n_in_partition = 0
        self.manifest: Manifest | None = None

    def __enter__(self) -> Self:
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_type is not None:
            if self._parquet is not None:
                self._parquet.close()
            shutil.rmtree(self._partial, ignore_errors=True)
            return
        self._flush(all_rows=True)
        if not self._partitions and self._parquet is None:
            self._open_partition()
        self._close_partition()
        self.manifest = Manifest(
            schema_to_columns(self.schema), tuple(self._partitions), self.origin
        )
        self.manifest.write(self._partial)
        self._partial.replace(self.folder)

    def write(self, rows: pa.RecordBatch | pa.Table) -> None:
        """Add rows with exactly the schema's columns and types."""
        if not rows.schema.equals(self.schema):
            raise DatasetError(
                f"Rows for {self.folder.name} have the columns {schema_to_columns(rows.schema)}.",
                expected=str(schema_to_columns(self.schema)),
                hint="cast and order the columns before writing",
            )
        batches = rows.to_batches() if isinstance(rows, pa.Table) else [rows]
        for batch in batches:
            self._pending.append(batch)
            self._n_pending += batch.num_rows
            self._flush()

    def _flush(self, *, all_rows: bool = False) -> None:
        while self._n_pending >= self._rows_per_group or (all_rows and self._n_pending):
            table = pa.Table.from_batches(self._pending, self.schema)
            room = self._rows_per_partition - self._n_in_partition
            n_rows = min(self._rows_per_group, room, table.num_rows)
            if self._parquet is None:
                self._open_partition()
            if self._parquet is not None:
                group = table.slice(0, n_rows).combine_chunks()
                self._parquet.write_table(group, row_group_size=n_rows)
            rest = table.slice(n_rows)
            self._pending, self._n_pending = rest.to_batches(), rest.num_rows
            self._n_in_partition += n_rows
            if self._n_in_partition >= self._rows_per_partition:
                self._close_partition()

    def _open_partition(self) -> None:
        path = self._partial / f"part-{len(self._partitions):05d}.parquet"
        self._parquet = pq.ParquetWriter(
            path, self.schema, compression="zstd", compression_level=_COMPRESSION_LEVEL
        )

    def _close_partition(self) -> None:
        if self._parquet is None:
            return
        self._parquet.close()
        path = self._partial / f"part-{len(self._partitions):05d}.parquet"
        self._partitions.append(
            Partition(path.name, self._n_in_partition, path.stat().st_size, digest_file(path))
        )
        self._parquet, self._n_in_partition = None, 0


def _estimate_row_bytes(schema: pa.Schema) -> int:
    """Bytes of one row in memory: exact for fixed widths, a guess of 32 for text and the like."""
    total = 0
    for field in schema:
        if isinstance(field.type, pa.FixedShapeTensorType):
            size = 1
            for length in field.type.shape:
                size *= length
            total += size * field.type.value_type.bit_width // 8
        else:
            try:
                total += max(1, field.type.bit_width // 8)
            except ValueError:
                total += 32
    return max(1, total)

"""Read a dataset: its manifest, its rows as a stream of batches, or chosen columns as one table.

Ground module; nothing is loaded until it is asked for, and every partition is checked against its digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from tasks.dataset.digest import digest_file
from tasks.dataset.manifest import Manifest
from tasks.dataset.packing import unpack_schema, unpack_tensors
from tasks.dataset.tensors import tensor_column_to_array
from tasks.errors import DatasetError, nearest

ROWS_PER_BATCH = 65_536


class Dataset:
    """A dataset folder, opened for reading.

    Parameters
    ----------
    folder : Path
        Holds ``manifest.json`` and the partitions it lists.
    manifest : Manifest

    Examples
    --------
    >>> dataset = Dataset.open(Path("raw"))                     # doctest: +SKIP
    >>> for batch in dataset.batches(["id", "label"]): ...      # doctest: +SKIP
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @classmethod
    def open(cls, folder: Path, *, verify: bool = True) -> Dataset:
        """Open a folder, checking the manifest and (by default) every partition's SHA-256.

        Raises
        ------
        DatasetError
            When the manifest is missing or altered, or a partition is missing or was changed.
        """
        manifest = Manifest.read(folder)
        if verify:
            for partition in manifest.partitions:
                path = folder / partition.file
                if not path.is_file() or digest_file(path) != partition.sha256:
                    raise DatasetError(
                        f"{path} is missing or was changed after it was written.",
                        expected=f"{partition.n_rows} rows with SHA-256 {partition.sha256}",
                        hint="run the step that wrote it again",
                    )
        return cls(folder, manifest)

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the rows."""
        return unpack_schema(pq.read_schema(self.folder / self.manifest.partitions[0].file))

    @property
    def n_rows(self) -> int:
        """Rows in the dataset."""
        return self.manifest.n_rows

    @property
    def sha256(self) -> str:
        """Digest of the dataset's whole content."""
        return self.manifest.sha256

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: pc.Expression | None = None,
        batch_size: int = ROWS_PER_BATCH,
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows in their order.

        Parameters
        ----------
        columns : sequence of str, optional
            Columns to read; all by default.
        where : pyarrow.compute.Expression, optional
            Rows to keep, for example ``pc.field("split") == "train"``.
        batch_size : int, default 65,536
            Rows per batch before filtering: the bound on memory.

        Yields
        ------
        pyarrow.RecordBatch

        Raises
        ------
        DatasetError
            When a column does not exist.
        """
        self._check_columns(columns)
        wanted = list(columns) if columns is not None else None
        for partition in self.manifest.partitions:
            file = self.folder / partition.file
            if where is None:
                stored = pq.ParquetFile(file).iter_batches(batch_size=batch_size, columns=wanted)
                yield from map(unpack_tensors, stored)
                continue
            # Reads the columns that are wanted or asked about alone, and little ahead.
            batches = ds.dataset(file, format="parquet").to_batches(
                columns=wanted,
                filter=where,
                batch_size=batch_size,
                batch_readahead=1,
                fragment_readahead=1,
                use_threads=False,
            )
            yield from (unpack_tensors(batch) for batch in batches if batch.num_rows)

    def table(
        self, columns: Sequence[str] | None = None, *, where: pc.Expression | None = None
    ) -> pa.Table:
        """Load rows into memory as one table; the caller says why they fit.

        Parameters and errors as for :meth:`batches`.
        """
        schema = self.schema
        if columns is not None:
            self._check_columns(columns)
            schema = pa.schema([schema.field(name) for name in columns])
        return pa.Table.from_batches(self.batches(columns, where=where), schema)

    def tensor(self, column: str, *, where: pc.Expression | None = None) -> npt.NDArray[Any]:
        """Load one tensor column as an array of shape (n_rows, ...)."""
        table = self.table([column], where=where)
        return tensor_column_to_array(table.column(column))

    def _check_columns(self, columns: Sequence[str] | None) -> None:
        known = list(self.manifest.columns)
        for name in columns or ():
            if name not in known:
                raise DatasetError(
                    f"The dataset {self.folder.name} has no column {name!r}.",
                    expected=nearest(name, known),
                    hint="correct the column's name in the workflow file",
                )

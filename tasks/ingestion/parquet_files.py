"""A Parquet file as a stream of parts, with the types it has.

Used by ``files.py``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.ingestion.locations import SourceFile
from tasks.ingestion.parts import Part, make_empty_part
from tasks.ingestion.raw import check_columns, find_id_column
from tasks.workflow import Columns

ROWS_PER_BATCH = 65_536


def read_parquet_file(file: SourceFile, columns: Columns, needed: list[str]) -> Iterator[Part]:
    """Stream a Parquet file.

    Parameters
    ----------
    file : SourceFile
    columns : Columns
        Names the id column.
    needed : list of str
        Other columns to keep; no other is read.

    Yields
    ------
    Part
        First one without rows, then batches. Rows are numbered from 1.

    Raises
    ------
    SourceError
        When a column is missing.
    """
    with contextlib.closing(file.open()) as stream, pq.ParquetFile(stream) as parquet:
        schema = parquet.schema_arrow
        check_columns(needed, schema.names, f"The file {file.where}")
        id_column = find_id_column(schema.names, columns, f"The file {file.where}")
        wanted = list(dict.fromkeys([*needed, *([id_column] if id_column else [])]))
        yield make_empty_part(file.name, pa.schema([schema.field(name) for name in wanted]))
        line = 1
        for batch in parquet.iter_batches(batch_size=ROWS_PER_BATCH, columns=wanted):
            lines = pa.array(range(line, line + batch.num_rows), pa.int64())
            yield Part(file.name, lines, batch.select(wanted))
            line += batch.num_rows

"""What every source yields: parts of its rows, each row with its place in the source.

The readers of ``tasks/ingestion`` make parts; ``raw.py`` gives their rows the columns of the raw dataset.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

ROWS_PER_PART = 8_192  # with 28 x 28 images 6 MiB at a time


@dataclass(frozen=True)
class UnparsedLine:
    """A line of a file, or a whole file, that could not become a row.

    Parameters
    ----------
    line : int
        Where it begins; the first line of the file is 1.
    reason : str
        Never holds anything of the line itself, which may be personal.
    text : str
        The line, at most :data:`tasks.ingestion.text_blocks.MAX_TEXT_CHARACTERS` of it.
    source : str, optional
        The file, where it is not the part's source.
    """

    line: int
    reason: str
    text: str
    source: str | None = None


@dataclass(frozen=True)
class Part:
    """Some rows of one source, with the source's own columns.

    Parameters
    ----------
    source : str
        The file's name, or the name of the built-in data set.
    lines : pyarrow.Int64Array of length n_rows
        Line or row numbers in that source, from 1.
    rows : pyarrow.RecordBatch with n_rows rows
    unparsed : tuple of UnparsedLine
        Lines that became no row.
    sources : pyarrow.StringArray of length n_rows, optional
        The file of each row, where each is one of its own; by default all are ``source``.
    """

    source: str
    lines: pa.Array
    rows: pa.RecordBatch
    unparsed: tuple[UnparsedLine, ...] = ()
    sources: pa.Array | None = None


def make_empty_part(
    source: str, schema: pa.Schema, unparsed: tuple[UnparsedLine, ...] = ()
) -> Part:
    """Make a part without rows, which still tells the columns.

    Parameters
    ----------
    source : str
    schema : pyarrow.Schema
    unparsed : tuple of UnparsedLine, optional

    Returns
    -------
    Part
    """
    rows = pa.RecordBatch.from_pylist([], schema=schema)
    return Part(source, pa.array([], pa.int64()), rows, unparsed)


def cut_into_parts(source: str, rows: pa.Table, lines: pa.Array) -> list[Part]:
    """Cut a table that is in memory into parts.

    Parameters
    ----------
    source : str
    rows : pyarrow.Table with n_rows rows
    lines : pyarrow.Int64Array of length n_rows

    Returns
    -------
    list of Part
    """
    parts, start = [], 0
    for batch in rows.to_batches(max_chunksize=ROWS_PER_PART):
        parts.append(Part(source, lines.slice(start, batch.num_rows), batch))
        start += batch.num_rows
    return parts

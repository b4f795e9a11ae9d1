"""Files of the user's own: their rows, had they arrived by a night, as a stream of parts.

Source for ``step.py``; ``locations.py`` finds the files, and each format has a module of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from tasks.errors import SourceError
from tasks.ingestion.arrival import select_arrived_files
from tasks.ingestion.csv_files import read_csv_file
from tasks.ingestion.cutoff import Cutoff, keep_arrived_rows
from tasks.ingestion.image_folders import read_image_files
from tasks.ingestion.jsonl_files import read_jsonl_file
from tasks.ingestion.locations import SourceFile, find_files
from tasks.ingestion.npz_files import read_npz_file
from tasks.ingestion.parquet_files import read_parquet_file
from tasks.ingestion.parts import Part
from tasks.ingestion.raw import check_columns, name_needed_columns
from tasks.workflow import ArrivalByColumn, ArrivalByPattern, Columns, FilesSource

logger = logging.getLogger(__name__)


def read_files(
    source: FilesSource, columns: Columns, base_folder: Path, cutoff: Cutoff, *, has_split: bool
) -> Iterator[Part]:
    """Stream the rows of the files that a workflow means, file after file in the order of their names.

    Parameters
    ----------
    source : FilesSource
    columns : Columns
        The columns that are read; others are not.
    base_folder : Path
        The workflow file's folder.
    cutoff : Cutoff
        The midnight at which the night begins.
    has_split : bool
        Whether the files' ``split`` column is read too.

    Yields
    ------
    Part
        At least one per file, without rows where the file has none. CSV and JSON Lines values are
        text as it stands in the file, Parquet and NumPy values have the type of their file.

    Raises
    ------
    SourceError
        When there is no file, one cannot be read, or a column is missing in one.
    """
    files = find_files(source.path, base_folder, whole_folders=source.format == "images")
    if isinstance(source.arrives, ArrivalByPattern):
        files = select_arrived_files(files, source.arrives.pattern, cutoff.local.date())
    needed = name_needed_columns(columns, has_split=has_split)
    if source.format == "images":
        yield from _count_files(files, read_image_files(files, source, columns))
        return
    by_column = source.arrives.column if isinstance(source.arrives, ArrivalByColumn) else None
    # The column of the arrival is read, but no part of the rows unless it has one in 'columns'.
    wanted = list(dict.fromkeys([*needed, *([by_column] if by_column else [])]))
    seen: set[str] = set()
    n_rows = 0
    for file in files:
        n_file, n_unparsed = 0, 0
        for part in _read_file(file, source, columns, wanted, seen):
            kept = keep_arrived_rows(part, by_column, cutoff) if by_column else part
            n_file += kept.rows.num_rows
            n_unparsed += len(kept.unparsed)
            yield kept
        logger.info("Read %s: %d rows, %d lines that did not parse.", file.name, n_file, n_unparsed)
        n_rows += n_file
    if source.format == "jsonl" and n_rows:
        check_columns(wanted, seen, f"None of the objects in {len(files)} files")


def _read_file(
    file: SourceFile, source: FilesSource, columns: Columns, needed: list[str], seen: set[str]
) -> Iterator[Part]:
    try:
        if source.format == "csv":
            yield from read_csv_file(file, source, columns, needed)
        elif source.format == "jsonl":
            yield from read_jsonl_file(file, source.encoding, columns, needed, seen)
        elif source.format == "npz":
            yield from read_npz_file(file, columns, needed)
        else:
            yield from read_parquet_file(file, columns, needed)
    except SourceError:
        raise
    except Exception as error:  # noqa: BLE001 - every file system has errors of its own
        raise _explain(file, source, error) from file.find_cause(error)


def _count_files(files: list[SourceFile], parts: Iterator[Part]) -> Iterator[Part]:
    n_rows, n_unparsed = 0, 0
    try:
        for part in parts:
            n_rows += part.rows.num_rows
            n_unparsed += len(part.unparsed)
            yield part
    except OSError as error:
        raise SourceError(
            f"One of {len(files)} images cannot be read: {error}",
            expected="files that stay where they are while they are read",
            hint="see 'source.path' and what lies there",
        ) from (None if files[0].secrets else error)
    logger.info("Read %d images; no image or unusable: %d files.", n_rows, n_unparsed)


def _explain(file: SourceFile, source: FilesSource, error: Exception) -> SourceError:
    what = str(error) if isinstance(error, pa.ArrowException | OSError) else repr(error)
    if error.__cause__ is not None:  # of a web address that is not reached the text is the address
        what += f" ({type(error.__cause__).__name__})"
    return file.make_error(
        f"cannot be read: {what}",
        expected=f"a {source.format} file that is whole and readable",
        hint="correct the file or 'source.format', or take it out of 'source.path'",
    )

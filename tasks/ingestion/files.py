"""Files of the user's own: which ones a workflow means, and their rows as a stream of parts.

Source for ``step.py``; CSV files are read by ``csv_files.py``, Parquet files here.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import SourceError
from tasks.ingestion.csv_files import read_csv_file
from tasks.ingestion.parts import Part, make_empty_part
from tasks.ingestion.raw import check_columns, find_id_column, name_needed_columns
from tasks.workflow import Columns, FilesSource

ROWS_PER_BATCH = 65_536


def find_files(pattern: str, base_folder: Path) -> dict[str, Path]:
    """Find the files that a path or a glob means.

    Parameters
    ----------
    pattern : str
        Relative to ``base_folder``; ``**`` matches folders of any depth.
    base_folder : Path
        The workflow file's folder.

    Returns
    -------
    dict of str to Path
        By name and in the order of the names: the file's name, or, where the glob goes through
        folders, its path below the first folder that is given by name.

    Raises
    ------
    SourceError
        When there is none.
    """
    fixed = base_folder
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed /= part
    # Not Path.glob, which refuses absolute paths.
    found = glob.glob(pattern, root_dir=base_folder, recursive=True)  # noqa: PTH207
    files = [path for path in (base_folder / name for name in found) if path.is_file()]
    if not files:
        raise SourceError(
            f"There is no file {pattern!r} under {base_folder}.",
            expected="at least one file; the path is relative to the workflow file's folder",
            hint="correct 'source.path' in the workflow file, or put the files there",
        )
    names = {path.relative_to(fixed).as_posix(): path for path in files}
    return dict(sorted(names.items()))


def read_files(
    source: FilesSource, columns: Columns, base_folder: Path, *, has_split: bool
) -> Iterator[Part]:
    """Stream the rows of the files that a workflow means, file after file in name order.

    Parameters
    ----------
    source : FilesSource
    columns : Columns
        The columns that are read; others are not.
    base_folder : Path
        The workflow file's folder.
    has_split : bool
        Whether the files' ``split`` column is read too.

    Yields
    ------
    Part
        At least one per file, without rows where the file has none. CSV values are strings as they
        stand in the file, Parquet values have the type they have in the first file.

    Raises
    ------
    SourceError
        When there is no file, one cannot be read, or a column is missing in one.
    """
    needed = name_needed_columns(columns, has_split=has_split)
    for name, path in find_files(source.path, base_folder).items():
        try:
            if source.format == "csv":
                yield from read_csv_file(name, path, source.delimiter, columns, needed)
            else:
                yield from _read_parquet_file(name, path, columns, needed)
        except (pa.ArrowException, OSError) as error:
            raise SourceError(
                f"The file {path} cannot be read: {error}",
                expected=f"a {source.format} file that is whole and readable",
                hint="correct the file or 'source.format', or take it out of 'source.path'",
            ) from error


def _read_parquet_file(
    name: str, path: Path, columns: Columns, needed: list[str]
) -> Iterator[Part]:
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        check_columns(needed, schema.names, f"The file {path}")
        id_column = find_id_column(schema.names, columns, f"The file {path}")
        wanted = list(dict.fromkeys([*needed, *([id_column] if id_column else [])]))
        yield make_empty_part(name, pa.schema([schema.field(n) for n in wanted]))
        line = 1
        for batch in file.iter_batches(batch_size=ROWS_PER_BATCH, columns=wanted):
            lines = pa.array(range(line, line + batch.num_rows), pa.int64())
            yield Part(name, lines, batch.select(wanted))
            line += batch.num_rows

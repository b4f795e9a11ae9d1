"""A CSV file as a stream of parts, every value as text, every line with its number.

Used by ``files.py``. Values are read as text because a bad number in one row must not stop the
file: cleaning converts them and sends the row that cannot be converted to quarantine.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from tasks.errors import SourceError
from tasks.ingestion.parts import Part, UnparsedLine, make_empty_part
from tasks.ingestion.raw import check_columns, find_id_column
from tasks.workflow import Columns

BLOCK_BYTES = 4 * 1024 * 1024  # memory at a time is a few of these; also the longest row
MAX_TEXT_CHARACTERS = 1_000  # of a line that does not parse; the file still has the rest


def read_csv_file(
    name: str, path: Path, delimiter: str, columns: Columns, needed: list[str]
) -> Iterator[Part]:
    """Stream a CSV file with a header, in UTF-8.

    Parameters
    ----------
    name : str
        The ``source`` of the rows.
    path : Path
    delimiter : str
        One character.
    columns : Columns
        Names the id column.
    needed : list of str
        Other columns to keep.

    Yields
    ------
    Part
        First one without rows, then one per block. Empty values are null. A line with more or
        fewer values than the header is in ``unparsed``; a line without any value is no row.

    Raises
    ------
    SourceError
        When the header lacks a column, a row is longer than :data:`BLOCK_BYTES` or the text is
        not UTF-8.

    Notes
    -----
    Arrow numbers rows, not lines: a quoted value may hold line breaks. So the line breaks inside
    values are counted and added, over all columns, also those that are not kept.
    """
    header, n_header_lines, has_more = _read_header(path, delimiter)
    where = f"The file {path}"
    check_columns(needed, header, where)
    id_column = find_id_column(header, columns, where)
    wanted = list(dict.fromkeys([*needed, *([id_column] if id_column else [])]))
    schema = pa.schema([(n, pa.string()) for n in wanted])
    yield make_empty_part(name, schema)
    if not has_more:
        return

    numbering = _LineNumbering(n_header_lines + 1)
    # Columns get names of their own, because a header may have one twice among those not needed.
    aliases = [str(i) for i in range(len(header))]
    reader = arrow_csv.open_csv(
        path,
        read_options=arrow_csv.ReadOptions(
            use_threads=False,  # with threads Arrow does not know the numbers of bad rows
            block_size=BLOCK_BYTES,
            skip_rows=n_header_lines,
            column_names=aliases,
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,  # they count as lines
            invalid_row_handler=numbering.note_bad_row,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(aliases, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    with reader:
        for batch in reader:
            lines = numbering.number_rows(_count_line_breaks(batch))
            is_row = reduce(pc.or_, [column.is_valid() for column in batch.columns])
            rows = batch.select([aliases[header.index(n)] for n in wanted]).rename_columns(wanted)
            yield Part(
                name,
                pa.array(lines).filter(is_row),
                rows.filter(is_row),
                numbering.take_unparsed(),
            )
    numbering.number_rows(np.zeros(0, dtype=np.int64), is_last=True)
    unparsed = numbering.take_unparsed()
    if unparsed:
        yield make_empty_part(name, schema, unparsed)


def _read_header(path: Path, delimiter: str) -> tuple[list[str], int, bool]:
    """Names of the columns, the lines up to and with them, and whether anything follows."""
    with pa.input_stream(path, compression="detect") as stream:
        # Bytes that are not UTF-8 are Arrow's to refuse; here they may lie behind the header.
        text = io.TextIOWrapper(
            io.BufferedReader(stream), encoding="utf-8-sig", errors="replace", newline=""
        )
        reader = csv.reader(text, delimiter=delimiter)
        try:
            header = next((row for row in reader if row), None)
        except csv.Error as error:
            raise SourceError(
                f"The file {path} has no header that can be read: {error}",
                expected="the names of the columns in the first line",
                hint="correct the file or 'source.delimiter', or take it out of 'source.path'",
            ) from error
        if header is None:
            raise SourceError(
                f"The file {path} is empty.",
                expected="the names of the columns in the first line",
                hint="write the file again, or take it out of 'source.path'",
            )
        return header, reader.line_num, bool(text.readline())


def _count_line_breaks(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Line breaks inside each row's values."""
    n_breaks = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        n_breaks += np.asarray(pc.fill_null(pc.count_substring(column, "\n"), 0), dtype=np.int64)
    return n_breaks


class _LineNumbering:
    """Turns Arrow's row numbers into line numbers, for good rows and bad ones."""

    def __init__(self, first_row: int) -> None:
        self._next_row = first_row
        self._n_breaks = 0  # line breaks inside the values of all rows before
        self._bad: list[arrow_csv.InvalidRow] = []
        self._unparsed: list[UnparsedLine] = []

    def note_bad_row(self, row: arrow_csv.InvalidRow) -> str:
        self._bad.append(row)
        return "skip"

    def number_rows(
        self, n_breaks: npt.NDArray[np.int64], *, is_last: bool = False
    ) -> npt.NDArray[np.int64]:
        """Line numbers of the next good rows, given the line breaks inside each.

        Bad rows may have been noted ahead, so only those before the last good row are numbered,
        or all of them at the end of the file.
        """
        n_rows = len(n_breaks)
        numbers = np.arange(self._next_row, self._next_row + n_rows + len(self._bad))
        is_bad = np.isin(numbers, [row.number for row in self._bad])
        if not is_last:
            numbers = (
                numbers[: np.searchsorted(np.cumsum(~is_bad), n_rows) + 1]
                if n_rows
                else numbers[:0]
            )
            is_bad = is_bad[: len(numbers)]
        n_bad = int(is_bad.sum())
        bad, self._bad = self._bad[:n_bad], self._bad[n_bad:]
        breaks = np.zeros(len(numbers), dtype=np.int64)
        breaks[~is_bad] = n_breaks
        breaks[is_bad] = [row.text.count("\n") for row in bad]
        lines = numbers + self._n_breaks + np.cumsum(breaks) - breaks
        self._unparsed += [
            UnparsedLine(
                int(line),
                f"{row.actual_columns} values where the header has {row.expected_columns}",
                row.text[:MAX_TEXT_CHARACTERS],
            )
            for line, row in zip(lines[is_bad], bad, strict=True)
        ]
        self._next_row += len(numbers)
        self._n_breaks += int(breaks.sum())
        return np.asarray(lines[~is_bad], dtype=np.int64)

    def take_unparsed(self) -> tuple[UnparsedLine, ...]:
        taken, self._unparsed = tuple(self._unparsed), []
        return taken

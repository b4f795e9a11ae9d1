"""A CSV file as a stream of parts, every value as text, every row with its line.

Used by ``files.py``. Values are read as text because a bad number in one row must not stop the
file: cleaning converts them and sends the row that cannot be converted to quarantine.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from tasks.ingestion.csv_dialect import Dialect
from tasks.ingestion.csv_records import Records, cut_into_records
from tasks.ingestion.locations import SourceFile
from tasks.ingestion.parts import Part, UnparsedLine, make_empty_part
from tasks.ingestion.raw import check_columns, find_id_column
from tasks.ingestion.text_blocks import (
    MAX_TEXT_CHARACTERS,
    TextBlock,
    count_lines,
    find_line_end,
    is_plain,
    open_text_blocks,
    show_text,
)
from tasks.workflow import Columns, FilesSource


def read_csv_file(
    file: SourceFile, source: FilesSource, columns: Columns, needed: list[str]
) -> Iterator[Part]:
    """Stream a CSV file.

    Parameters
    ----------
    file : SourceFile
    source : FilesSource
        Says how it is written.
    columns : Columns
        Names the id column.
    needed : list of str
        Other columns to keep.

    Yields
    ------
    Part
        First one without rows, then one per block. Empty values are null. In ``unparsed`` are the
        lines with more or fewer values than the header, with a NUL byte, with bytes that are not
        of the encoding, with a quote that is never closed, or too long. A line without any value
        is no row.

    Raises
    ------
    SourceError
        When there is no header, or it lacks a column.

    Notes
    -----
    Arrow parses a block; where it finds as many rows as the block has lines, each line is a row.
    Only other blocks are cut into rows by ``csv_records.py`` first. Memory is a few blocks.
    """
    dialect = Dialect.from_source(source)
    with open_text_blocks(file, dialect.encoding) as blocks:
        header, block = _read_header(file, blocks, dialect)
        if needed and not set(needed) & set(header):
            # Its first line may be a row of data, so what stands in it is not shown.
            raise file.make_error(
                "has none of the workflow's columns in its first line.",
                expected=f"a header with {', '.join(map(repr, needed))}",
                hint="write a header, or name the columns at 'source.names' in the workflow file",
            )
        check_columns(needed, header, f"The file {file.where}")
        id_column = find_id_column(header, columns, f"The file {file.where}")
        wanted = list(dict.fromkeys([*needed, *([id_column] if id_column else [])]))
        parser = _BlockParser(file, dialect, header, wanted)
        yield make_empty_part(file.name, parser.schema)
        content, line = block.content, block.first_line
        while True:
            part, used, line = parser.parse(content, line, block)
            yield part
            if block.is_last:
                return
            rest, block = content[used:], next(blocks)
            if rest:
                content = rest + block.content
            else:
                content, line = block.content, block.first_line


def _read_header(
    file: SourceFile, blocks: Iterator[TextBlock], dialect: Dialect
) -> tuple[list[str], TextBlock]:
    """Names of the columns, and what follows them in their block."""
    if dialect.names is not None:
        return list(dialect.names), next(blocks)
    expected = "the names of the columns in the first line"
    rest, line = b"", 1
    for block in blocks:
        content = (rest + block.content).lstrip(b"\r\n")
        line += count_lines(rest + block.content) - count_lines(content)
        first_end = find_line_end(content, 0) or len(content)
        records, _, _ = cut_into_records(content[:first_end], line, dialect, is_end=False)
        if not len(records.lines):  # its first name has a line break
            records, _, _ = cut_into_records(content, line, dialect, is_end=block.is_end)
        if len(records.lines):
            text = records.get_text(content, 0)
            names = _split_header(file, text, records.faults.get(0, ""), dialect)
            line += count_lines(text)
            content = content[len(text) :]
            return names, replace(
                block, content=content, first_line=line, n_lines=count_lines(content)
            )
        if block.unparsed:
            raise file.make_error(f"has no header: {block.unparsed[0].reason}.", expected=expected)
        rest = content
    raise file.make_error("is empty.", expected=expected)


def _split_header(file: SourceFile, text: bytes, fault: str, dialect: Dialect) -> list[str]:
    try:
        if not fault:
            lines, sign = [text.decode()], dialect.quote
            if sign is None:
                return next(csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE))
            return next(csv.reader(lines, delimiter=dialect.delimiter, quotechar=sign))
    except csv.Error as error:
        fault = str(error)
    raise file.make_error(
        f"has no header that can be read: {fault}.",
        expected="the names of the columns in the first line",
        hint="correct the file, or 'source.encoding', 'source.quote' and 'source.delimiter'",
    )


@dataclass(frozen=True)
class _Parsed:
    """What Arrow makes of some rows: those with all values, and the numbers of the others from 0."""

    rows: pa.RecordBatch
    bad: dict[int, arrow_csv.InvalidRow]

    @property
    def n_rows(self) -> int:
        return int(self.rows.num_rows) + len(self.bad)


class _BlockParser:
    """Turns the text of whole lines into a part."""

    def __init__(
        self, file: SourceFile, dialect: Dialect, header: list[str], wanted: list[str]
    ) -> None:
        self.schema = pa.schema([(column, pa.string()) for column in wanted])
        self._file = file
        self._dialect = dialect
        # Columns get names of their own, because a header may have one twice among those not needed.
        self._aliases = [str(i) for i in range(len(header))]
        self._wanted = [self._aliases[header.index(column)] for column in wanted]
        self._expected = "the header has" if dialect.names is None else "'source.names' has"

    def parse(self, content: bytes, line: int, block: TextBlock) -> tuple[Part, int, int]:
        """Parse a block; gives the part, how much of the text was used, and the line after it."""
        n_lines = block.n_lines if content is block.content else count_lines(content)
        parsed = self._parse_rows(content) if is_plain(content) else None
        if parsed and parsed.n_rows == n_lines and self._is_last_line_whole(content):
            unparsed = [
                UnparsedLine(line + i, self._describe(bad), bad.text[:MAX_TEXT_CHARACTERS])
                for i, bad in parsed.bad.items()
            ]
            numbers = np.arange(line, line + n_lines)
            used, next_line = len(content), line + n_lines
            rows = content
        else:
            records, used, next_line = cut_into_records(
                content, line, self._dialect, is_end=block.is_end
            )
            rows = records.join_good(content)
            parsed = self._parse_rows(rows)
            is_good = np.ones(len(records.lines), dtype=bool)
            is_good[list(records.faults)] = False
            good = np.flatnonzero(is_good)
            if parsed.n_rows != len(good):
                raise self._file.make_error(
                    f"cannot be cut into rows between line {line} and line {next_line}.",
                    expected="quotes as RFC 4180 has them",
                    hint="correct 'source.quote' and 'source.delimiter', or the file",
                )
            numbers = records.lines[good]
            unparsed = [
                self._report(content, records, place, reason)
                for place, reason in records.faults.items()
            ]
            unparsed += [
                self._report(content, records, int(good[i]), self._describe(bad))
                for i, bad in parsed.bad.items()
            ]
            unparsed.sort(key=lambda one: one.line)
        part = self._make_part(rows, parsed, numbers, (*unparsed, *block.unparsed))
        return part, used, next_line

    def _parse_rows(self, content: bytes, *, all_columns: bool = False) -> _Parsed:
        bad: dict[int, arrow_csv.InvalidRow] = {}

        def note(row: arrow_csv.InvalidRow) -> str:
            bad[row.number - 1] = row
            return "skip"

        included = self._aliases if all_columns else self._wanted
        if not content:
            schema = pa.schema([(name, pa.string()) for name in included])
            return _Parsed(pa.RecordBatch.from_pylist([], schema), bad)
        table = arrow_csv.read_csv(
            pa.BufferReader(content),
            read_options=arrow_csv.ReadOptions(
                use_threads=False,  # with threads Arrow does not know the numbers of bad rows
                block_size=len(content) + 1,
                column_names=self._aliases,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._dialect.delimiter,
                quote_char=self._dialect.quote or False,
                newlines_in_values=True,
                ignore_empty_lines=False,  # they count as lines
                invalid_row_handler=note,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(included, pa.string()),
                include_columns=included,
                strings_can_be_null=True,
                null_values=[""],
                check_utf8=False,  # was checked for the block
            ),
        )
        (rows,) = table.combine_chunks().to_batches() or [
            pa.RecordBatch.from_pylist([], table.schema)
        ]
        return _Parsed(rows, bad)

    def _is_last_line_whole(self, content: bytes) -> bool:
        """Whether no value goes on behind the last line, which Arrow takes for closed."""
        if self._dialect.quote is None or not content:
            return True
        start = max(content.rfind(b"\n", 0, -2), content.rfind(b"\r", 0, -2)) + 1
        records, _, _ = cut_into_records(content[start:], 0, self._dialect, is_end=True)
        return not records.faults

    def _make_part(
        self,
        content: bytes,
        parsed: _Parsed,
        numbers: npt.NDArray[np.int64],
        unparsed: tuple[UnparsedLine, ...],
    ) -> Part:
        if parsed.bad:
            numbers = np.delete(numbers, list(parsed.bad))
        rows = pa.RecordBatch.from_arrays(parsed.rows.columns, schema=self.schema)
        lines = pa.array(numbers, pa.int64())
        if all(column.null_count for column in rows.columns):
            is_row = _find_values(rows)
            if not pc.all(is_row).as_py():  # rows without a value in the columns that are kept
                is_row = _find_values(self._parse_rows(content, all_columns=True).rows)
                rows, lines = rows.filter(is_row), lines.filter(is_row)
        return Part(self._file.name, lines, rows, unparsed)

    def _describe(self, row: arrow_csv.InvalidRow) -> str:
        return f"{row.actual_columns} values where {self._expected} {row.expected_columns}"

    def _report(self, content: bytes, records: Records, place: int, reason: str) -> UnparsedLine:
        text = show_text(records.get_text(content, place), self._dialect.encoding)
        return UnparsedLine(int(records.lines[place]), reason, text)


def _find_values(rows: pa.RecordBatch) -> pa.BooleanArray:
    """Tell which rows have a value in any column."""
    has_value = rows.column(0).is_valid()
    for column in rows.columns[1:]:
        has_value = pc.or_(has_value, column.is_valid())
    return has_value

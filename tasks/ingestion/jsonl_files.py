"""A JSON Lines file as a stream of parts, every value as text, as in CSV.

Used by ``files.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from tasks.ingestion.locations import SourceFile
from tasks.ingestion.parts import Part, UnparsedLine, make_empty_part
from tasks.ingestion.raw import find_id_column
from tasks.ingestion.text_blocks import (
    NUL_REASON,
    is_plain,
    is_utf8,
    open_text_blocks,
    show_text,
)
from tasks.workflow import Columns

LINES_AT_ONCE = 8_192  # as Python objects they take ten times the memory of the text
SURROGATE_REASON = "a value that is no Unicode text"

_Object = dict[str, Any]


def read_jsonl_file(
    file: SourceFile, encoding: str, columns: Columns, needed: list[str], seen: set[str]
) -> Iterator[Part]:
    """Stream a JSON Lines file: one object in each line.

    Parameters
    ----------
    file : SourceFile
    encoding : str
    columns : Columns
        Names the id column.
    needed : list of str
        Other keys to keep.
    seen : set of str
        Gathers the keys that objects had, because an object may leave one out and only all files
        together show that none has it.

    Yields
    ------
    Part
        At least one. Numbers are as they stand in the file,
        booleans ``true`` or ``false``, objects and lists their JSON, null and missing keys null;
        of a key that stands in an object twice the last counts. Lines that are no object are in
        ``unparsed``; blank ones are no rows.

    Raises
    ------
    SourceError
        When no object of the first ones has the id that the workflow names.
    """
    # Until an object shows its keys, those that there must be.
    wanted = list(dict.fromkeys([*needed, *([columns.id] if columns.id else [])]))
    has_objects = False
    with open_text_blocks(file, encoding) as blocks:
        for block in blocks:
            texts = block.content.splitlines()
            # A CR alone is white space to JSON, but ends a line to whoever wrote one object a line.
            for first in range(0, len(texts), LINES_AT_ONCE):
                reader = _LineReader(encoding)
                reader.read(texts[first : first + LINES_AT_ONCE], block.first_line + first)
                if not seen.issuperset(wanted):
                    seen.update(*reader.objects)
                if reader.objects and not has_objects:
                    wanted, has_objects = _choose_columns(file, columns, needed, seen), True
                yield reader.make_part(file.name, wanted)
            if block.unparsed:
                yield make_empty_part(file.name, _make_schema(wanted), block.unparsed)
    if not has_objects:
        yield make_empty_part(file.name, _make_schema(wanted))


def _choose_columns(
    file: SourceFile, columns: Columns, needed: list[str], seen: set[str]
) -> list[str]:
    id_column = find_id_column(sorted(seen), columns, f"The file {file.where}")
    return list(dict.fromkeys([*needed, *([id_column] if id_column else [])]))


def _make_schema(names: list[str]) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


class _LineReader:
    """Turns some lines into objects and a part."""

    def __init__(self, encoding: str) -> None:
        self.objects: list[_Object] = []
        self._encoding = encoding
        # Numbers stay as they stand: no digit is lost, and none is too large.
        self._decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
        self._texts: list[bytes] = []
        self._lines: list[int] = []
        self._unparsed: list[UnparsedLine] = []

    def read(self, texts: list[bytes], first_line: int) -> None:
        """Parse lines, the first of which has a number."""
        together = b"\n".join(texts)
        is_clean = is_plain(together) and b"\\u0000" not in together
        for line, text in enumerate(texts, first_line):
            if is_clean:
                decoded = text.decode()
                try:
                    # Most lines are an object and nothing else, not even a space beside it.
                    found, end = self._decoder.raw_decode(decoded)
                except (ValueError, RecursionError):
                    end = -1  # said in words below
                if end == len(decoded) and type(found) is dict:
                    self._add(found, line, text)
                    continue
            self._read_carefully(line, text)

    def _add(self, found: _Object, line: int, text: bytes) -> None:
        self.objects.append(found)
        self._lines.append(line)
        self._texts.append(text)

    def _read_carefully(self, line: int, text: bytes) -> None:
        fault = self._find_damage(text)
        found = None
        if not fault:
            try:
                found = self._decoder.decode(text.decode())
            except json.JSONDecodeError as error:
                if not text.strip():
                    return
                fault = f"no JSON ({error.msg}, column {error.colno})"
            except RecursionError:
                fault = "JSON that is nested too deeply"
        if isinstance(found, dict) and b"\\u0000" in text:
            fault = NUL_REASON if any("\0" in str(value) for value in found.values()) else ""
        if fault or not isinstance(found, dict):
            self._refuse(line, fault or "no JSON object", text)
        else:
            self._add(found, line, text)

    def make_part(self, name: str, wanted: list[str]) -> Part:
        """Make a part of what was read."""
        try:
            rows = self._make_rows(wanted)
        except UnicodeEncodeError:  # half a surrogate pair, written as \\ud800
            self._take_out([i for i, one in enumerate(self.objects) if not _is_text(one, wanted)])
            rows = self._make_rows(wanted)
        self._unparsed.sort(key=lambda one: one.line)
        return Part(name, pa.array(self._lines, pa.int64()), rows, tuple(self._unparsed))

    def _make_rows(self, wanted: list[str]) -> pa.RecordBatch:
        columns = []
        for name in wanted:
            values = [one.get(name) for one in self.objects]
            try:
                column = pa.array(values, pa.string())
            except (pa.ArrowTypeError, pa.ArrowInvalid):
                texts = [self._to_text(value, i, name) for i, value in enumerate(values)]
                column = pa.array(texts, pa.string())
            columns.append(column)
        return pa.RecordBatch.from_arrays(columns, schema=_make_schema(wanted))

    def _to_text(self, value: object, place: int, name: str) -> str | None:
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        # Read again, because the numbers in it have become texts.
        value = json.loads(self._texts[place], parse_int=float if _is_huge(value) else int)[name]
        return json.dumps(value, ensure_ascii=False)

    def _refuse(self, line: int, fault: str, text: bytes) -> None:
        self._unparsed.append(UnparsedLine(line, fault, show_text(text, self._encoding)))

    def _take_out(self, places: list[int]) -> None:
        for place in reversed(places):
            self._refuse(self._lines[place], SURROGATE_REASON, self._texts[place])
            del self.objects[place], self._lines[place], self._texts[place]

    def _find_damage(self, text: bytes) -> str:
        if b"\0" in text:
            return NUL_REASON
        return "" if is_utf8(text) else f"bytes that are not {self._encoding}"


def _is_text(one: _Object, wanted: list[str]) -> bool:
    try:
        for name in wanted:
            json.dumps(one.get(name), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_huge(value: object) -> bool:
    """Whether a whole number in it has more digits than Python turns into one."""
    return len(str(value)) > 4_000

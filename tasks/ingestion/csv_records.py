"""The careful way through CSV: where each row begins and ends, and which cannot be one.

Used by ``csv_files.py`` for the blocks that Arrow alone would misread: with line breaks inside
values, with quotes that are never closed, with damaged bytes. Takes time proportional to the block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tasks.ingestion.csv_dialect import Dialect
from tasks.ingestion.csv_walk import MAX_ROW_LINES, UNCLOSED, RowWalk
from tasks.ingestion.text_blocks import (
    MAX_ROW_BYTES,
    NUL_REASON,
    find_line_ends,
    is_plain,
    is_utf8,
)

OPEN_QUOTE_REASON = "a quote that is never closed"

_ROWS_PER_CHECK = 256  # decoded at once to find damaged ones among them
_ROWS_PER_WALK = 64  # walked through behind a quote out of place; twice as many at the next


@dataclass(frozen=True)
class Records:
    """Rows of a CSV file as they stand in a text, one behind the other.

    Parameters
    ----------
    bounds : ndarray of shape (n_records + 1,), int64
        Where each begins, and where the last ends.
    lines : ndarray of shape (n_records,), int64
        The line in the file that each begins with.
    faults : mapping of int to str
        Why some of them cannot be rows, by their place.
    """

    bounds: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    faults: Mapping[int, str]

    def get_text(self, content: bytes, place: int) -> bytes:
        """Get the text of one of them, line end included."""
        return content[self.bounds[place] : self.bounds[place + 1]]

    def join_good(self, content: bytes) -> bytes:
        """Get the text of those without a fault, one behind the other."""
        pieces, first = [], 0
        for place in [*sorted(self.faults), len(self.lines)]:
            pieces.append(content[self.bounds[first] : self.bounds[place]])
            first = place + 1
        return b"".join(pieces) if len(pieces) > 1 else pieces[0]


def cut_into_records(
    content: bytes, first_line: int, dialect: Dialect, *, is_end: bool
) -> tuple[Records, int, int]:
    """Cut whole lines into rows, of which one may have several lines.

    Parameters
    ----------
    content : bytes
        Begins where a row begins.
    first_line : int
        Its line in the file.
    dialect : Dialect
    is_end : bool
        Whether no row goes on behind the content.

    Returns
    -------
    records : Records
    rest : int
        Where a row begins that does not end in the content; its length when there is none.
    rest_line : int
        The line in the file that begins there.

    Notes
    -----
    A quote that is not closed within :data:`MAX_ROW_LINES` lines and ``MAX_ROW_BYTES`` bytes, or
    whose closing is followed by text, lines later, was opened by mistake: its line alone is at
    fault, and the reading goes on at the next one.

    As long as every quote stands where RFC 4180 has it, a row ends at each line end that an even
    number of quotes precedes, which NumPy finds for all lines at once. Around other quotes the
    rows are walked through one by one, more of them each time.
    """
    bounds_of_lines = np.concatenate(([0], find_line_ends(content)))
    cutter = _Cutter(content, dialect, bounds_of_lines)
    begins, open_quotes = cutter.cut(is_end=is_end)
    bounds = bounds_of_lines[begins]
    faults = dict.fromkeys(np.searchsorted(begins, open_quotes).tolist(), OPEN_QUOTE_REASON)
    if not is_plain(content):
        faults |= _find_damage(content, bounds, dialect.encoding)
    return (
        Records(bounds, first_line + begins[:-1], faults),
        int(bounds[-1]),
        first_line + int(begins[-1]),
    )


def _find_damage(content: bytes, bounds: npt.NDArray[np.int64], encoding: str) -> dict[int, str]:
    """Tell which rows have bytes that are not of the encoding, or NUL bytes."""
    reason = f"bytes that are not {encoding}"
    faults = {}
    for first in range(0, len(bounds) - 1, _ROWS_PER_CHECK):
        some = bounds[first : first + _ROWS_PER_CHECK + 1]
        if not is_utf8(content[some[0] : some[-1]]):
            for i, (start, end) in enumerate(pairwise(some)):
                if not is_utf8(content[start:end]):
                    faults[first + i] = reason
    nul = np.flatnonzero(np.frombuffer(content, np.uint8) == 0)
    places = np.searchsorted(bounds, nul[nul < bounds[-1]], side="right") - 1
    return faults | dict.fromkeys(np.unique(places).tolist(), NUL_REASON)


class _Cutter:
    """Finds the lines that rows begin with, counted from 0.

    ``bounds`` says where each line begins, and where the last ends.
    """

    def __init__(self, content: bytes, dialect: Dialect, bounds: npt.NDArray[np.int64]) -> None:
        self._bounds = bounds
        self._n_lines = len(bounds) - 1
        self._signs = np.frombuffer(content, np.uint8)
        self._quotes = np.zeros(0, dtype=np.int64)
        if dialect.quote is not None:
            self._quotes = np.flatnonzero(self._signs == ord(dialect.quote))
        beside = {dialect.delimiter, dialect.quote or dialect.delimiter, "\n", "\r"}
        self._is_beside = np.zeros(256, dtype=bool)  # signs that may stand beside a quote
        self._is_beside[[ord(sign) for sign in beside]] = True
        self._walk = RowWalk(content, dialect, bounds[1:].tolist())

    def cut(self, *, is_end: bool) -> tuple[npt.NDArray[np.int64], list[int]]:
        """Find where rows begin, at last the one behind them all; and lines with open quotes."""
        begins = [np.zeros(1, dtype=np.int64)]
        open_quotes: list[int] = []
        line, n_rows = 0, _ROWS_PER_WALK
        while line < self._n_lines:
            found = self._cut_sound_rows(line)
            begins.append(found)
            line = int(found[-1]) if len(found) else line
            stop = len(begins) + n_rows
            while line < self._n_lines and len(begins) < stop:
                next_line = self._walk.find_next_row(line)
                if next_line == UNCLOSED and not is_end:
                    return np.concatenate(begins), open_quotes
                if next_line < 0:
                    open_quotes.append(line)
                    next_line = line + 1
                line = next_line
                begins.append(np.array([line]))
            n_rows *= 2
        return np.concatenate(begins), open_quotes

    def _cut_sound_rows(self, line: int) -> npt.NDArray[np.int64]:
        """Find the lines behind rows, from one on, up to the first quote that is out of place."""
        start = self._bounds[line]
        quotes = self._quotes[np.searchsorted(self._quotes, start) :]
        ends = self._bounds[line + 1 :]
        is_row_end = np.searchsorted(quotes, ends) % 2 == 0
        is_row_end &= ends <= self._find_misplaced(quotes, start)
        begins = np.concatenate(([line], np.flatnonzero(is_row_end) + line + 1))
        is_long = np.diff(begins) > MAX_ROW_LINES
        is_long |= np.diff(self._bounds[begins]) > MAX_ROW_BYTES
        return begins[1 : np.argmax(is_long) + 1] if is_long.any() else begins[1:]

    def _find_misplaced(self, quotes: npt.NDArray[np.int64], start: int) -> int:
        """Find the first quote that neither begins nor ends a value; the content's length if none."""
        n_signs = len(self._signs)
        opening, closing = quotes[::2], quotes[1::2]
        is_wrong = np.zeros(len(quotes), dtype=bool)
        before = self._signs[np.maximum(opening - 1, 0)]
        is_wrong[::2] = ~(self._is_beside[before] | (opening == start))
        behind = self._signs[np.minimum(closing + 1, n_signs - 1)]
        is_wrong[1::2] = ~(self._is_beside[behind] | (closing == n_signs - 1))
        return int(quotes[np.argmax(is_wrong)]) if is_wrong.any() else n_signs

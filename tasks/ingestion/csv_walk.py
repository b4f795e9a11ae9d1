"""The walk through one row of CSV, value by value, that finds where it ends.

Used by ``csv_records.py`` around quotes that stand where RFC 4180 has none.
"""

from __future__ import annotations

from bisect import bisect_left

from tasks.ingestion.csv_dialect import Dialect
from tasks.ingestion.text_blocks import MAX_ROW_BYTES

MAX_ROW_LINES = 1_000  # a quote that is open for longer was never closed

# In place of the line behind a row:
UNCLOSED = -1  # a quote is open at the end of the content
MISPLACED = -2  # a quote is open for too long, or text follows its closing in another line


class RowWalk:
    """Finds the ends of rows as Arrow's parser does, which takes a quote inside a value as it is.

    Parameters
    ----------
    content : bytes
        Whole lines.
    dialect : Dialect
    line_ends : list of int
        Where they end, line ends included.
    """

    def __init__(self, content: bytes, dialect: Dialect, line_ends: list[int]) -> None:
        self._content = content
        self._quote = dialect.quote.encode() if dialect.quote else b""
        self._delimiter = dialect.delimiter.encode()
        self._ends = line_ends

    def find_next_row(self, line: int) -> int:
        """Find the line behind the row that begins with a line.

        Parameters
        ----------
        line : int
            From 0.

        Returns
        -------
        int
            Also from 0; or :data:`UNCLOSED`, or :data:`MISPLACED`.
        """
        content, quote = self._content, self._quote
        place = self._ends[line - 1] if line else 0
        line_end = first_line_end = self._ends[line]
        if not quote or content.find(quote, place, line_end) < 0:
            return line + 1
        last_end = self._ends[min(line + MAX_ROW_LINES, len(self._ends)) - 1]
        limit = min(last_end, place + MAX_ROW_BYTES)
        while True:
            if content[place : place + 1] == quote:
                place = self._find_closing(place + 1, limit)
                if place < 0:
                    return UNCLOSED if limit == len(content) else MISPLACED
                if place > line_end:
                    line = bisect_left(self._ends, place, line)
                    line_end = self._ends[line]
                follower = content[place : place + 1]
                if follower == self._delimiter:
                    place += 1
                    continue
                if follower in (b"\n", b"\r", b""):
                    return line + 1
                if line_end > first_line_end:
                    return MISPLACED
            place = content.find(self._delimiter, place, line_end) + 1
            if not place:
                return line + 1

    def _find_closing(self, place: int, limit: int) -> int:
        """Find the place behind the quote that closes a value; -1 when there is none."""
        content, quote = self._content, self._quote
        while True:
            place = content.find(quote, place, limit) + 1
            if not place:
                return -1
            if content[place : place + 1] != quote:
                return place
            place += 1

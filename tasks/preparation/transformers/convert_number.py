"""Numbers from text: with marks between thousands, with a decimal comma, and told from what is none.

Transformer of ``tasks.preparation``; a plain one, each row's result follows from its own text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.preparation.frame import Column
from tasks.preparation.text_bytes import find_rows, view_bytes
from tasks.preparation.transformers.convert import Convert, Unconvertible

NOT_A_NUMBER = "not a number"

# What Arrow's cast reads, written for RE2, which takes linear time whatever the text.
_NUMBER = r"^([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:nan|inf|infinity))$"
# In ASCII `+ , - . / 0 ... 9` follow each other; a byte before them wraps round to a large number.
_PLUS, _COMMA, _SLASH, _NINE = (np.uint8(ord(sign)) for sign in "+,/9")


class ConvertToNumber(Convert):
    """Read numbers.

    Parameters
    ----------
    columns : sequence of str
    thousands : str, optional
        The mark between groups of digits; a text where it stands elsewhere is no number.
    decimal : str
        The decimal mark.
    unconvertible : {"quarantine", "missing"}
        What becomes of a text that is no number, and of an infinite one.

    Examples
    --------
    >>> convert = ConvertToNumber(["price"], thousands=".", decimal=",")
    >>> transformed = convert.transform({"price": pa.array(["1.234,5", "12", "many", None])})
    >>> transformed.frame["price"].tolist(), transformed.problems[0].values
    ([1234.5, 12.0, nan, nan], ['many'])
    """

    KEY = "convert_to_number"
    TO = "number"
    WHAT = NOT_A_NUMBER

    def __init__(
        self,
        columns: Sequence[str],
        thousands: str | None = None,
        decimal: str = ".",
        unconvertible: Unconvertible = "quarantine",
    ) -> None:
        self.columns = columns
        self.thousands = thousands
        self.decimal = decimal
        self.unconvertible = unconvertible

    def convert(self, column: pa.StringArray) -> tuple[Column, npt.NDArray[np.bool_]]:
        """Convert; see the base class."""
        text = column
        if self.thousands is not None:
            text = self._remove_thousands(text)
        if self.decimal != ".":
            # A point is no decimal mark here: "1.5" must not be read as one and a half.
            has_point = pc.match_substring(text, ".")
            text = pc.replace_substring(text, self.decimal, ".")
            text = pc.if_else(has_point, "no number", text)
        is_bad = np.zeros(len(text), dtype=bool)
        # Nearly all texts are digits with a sign and a point; the few others are told by the pattern.
        starts, data = view_bytes(text)
        is_odd = (data - _PLUS > _NINE - _PLUS) | (data == _COMMA) | (data == _SLASH)
        text = self._drop(text, find_rows(starts, is_odd), is_bad)
        try:
            numbers = pc.cast(text, pa.float64())
        except pa.ArrowInvalid:  # signs of numbers, but not a number: 1-2
            text = self._drop(text, np.arange(len(text)), is_bad)
            numbers = pc.cast(text, pa.float64())
        if is_bad.any():
            is_bad &= np.asarray(column.is_valid())
        return np.asarray(numbers.to_numpy(zero_copy_only=False), np.float64), is_bad

    def _drop(
        self,
        text: pa.StringArray,
        suspects: npt.NDArray[np.int64],
        is_bad: npt.NDArray[np.bool_],
    ) -> pa.StringArray:
        """Make those of the suspects missing that are no numbers, and note them as bad."""
        if not len(suspects):
            return text
        is_number = pc.match_substring_regex(text.take(pa.array(suspects)), _NUMBER)
        wrong = suspects[np.asarray(pc.equal(is_number, False).fill_null(False))]
        is_bad[wrong] = True
        return pc.if_else(pa.array(is_bad), pa.scalar(None, pa.string()), text)

    def _remove_thousands(self, text: pa.StringArray) -> pa.StringArray:
        mark = str(self.thousands)
        has_mark = pc.match_substring(text, mark)
        if not pc.any(has_mark).as_py():
            return text
        sign, point = (f"[{c}]" if c not in "^]\\" else f"\\{c}" for c in (mark, self.decimal))
        grouped = rf"^[+-]?[0-9]{{1,3}}({sign}[0-9]{{3}})+({point}[0-9]*)?$"
        is_grouped = pc.match_substring_regex(text, grouped)
        bare = pc.replace_substring(text, mark, "")
        wrong = pc.and_(has_mark, pc.invert(is_grouped))
        return pc.if_else(wrong, "no number", pc.if_else(is_grouped, bare, text))

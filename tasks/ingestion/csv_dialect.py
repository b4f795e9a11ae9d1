"""How a CSV file is written, checked against what can be parsed.

Used by the other modules of CSV beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.errors import SourceError
from tasks.workflow import FilesSource


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Parameters
    ----------
    delimiter : str
    quote : str or None
    encoding : str
    names : tuple of str or None
        Names of the columns where there is no header.
    """

    delimiter: str
    quote: str | None
    encoding: str
    names: tuple[str, ...] | None

    @classmethod
    def from_source(cls, source: FilesSource) -> Dialect:
        """Take it from a workflow file, checking what Arrow's parser could not do.

        Raises
        ------
        SourceError
            When the delimiter or the quote is not one ASCII sign, or they are the same.
        """
        for key, sign in (("delimiter", source.delimiter), ("quote", source.quote)):
            if sign is not None and (not sign.isascii() or sign in "\r\n\0"):
                raise SourceError(
                    f"'source.{key}' is {sign!r}.",
                    expected="one ASCII sign that is no line break",
                    hint="correct it, or write the files with another one",
                )
        if source.delimiter == source.quote:
            raise SourceError(
                f"'source.delimiter' and 'source.quote' are both {source.quote!r}.",
                expected="two signs, or 'quote: null'",
                hint="correct one of them in the workflow file",
            )
        return cls(source.delimiter, source.quote, source.encoding, source.names)

"""A text file as a stream of blocks of whole lines in UTF-8, whatever its compression and encoding.

Used by ``csv_files.py`` and ``jsonl_files.py``; memory at a time is a few blocks, however long a
line is.
"""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.ingestion.locations import SourceFile
from tasks.ingestion.parts import UnparsedLine

BLOCK_BYTES = 4 * 1024 * 1024
MAX_ROW_BYTES = 4 * 1024 * 1024  # of one row, in UTF-8; past it a line is no row
MAX_TEXT_CHARACTERS = 1_000  # of a line that does not parse; the file still has the rest
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
NUL_REASON = "a NUL byte"

_BOM = "\ufeff".encode()
_ESCAPE = "nocturne.escape"  # our handler of bytes that an encoding does not have
_ESCAPE_BASE = 0xDC00  # low surrogates: no encoding gives them, and UTF-8 refuses them


@dataclass(frozen=True)
class TextBlock:
    """Some whole lines.

    Parameters
    ----------
    first_line : int
        Number of the first of them; the file's first line is 1.
    content : bytes
        UTF-8, unless the file is damaged. Lines end in LF, CR LF or CR; the file's last need not.
    n_lines : int
    is_last : bool
        Whether the file ends here.
    unparsed : tuple of UnparsedLine
        A line that follows the content and was passed over, because it is too long.
    """

    first_line: int
    content: bytes
    n_lines: int
    is_last: bool = False
    unparsed: tuple[UnparsedLine, ...] = ()

    @property
    def is_end(self) -> bool:
        """Whether no row goes on behind the content."""
        return self.is_last or bool(self.unparsed)


@contextlib.contextmanager
def open_text_blocks(file: SourceFile, encoding: str) -> Iterator[Iterator[TextBlock]]:
    """Open a text file, compressed or not, as a stream of blocks.

    Parameters
    ----------
    file : SourceFile
        Compressed where its name ends in ``.gz``, ``.zst`` or ``.bz2``.
    encoding : str
        Python's name of it. A byte order mark is passed over.

    Yields
    ------
    iterator of TextBlock
        At least one; the last has ``is_last``. Bytes that are not of the encoding make content
        that is not UTF-8, see :func:`show_text`.

    Raises
    ------
    OSError
        When the file cannot be read, or its compressed content is cut short or damaged.
    """
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(contextlib.closing(file.open()))
        read = stream.read
        compression = COMPRESSIONS.get(PurePosixPath(file.name).suffix.lower())
        if compression:
            source = pa.PythonFile(stream, mode="r")
            inflated = stack.enter_context(pa.CompressedInputStream(source, compression))
            read = inflated.read
        yield _cut_into_blocks(_read_utf8(read, encoding), encoding)


def is_plain(content: bytes) -> bool:
    """Whether a text is UTF-8 without a NUL byte, which most are."""
    if b"\0" in content:
        return False
    return content.isascii() or is_utf8(content)


def is_utf8(content: bytes) -> bool:
    """Whether bytes are UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def count_lines(content: bytes) -> int:
    r"""Count lines that end in LF, CR LF or CR; the last need not end.

    Examples
    --------
    >>> count_lines(b"a\nb\r\nc\rd")
    4
    """
    signs = np.frombuffer(content, np.uint8)
    n_lines = int(np.count_nonzero(signs == ord("\n")))
    if b"\r" in content:
        n_lines += int(np.count_nonzero(signs == ord("\r"))) - content.count(b"\r\n")
    return n_lines + (not content.endswith((b"\n", b"\r")) and bool(content))


def find_line_end(content: bytes, start: int) -> int | None:
    """Find where the line that begins at a place ends, line end included; None if it does not."""
    feed = content.find(b"\n", start)
    carriage = content.find(b"\r", start, feed if feed >= 0 else len(content))
    if carriage < 0:
        return feed + 1 if feed >= 0 else None
    return carriage + 2 if content[carriage + 1 : carriage + 2] == b"\n" else carriage + 1


def find_line_ends(content: bytes) -> npt.NDArray[np.int64]:
    r"""Find where the lines of a text end, line ends included; the last need not have one.

    Examples
    --------
    >>> find_line_ends(b"a\nb\r\nc\rd").tolist()
    [2, 5, 7, 8]
    """
    signs = np.frombuffer(content, np.uint8)
    ends = signs == ord("\n")
    if b"\r" in content:
        is_return = signs == ord("\r")
        is_return[:-1] &= ~ends[1:]  # a CR LF ends at its LF
        ends |= is_return
    found = np.flatnonzero(ends) + 1
    if content and not content.endswith((b"\n", b"\r")):
        found = np.append(found, len(content))
    return found


def show_text(content: bytes, encoding: str) -> str:
    r"""Show a line, or its beginning; bytes that are not of its encoding as ``\xNN``.

    Parameters
    ----------
    content : bytes
        From a :class:`TextBlock`.
    encoding : str
        The file's.

    Returns
    -------
    str
        At most :data:`MAX_TEXT_CHARACTERS`, without the line end.

    Examples
    --------
    >>> show_text(b"caf\xe9\n", "utf-8")
    'caf\\xe9'
    """
    head = content[: 4 * MAX_TEXT_CHARACTERS].rstrip(b"\r\n")
    if _is_utf8_name(encoding):
        text = head.decode(errors="backslashreplace")
    else:
        text = head.decode("utf-8", "surrogatepass" if is_escaped(head) else "backslashreplace")
        text = "".join(
            f"\\x{ord(sign) - _ESCAPE_BASE:02x}"
            if _ESCAPE_BASE <= ord(sign) < _ESCAPE_BASE + 256
            else sign
            for sign in text
        )
    return text[:MAX_TEXT_CHARACTERS]


def is_escaped(content: bytes) -> bool:
    """Whether the only thing wrong with some UTF-8 is that bytes were escaped as surrogates."""
    try:
        content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _cut_into_blocks(chunks: Iterator[bytes], encoding: str) -> Iterator[TextBlock]:
    """Cut at line ends, and pass over lines that are too long."""
    line, rest, is_first = 1, b"", True
    for chunk in chunks:
        data = rest + chunk
        if is_first and len(data) >= len(_BOM):
            data, is_first = data.removeprefix(_BOM), False
        while (place := _find_long_line(data)) is not None:
            content, head = data[:place], data[place : place + 4 * MAX_TEXT_CHARACTERS]
            n_lines = count_lines(content)
            data = _skip_line(data[place:], chunks)
            reason = f"a line of more than {MAX_ROW_BYTES:,} bytes"
            skipped = UnparsedLine(line + n_lines, reason, show_text(head, encoding))
            yield TextBlock(line, content, n_lines, unparsed=(skipped,))
            line += n_lines + 1
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if end:
            content = data[:end]
            n_lines = count_lines(content)
            yield TextBlock(line, content, n_lines)
            line += n_lines
        rest = data[end:]
    yield TextBlock(line, rest, count_lines(rest), is_last=True)


def _find_long_line(data: bytes) -> int | None:
    """Where a line of more than MAX_ROW_BYTES begins, by a few jumps from line end to line end."""
    start = 0
    while len(data) - start > MAX_ROW_BYTES:
        limit = start + MAX_ROW_BYTES
        end = max(data.rfind(b"\n", start, limit), data.rfind(b"\r", start, limit)) + 1
        if end <= start:
            return start
        start = end + 1 if data[end - 1 : end + 1] == b"\r\n" else end
    return None


def _skip_line(data: bytes, chunks: Iterator[bytes]) -> bytes:
    """Pass over the line that data begins with, reading on as long as it does not end."""
    while (end := find_line_end(data, 0)) is None:
        chunk = next(chunks, None)
        if chunk is None:
            return b""
        data = chunk
    return data[end:]


def _read_utf8(read: Callable[[int], bytes], encoding: str) -> Iterator[bytes]:
    if _is_utf8_name(encoding):
        chunks = _read_chunks(read)
    else:
        codecs.register_error(_ESCAPE, _escape)
        decoder = codecs.getincrementaldecoder(encoding)(_ESCAPE)
        chunks = _decode(_read_chunks(read), decoder)
    held = b""
    for chunk in chunks:
        # A CR waits for what follows it, so that a CR LF is never taken for two line ends.
        whole = held + chunk
        held = b"\r" if whole.endswith(b"\r") else b""
        yield whole.removesuffix(held)
    yield held


def _read_chunks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while chunk := read(BLOCK_BYTES):
        yield chunk


def _decode(chunks: Iterator[bytes], decoder: codecs.IncrementalDecoder) -> Iterator[bytes]:
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", True).encode("utf-8", "surrogatepass")


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Keep bytes that an encoding does not have as signs that UTF-8 does not have."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    damaged = error.object[error.start : error.end]
    return "".join(chr(_ESCAPE_BASE + byte) for byte in damaged), error.end


def _is_utf8_name(encoding: str) -> bool:
    return codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}

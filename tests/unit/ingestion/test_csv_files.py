"""CSV files: their dialects, their line numbers, and everything that can be wrong with them."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.errors import SourceError
from tasks.ingestion import csv_records, csv_walk, text_blocks
from tasks.workflow import Columns

Read = Callable[..., Any]
HEADER = b"code,height,kind\n"


@pytest.fixture(params=[text_blocks.BLOCK_BYTES, 48, 7], ids=["whole", "48", "7"])
def block_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """However the file is cut into blocks, the rows are the same."""
    monkeypatch.setattr(text_blocks, "BLOCK_BYTES", request.param)
    return int(request.param)


def test_a_bad_number_stays_text(tmp_path: Path, read: Read, rows_of: Read) -> None:
    """Values are text, so that one bad number does not stop the file."""
    (tmp_path / "a.csv").write_text("code,height,kind\nA1,tall,fern\nA2,1,fern\n")
    assert [row[3] for row in rows_of(read())] == ["tall", "1"]


def test_lines_that_do_not_parse_are_reported_with_their_number(
    tmp_path: Path, read: Read, rows_of: Read, unparsed_of: Read, block_bytes: int
) -> None:
    """Line numbers count blank lines and line breaks inside values."""
    (tmp_path / "a.csv").write_text(
        "code,height,kind\n"  # 1
        "A1,1,fern\n"  # 2
        "A2,2\n"  # 3, too few
        "\n"  # 4, blank
        'A3,"3\n3",fern\n'  # 5 and 6
        "A4,4,fern,x\n"  # 7, too many
        ",,\n"  # 8, no value at all
        "A5,5,moss\n"  # 9
        '"A6\n6",6\n'  # 10 and 11, too few
        "A7,7,8,9\n"  # 12, too many
    )
    parts = read()
    assert [row[1:3] for row in rows_of(parts)] == [(2, "A1"), (5, "A3"), (9, "A5")]
    assert unparsed_of(parts) == [
        (3, "2 values where the header has 3", "A2,2"),
        (7, "4 values where the header has 3", "A4,4,fern,x"),
        (10, "2 values where the header has 3", '"A6\n6",6'),
        (12, "4 values where the header has 3", "A7,7,8,9"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("has_last_end", [True, False])
def test_any_line_end_is_read(
    tmp_path: Path, read: Read, rows_of: Read, block_bytes: int, end: str, has_last_end: bool
) -> None:
    """LF, CR LF and CR, also inside a value, also without one at the end of the file."""
    lines = ["code,height,kind", "A1,1,fern", f'A2,"2{end}2",fern', "", "A4,4,moss"]
    (tmp_path / "a.csv").write_bytes((end.join(lines) + end * has_last_end).encode())
    assert [row[1:4] for row in rows_of(read())] == [
        (2, "A1", "1"),
        (3, "A2", f"2{end}2"),
        (6, "A4", "4"),
    ]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("code;height;kind\nA1;'1;5';fern\n", {"delimiter": ";", "quote": "'"}),
        ('code\theight\tkind\nA1\t1;5\t"fern\n', {"delimiter": "\t", "quote": None}),
        ("A1|1;5|fern\n", {"delimiter": "|", "names": ["code", "height", "kind"]}),
    ],
)
def test_dialects(
    tmp_path: Path, read: Read, rows_of: Read, content: str, options: dict[str, Any]
) -> None:
    """Any separator, any quote or none, with a header or with names."""
    (tmp_path / "a.csv").write_text(content)
    ((_, line, code, height, kind),) = rows_of(read(**options))
    assert (code, height, kind.strip('"')) == ("A1", "1;5", "fern")
    assert line == (1 if "names" in options else 2)


def test_wrong_number_of_names_is_told(tmp_path: Path, read: Read, unparsed_of: Read) -> None:
    """Without a header the line is compared with the names of the workflow file."""
    (tmp_path / "a.csv").write_text("A1,1\n")
    names = ["code", "height", "kind"]
    assert unparsed_of(read(names=names)) == [(1, "2 values where 'source.names' has 3", "A1,1")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quote": "\n"}, "'source.quote' is"),
        ({"delimiter": '"'}, "are both '\"'"),
    ],
)
def test_impossible_dialects_are_refused(
    tmp_path: Path, read: Read, options: dict[str, Any], message: str
) -> None:
    """What the parser cannot do is said, not guessed."""
    (tmp_path / "a.csv").write_bytes(HEADER)
    with pytest.raises(SourceError, match=message):
        read(**options)


@pytest.mark.parametrize(
    ("encoding", "python"),
    [
        ("utf-8", "utf-8-sig"),
        ("utf-8-sig", "utf-8"),
        ("latin-1", "latin-1"),
        ("cp1252", "cp1252"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-32", "utf-32"),
        ("shift_jis", "shift_jis"),
    ],
)
def test_encodings(
    tmp_path: Path, read: Read, rows_of: Read, block_bytes: int, encoding: str, python: str
) -> None:
    """Every encoding that Python knows, cut anywhere; a byte order mark is passed over."""
    kind = "木" if encoding == "shift_jis" else "Bäume"
    text = f"\n\ncode,height,kind\nA1,1,{kind}\n"
    (tmp_path / "a.csv").write_bytes(text.encode(python))
    assert rows_of(read(encoding=encoding)) == [("a.csv", 4, "A1", "1", kind)]


@pytest.mark.parametrize(
    ("encoding", "damaged", "shown"),
    [
        ("utf-8", b"A2,caf\xe9,x", "A2,caf\\xe9,x"),
        ("utf-8", b"A2,\xed\xa0\x80,x", "A2,\\xed\\xa0\\x80,x"),
        ("cp1252", b"A2,\xe9\x81,x", "A2,é\\x81,x"),
        ("ascii", b"A2,\xff,x", "A2,\\xff,x"),
    ],
)
def test_a_line_of_another_encoding_goes_to_quarantine_alone(
    tmp_path: Path,
    read: Read,
    rows_of: Read,
    unparsed_of: Read,
    block_bytes: int,
    encoding: str,
    damaged: bytes,
    shown: str,
) -> None:
    """Its bytes are shown escaped, and the rest of the file is read."""
    (tmp_path / "a.csv").write_bytes(HEADER + b"A1,1,x\n" + damaged + b"\nA3,3,x\n")
    parts = read(encoding=encoding)
    assert [row[1:3] for row in rows_of(parts)] == [(2, "A1"), (4, "A3")]
    assert unparsed_of(parts) == [(3, f"bytes that are not {encoding}", shown)]


def test_damaged_utf16_is_no_value(
    tmp_path: Path, read: Read, rows_of: Read, unparsed_of: Read
) -> None:
    """Half a pair of surrogates is shown by its bytes."""
    text = (HEADER.decode() + "A1,1,x\nA2,?,x\nA3,3,x\n").encode("utf-16-le")
    text = text.replace("?".encode("utf-16-le"), b"\x00\xd8")
    (tmp_path / "a.csv").write_bytes(text)
    parts = read(encoding="utf-16-le")
    assert [row[2] for row in rows_of(parts)] == ["A1", "A3"]
    ((line, _, shown),) = unparsed_of(parts)
    assert line == 3
    assert "\\x00\\xd8" in shown


def test_nul_bytes_are_never_cut_off_silently(
    tmp_path: Path, read: Read, rows_of: Read, unparsed_of: Read, block_bytes: int
) -> None:
    """A line with one is quarantined whole: what reads it later might stop at it."""
    (tmp_path / "a.csv").write_bytes(HEADER + b"A1,1,x\nA2,\0002,x\nA3,3,x\n\0\0\0\n")
    parts = read()
    assert [row[2] for row in rows_of(parts)] == ["A1", "A3"]
    assert unparsed_of(parts) == [
        (3, "a NUL byte", "A2,\0002,x"),
        (5, "a NUL byte", "\0\0\0"),
    ]


def test_a_line_that_is_too_long_is_passed_over(
    tmp_path: Path, read: Read, rows_of: Read, unparsed_of: Read
) -> None:
    """Ten megabytes without a line end cost no memory, and the rest is read."""
    long = b"A2," + b"9" * 10_000_000
    (tmp_path / "a.csv").write_bytes(HEADER + b"A1,1,x\n" + long + b",x\nA3,3,x\n")
    before = pa.total_allocated_bytes()
    parts = read()
    assert pa.total_allocated_bytes() - before < 2**20
    assert [row[1:3] for row in rows_of(parts)] == [(2, "A1"), (4, "A3")]
    assert unparsed_of(parts) == [
        (3, "a line of more than 4,194,304 bytes", "A2," + "9" * 997),
    ]


@pytest.mark.parametrize("n_bytes", [99, 100, 101, 350])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""])
def test_the_longest_row_is_the_same_however_the_file_is_cut(
    tmp_path: Path,
    read: Read,
    rows_of: Read,
    unparsed_of: Read,
    monkeypatch: pytest.MonkeyPatch,
    block_bytes: int,
    n_bytes: int,
    end: bytes,
) -> None:
    """A line of a hundred bytes is a row, a longer one is not."""
    monkeypatch.setattr(text_blocks, "MAX_ROW_BYTES", 100)
    line = b"A2,2," + b"x" * (n_bytes - 5 - len(end)) + end
    (tmp_path / "a.csv").write_bytes(HEADER + b"A1,1,x\n" + line + (b"A3,3,x\n" if end else b""))
    parts = read()
    is_row = n_bytes - (end == b"\r\n") <= 100  # up to the first sign of its line end
    after = ["A3"] * bool(end)
    assert [row[2] for row in rows_of(parts)] == ["A1", *["A2"] * is_row, *after]
    assert [line for line, _, _ in unparsed_of(parts)] == [3] * (not is_row)


def test_a_quote_that_is_never_closed_costs_its_line_alone(
    tmp_path: Path, read: Read, rows_of: Read, unparsed_of: Read, block_bytes: int
) -> None:
    """The lines behind it are read again without it, to the last."""
    (tmp_path / "a.csv").write_text(
        'code,height,kind\nA1,1,fern\nA2,"2,fern\nA3,3,fern\nA4,"4\n4",moss\nA5,5,"moss\nA6,6,x\n'
    )
    parts = read()
    assert [row[1:4] for row in rows_of(parts)] == [
        (2, "A1", "1"),
        (4, "A3", "3"),
        (5, "A4", "4\n4"),
        (8, "A6", "6"),
    ]
    reason = "a quote that is never closed"
    assert unparsed_of(parts) == [(3, reason, 'A2,"2,fern'), (7, reason, 'A5,5,"moss')]


def test_a_row_of_too_many_lines_is_an_open_quote(
    tmp_path: Path,
    read: Read,
    rows_of: Read,
    unparsed_of: Read,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A quote that closes only after more lines than a row may have was opened by mistake."""
    for each in (csv_records, csv_walk):
        monkeypatch.setattr(each, "MAX_ROW_LINES", 3)
    (tmp_path / "a.csv").write_text(
        'code,height,kind\nA1,1,"a\nb\nc"\nA2,2,"x\nA3,3,x\nA4,4,x\nA5,5,",x"\nA6,6,x\n'
    )
    parts = read()
    assert [row[2] for row in rows_of(parts)] == ["A1", "A3", "A4", "A5", "A6"]
    assert [line for line, _, _ in unparsed_of(parts)] == [5]


def test_a_quote_inside_a_value_is_a_sign_like_any_other(
    tmp_path: Path, read: Read, rows_of: Read, block_bytes: int
) -> None:
    """Inches, and doubled quotes, and line breaks in the same file."""
    (tmp_path / "a.csv").write_text(
        'code,height,kind\nA1,5" pipe,x\nA2,"say ""a,b""\n",x\nA3,5",6"\nA4,"",x\n'
    )
    assert [row[1:4] for row in rows_of(read())] == [
        (2, "A1", '5" pipe'),
        (3, "A2", 'say "a,b"\n'),
        (5, "A3", '5"'),
        (6, "A4", None),
    ]


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".zst"])
def test_compressed_files_are_read_and_truncated_ones_refused(
    tmp_path: Path, read: Read, rows_of: Read, suffix: str
) -> None:
    """A file that was cut short gives an error that names it, whatever of it could be read."""
    text = HEADER + b"".join(b"A%d,%d,fern\n" % (i, i) for i in range(3_000))
    packed = {
        ".gz": gzip.compress(text),
        ".bz2": bz2.compress(text),
        ".zst": pa.compress(text, codec="zstd", asbytes=True),
    }[suffix]
    (tmp_path / f"a.csv{suffix}").write_bytes(packed)
    assert len(rows_of(read(f"a.csv{suffix}"))) == 3_000
    (tmp_path / f"a.csv{suffix}").write_bytes(packed[:-20])
    with pytest.raises(SourceError, match=rf"a\.csv\{suffix} cannot be read: Truncated"):
        read(f"a.csv{suffix}")


def test_blank_lines_and_a_bom_before_the_header_are_passed_over(
    tmp_path: Path, read: Read, rows_of: Read, block_bytes: int
) -> None:
    """The header is the first line with text, and lines are still counted from the file's first."""
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf\n\ncode;height;kind\nA1;1;fern\n")
    assert rows_of(read(delimiter=";")) == [("a.csv", 4, "A1", "1", "fern")]


def test_a_name_with_a_line_break_is_a_name(
    tmp_path: Path, read: Read, rows_of: Read, block_bytes: int
) -> None:
    """The header may have several lines, and they are counted."""
    (tmp_path / "a.csv").write_bytes(b'code,"x\ny",height,kind\nA1,0,1,fern\n')
    assert rows_of(read()) == [("a.csv", 3, "A1", "1", "fern")]


@pytest.mark.parametrize("text", ["code,height,kind", "code,height,kind\n", "code,height,kind\n\n"])
def test_header_alone_has_no_rows(tmp_path: Path, read: Read, rows_of: Read, text: str) -> None:
    """A file without rows is no error, with or without a last line break."""
    (tmp_path / "a.csv").write_text(text)
    parts = read()
    assert rows_of(parts) == []
    assert set(parts[0].rows.schema.names) == {"code", "height", "kind"}


def test_rows_without_any_kept_value_are_told_from_blank_lines(tmp_path: Path, read: Read) -> None:
    """A value in a column that is not read still makes a row."""
    (tmp_path / "a.csv").write_text("height,kind,note\n,,x\n,,\n1,a,\n")
    columns = Columns(target="kind", features=("height",))
    lines = [line for part in read(columns=columns) for line in part.lines.to_pylist()]
    assert lines == [2, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"code,hight,kind\n1,2,3\n", "has no column 'height'.\nExpected: 'hight', perhaps"),
        (b"cod,height,kind\n1,2,3\n", "has no column 'code'.\nExpected: 'cod', perhaps"),
        (b"code,height,kind,kind\n1,2,3,4\n", "has the column 'kind' 2 times"),
        (b'code,"height,kind\n1,2,3\n', "no header that can be read: a quote that is never closed"),
        (b"code,h\xff,kind\n1,2,3\n", "no header that can be read: bytes that are not utf-8"),
        ("code,height,kind\n1,2,3\n".encode("utf-16-le"), "no header .*: a NUL byte"),
        (b"x" * 5_000_000, "has no header: a line of more than"),
    ],
)
def test_unusable_csv_is_refused(tmp_path: Path, read: Read, content: bytes, message: str) -> None:
    """The error names the file and what is wrong with it."""
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        read()
    assert "a.csv" in str(caught.value)


def test_a_header_that_changes_between_files_is_refused(tmp_path: Path, read: Read) -> None:
    """Another order is none of its business, a missing column is."""
    (tmp_path / "a.csv").write_text("code,height,kind\n1,2,3\n")
    (tmp_path / "b.csv").write_text("code,size,kind\n1,2,3\n")
    with pytest.raises(SourceError, match=r"b\.csv has no column 'height'"):
        read()


def test_memory_is_a_few_blocks(tmp_path: Path) -> None:
    """A file of many blocks is never in memory as a whole."""
    import datetime

    from tasks.ingestion.cutoff import Cutoff
    from tasks.ingestion.files import read_files
    from tasks.workflow import FilesSource

    line = b"A1,1.25,fern," + b"x" * 87 + b"\n"
    (tmp_path / "a.csv").write_bytes(b"code,height,kind,note\n" + line * 300_000)  # 30 MB
    columns = Columns(id="code", target="kind", features=("height",), keep=("note",))
    source = FilesSource.model_validate({"kind": "files", "path": "a.csv"})
    cutoff = Cutoff.of_night(datetime.date(2026, 1, 1), "UTC")
    before, most, n_rows = pa.total_allocated_bytes(), 0, 0
    for part in read_files(source, columns, tmp_path, cutoff, has_split=False):
        most = max(most, pa.total_allocated_bytes() - before)
        n_rows += part.rows.num_rows
    assert n_rows == 300_000
    assert most < 4 * text_blocks.BLOCK_BYTES


def test_the_flights_have_their_published_holes(real_data: Path) -> None:
    """336,776 rows; missing as in the folder's README."""
    import datetime

    from tasks.ingestion.cutoff import Cutoff
    from tasks.ingestion.files import read_files
    from tasks.workflow import FilesSource

    missing = {"dep_time": 8255, "arr_time": 8713, "air_time": 9430, "tailnum": 2512}
    columns = Columns(features=tuple(missing))
    path = str(real_data / "nycflights13_flights.csv.gz")
    source = FilesSource.model_validate({"kind": "files", "path": path})
    cutoff = Cutoff.of_night(datetime.date(2026, 1, 1), "UTC")
    n_rows, found = 0, dict.fromkeys(missing, 0)
    for part in read_files(source, columns, Path(), cutoff, has_split=False):
        n_rows += part.rows.num_rows
        for name in missing:
            texts = part.rows.column(name)
            found[name] += sum(text in (None, "NA", "") for text in texts.to_pylist())
        assert part.unparsed == ()
    assert (n_rows, found) == (336_776, missing)

"""The user's own files: which ones, their rows, their line numbers, their broken lines."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import SourceError
from tasks.ingestion import csv_files
from tasks.ingestion.files import find_files, read_files
from tasks.ingestion.parts import Part
from tasks.workflow import Columns, FilesSource

COLUMNS = Columns(id="code", target="kind", features=("height",))


def read(folder: Path, path: str = "*.csv", columns: Columns = COLUMNS, **kind: str) -> list[Part]:
    source = FilesSource.model_validate({"kind": "files", "path": path, **kind})
    return list(read_files(source, columns, folder, has_split=False))


def rows_of(parts: list[Part]) -> list[tuple[str, int, str | None, str | None, str | None]]:
    return [
        (p.source, line, row["code"], row["height"], row["kind"])
        for p in parts
        for line, row in zip(p.lines.to_pylist(), p.rows.to_pylist(), strict=True)
    ]


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    """The source is the file's name, the header is line 1, columns may stand in any order."""
    (tmp_path / "b.csv").write_text("kind,height,code\nmoss,2,B1\n")
    (tmp_path / "a.csv").write_text("code,height,kind,note\nA1,1.5,fern,x\nA2,,fern,\n")
    assert rows_of(read(tmp_path)) == [
        ("a.csv", 2, "A1", "1.5", "fern"),
        ("a.csv", 3, "A2", None, "fern"),
        ("b.csv", 2, "B1", "2", "moss"),
    ]


def test_a_bad_number_stays_text(tmp_path: Path) -> None:
    """Values are text, so that one bad number does not stop the file."""
    (tmp_path / "a.csv").write_text("code,height,kind\nA1,tall,fern\nA2,1,fern\n")
    assert [row[3] for row in rows_of(read(tmp_path))] == ["tall", "1"]


@pytest.mark.parametrize("block_bytes", [csv_files.BLOCK_BYTES, 48])
def test_lines_that_do_not_parse_are_reported_with_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    """Line numbers count blank lines and line breaks inside values, however the file is cut."""
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", block_bytes)
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
    parts = read(tmp_path)
    assert [row[1:3] for row in rows_of(parts)] == [(2, "A1"), (5, "A3"), (9, "A5")]
    assert [(u.line, u.reason, u.text) for p in parts for u in p.unparsed] == [
        (3, "2 values where the header has 3", "A2,2"),
        (7, "4 values where the header has 3", "A4,4,fern,x"),
        (10, "2 values where the header has 3", '"A6\n6",6'),
        (12, "4 values where the header has 3", "A7,7,8,9"),
    ]


def test_blank_lines_and_a_bom_before_the_header_are_passed_over(tmp_path: Path) -> None:
    """The header is the first line with text, and lines are still counted from the file's first."""
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf\n\ncode;height;kind\nA1;1;fern\n")
    parts = read(tmp_path, delimiter=";")
    assert rows_of(parts) == [("a.csv", 4, "A1", "1", "fern")]


@pytest.mark.parametrize("text", ["code,height,kind", "code,height,kind\n"])
def test_header_alone_has_no_rows(tmp_path: Path, text: str) -> None:
    """A file without rows is no error, with or without a last line break."""
    (tmp_path / "a.csv").write_text(text)
    assert rows_of(read(tmp_path)) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"code,hight,kind\n1,2,3\n", "has no column 'height'.\nExpected: 'hight', perhaps"),
        (b"cod,height,kind\n1,2,3\n", "has no column 'code'.\nExpected: 'cod', perhaps"),
        (b"code,height,kind,kind\n1,2,3,4\n", "has the column 'kind' 2 times"),
        (b"code,height,kind\n1,2,\xff\n", "cannot be read: .*UTF8"),
    ],
)
def test_unusable_csv_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """The error names the file and what is wrong with it."""
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(SourceError, match=message):
        read(tmp_path)


def test_no_file_is_refused(tmp_path: Path) -> None:
    """The error names the pattern and the folder it starts from."""
    with pytest.raises(SourceError, match=r"no file 'data/\*.csv' under"):
        read(tmp_path, "data/*.csv")


def test_folders_of_the_glob_are_part_of_the_name(tmp_path: Path) -> None:
    """Two files of one name in two folders keep different sources, and stable ones."""
    for folder in ("2026", "2025"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        (tmp_path / "data" / folder / "x.csv").touch()
    assert list(find_files("data/*/x.csv", tmp_path)) == ["2025/x.csv", "2026/x.csv"]
    assert list(find_files("data/2026/*.csv", tmp_path)) == ["x.csv"]
    assert list(find_files(str(tmp_path / "data" / "2026" / "x.csv"), Path("elsewhere"))) == [
        "x.csv"
    ]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    """Rows are numbered from 1 and columns that are not needed are not read."""
    table = pa.table({"code": [7, 8], "height": [1.5, None], "kind": ["a", "b"], "other": [0, 0]})
    pq.write_table(table, tmp_path / "a.parquet")
    parts = read(tmp_path, "a.parquet", format="parquet")
    assert rows_of(parts) == [("a.parquet", 1, 7, 1.5, "a"), ("a.parquet", 2, 8, None, "b")]
    assert "other" not in parts[-1].rows.schema.names


def test_broken_parquet_is_refused(tmp_path: Path) -> None:
    """A file that is no Parquet gives an error that names it."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(SourceError, match=r"a\.parquet cannot be read"):
        read(tmp_path, "a.parquet", format="parquet")

"""The user's own files: their rows in order, what had arrived, Parquet, and unreadable files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import SourceError
from tasks.workflow import Columns

Read = Callable[..., Any]


def test_files_are_read_in_the_order_of_their_names(
    tmp_path: Path, read: Read, rows_of: Read
) -> None:
    """The source is the file's name, the header is line 1, columns may stand in any order."""
    (tmp_path / "b.csv").write_text("kind,height,code\nmoss,2,B1\n")
    (tmp_path / "a.csv").write_text("code,height,kind,note\nA1,1.5,fern,x\nA2,,fern,\n")
    assert rows_of(read()) == [
        ("a.csv", 2, "A1", "1.5", "fern"),
        ("a.csv", 3, "A2", None, "fern"),
        ("b.csv", 2, "B1", "2", "moss"),
    ]


def test_time_and_kept_columns_are_read_and_the_target_may_be_missing(
    tmp_path: Path, read: Read
) -> None:
    """All that `columns` names is read, and no more."""
    (tmp_path / "a.csv").write_text("day,height,note,other\n2026-01-01,1,x,y\n")
    columns = Columns(features=("height",), time="day", keep=("note",))
    (row,) = [row for part in read(columns=columns) for row in part.rows.to_pylist()]
    assert row == {"height": "1", "day": "2026-01-01", "note": "x"}


def test_rows_arrive_by_a_column(
    tmp_path: Path, read: Read, rows_of: Read, unparsed_of: Read
) -> None:
    """A night sees the rows from before its midnight; a row without a time is not lost."""
    (tmp_path / "a.csv").write_text(
        "code,height,kind,at\nA1,1,x,2026-01-06T23:59:59\nA2,2,x,2026-01-07\nA3,3,x,soon\nA4,4,x,\n"
    )
    parts = read(night="2026-01-07", arrives={"column": "at"})
    assert [row[2] for row in rows_of(parts)] == ["A1"]
    assert [(line, reason) for line, reason, _ in unparsed_of(parts)] == [
        (4, "no time can be read in the column 'at'"),
        (5, "no time can be read in the column 'at'"),
    ]
    assert '"at": "soon"' in unparsed_of(parts)[0][2]
    tomorrow = read(night="2026-01-08", arrives={"column": "at"})
    assert [row[2] for row in rows_of(tomorrow)] == ["A1", "A2"]


def test_files_arrive_by_their_names(tmp_path: Path, read: Read, rows_of: Read) -> None:
    """A night sees the files of its date and of earlier ones."""
    for day in ("2026-01-06", "2026-01-07", "2026-01-08"):
        (tmp_path / f"plants-{day}.csv").write_text(f"code,height,kind\n{day},1,x\n")
    parts = read(night="2026-01-07", arrives={"pattern": "plants-%Y-%m-%d.csv"})
    assert [row[2] for row in rows_of(parts)] == ["2026-01-06", "2026-01-07"]


def test_an_arrival_column_that_is_not_there_is_refused(tmp_path: Path, read: Read) -> None:
    """Also when no other key names it."""
    (tmp_path / "a.csv").write_text("code,height,kind,ats\n1,2,3,4\n")
    with pytest.raises(SourceError, match=r"has no column 'at'\.\nExpected: 'ats', perhaps"):
        read(arrives={"column": "at"})


def test_parquet_keeps_its_types(tmp_path: Path, read: Read, rows_of: Read) -> None:
    """Rows are numbered from 1 and columns that are not needed are not read."""
    table = pa.table({"code": [7, 8], "height": [1.5, None], "kind": ["a", "b"], "other": [0, 0]})
    pq.write_table(table, tmp_path / "a.parquet")
    parts = read("a.parquet", format="parquet")
    assert rows_of(parts) == [("a.parquet", 1, 7, 1.5, "a"), ("a.parquet", 2, 8, None, "b")]
    assert "other" not in parts[-1].rows.schema.names


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b"PAR1PAR1"])
def test_broken_parquet_is_refused(tmp_path: Path, read: Read, content: bytes) -> None:
    """A file that is no Parquet gives an error that names it."""
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.parquet cannot be read"):
        read("a.parquet", format="parquet")

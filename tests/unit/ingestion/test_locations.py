"""Which files a path, a glob or a URL means, and what messages must not hold."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tasks.errors import SourceError
from tasks.ingestion import locations
from tasks.ingestion.cutoff import Cutoff
from tasks.ingestion.files import read_files
from tasks.ingestion.locations import find_files, hide_credentials, hide_secrets
from tasks.workflow import Columns, FilesSource

Read = Callable[..., Any]


def names(pattern: str, folder: Path, **kind: bool) -> list[str]:
    return [file.name for file in find_files(pattern, folder, **kind)]


def test_no_file_is_refused(tmp_path: Path) -> None:
    """The error names the pattern and the folder it starts from."""
    with pytest.raises(SourceError, match=r"no file 'data/\*.csv' under"):
        find_files("data/*.csv", tmp_path)


def test_folders_of_the_glob_are_part_of_the_name(tmp_path: Path) -> None:
    """Two files of one name in two folders keep different sources, and stable ones."""
    for folder in ("2026", "2025"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        (tmp_path / "data" / folder / "x.csv").touch()
    assert names("data/*/x.csv", tmp_path) == ["2025/x.csv", "2026/x.csv"]
    assert names("data/2026/*.csv", tmp_path) == ["x.csv"]
    assert names(str(tmp_path / "data" / "2026" / "x.csv"), Path("elsewhere")) == ["x.csv"]
    assert names(f"file://{tmp_path}/data/*/x.csv", tmp_path) == ["2025/x.csv", "2026/x.csv"]


def test_a_folder_means_its_files_only_where_folders_are_read(tmp_path: Path) -> None:
    """Hidden files are passed over, and a file in no folder of its own has no folder's name."""
    (tmp_path / "data" / "cat").mkdir(parents=True)
    for name in ("cat/a.png", "cat/.b.png", "c.png"):
        (tmp_path / "data" / name).touch()
    found = find_files("data", tmp_path, whole_folders=True)
    assert [(file.name, file.folder) for file in found] == [("c.png", ""), ("cat/a.png", "cat")]
    remote = find_files(f"file://{tmp_path}/data", tmp_path, whole_folders=True)
    assert [(file.name, file.folder) for file in remote] == [("c.png", ""), ("cat/a.png", "cat")]
    with pytest.raises(SourceError, match="There is no file 'data'"):
        find_files("data", tmp_path)


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet"])
def test_any_fsspec_url_is_read(read: Read, rows_of: Read, format_: str) -> None:
    """A file in memory is read as one on disk."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    parquet = io.BytesIO()
    pq.write_table(pa.table({"code": ["A1"], "height": ["1"], "kind": ["fern"]}), parquet)
    content = {
        "csv": b"code,height,kind\nA1,1,fern\n",
        "jsonl": b'{"code": "A1", "height": 1, "kind": "fern"}\n',
        "parquet": parquet.getvalue(),
    }[format_]
    with fsspec.open(f"memory://plants-{format_}/2026/a.{format_}", "wb") as file:
        file.write(content)
    parts = read(f"memory://plants-{format_}/*/a.*", format=format_)
    ((_, _, *values),) = rows_of(parts)
    assert values == ["A1", "1", "fern"]
    assert parts[0].source == f"2026/a.{format_}"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://nowhere/*.csv", r"There is no file 'memory://nowhere/\*.csv'"),
        ("nosuch://a/b.csv", "Protocol not known: nosuch"),
        (
            "ftp://ann:s3cret@127.0.0.1:1/*.csv",
            r"ftp://\*\*\*@127.0.0.1:1/\*.csv cannot be reached",
        ),
    ],
)
def test_a_place_that_cannot_be_reached_is_refused(tmp_path: Path, url: str, message: str) -> None:
    """The error names the place, without user and password, and hides what it came from."""
    with pytest.raises(SourceError, match=message) as caught:
        find_files(url, tmp_path)
    assert "s3cret" not in str(caught.value)
    assert "ann" not in url or caught.value.__cause__ is None


def test_an_error_while_reading_holds_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries repeat the URL in their errors; ours, and the source's name, do not."""

    class Broken:
        def isfile(self, _: str) -> bool:
            return True

        def unstrip_protocol(self, path: str) -> str:
            return f"ftp://ann:s3cret@{path}"

        def open(self, path: str, _: str) -> None:
            raise OSError(f"login of ann with s3cret failed at ftp://ann:s3cret@{path}")

    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda _: (Broken(), "host/a.csv"))
    (file,) = find_files("ftp://ann:s3cret@host/a.csv", tmp_path)
    assert (file.name, file.where) == ("a.csv", "ftp://***@host/a.csv")
    # A workflow file with such a URL is refused; a file system of the user's own may still add one.
    usual = FilesSource(kind="files", path="*.csv").model_dump()
    source = FilesSource.model_construct(**{**usual, "path": "ftp://ann:s3cret@host/a.csv"})
    columns = Columns(target="kind", features=("height",))
    cutoff = Cutoff.of_night(datetime.date(2026, 1, 7), "UTC")
    with pytest.raises(SourceError, match="cannot be read: login") as caught:
        list(read_files(source, columns, tmp_path, cutoff, has_split=False))
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("s3://bucket/a@b.csv", "s3://bucket/a@b.csv"),
        ("ftp://u:p/w@host/a", "ftp://***@host/a"),
        ("ftp://u:p@w@host/a", "ftp://***@host/a"),
        ("simplecache::ftp://u:p@host/a", "simplecache::ftp://***@host/a"),
        ("https://h/a.csv?sig=x&se=y", "https://h/a.csv?***"),
        ("memory://h/a?.csv", "memory://h/a?.csv"),
    ],
)
def test_credentials_are_hidden(text: str, hidden: str) -> None:
    """User, password and signature go; a bucket, a glob and an @ in a name stay."""
    assert hide_credentials(text) == hidden


def test_a_password_is_hidden_however_it_is_written() -> None:
    """Also decoded, and without the URL around it."""
    secrets = locations.find_secrets("ftp://ann:p%40ss@host/a")
    assert hide_secrets("530 p@ss and p%40ss", secrets) == "530 *** and ***"

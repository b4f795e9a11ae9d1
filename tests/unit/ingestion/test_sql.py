"""Queries to a database: what is read, by which cutoff, and what no message may hold."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tasks.errors import SourceError
from tasks.ingestion.cutoff import Cutoff
from tasks.ingestion.parts import Part
from tasks.ingestion.sql import check_select, hide_url, read_sql, read_url
from tasks.workflow import Columns, SqlSource

COLUMNS = Columns(id="code", target="kind", features=("height",))
CUTOFF = Cutoff.of_night(datetime.date(2026, 1, 7), "Europe/Berlin")
QUERY = "SELECT code, height, kind FROM plants WHERE at < :cutoff ORDER BY code"


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE plants (code, height, kind, at)")
    connection.executemany(
        "INSERT INTO plants VALUES (?, ?, ?, ?)",
        [
            (1, 1.5, "fern", "2026-01-06 23:59:59"),
            (2, None, "moss", "2026-01-06"),
            (3, 3.0, "moss", "2026-01-07"),
            (4, 4.0, "moss", "2026-01-07 00:00:00"),
            (5, 5.0, "fern", "2026-01-05T10:00:00"),
        ],
    )
    connection.commit()
    connection.close()
    return f"sqlite:///{path}"


def read(url: str, query: str = QUERY, columns: Columns = COLUMNS, **kind: Any) -> list[Part]:
    source = SqlSource(kind="sql", connection="SHOP", query=query, **kind)
    return list(read_sql(source, columns, list(columns.read), CUTOFF, {"SHOP": url}))


@pytest.mark.parametrize("rows_per_batch", [1, 2, 50_000])
def test_a_night_sees_the_rows_before_its_midnight(database: str, rows_per_batch: int) -> None:
    """In batches of any size, with one type each, numbered as they come."""
    parts = read(database, rows_per_batch=rows_per_batch)
    rows = pa.Table.from_batches([part.rows for part in parts])
    assert rows.to_pylist() == [
        {"height": 1.5, "kind": "fern", "code": 1},
        {"height": None, "kind": "moss", "code": 2},
        {"height": 5.0, "kind": "fern", "code": 5},
    ]
    assert [n for part in parts for n in part.lines.to_pylist()] == [1, 2, 3]
    assert {part.source for part in parts} == {"SHOP"}
    assert max(part.rows.num_rows for part in parts) <= rows_per_batch


def test_no_rows_still_tell_their_columns(database: str) -> None:
    """The step says that there are none."""
    (part,) = read(database, QUERY.replace("ORDER", "AND code > 100 ORDER"))
    assert part.rows.num_rows == 0
    assert set(part.rows.schema.names) == {"code", "height", "kind"}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("DELETE FROM plants", "'source.query' begins with 'DELETE'"),
        ("/* SELECT */ drop table plants", "begins with 'drop'"),
        ("SELECT 1; DELETE FROM plants", "more than one statement"),
        ("SELECT ';' AS a -- ;\n", "has no column 'kind'"),
        ("SELECT code, kind, hight FROM plants", "no such column: hight"),
        ("SELECT code, kind, kind, height FROM plants", "has the column 'kind' 2 times"),
        ("SELECT code, height, kind AS king FROM plants", r"'kind'\.\nExpected: 'king', perhaps"),
        ("SELECT * FROM plants WHERE at < :until", "has the parameter :until"),
        ("WITH x AS (SELECT 1) DELETE FROM plants", "readonly|attempt to write"),
        ("SELECT x'00' AS code, 1 AS height, 'a' AS kind", "values of the type bytes"),
    ],
)
def test_unusable_queries_are_refused(database: str, query: str, message: str) -> None:
    """The error says why, and no row of the database is changed."""
    with pytest.raises(SourceError, match=message):
        read(database, query)
    connection = sqlite3.connect(database.removeprefix("sqlite:///"))
    assert connection.execute("SELECT count(*) FROM plants").fetchone() == (5,)
    connection.close()


@pytest.mark.parametrize(
    "query", ["(select 1)", "-- x\nWITH a AS (SELECT 1) SELECT * FROM a;", "SELECT '; x'"]
)
def test_reading_statements_pass(query: str) -> None:
    """With comments, brackets, and a semicolon at the end or in a text."""
    check_select(query)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "variable SHOP, which 'source.connection' names, is not set.*\n.*\n.*set SHOP"),
        ("no url at all s3cret", "SHOP holds no URL of a database"),
        ("sqlite:////nowhere/shop.db", "database file /nowhere/shop.db of SHOP does not exist"),
        ("nosuch://ann:s3cret@host/shop", "SQLAlchemy cannot use nosuch"),
        (
            "postgresql+psycopg2://ann:s3cret@host/shop",
            "driver for postgresql.psycopg2 is not installed.*\n.*\n.*install the driver",
        ),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_without_its_password(
    url: str, message: str
) -> None:
    """The error says what to set or to install."""
    with pytest.raises(SourceError, match=message) as caught:
        read(url)
    shown: BaseException | None = caught.value
    assert "s3cret" not in str(shown)
    assert (
        caught.value.__suppress_context__
        or caught.value.__context__ is None
        or ("s3cret" not in str(caught.value.__context__))
    )


def test_a_failing_database_shows_no_password(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drivers repeat what they were given; the error does not, and hides where it came from."""

    def fail(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("could not open p%40ss or p@ss or k3y")

    monkeypatch.setattr(sqlite3.dbapi2, "connect", fail)
    with pytest.raises(SourceError, match="failed: ") as caught:
        read(database)
    assert caught.value.__suppress_context__
    url = read_url("SHOP", {"SHOP": "postgresql://ann:p%40ss@host/shop?sslpassword=k3y"})
    assert hide_url("p%40ss p@ss k3y", url) == "*** *** ***"


def test_types_of_a_first_batch_bind_the_later_ones(database: str) -> None:
    """A text among numbers is refused with how to cast it, not turned into something else."""
    query = (
        "SELECT code, kind, CASE code WHEN 5 THEN 'tall' ELSE height END AS height FROM plants "
        "ORDER BY code"
    )
    with pytest.raises(SourceError, match=r"(?s)'height' has values of the type string.*CAST"):
        read(database, query, rows_per_batch=2)
    *_, part = read(database, query)
    assert part.rows["height"].to_pylist() == ["1.5", None, "3.0", "4.0", "tall"]

"""A query to a database as a stream of parts.

Source for ``step.py``. The database's URL comes from the environment and is shown nowhere; nothing
is ever committed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tasks.errors import SourceError
from tasks.ingestion.cutoff import Cutoff
from tasks.ingestion.locations import HIDDEN
from tasks.ingestion.parts import Part, make_empty_part
from tasks.ingestion.raw import check_columns, find_id_column
from tasks.ingestion.sql_types import choose_type, make_column
from tasks.workflow import Columns, SqlSource

if TYPE_CHECKING:
    from sqlalchemy import URL, CursorResult, Engine, TextClause

CUTOFF = "cutoff"
_DRIVER_HINT = (
    "install the driver that the URL names, for example psycopg for postgresql+psycopg://, "
    "pg8000 for postgresql+pg8000:// or pymysql for mysql+pymysql://"
)
# What does not belong to the statement itself: texts, quoted names and comments.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|--[^\n]*|/\*.*?\*/", re.DOTALL)


def read_sql(
    source: SqlSource,
    columns: Columns,
    needed: list[str],
    cutoff: Cutoff,
    environ: Mapping[str, str],
) -> Iterator[Part]:
    """Stream the rows of a query.

    Parameters
    ----------
    source : SqlSource
    columns : Columns
        Names the id.
    needed : list of str
        Other columns to keep.
    cutoff : Cutoff
        ``:cutoff`` in the query is its local time, without a zone; for SQLite, which has no times,
        the date as text, before which all times of earlier days and none of this one sort.
    environ : mapping of str to str
        Holds the URL under the name ``source.connection``.

    Yields
    ------
    Part
        First one without rows, then batches. The first batch decides the types, see
        :func:`tasks.ingestion.sql_types.choose_type`. ``source`` is the variable's name, ``line``
        the row's number in the result, from 1.

    Raises
    ------
    SourceError
        When the variable is not set, the driver is missing, the database cannot be reached, the
        query is no SELECT or is refused, or lacks a column.

    Notes
    -----
    The database keeps the result and hands out ``source.rows_per_batch`` rows at a time, where its
    driver can do so. Without ORDER BY the order of the rows is the database's own.
    """
    check_select(source.query)
    url = read_url(source.connection, environ)
    engine = _make_engine(url, source.connection)
    where = f"The query to {source.connection}"
    try:
        with contextlib.closing(_Connection(engine, source.rows_per_batch)) as connection:
            result = connection.execute(_bind(source.query, cutoff, engine.dialect.name))
            names = list(result.keys())
            check_columns(needed, names, where)
            id_column = find_id_column(names, columns, where)
            wanted = list(dict.fromkeys([*needed, *([id_column] if id_column else [])]))
            yield from _read_parts(source, result, names, wanted, where)
    except SourceError:
        raise
    except Exception as error:  # noqa: BLE001 - drivers have errors of their own
        what = hide_url(f"{type(error).__name__}: {error}", url)
        raise SourceError(
            f"{where} failed: {what}",
            expected=f"a query that {show_url(url)} answers",
            hint=f"correct 'source.query', or the URL in {source.connection}",
        ) from None  # its own text could hold the password


def check_select(query: str) -> None:
    """Check that a query is one statement that reads.

    Raises
    ------
    SourceError
        When it begins with anything but SELECT or WITH, or another statement follows.
    """
    bare = _QUOTED.sub(" ", query).strip().rstrip(";").strip()
    first = bare.lstrip("( \t\r\n").split(maxsplit=1)
    if not first or first[0].upper() not in {"SELECT", "WITH"}:
        raise SourceError(
            f"'source.query' begins with {(first or ['nothing'])[0]!r}.",
            expected="a statement that begins with SELECT or WITH",
            hint="ingestion only reads; make tables and views outside of Nocturne",
        )
    if ";" in bare:
        raise SourceError(
            "'source.query' has more than one statement.",
            expected="one SELECT",
            hint="take out what follows the first ';'",
        )


def read_url(name: str, environ: Mapping[str, str]) -> URL:
    """Read a database's URL from the environment.

    Raises
    ------
    SourceError
        When it is not set, or is no URL.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    text = environ.get(name, "")
    example = "a URL such as postgresql+psycopg://user:password@host/shop"
    if not text:
        raise SourceError(
            f"The environment variable {name}, which 'source.connection' names, is not set.",
            expected=example,
            hint=f"set {name} where Airflow's workers and `nocturne` are started",
        )
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SourceError(
            f"The environment variable {name} holds no URL of a database.",
            expected=example,
            hint="signs such as @ and / in a password are written as %40 and %2F",
        ) from None  # the error could hold the password
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    if (
        is_file
        and not str(url.database).startswith("file:")
        and not Path(str(url.database)).is_file()
    ):
        raise SourceError(
            f"The database file {url.database} of {name} does not exist.",
            expected="a SQLite file",
            hint="correct the URL: sqlite:////folder/shop.db is an absolute path",
        )
    return url


def show_url(url: URL) -> str:
    """Write a URL without its password and its options, which may hold one too."""
    return url.set(query={}).render_as_string(hide_password=True)


def hide_url(text: str, url: URL) -> str:
    """Hide a URL's password and options, also as they stand in the URL, in a text."""
    from urllib.parse import quote, quote_plus

    options = [
        v for value in url.query.values() for v in ([value] if isinstance(value, str) else value)
    ]
    for secret in [str(url.password or ""), *options]:
        for written in {secret, quote(secret, safe=""), quote_plus(secret)} - {""}:
            text = text.replace(written, HIDDEN)
    return text


class _Connection:
    """A connection that streams, reads only where the database can promise it, and never commits."""

    def __init__(self, engine: Engine, rows_per_batch: int) -> None:
        self._engine = engine
        self._connection = engine.connect().execution_options(
            stream_results=True, yield_per=rows_per_batch
        )

    def execute(self, statement: TextClause) -> CursorResult[Any]:
        from sqlalchemy import text

        dialect = self._engine.dialect.name
        if dialect == "sqlite":
            self._connection.execute(text("PRAGMA query_only = ON"))
        elif dialect == "postgresql":
            self._connection.execute(text("SET TRANSACTION READ ONLY"))
        return self._connection.execute(statement)

    def close(self) -> None:
        self._connection.close()  # rolls back
        self._engine.dispose()


def _make_engine(url: URL, name: str) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        return create_engine(url, poolclass=NullPool, hide_parameters=True)
    except ModuleNotFoundError as error:
        what = f"The driver for {url.drivername} is not installed: no module {error.name!r}."
    except SQLAlchemyError as error:
        what = f"SQLAlchemy cannot use {url.drivername}: {hide_url(str(error), url)}"
    raise SourceError(what, expected=f"a driver for the URL in {name}", hint=_DRIVER_HINT)


def _bind(query: str, cutoff: Cutoff, dialect: str) -> TextClause:
    from sqlalchemy import DateTime, String, bindparam, text

    statement = text(query)
    names = set(statement.compile().params)
    if names - {CUTOFF}:
        raise SourceError(
            f"'source.query' has the parameter :{min(names - {CUTOFF})}.",
            expected=f"no other than :{CUTOFF}",
            hint=r"write \: for a colon that is none",
        )
    if not names:
        return statement
    if dialect == "sqlite":
        return statement.bindparams(
            bindparam(CUTOFF, cutoff.local.date().isoformat(), type_=String())
        )
    return statement.bindparams(bindparam(CUTOFF, cutoff.local, type_=DateTime()))


def _read_parts(
    source: SqlSource, result: CursorResult[Any], names: list[str], wanted: list[str], where: str
) -> Iterator[Part]:
    places = [names.index(name) for name in wanted]
    schema: pa.Schema | None = None
    line = 1
    for batch in result.partitions(source.rows_per_batch):
        values = list(zip(*batch, strict=True))
        columns = [values[place] for place in places]
        if schema is None:
            types = [choose_type(column) for column in columns]
            schema = pa.schema(list(zip(wanted, types, strict=True)))
            yield make_empty_part(source.connection, schema)
        arrays = [
            make_column(column, field.type, field.name, where)
            for column, field in zip(columns, schema, strict=True)
        ]
        lines = pa.array(np.arange(line, line + len(batch)))
        yield Part(source.connection, lines, pa.RecordBatch.from_arrays(arrays, schema=schema))
        line += len(batch)
    if schema is None:
        yield make_empty_part(source.connection, pa.schema([(n, pa.string()) for n in wanted]))

"""The raw dataset: the source's columns that the workflow names, and where each row came from.

Pure functions between the readers and ``step.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset.columns import (
    ID_COLUMN,
    LINE_COLUMN,
    QUARANTINE_SCHEMA,
    SOURCE_COLUMN,
    SPLIT_COLUMN,
)
from tasks.errors import SourceError, nearest
from tasks.ingestion.parts import Part
from tasks.workflow import Columns


def name_needed_columns(columns: Columns, *, has_split: bool) -> list[str]:
    """Name the columns that a source must have, without the id (see :func:`find_id_column`).

    Parameters
    ----------
    columns : Columns
    has_split : bool
        Whether the source says which rows are the hold-out.

    Returns
    -------
    list of str
        The target, where there is one, the inputs, the time and the columns to keep.
    """
    return [*columns.read, *([SPLIT_COLUMN] if has_split else [])]


def find_id_column(known: Iterable[str], columns: Columns, where: str) -> str | None:
    """Find the column that identifies a row, or None when the row number has to.

    A column called ``id`` is used where the source has one; any other name in ``columns.id`` is a
    promise that the source must keep.

    Raises
    ------
    SourceError
        When the promised column is missing, naming the nearest.
    """
    known = list(known)
    name = columns.id or ID_COLUMN
    if name in known:
        return name
    if name != ID_COLUMN:
        check_columns([name], known, where)
    return None


def check_columns(needed: Iterable[str], known: Iterable[str], where: str) -> None:
    """Check that a source has the columns that are read from it, each once.

    Parameters
    ----------
    needed : iterable of str
    known : iterable of str
        The source's columns.
    where : str
        The source, for the error.

    Raises
    ------
    SourceError
        When one is missing, naming the nearest, or stands there twice.
    """
    known = list(known)
    for name in needed:
        if name not in known:
            raise SourceError(
                f"{where} has no column {name!r}.",
                expected=nearest(name, known),
                hint="correct 'columns' in the workflow file, or the source",
            )
        if known.count(name) > 1:
            raise SourceError(
                f"{where} has the column {name!r} {known.count(name)} times.",
                expected="each column once",
                hint="rename one of them in the source",
            )


def shape_raw_rows(part: Part, columns: Columns, *, has_split: bool) -> pa.RecordBatch:
    """Give rows the columns of the raw dataset.

    Parameters
    ----------
    part : Part
        With n_rows rows.
    columns : Columns
    has_split : bool
        Whether the source's ``split`` column is kept.

    Returns
    -------
    pyarrow.RecordBatch with n_rows rows
        Columns ``id`` (string), ``source`` (string), ``line`` (int64), those of
        :func:`name_needed_columns`, ``split`` as string; types as they came, but dictionaries
        decoded, every kind of text as string, and a column without any value as string.
        The id is the source's own, or ``<source>:<line>``, which stays the same as long as rows
        are only added at the end.

    Raises
    ------
    SourceError
        When a column is missing or the images have another shape than the workflow says.
    """
    needed = name_needed_columns(columns, has_split=has_split)
    known = part.rows.schema.names
    check_columns(needed, known, part.source)
    id_column = find_id_column(known, columns, part.source)
    lines = part.lines.cast(pa.int64())
    sources = part.sources
    if sources is None:
        sources = pa.repeat(pa.scalar(part.source, pa.string()), part.rows.num_rows)
    if id_column is None:
        ids = pc.binary_join_element_wise(sources, lines.cast(pa.string()), ":")
    else:
        ids = _to_text(part.rows.column(id_column), id_column, part.source)
    raw = {ID_COLUMN: ids, SOURCE_COLUMN: sources, LINE_COLUMN: lines}
    for name in needed:
        column = part.rows.column(name)
        if columns.image and name == columns.image.column:
            _check_images(column.type, columns.image.tensor, name, part.source)
        elif name == SPLIT_COLUMN:
            column = _to_text(column, name, part.source)
        else:
            column = _simplify(column)
        raw[name] = column
    return pa.RecordBatch.from_pydict(raw)


def match_types(rows: pa.RecordBatch, schema: pa.Schema, where: str) -> pa.RecordBatch:
    """Give rows the types of the first ones, where no value changes by it.

    Parameters
    ----------
    rows : pyarrow.RecordBatch with n_rows rows
    schema : pyarrow.Schema
        That of the first rows, with the same names.
    where : str
        The source of these rows, for the error.

    Returns
    -------
    pyarrow.RecordBatch with ``schema``

    Raises
    ------
    SourceError
        When a value would change, naming the column and both types.
    """
    if rows.schema.equals(schema):
        return rows
    columns = [
        _match_type(column, field.type, field.name, where)
        for column, field in zip(rows.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def shape_unparsed_lines(part: Part, protect: Callable[[str], str] | None = None) -> pa.RecordBatch:
    """Give lines that became no row the columns of the quarantine.

    Parameters
    ----------
    part : Part
    protect : callable, optional
        What the privacy of the workflow makes of a text; by default texts are kept as they are.

    Returns
    -------
    pyarrow.RecordBatch with :data:`QUARANTINE_SCHEMA`
        ``row`` holds the line's text as JSON.
    """
    keep = protect or str
    return pa.RecordBatch.from_pylist(
        [
            {
                ID_COLUMN: f"{u.source or part.source}:{u.line}",
                SOURCE_COLUMN: u.source or part.source,
                LINE_COLUMN: u.line,
                "reason": u.reason,
                "row": json.dumps({"text": keep(u.text)}, ensure_ascii=False),
            }
            for u in part.unparsed
        ],
        schema=QUARANTINE_SCHEMA,
    )


def _simplify(column: pa.Array) -> pa.Array:
    if isinstance(column.type, pa.DictionaryType):
        column = column.dictionary_decode()
    kind = column.type
    is_other_text = pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if is_other_text or pa.types.is_null(kind):
        return column.cast(pa.string())
    return column


def _match_type(column: pa.Array, wanted: pa.DataType, name: str, where: str) -> pa.Array:
    if column.type.equals(wanted):
        return column
    if column.null_count == len(column):
        return pa.nulls(len(column), wanted)
    try:
        cast = column.cast(wanted)
        if _has_same_values(cast.cast(column.type), column):
            return cast
    except (pa.ArrowException, NotImplementedError):
        pass  # its text may hold a value, which may be personal
    raise SourceError(
        f"{where}: the column {name!r} has the type {column.type}, and the first rows {wanted}; "
        "not every value can be written in it.",
        expected=f"values that are the same as {wanted}",
        hint="write the files with one schema, or cast the column in the query",
    )


def _has_same_values(a: pa.Array, b: pa.Array) -> bool:
    if pa.types.is_floating(a.type) and a.is_valid().equals(b.is_valid()):
        return np.array_equal(a.drop_null().to_numpy(), b.drop_null().to_numpy(), equal_nan=True)
    return bool(a.equals(b))


def _to_text(column: pa.Array, name: str, where: str) -> pa.Array:
    if isinstance(column.type, pa.DictionaryType):
        column = column.dictionary_decode()
    try:
        return pc.utf8_trim_whitespace(column.cast(pa.string()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceError(
            f"{where}: the column {name!r} of type {column.type} cannot be read as text: {error}",
            expected="text or whole numbers",
            hint="correct 'columns' in the workflow file, or the source",
        ) from error


def _check_images(found: pa.DataType, shape: tuple[int, ...], name: str, where: str) -> None:
    if isinstance(found, pa.FixedShapeTensorType) and tuple(found.shape) == shape:
        return
    is_tensor = isinstance(found, pa.FixedShapeTensorType)
    raise SourceError(
        f"{where}: the column {name!r} holds "
        + (f"tensors of shape {list(found.shape)}." if is_tensor else f"values of type {found}."),
        expected=f"tensors of shape {list(shape)}, as 'columns.image.tensor' says",
        hint="correct 'columns.image' in the workflow file, or the source",
    )

"""The raw dataset: the source's columns that the workflow names, and where each row came from.

Pure functions between the readers and ``step.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

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
    """
    needed = [columns.target, *columns.inputs]
    return [*needed, SPLIT_COLUMN] if has_split else needed


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
        Columns ``id`` (string), ``source`` (string), ``line`` (int64), the target, the inputs and,
        where the source says so, ``split`` (string); types as they came, dictionaries decoded.
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
    if id_column is None:
        ids = pc.binary_join_element_wise(part.source, lines.cast(pa.string()), ":")
    else:
        ids = _to_text(part.rows.column(id_column), id_column, part.source)
    raw = {
        ID_COLUMN: ids,
        SOURCE_COLUMN: pa.array([part.source] * part.rows.num_rows, pa.string()),
        LINE_COLUMN: lines,
    }
    for name in needed:
        column = part.rows.column(name)
        if columns.image and name == columns.image.column:
            _check_images(column.type, columns.image.tensor, name, part.source)
        elif name == SPLIT_COLUMN:
            column = _to_text(column, name, part.source)
        elif isinstance(column.type, pa.DictionaryType):
            column = column.dictionary_decode()
        raw[name] = column
    return pa.RecordBatch.from_pydict(raw)


def shape_unparsed_lines(part: Part) -> pa.RecordBatch:
    """Give lines that became no row the columns of the quarantine.

    Returns
    -------
    pyarrow.RecordBatch with :data:`QUARANTINE_SCHEMA`
        ``row`` holds the line's text as JSON.
    """
    return pa.RecordBatch.from_pylist(
        [
            {
                ID_COLUMN: f"{part.source}:{u.line}",
                SOURCE_COLUMN: part.source,
                LINE_COLUMN: u.line,
                "reason": u.reason,
                "row": json.dumps({"text": u.text}, ensure_ascii=False),
            }
            for u in part.unparsed
        ],
        schema=QUARANTINE_SCHEMA,
    )


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

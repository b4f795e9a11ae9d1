"""Read encrypted columns of a dataset or a file back, or encrypt them anew with the first key.

Called by ``nocturne decrypt``; streams batches, and writes for the owner of the process alone.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.dataset import Dataset
from tasks.dataset.columns import QUARANTINE_SCHEMA
from tasks.errors import PrivacyError, RequestError, nearest
from tasks.privacy.columns import is_text
from tasks.privacy.keys import Keyring
from tasks.privacy.tokens import TokenCipher, is_token

FORMATS = (".parquet", ".csv")
_FILE_MODE = 0o600
_ROWS_PER_BATCH = 65_536
_CSV_BLOCK_BYTES = 16 * 1024 * 1024  # no row may be longer
_ROW_COLUMN = "row"  # of a quarantine: the row's columns as JSON

_Open: TypeAlias = tuple[pa.Schema, Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Opened:
    """How much was read back: rows in the file, and values that were tokens."""

    n_rows: int
    n_values: int


def decrypt_file(
    source: Path,
    columns: Sequence[str],
    output: Path,
    keyring: Keyring,
    *,
    workflow: str | None = None,
    re_encrypt: bool = False,
) -> Opened:
    """Write a dataset or a file again with some columns decrypted.

    Parameters
    ----------
    source : Path
        A dataset's folder, or a Parquet or CSV file with a header.
    columns : sequence of str
        Encrypted columns. Of a quarantine also ``row``, whose JSON holds tokens.
    output : Path
        A new file, Parquet or CSV by its name's ending. Its mode is 0600, and it appears when it is
        whole.
    keyring : Keyring
    workflow : str, optional
        Name of the workflow that encrypted them; by default what the dataset says.
    re_encrypt : bool, default False
        Write tokens of the first key in place of the values: so an old key can be retired.

    Returns
    -------
    Opened

    Raises
    ------
    RequestError
        When a column, the workflow or the output cannot be used.
    PrivacyError
        When a token cannot be opened; names its row, from 1, and its column.
    DatasetError
        When the dataset is not whole.
    """
    if output.suffix.lower() not in FORMATS:
        raise RequestError(
            f"The output {output} is of no known kind.",
            expected=f"a name that ends in {' or '.join(FORMATS)}",
            hint="give another --output",
        )
    if output.exists():
        raise RequestError(
            f"{output} exists already.",
            expected="a new file, so that nothing is lost",
            hint="remove it, or give another --output",
        )
    schema, batches, said = _open(source)
    cipher = TokenCipher(keyring, _find_workflow(source, workflow, said))
    _check_columns(schema, columns, source)
    if output.suffix.lower() == ".csv":
        _check_scalars(schema)
    is_quarantine = set(QUARANTINE_SCHEMA.names) <= set(schema.names)
    opener = _Opener(cipher, re_encrypt=re_encrypt)
    n_rows = 0
    for name in columns:
        at = schema.get_field_index(name)
        schema = schema.set(at, pa.field(name, pa.string()))
    with _write(output, schema.remove_metadata()) as write:
        for batch in batches:
            for name in columns:
                open_value = (
                    opener.open_json if is_quarantine and name == _ROW_COLUMN else opener.open
                )
                texts = batch.column(name).cast(pa.string()).to_pylist()
                values = [
                    None if text is None else open_value(text, name, n_rows + i)
                    for i, text in enumerate(texts, start=1)
                ]
                at = batch.schema.get_field_index(name)
                batch = batch.set_column(at, name, pa.array(values, pa.string()))  # noqa: PLW2901
            write(batch.cast(schema.remove_metadata()))
            n_rows += batch.num_rows
    return Opened(n_rows, opener.n_values)


class _Opener:
    """Opens single values, and counts them."""

    def __init__(self, cipher: TokenCipher, *, re_encrypt: bool) -> None:
        self._cipher = cipher
        self._re_encrypt = re_encrypt
        self.n_values = 0

    def open(self, token: str, column: str, row: int, *, inside: str = "") -> str:
        text = self._cipher.decrypt(token, column, where=f"row {row}, column {column!r}{inside}")
        self.n_values += 1
        return self._cipher.encrypt(text, column) if self._re_encrypt else text

    def open_json(self, text: str, column: str, row: int) -> str:
        """Open the tokens of a quarantined row; its other values were never encrypted."""
        try:
            values: Any = json.loads(text)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise PrivacyError(
                f"Row {row} of the column {column!r} is no JSON object.",
                expected="a row of a quarantine, as Nocturne writes it",
                hint="run the step that writes it again",
            )
        opened = {
            name: self.open(value, name, row, inside=f" of {_ROW_COLUMN!r}")
            if isinstance(value, str) and is_token(value)
            else value
            for name, value in values.items()
        }
        return json.dumps(opened, ensure_ascii=False)


def _open(source: Path) -> tuple[pa.Schema, Iterator[pa.RecordBatch], str | None]:
    """Open a dataset or a file: its schema, its rows, and the workflow that it names."""
    if source.is_dir():
        dataset = Dataset.open(source)
        said = dataset.manifest.origin.get("workflow")
        return dataset.schema, dataset.batches(), said if isinstance(said, str) else None
    if not source.is_file():
        raise RequestError(
            f"{source} does not exist.",
            expected="a dataset's folder, or a Parquet or CSV file",
            hint="correct the path; a night's datasets are artifacts of its MLflow runs",
        )
    # Arrow's own messages quote what they could not read, so they are not passed on.
    try:
        if source.suffix.lower() == ".csv":
            return (*_open_csv(source), None)
        file = pq.ParquetFile(source)
        return file.schema_arrow, file.iter_batches(batch_size=_ROWS_PER_BATCH), None
    except (pa.ArrowInvalid, OSError):
        raise _unreadable(source) from None


def _open_csv(source: Path) -> _Open:
    from pyarrow import csv

    read = csv.ReadOptions(block_size=_CSV_BLOCK_BYTES)
    parse = csv.ParseOptions(newlines_in_values=True)
    with csv.open_csv(source, read, parse) as header:
        names = header.schema.names
    if len(set(names)) != len(names):
        raise RequestError(
            f"{source} has a column twice.",
            expected="each column once",
            hint="rename one of them",
        )
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    rows = csv.open_csv(source, read, parse, convert)

    def stream() -> Iterator[pa.RecordBatch]:
        try:
            yield from rows
        except pa.ArrowInvalid:
            raise _unreadable(source) from None

    return rows.schema, stream()


def _unreadable(source: Path) -> RequestError:
    return RequestError(
        f"{source} cannot be read.",
        expected="a Parquet file, or a CSV file with a header, commas and UTF-8",
        hint="see whether it is whole, and what its name ends in",
    )


def _find_workflow(source: Path, given: str | None, said: str | None) -> str:
    workflow = given or said
    if workflow is None:
        raise RequestError(
            f"{source} does not say which workflow encrypted it.",
            expected="'--workflow NAME': the name is part of every token's protection",
            hint="give the name of the workflow file without '.yaml'",
        )
    return workflow


def _check_columns(schema: pa.Schema, columns: Sequence[str], source: Path) -> None:
    if not columns or len(set(columns)) != len(columns):
        raise RequestError(
            f"--columns names {'a column twice' if columns else 'no column'}.",
            expected="names separated by commas, each once",
            hint="name the columns of 'encrypt' in the workflow file",
        )
    for name in columns:
        if name not in schema.names:
            raise RequestError(
                f"{source} has no column {name!r}.",
                expected=nearest(name, schema.names),
                hint="correct --columns",
            )
        if not is_text(schema.field(name).type):
            raise RequestError(
                f"The column {name!r} of {source} holds values of type {schema.field(name).type}.",
                expected="a column of tokens, which are text",
                hint="correct --columns",
            )


def _check_scalars(schema: pa.Schema) -> None:
    for field in schema:
        if isinstance(field.type, pa.BaseExtensionType) or pa.types.is_nested(field.type):
            raise RequestError(
                f"The column {field.name!r} of type {field.type} cannot be written as CSV.",
                expected="columns of single values",
                hint="give an --output that ends in .parquet",
            )


@contextmanager
def _write(output: Path, schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Write a file that only its owner can read from its first byte on, whole or not at all."""
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.{secrets.token_hex(4)}.partial")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file, _open_writer(output, file, schema) as writer:
            yield writer.write_batch
        temporary.replace(output)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _open_writer(output: Path, file: IO[bytes], schema: pa.Schema) -> Any:
    if output.suffix.lower() == ".csv":
        from pyarrow import csv

        return csv.CSVWriter(file, schema)
    return pq.ParquetWriter(file, schema, compression="zstd")

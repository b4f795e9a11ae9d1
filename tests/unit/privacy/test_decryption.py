"""Reading encrypted columns back: datasets, files, quarantines, rotation, and what is refused."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tasks.dataset import DatasetWriter, array_to_tensor_column
from tasks.dataset.columns import QUARANTINE_SCHEMA
from tasks.errors import PrivacyError, RequestError
from tasks.privacy.decryption import decrypt_file
from tasks.privacy.keys import Keyring
from tasks.privacy.tokens import TokenCipher

OLD = Keyring({"old": bytes([1] * 32)})
BOTH = Keyring({"new": bytes([2] * 32), **OLD.keys})
NAMES = ['O\'Brien "<b>Zo\u00eb</b>"\nof Rome, Italy', None, "", "Ada"]


def make_rows() -> pa.Table:
    cipher = TokenCipher(OLD, "people")
    tokens = cipher.encrypt_column(pa.array(NAMES), "name")
    return pa.table({"id": ["a", "b", "c", "d"], "name": tokens, "age": [1, None, 3, 4]})


def write(folder: Path, kind: str, rows: pa.Table, **origin: str) -> Path:
    if kind == "csv":
        pa.csv.write_csv(rows, folder / "rows.csv")
        return folder / "rows.csv"
    if kind == "parquet":
        pq.write_table(rows, folder / "rows.parquet")
        return folder / "rows.parquet"
    with DatasetWriter(folder / "rows", rows.schema, origin=origin) as writer:
        writer.write(rows)
    return folder / "rows"


@pytest.mark.parametrize("kind", ["dataset", "parquet", "csv"])
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_columns_are_read_back_for_the_owner_alone(tmp_path: Path, kind: str, suffix: str) -> None:
    """Quotes, line ends and accents to the letter; missing stays missing; other columns stay."""
    source = write(tmp_path, kind, make_rows())
    output = tmp_path / "private" / f"out{suffix}"
    done = decrypt_file(source, ["name"], output, BOTH, workflow="people")
    assert (done.n_rows, done.n_values) == (4, 3)
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    if suffix == ".parquet":
        made = pq.read_table(output)
        assert [str(age) if age is not None else None for age in made["age"].to_pylist()] == [
            "1", None, "3", "4",
        ]  # fmt: skip
    else:
        made = pa.csv.read_csv(
            output,
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        )
    assert made["name"].to_pylist() == NAMES
    assert made.schema.names == ["id", "name", "age"]


def test_dataset_says_which_workflow_it_is_of(tmp_path: Path) -> None:
    """Else it must be given, and a wrong one opens nothing."""
    source = write(tmp_path, "dataset", make_rows(), workflow="people")
    assert decrypt_file(source, ["name"], tmp_path / "a.csv", OLD).n_values == 3
    with pytest.raises(PrivacyError, match="row 1, column 'name'"):
        decrypt_file(source, ["name"], tmp_path / "b.csv", OLD, workflow="others")
    bare = write(tmp_path, "parquet", make_rows())
    with pytest.raises(RequestError, match=r"(?s)does not say which workflow.*--workflow NAME"):
        decrypt_file(bare, ["name"], tmp_path / "c.csv", OLD)


def test_rotation_leaves_values_readable_by_the_new_key_alone(tmp_path: Path) -> None:
    """Encrypt anew with the first key; then the old one can go."""
    source = write(tmp_path, "parquet", make_rows())
    rotated = tmp_path / "rotated.parquet"
    decrypt_file(source, ["name"], rotated, BOTH, workflow="people", re_encrypt=True)
    tokens = pq.read_table(rotated)["name"].to_pylist()
    assert all(token.startswith("nocturne:1:new:") for token in tokens if token is not None)
    new = Keyring({"new": BOTH.keys["new"]})
    decrypt_file(rotated, ["name"], tmp_path / "plain.parquet", new, workflow="people")
    assert pq.read_table(tmp_path / "plain.parquet")["name"].to_pylist() == NAMES
    with pytest.raises(PrivacyError, match="'old', which is not there"):
        decrypt_file(source, ["name"], tmp_path / "x.parquet", new, workflow="people")


def test_quarantined_rows_are_read_back(tmp_path: Path) -> None:
    """Their columns stand in the JSON of `row`, and lines that did not parse as its `text`."""
    cipher = TokenCipher(OLD, "people")
    rows = [
        {"name": cipher.encrypt("Ada", "name"), "age": 1, "town": None},
        {"text": cipher.encrypt("7,Ada,one,too many", "text")},
        {"text": "withheld (3 characters): the workflow protects columns"},
    ]
    quarantine = pa.table(
        {
            "id": ["a", "b", "c"],
            "source": ["f"] * 3,
            "line": [2, 3, 4],
            "reason": ["x"] * 3,
            "row": [json.dumps(row) for row in rows],
        },
        QUARANTINE_SCHEMA,
    )
    source = write(tmp_path, "dataset", quarantine, workflow="people")
    output = tmp_path / "out.parquet"
    assert decrypt_file(source, ["row"], output, OLD).n_values == 2
    assert [json.loads(row) for row in pq.read_table(output)["row"].to_pylist()] == [
        {"name": "Ada", "age": 1, "town": None},
        {"text": "7,Ada,one,too many"},
        rows[2],
    ]


def test_changed_tokens_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    """By row and column; no half-written file with values in it is left."""
    rows = make_rows()
    tokens = rows["name"].to_pylist()
    tokens[3] = tokens[3][:-6] + ("AAAA" if tokens[3][-6:-2] != "AAAA" else "BBBB") + tokens[3][-2:]
    source = write(tmp_path, "parquet", rows.set_column(1, "name", pa.array(tokens)))
    private = tmp_path / "private"
    with pytest.raises(PrivacyError, match="row 4, column 'name'"):
        decrypt_file(source, ["name"], private / "out.csv", OLD, workflow="people")
    assert list(private.iterdir()) == []


def test_values_that_were_never_encrypted_are_named_by_place(tmp_path: Path) -> None:
    """Not by value."""
    source = write(tmp_path, "parquet", make_rows())
    with pytest.raises(PrivacyError, match="no token at row 1, column 'id'") as caught:
        decrypt_file(source, ["id"], tmp_path / "out.csv", OLD, workflow="people")
    assert "'a'" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "output", "message"),
    [
        (["nmae"], "out.csv", "'name', perhaps"),
        (["age"], "out.csv", "holds values of type int64"),
        ([], "out.csv", "no column"),
        (["name", "name"], "out.csv", "a column twice"),
        (["name"], "out.txt", r"ends in \.parquet or \.csv"),
        (["name"], "taken.csv", "exists already"),
        (["name"], "-", "of no known kind"),
    ],
)
def test_wrong_requests_are_answered(
    tmp_path: Path, columns: list[str], output: str, message: str
) -> None:
    """Before anything is written."""
    (tmp_path / "taken.csv").write_text("mine")
    source = write(tmp_path, "parquet", make_rows())
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RequestError, match=message):
        decrypt_file(source, columns, tmp_path / output, OLD, workflow="people")
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "taken.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.parquet", b"PAR1 cut off"),
        ("rows.csv", b""),
        ("rows.csv", b"id,name\n1,Ada,one,too,many\n"),
        ("rows.csv", b"id,name\n1,\xff\xfe\n"),
        ("rows.csv", b"name,name\n1,2\n"),
        ("missing.csv", None),
    ],
)
def test_unreadable_files_are_named_and_not_quoted(tmp_path: Path, name: str, content: Any) -> None:
    """Arrow's messages quote the line that they stumble over; ours do not."""
    source = tmp_path / name
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(RequestError, match=name) as caught:
        decrypt_file(source, ["name"], tmp_path / "out.csv", OLD, workflow="people")
    assert "Ada" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_images_do_not_go_into_csv(tmp_path: Path) -> None:
    """Into Parquet they do, unchanged."""
    images = array_to_tensor_column(np.arange(16, dtype=np.uint8).reshape(4, 2, 2, 1))
    rows = make_rows().append_column("image", images)
    source = write(tmp_path, "dataset", rows, workflow="people")
    with pytest.raises(RequestError, match=r"(?s)'image'.*ends in .parquet"):
        decrypt_file(source, ["name"], tmp_path / "out.csv", OLD)
    decrypt_file(source, ["name"], tmp_path / "out.parquet", OLD)
    assert pq.read_table(tmp_path / "out.parquet")["image"].combine_chunks().equals(images)

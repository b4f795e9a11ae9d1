"""`nocturne decrypt` and `new-key`: what is printed where, and to whom."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from tasks.cli.privacy import add_commands
from tasks.errors import PrivacyError, RequestError
from tasks.privacy.keys import read_keyring
from tasks.privacy.tokens import TokenCipher


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    add_commands(made)
    return made


def test_new_key_is_the_only_thing_on_stdout(app: typer.Typer) -> None:
    """So that it can be piped into a secret store; how to use it stands on stderr."""
    done = CliRunner().invoke(app, ["new-key", "--id", "2026-10"])
    assert done.exit_code == 0
    keyring = read_keyring({"NOCTURNE_ENCRYPTION_KEYS": done.stdout})
    assert keyring is not None
    assert keyring.first == "2026-10"
    assert "NOCTURNE_ENCRYPTION_KEYS" in done.stderr
    key = done.stdout.strip().split(":")[1]
    assert key not in done.stderr
    assert CliRunner().invoke(app, ["new-key", "--id", "2026-10"]).stdout != done.stdout


def test_new_key_has_todays_date_as_id_by_default(app: typer.Typer) -> None:
    """And none for pseudonyms, whose key never changes."""
    assert re.match(r"^\d{4}-\d\d-\d\d:", CliRunner().invoke(app, ["new-key"]).stdout)
    done = CliRunner().invoke(app, ["new-key", "--pseudonym"])
    assert re.fullmatch(r"[A-Za-z0-9+/]{43}=", done.stdout.strip())
    assert "NOCTURNE_PSEUDONYM_KEY" in done.stderr
    refused = CliRunner().invoke(app, ["new-key", "--id", "a:b"])
    assert isinstance(refused.exception, RequestError)
    assert refused.stdout == ""


def test_decrypt_writes_a_file_and_shows_no_value(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values go into the file alone; the terminal sees counts."""
    entry = CliRunner().invoke(app, ["new-key"]).stdout.strip()
    keyring = read_keyring({"NOCTURNE_ENCRYPTION_KEYS": entry})
    assert keyring is not None
    tokens = TokenCipher(keyring, "people").encrypt_column(pa.array(["Ada", None]), "name")
    pq.write_table(pa.table({"name": tokens, "age": [1, 2]}), tmp_path / "in.parquet")
    output = tmp_path / "out.parquet"
    arguments = ["decrypt", str(tmp_path / "in.parquet"), "--columns", " name ,", "-o", str(output)]

    refused = CliRunner().invoke(app, [*arguments, "--workflow", "people"])
    assert isinstance(refused.exception, PrivacyError)
    assert "NOCTURNE_ENCRYPTION_KEYS is not set" in str(refused.exception)

    monkeypatch.setenv("NOCTURNE_ENCRYPTION_KEYS", entry)
    done = CliRunner().invoke(app, [*arguments, "--workflow", "people"])
    assert done.exit_code == 0, done.exception
    assert pq.read_table(output)["name"].to_pylist() == ["Ada", None]
    assert done.stdout == ""
    assert "1 values in 2 rows" in done.stderr
    assert "Ada" not in done.stderr

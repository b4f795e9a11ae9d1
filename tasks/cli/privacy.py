"""``nocturne decrypt`` and ``new-key``: for who may read personal columns, and makes their keys.

Thin: the work is in ``tasks.privacy``.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Annotated

import typer

from tasks.cli.console import err, escape

PANEL = "Privacy"


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(rich_help_panel=PANEL)(decrypt)
    app.command("new-key", rich_help_panel=PANEL)(new_key)


def decrypt(
    source: Annotated[
        Path, typer.Argument(help="A dataset's folder, or a Parquet or CSV file.", metavar="PATH")
    ],
    *,
    columns: Annotated[
        str,
        typer.Option(
            "--columns",
            metavar="A,B",
            help="The encrypted columns; of a quarantine `row`, which holds whole rows.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="A new file, .parquet or .csv; only you can read it (mode 0600)."
        ),
    ],
    workflow: Annotated[
        str | None,
        typer.Option(
            "--workflow",
            metavar="NAME",
            help="The workflow that encrypted; by default what the dataset says.",
        ),
    ] = None,
    re_encrypt: Annotated[
        bool,
        typer.Option(
            "--re-encrypt",
            help="Write tokens of the first key and not the values: to retire a key.",
        ),
    ] = False,
) -> None:
    """Read encrypted columns back, with the keys in NOCTURNE_ENCRYPTION_KEYS."""
    from tasks.privacy.decryption import decrypt_file
    from tasks.privacy.keys import require_keyring

    keyring = require_keyring(os.environ, "'nocturne decrypt'")
    names = [name for part in columns.split(",") if (name := part.strip())]
    opened = decrypt_file(source, names, output, keyring, workflow=workflow, re_encrypt=re_encrypt)
    done = "Encrypted anew" if re_encrypt else "Decrypted"
    err.print(
        f"{done}: {opened.n_values} values in {opened.n_rows} rows, {escape(str(output))}",
        soft_wrap=True,
    )


def new_key(
    *,
    key_id: Annotated[
        str | None,
        typer.Option("--id", metavar="NAME", help="The key's id; by default today's date."),
    ] = None,
    pseudonym: Annotated[
        bool, typer.Option("--pseudonym", help="A key for pseudonyms, which has no id.")
    ] = False,
) -> None:
    """Make a key for encryption or for pseudonyms, and say where it belongs.

    The key is printed and kept nowhere: what it protects is lost or open with it.
    """
    from tasks.privacy.keys import (
        ENCRYPTION_VARIABLE,
        PSEUDONYM_VARIABLE,
        check_key_id,
        make_key,
    )

    key = make_key()
    if pseudonym:
        typer.echo(key)
        err.print(
            f"Set {PSEUDONYM_VARIABLE} to this line for every process that runs the night, and keep "
            "it: with another key everybody gets another pseudonym.",
            soft_wrap=True,
        )
        return
    if key_id is None:
        key_id = datetime.datetime.now(datetime.UTC).date().isoformat()
    check_key_id(key_id)
    typer.echo(f"{key_id}:{key}")
    err.print(
        f"Put this line first in {ENCRYPTION_VARIABLE}, before the older keys and a comma: the first "
        "key encrypts, all of them decrypt. Keep it where the data are not.",
        soft_wrap=True,
    )

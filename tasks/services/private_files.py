"""Files that only their owner may read, written whole or not at all.

Used for the secrets, Airflow's password file and the record of what was started.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700


def make_private_folder(folder: Path) -> None:
    """Make a folder with mode 0700; one that exists is left as it is.

    Parameters
    ----------
    folder : Path
        Its parents are made too, with the process's usual mode.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that has mode 0600 from its first byte and is never seen half-written.

    Parameters
    ----------
    path : Path
        Replaced when it exists.
    text : str
        The whole content.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

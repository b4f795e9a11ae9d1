"""SHA-256 over the whole content of files, folders and JSON values.

Ground module: digests, not times, decide what is the same (MLflow's own dataset digest reads the first rows only).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tasks.dataset.threads import map_in_order


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Parameters
    ----------
    path : Path
        A readable file; it is read in blocks, never whole.

    Returns
    -------
    str
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_folder(path: Path) -> str:
    """SHA-256 of a folder's files: their relative POSIX paths and contents, in path order.

    A single file is digested as its bytes alone.

    Parameters
    ----------
    path : Path
        A folder (links are followed) or a file.

    Returns
    -------
    str
    """
    if path.is_file():
        return digest_file(path)
    whole = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file())
    # In threads: hashing is most of what fetching a large artifact from a local store costs.
    for file, digest in zip(files, map_in_order(digest_file, files), strict=True):
        whole.update(f"{file.relative_to(path).as_posix()}\0{digest}\n".encode())
    return whole.hexdigest()


def digest_json(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form (sorted keys, no spaces).

    Parameters
    ----------
    value : object
        Anything ``json.dumps`` takes.

    Returns
    -------
    str

    Examples
    --------
    >>> digest_json({"b": 1, "a": 2}) == digest_json({"a": 2, "b": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()

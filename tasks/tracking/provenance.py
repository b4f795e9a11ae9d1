"""Which code, which lock, which inputs: what a night must record to be repeated.

Ground module; code and lock are written on every night's parent run, the fingerprint on every step's.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tasks.dataset.digest import digest_file, digest_json
from tasks.settings import Settings
from tasks.tracking.handoff import Handoff

GIT_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Provenance:
    """The commit (with ``-dirty`` where files differ from it) and the lock file's SHA-256."""

    git_commit: str
    lock_sha256: str


def read_provenance(settings: Settings) -> Provenance:
    """Read commit and lock digest of the project.

    Returns
    -------
    Provenance
        With ``unknown`` for what is not there: an installed copy has no git folder.
    """
    lock = settings.project_root / "requirements.txt"
    return Provenance(
        git_commit=_read_commit(settings.project_root),
        lock_sha256=digest_file(lock) if lock.is_file() else "unknown",
    )


@cache
def digest_code(folder: Path) -> str:
    """SHA-256 over the Python files of a folder, by name and content, or over one file."""
    if folder.is_file():
        return digest_file(folder)
    whole = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        whole.update(f"{file.relative_to(folder).as_posix()}\0{digest_file(file)}\n".encode())
    return whole.hexdigest()


def compute_fingerprint(
    inputs: Mapping[str, Handoff],
    section: object,
    code: Sequence[Path],
    lock_sha256: str,
    seed: int,
) -> str:
    """SHA-256 of all that decides what a step makes.

    Parameters
    ----------
    inputs : mapping of str to Handoff
    section : JSON value
        The step's part of the workflow file.
    code : sequence of Path
        The folders and files whose code makes the result.
    lock_sha256 : str
        Of the lock file.
    seed : int
    """
    return digest_json(
        [
            {k: v.sha256 for k, v in sorted(inputs.items())},
            section,
            [digest_code(path) for path in code],
            lock_sha256,
            seed,
        ]
    )


def _read_commit(root: Path) -> str:
    try:
        top = _git(root, "rev-parse", "--show-toplevel")
        if Path(top).resolve() != root.resolve():
            return "unknown"  # the project lies inside some other repository
        commit = _git(root, "rev-parse", "HEAD")
        is_dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{commit}-dirty" if is_dirty else commit


def _git(root: Path, *arguments: str) -> str:
    # safe.directory: the checkout may belong to another user than the one who runs the night.
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), *arguments]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=GIT_TIMEOUT_SECONDS
    )
    return done.stdout.strip()

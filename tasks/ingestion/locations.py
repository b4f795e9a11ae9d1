"""Where a workflow's files lie: on this machine or behind any fsspec URL, found without being opened.

Used by ``files.py``. Passwords and signatures in URLs are hidden in everything that is shown.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast
from urllib.parse import unquote

from tasks.errors import SourceError

HIDDEN = "***"
# What stands between :// and the last @ before the path, also where a password holds a slash.
_USER = re.compile(r"(?<=://)(?:[^/\s]*|[^\s/:]*:\S*)@")
_QUERY = re.compile(r"\?[^\s\"'?=*]*=[^\s\"']*")  # ?token=..., and not the ? of a glob


@dataclass(frozen=True)
class SourceFile:
    """A file that was found, not opened yet.

    Parameters
    ----------
    name : str
        The ``source`` of its rows: its path below the first folder that is given by name.
    where : str
        Its whole address, without credentials, for errors.
    folder : str
        Name of the folder it lies in; empty for one that lies directly in a folder that is read
        as a whole.
    open : callable
        Opens it for reading bytes, from the beginning.
    secrets : tuple of str
        Parts of its URL that no message may hold.
    """

    name: str
    where: str
    folder: str
    open: Callable[[], BinaryIO]
    secrets: tuple[str, ...] = ()

    def make_error(
        self, what: object, *, expected: str | None = None, hint: str | None = None
    ) -> SourceError:
        """Make an error about this file, without its credentials."""
        text = hide_secrets(f"The file {self.where} {what}", self.secrets)
        hint = hint or "correct the file, or take it out of 'source.path'"
        return SourceError(text, expected=expected, hint=hint)

    def find_cause(self, error: Exception) -> Exception | None:
        """Give the error to raise from: none where its own text could hold credentials."""
        return None if self.secrets else error


def find_files(pattern: str, base_folder: Path, *, whole_folders: bool = False) -> list[SourceFile]:
    """Find the files that a path, a glob or a URL means.

    Parameters
    ----------
    pattern : str
        Relative to ``base_folder``, or an fsspec URL; ``**`` matches folders of any depth.
    base_folder : Path
        The workflow file's folder.
    whole_folders : bool, default False
        Whether a folder means all files in it, of any depth, but for hidden ones.

    Returns
    -------
    list of SourceFile
        In the order of their names. A name is the file's own, or, where the glob goes through
        folders, its path below the first folder that is given by name.

    Raises
    ------
    SourceError
        When there is none, or the place cannot be reached.
    """
    if is_url(pattern):
        found = _find_remote_files(pattern, whole_folders)
    else:
        found = _find_local_files(pattern, base_folder, whole_folders)
    if not found:
        where = "" if is_url(pattern) else f" under {base_folder}"
        raise SourceError(
            f"There is no file {hide_credentials(pattern)!r}{where}.",
            expected="at least one file; a path is relative to the workflow file's folder",
            hint="correct 'source.path' in the workflow file, or put the files there",
        )
    return sorted(found, key=lambda file: file.name)


def is_url(pattern: str) -> bool:
    """Whether a path is an fsspec URL."""
    return "://" in pattern


def hide_credentials(text: str) -> str:
    """Hide user, password and signature of the URLs in a text.

    Examples
    --------
    >>> hide_credentials("no ftp://ann:secret@host/a.csv")
    'no ftp://***@host/a.csv'
    >>> hide_credentials("https://host/a.csv?sig=abc")
    'https://host/a.csv?***'
    """
    return _QUERY.sub(f"?{HIDDEN}", _USER.sub(f"{HIDDEN}@", text))


def find_secrets(url: str) -> tuple[str, ...]:
    """List the parts of a URL that no message may hold, the longest first.

    Examples
    --------
    >>> find_secrets("ftp://ann:p%40ss@host/a.csv")
    ('ann:p%40ss', 'p%40ss', 'p@ss')
    """
    secrets: set[str] = set()
    for found in _USER.findall(url):
        user = found[:-1]
        _, _, password = user.partition(":")
        secrets |= {user, password, unquote(password)}
    for found in _QUERY.findall(url):
        secrets |= {found[1:], unquote(found[1:])}
        secrets |= {pair.partition("=")[2] for pair in found[1:].split("&")}
    return tuple(sorted(filter(None, secrets), key=lambda secret: (-len(secret), secret)))


def hide_secrets(text: str, secrets: Iterable[str]) -> str:
    """Hide known secrets, and whatever looks like credentials of a URL, in a text."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return hide_credentials(text)


def _find_local_files(pattern: str, base_folder: Path, whole_folders: bool) -> list[SourceFile]:
    is_whole = whole_folders and (base_folder / pattern).is_dir()
    if is_whole:
        fixed = base_folder / pattern
        found = [path for path in fixed.rglob("*") if not _is_hidden(path.relative_to(fixed))]
    else:
        fixed = base_folder.joinpath(*_list_fixed_parts(Path(pattern).parts))
        # Path.glob refuses absolute paths.
        names = glob.glob(pattern, root_dir=base_folder, recursive=True)  # noqa: PTH207
        found = [base_folder / name for name in names]
    return [
        SourceFile(
            path.relative_to(fixed).as_posix(),
            str(path),
            "" if is_whole and path.parent == fixed else path.parent.name,
            partial(_open, path),
        )
        for path in found
        if path.is_file()
    ]


def _find_remote_files(url: str, whole_folders: bool) -> list[SourceFile]:
    import fsspec

    secrets = find_secrets(url)
    try:
        system, pattern = fsspec.core.url_to_fs(url)
        is_whole = whole_folders and not glob.has_magic(pattern) and system.isdir(pattern)
        if is_whole:
            fixed = PurePosixPath(pattern)
            below = [str(path) for path in system.find(pattern)]
            paths = [p for p in below if not _is_hidden(PurePosixPath(p).relative_to(fixed))]
        else:
            fixed = PurePosixPath(*_list_fixed_parts(PurePosixPath(pattern).parts))
            paths = _expand(system, pattern, is_web=url.startswith("http"))
    except Exception as error:  # noqa: BLE001 - every file system has errors of its own
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise SourceError(
            hide_secrets(f"{url} cannot be reached: {kind}{error}", secrets),
            expected="a place that fsspec reaches with what is installed and configured here",
            hint="correct 'source.path', install the package that is named, or see the network",
        ) from (None if secrets else error)
    return [
        SourceFile(
            _make_name(path, fixed),
            hide_secrets(system.unstrip_protocol(path), secrets),
            ""
            if is_whole and PurePosixPath(path).parent == fixed
            else PurePosixPath(path).parent.name,
            partial(_open_remote, system, path),
            secrets,
        )
        for path in paths
    ]


def _expand(system: Any, pattern: str, *, is_web: bool) -> list[str]:
    # The ? of a web address begins its query.
    has_magic = "*" in pattern or "[" in pattern if is_web else glob.has_magic(pattern)
    if has_magic:
        found = system.glob(pattern, detail=True)
        return [str(path) for path, info in found.items() if info.get("type") != "directory"]
    if is_web:
        return [pattern]  # its error says more than that it is not there
    return [pattern] if system.isfile(pattern) else []


def _make_name(path: str, fixed: PurePosixPath) -> str:
    pure = PurePosixPath(path.partition("?")[0] if "://" in path else path)
    return str(pure.relative_to(fixed)) if pure.is_relative_to(fixed) else pure.name


def _list_fixed_parts(parts: tuple[str, ...]) -> list[str]:
    fixed = []
    for part in parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return fixed


def _is_hidden(path: PurePosixPath | Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _open_remote(system: Any, path: str) -> BinaryIO:
    return cast("BinaryIO", system.open(path, "rb"))

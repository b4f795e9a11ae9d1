"""The errors Nocturne raises, each saying what happened, what was expected and what to do.

Ground module: every other module may import it; it imports none of them.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable
from typing import ClassVar

# Of another library's message: enough for the address and the reason, not for a dump of a program.
MAX_QUOTED_CHARACTERS = 500
_FULL_DISK_SIGNS = ("No space left on device", "database or disk is full")


class NocturneError(Exception):
    """Base class of every error that is meant to be read by a person.

    Parameters
    ----------
    what : str
        What happened and where, with the value received.
    expected : str, optional
        What would have been right.
    hint : str, optional
        What to do about it.

    Attributes
    ----------
    is_retryable : bool
        Whether the same request may succeed a little later; a class's property.
    """

    is_retryable: ClassVar[bool] = False

    def __init__(self, what: str, *, expected: str | None = None, hint: str | None = None) -> None:
        self.what = what
        self.expected = expected
        self.hint = hint
        lines = [what]
        if expected:
            lines.append(f"Expected: {expected}")
        if hint:
            lines.append(f"What to do: {hint}")
        super().__init__("\n".join(lines))


class RequestError(NocturneError):
    """The request itself was wrong: an unknown workflow, a bad date, a bad option (exit code 2)."""


class WorkflowError(RequestError):
    """A workflow file cannot be used: missing, unreadable, an unknown key, a bad value."""


class ServiceError(NocturneError):
    """A service is missing or does not answer: a taken port, MLflow or Airflow not up."""

    is_retryable = True


class SourceError(NocturneError):
    """The source of a workflow cannot be read: not there, no network, corrupted, wrong columns."""


class DatasetError(NocturneError):
    """A dataset folder is incomplete, was altered, or does not have the columns asked for."""


class TrackingError(NocturneError):
    """MLflow does not hold what a step was promised: a run, an artifact, a digest."""

    is_retryable = True


class SuiteError(RequestError):
    """A suite of expectations cannot be used: missing, unreadable, an expectation that GX does not know."""


class ValidationFailedError(NocturneError):
    """A critical expectation failed: the night stops and the champion stays."""


class CleaningError(NocturneError):
    """Cleaning cannot give usable data: a missing column, no row left, an empty part."""


class PrivacyError(NocturneError):
    """A personal column cannot be protected, or what was protected cannot be read back."""


class MiningError(NocturneError):
    """A mining task cannot give a meaningful result on these data."""


class ModelError(NocturneError):
    """A saved model cannot be loaded, or is fed rows of another shape than it was trained on."""


class TrainingError(NocturneError):
    """A candidate cannot be built or trained; the message names the candidate."""


class TrainingStoppedError(TrainingError):
    """A training was ended from outside; a retry goes on from its last checkpoint."""

    is_retryable = True


class CardLostError(TrainingStoppedError):
    """The card that trained a candidate no longer answers; a retry takes another one."""


class EvaluationError(NocturneError):
    """Models cannot be compared: no hold-out rows, predictions of the wrong shape."""


class InterpretationError(NocturneError):
    """Nothing can be said about why a model says what it says: too few rows, a model of another kind."""


class ScoringError(NocturneError):
    """The champion cannot score what has arrived: there is none, it does not load, it refuses every row."""


class PromotionError(NocturneError):
    """The registry cannot be moved as decided."""


def is_disk_full(error: BaseException) -> bool:
    """Say whether an error means that a disk is full, whichever library reports it.

    Parameters
    ----------
    error : BaseException

    Examples
    --------
    >>> is_disk_full(OSError(errno.ENOSPC, "No space left on device"))
    True
    >>> is_disk_full(OSError(errno.EACCES, "Permission denied"))
    False
    """
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # shutil gathers errors without their number, and SQLite speaks through SQLAlchemy and MLflow.
    return any(sign in str(error) for sign in _FULL_DISK_SIGNS)


def get_first_line(error: BaseException) -> str:
    r"""Get the first line of an error that says anything, to quote it in a message of our own.

    Parameters
    ----------
    error : BaseException
        Another library's.

    Returns
    -------
    str
        At most :data:`MAX_QUOTED_CHARACTERS`; the name of the error's class where it has no message.

    Examples
    --------
    >>> get_first_line(ValueError("\nunits are negative\nTraceback ..."))
    'units are negative'
    >>> get_first_line(MemoryError())
    'MemoryError'
    """
    lines = (line for line in str(error).splitlines() if line.strip())
    return next(lines, type(error).__name__)[:MAX_QUOTED_CHARACTERS]


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names come nearest to a misspelt one.

    Parameters
    ----------
    name : str
        The name received.
    known : iterable of str
        The names that would have been right.

    Returns
    -------
    str
        ``"'x', perhaps"`` for a near match, else the known names in order.

    Examples
    --------
    >>> nearest("kernal", ["kernel", "filters"])
    "'kernel', perhaps"
    >>> nearest("zzz", ["b", "a"])
    "one of 'a', 'b'"
    """
    names = sorted(set(known))
    matches = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if matches:
        return f"{matches[0]!r}, perhaps"
    return "one of " + ", ".join(repr(n) for n in names) if names else "nothing: none are known"

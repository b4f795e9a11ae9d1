"""Point in time: what of a source had arrived by a night.

Used by the readers of ``tasks/ingestion``; a re-run of an old night sees that night's rows again.
"""

from __future__ import annotations

import datetime
from pathlib import PurePosixPath

from tasks.errors import SourceError
from tasks.ingestion.locations import SourceFile
from tasks.workflow import Arrival


def count_arrived_rows(
    name: str, n_rows: int, arrives: Arrival | None, night: datetime.date
) -> int:
    """Count the rows that had arrived by a night, which are the first ones.

    Parameters
    ----------
    name : str
        The data set, for the error.
    n_rows : int
        All its rows.
    arrives : Arrival or None
        None when all rows are there from the beginning.
    night : datetime.date

    Returns
    -------
    int, from 1 to n_rows

    Raises
    ------
    SourceError
        When none had arrived.

    Examples
    --------
    >>> arrives = Arrival.model_validate({"from": "2026-01-01", "nights": 10})
    >>> count_arrived_rows("digits", 1797, arrives, datetime.date(2026, 1, 2))
    359
    """
    if arrives is None:
        return n_rows
    n_arrived = arrives.count_arrived(n_rows, night)
    if n_arrived:
        return n_arrived
    n_empty_nights = -(-arrives.nights // n_rows) - 1  # 0 unless there are more nights than rows
    first = arrives.first + datetime.timedelta(days=n_empty_nights)
    raise SourceError(
        f"No row of {name} had arrived by the night of {night}.",
        expected=f"a night from {first} on, the first with rows",
        hint="run a later night, or set an earlier date at 'source.arrives.from'",
    )


def select_arrived_files(
    files: list[SourceFile], pattern: str, night: datetime.date
) -> list[SourceFile]:
    """Select the files of a night and of earlier ones, by the dates in their names.

    Parameters
    ----------
    files : list of SourceFile
    pattern : str
        What a file's name looks like, without its folders, for ``strptime``.
    night : datetime.date

    Returns
    -------
    list of SourceFile
        In the order of their dates, and of their names where these are the same.

    Raises
    ------
    SourceError
        When a name does not look so, or no file had arrived.
    """
    dated = [(_read_date(file, pattern), file.name, file) for file in files]
    arrived = sorted((d for d in dated if d[0] <= night), key=lambda d: d[:2])
    if not arrived:
        first = min(date for date, _, _ in dated)
        raise SourceError(
            f"None of {len(files)} files had arrived by the night of {night}.",
            expected=f"a night from {first} on, the date of the first",
            hint="run a later night, or put the files of that night where 'source.path' says",
        )
    return [file for _, _, file in arrived]


def _read_date(file: SourceFile, pattern: str) -> datetime.date:
    try:
        name = PurePosixPath(file.name).name
        return datetime.datetime.strptime(name, pattern).date()  # noqa: DTZ007 - a date has no zone
    except ValueError as error:
        raise file.make_error(
            f"does not tell by its name when it arrived: {error}.",
            expected=f"a name such as {night_name(pattern)}",
            hint="rename it, correct 'source.arrives.pattern', or narrow 'source.path' down",
        ) from file.find_cause(error)


def night_name(pattern: str) -> str:
    """Name a file that would have arrived on the last night of 2026, as an example."""
    return datetime.date(2026, 12, 31).strftime(pattern)

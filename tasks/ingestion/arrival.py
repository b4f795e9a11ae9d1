"""Point in time: how many rows of a built-in data set had arrived by a night.

Used by the readers of ``tasks/ingestion``; a re-run of an old night sees that night's rows again.
"""

from __future__ import annotations

import datetime

from tasks.errors import SourceError
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

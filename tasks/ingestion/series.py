"""The time series that ship inside statsmodels, in order of time.

Source for ``step.py``; no network is used.
"""

from __future__ import annotations

import datetime
import importlib
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.ingestion.arrival import count_arrived_rows
from tasks.ingestion.parts import Part, cut_into_parts
from tasks.workflow import StatsmodelsSource

TIME_COLUMN = "time"
_YEARS = {"sunspots": ("YEAR", "SUNACTIVITY"), "nile": ("year", "volume")}


def read_statsmodels(source: StatsmodelsSource, night: datetime.date) -> list[Part]:
    """Read what had arrived of a built-in series by a night.

    Parameters
    ----------
    source : StatsmodelsSource
    night : datetime.date

    Returns
    -------
    list of Part
        Columns ``time`` (date32; a year's first day where the series has years) and one with the
        data set's name (float64): ``co2``, parts per million at Mauna Loa, weekly, of which 59
        weeks are missing; ``sunspots``, the yearly number; ``nile``, the yearly flow at Aswan in
        10^8 cubic metres. ``source`` is the data set's name, ``line`` the row's number, from 1.

    Raises
    ------
    SourceError
        When no row had arrived.
    """
    rows = _load(source.dataset)
    n_arrived = count_arrived_rows(source.dataset, rows.num_rows, source.arrives, night)
    lines = pa.array(np.arange(1, n_arrived + 1))
    return cut_into_parts(source.dataset, rows.slice(0, n_arrived), lines)


def _load(dataset: str) -> pa.Table:
    frame: Any = importlib.import_module(f"statsmodels.datasets.{dataset}").load_pandas().data
    if dataset == "co2":
        times, values = frame.index.to_numpy(), frame["co2"]
    else:
        year, value = _YEARS[dataset]
        times = (frame[year].to_numpy(np.int64) - 1970).astype("datetime64[Y]")
        values = frame[value]
    return pa.table(
        {
            TIME_COLUMN: pa.array(times.astype("datetime64[D]")),
            dataset: pa.array(values.to_numpy(np.float64), from_pandas=True),  # NaN is missing
        }
    )

"""Forecasts as tables: the error of every step ahead, and a few windows with what came afterwards.

Pure module of the reporting stage; ``charts/forecasts.py`` draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.reporting.documents import find_best_baseline, find_role, label_model
from tasks.reporting.series import LONG_STEP
from tasks.reporting.style import get_float

Document = Mapping[str, Any]
Times: TypeAlias = npt.NDArray[np.datetime64]

MEASURED = "measured"  # what came, among the names of models
N_WINDOWS = 3
MAX_COLUMNS = 20  # of the report's table


@dataclass(frozen=True)
class ForecastWindows:
    """A few hold-out windows: what was measured, and what was forecast.

    Parameters
    ----------
    column : str
        The series.
    rows : DataFrame
        Columns ``window`` (from 1), ``time`` (datetime64[us]), ``model`` (:data:`MEASURED` or a
        model's name), ``is_ahead`` (whether the step was forecast) and ``value`` in the series' own
        unit, NaN where nothing was measured.
    """

    column: str
    rows: pd.DataFrame


def choose_windows(n_windows: int, horizon: int, n_chosen: int = N_WINDOWS) -> list[int]:
    """Choose windows spread evenly over the hold-out: by their place, and never by how they turned out.

    Parameters
    ----------
    n_windows, horizon : int
        Windows in order of time, and the steps that each looks ahead.
    n_chosen : int, default 3

    Returns
    -------
    list of int
        Rising places, fewer where there are fewer windows. Where there is room, as many windows as the
        horizon has steps stand before the first, so that what came before can be shown.

    Examples
    --------
    >>> choose_windows(100, 10), choose_windows(2, 10), choose_windows(0, 10)
    ([10, 54, 99], [0, 1], [])
    """
    first = horizon if n_windows > 2 * horizon else 0
    places = np.linspace(first, n_windows - 1, n_chosen) if n_windows else np.empty(0)
    return sorted({int(place) for place in places})


def find_step_times(steps: Times, start: np.datetime64, horizon: int) -> Times:
    """Find the times of the steps that a window looks ahead.

    Parameters
    ----------
    steps : ndarray of shape (n_steps,), datetime64[us], rising
        Of the series.
    start : datetime64
        The first step ahead.
    horizon : int

    Returns
    -------
    ndarray of shape (horizon,), datetime64[us]
        Where the series ends or has a gap, its median step goes on.

    Examples
    --------
    >>> days = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "M8[us]")
    >>> find_step_times(days, days[1], 3).astype("M8[D]").astype(str).tolist()
    ['2024-01-02', '2024-01-03', '2024-01-04']
    """
    place = int(np.searchsorted(steps, start))
    known = steps[place : place + horizon]
    long_ones = np.flatnonzero(_find_long_steps(steps, known))
    known = known[: int(long_ones[0]) + 1] if len(long_ones) else known
    median = np.timedelta64(_find_median_step(steps), "us")
    if not len(known):
        return start + np.arange(horizon) * median
    return np.concatenate([known, known[-1] + np.arange(1, horizon - len(known) + 1) * median])


def find_earlier_start(steps: Times, start: np.datetime64, horizon: int) -> np.datetime64 | None:
    """Find where a window begins to look ahead whose horizon ends just before another one's start.

    Parameters
    ----------
    steps : ndarray of shape (n_steps,), datetime64[us], rising
        Of the series.
    start : datetime64
        The other window's first step ahead.
    horizon : int

    Returns
    -------
    datetime64 or None
        None where the series begins later, or has a gap in between.
    """
    place = int(np.searchsorted(steps, start))
    if place < horizon or _find_long_steps(steps, steps[place - horizon : place + 1]).any():
        return None
    return np.datetime64(steps[place - horizon], "us")


def collect_windows(
    steps: Times,
    starts: Times,
    values: Mapping[str, npt.NDArray[Any]],
    earlier: Mapping[np.datetime64, npt.NDArray[Any]],
    column: str,
) -> ForecastWindows:
    """Collect windows for their chart.

    Parameters
    ----------
    steps : ndarray of shape (n_steps,), datetime64[us], rising
        Of the series.
    starts : ndarray of shape (n_windows,), datetime64[us], rising
        Each window's first step ahead.
    values : mapping of str to ndarray of shape (n_windows, horizon)
        By :data:`MEASURED` and model.
    earlier : mapping of datetime64 to ndarray of shape (horizon,)
        By start: what was measured in the horizon before it, where that is known.
    column : str
        The series.

    Returns
    -------
    ForecastWindows
    """
    horizon = values[MEASURED].shape[1]
    parts = []
    for number, start in enumerate(starts, start=1):
        if start in earlier:
            place = int(np.searchsorted(steps, start))
            before = steps[place - horizon : place]
            parts.append(_tabulate(number, before, MEASURED, earlier[start], is_ahead=False))
        ahead = find_step_times(steps, start, horizon)
        parts += [
            _tabulate(number, ahead, model, found[number - 1], is_ahead=True)
            for model, found in values.items()
        ]
    return ForecastWindows(column, pd.concat(parts, ignore_index=True))


def tabulate_horizon(scores: Document) -> pd.DataFrame:
    """Standardised squared error by step ahead: ``step`` (from 1), ``model``, ``role``, ``label``, ``mse``."""
    models = (scores.get("horizon") or {}).get("models") or {}
    rows = [
        (step, name, find_role(scores, name), label_model(scores, name), get_float(value))
        for name, errors in models.items()
        if name in scores["models"]
        for step, value in enumerate(errors["mse"], start=1)
    ]
    return pd.DataFrame(rows, columns=["step", "model", "role", "label", "mse"])


def average_column_errors(scores: Document, model: str) -> npt.NDArray[np.float64]:
    """Mean absolute error of each column over all steps, in the columns' own units.

    Returns
    -------
    ndarray of shape (n_columns,)
        NaN where nothing was measured.
    """
    errors = np.array(
        [[get_float(v) for v in step] for step in scores["horizon"]["models"][model]["mae"]]
    )
    n_known = np.isfinite(errors).sum(axis=0)
    total = np.where(np.isfinite(errors), errors, 0.0).sum(axis=0)
    return np.asarray(np.where(n_known > 0, total / np.maximum(n_known, 1), np.nan))


def list_column_errors(scores: Document) -> dict[str, Any] | None:
    """List the columns' errors in their own units: of the challenger and of the best baseline.

    Returns
    -------
    dict or None
        ``challenger``, ``baseline`` (None without one), ``n_steps``, ``n_columns`` and ``rows``, each
        with ``column``, ``first``, ``last``, ``mean`` and ``baseline`` (its mean). None without errors
        by step.
    """
    horizon = scores.get("horizon") or {}
    models, challenger = horizon.get("models") or {}, scores["challenger"]
    if challenger not in models or not models[challenger]["mae"]:
        return None
    baseline = find_best_baseline(scores)
    others = average_column_errors(scores, baseline) if baseline in models and baseline else None
    mean, steps = average_column_errors(scores, challenger), models[challenger]["mae"]
    return {
        "challenger": challenger,
        "baseline": baseline if others is not None else None,
        "n_steps": len(steps),
        "n_columns": len(horizon["columns"]),
        "rows": [
            {
                "column": column,
                "first": get_float(steps[0][i]),
                "last": get_float(steps[-1][i]),
                "mean": float(mean[i]),
                "baseline": float(others[i]) if others is not None else None,
            }
            for i, column in enumerate(horizon["columns"][:MAX_COLUMNS])
        ],
    }


def _find_median_step(steps: Times) -> int:
    lengths: npt.NDArray[np.int64] = np.diff(steps).astype(np.int64)
    return int(np.median(lengths)) if len(lengths) else 1


def _find_long_steps(steps: Times, some: Times) -> npt.NDArray[np.bool_]:
    """Say which steps of a stretch are longer than the series' are: gaps."""
    lengths: npt.NDArray[np.int64] = np.diff(some).astype(np.int64)
    return np.asarray(lengths > LONG_STEP * _find_median_step(steps))


def _tabulate(
    number: int, times: Times, model: str, values: npt.NDArray[Any], *, is_ahead: bool
) -> pd.DataFrame:
    return pd.DataFrame(
        {"window": number, "time": times, "model": model, "is_ahead": is_ahead, "value": values}
    )

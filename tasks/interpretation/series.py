"""How much a forecasting network rests on each column of its windows.

Called by ``step``; reads the clean series, from which the hold-out's windows are cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.dataset import Dataset
from tasks.dataset.columns import SPLIT_COLUMN
from tasks.errors import InterpretationError
from tasks.interpretation.permutation import N_REPEATS, Importances, Places, measure_importances
from tasks.interpretation.sample import bound_rows, draw_places
from tasks.metrics import score_forecasts
from tasks.preparation import Preparation
from tasks.preparation.frame import read_column
from tasks.preparation.new_columns import WAS_MISSING
from tasks.preparation.windows import ForecastShape, find_starts
from tasks.workflow import ERRORS, Metric

# Values that the network reads in all: 7 columns of 1,275 windows of 96 steps, five times over, are 30
# million, which an LSTM reads in five seconds. Neighbouring windows overlap, and say little more.
MAX_CELLS = 30_000_000

Forecast = Callable[[npt.NDArray[np.float32]], npt.NDArray[Any]]
"""A network: windows (n_windows, window, n_features) in, forecasts (n_windows, horizon, n_columns) out."""


def measure_series(
    forecast: Forecast,
    clean: Dataset,
    preparation: Preparation,
    shape: ForecastShape,
    *,
    metric: Metric,
    seed: int,
) -> Importances:
    """Measure how much worse forecasts get when windows exchange one column.

    Parameters
    ----------
    forecast : callable
        The network as it was saved, on clean values.
    clean : Dataset
        Held in memory as numbers, as cleaning held it.
    preparation : Preparation
    shape : ForecastShape
        The preparation's.
    metric : {"mse", "mae"}
        Of values standardised by the training rows' standard deviation of each column.
    seed : int

    Returns
    -------
    Importances
        Of each feature as it arrived; an indicator of its missing values goes with it.

    Raises
    ------
    InterpretationError
        When fewer than two windows lie ahead of the hold-out.
    """
    table = clean.table([shape.time, SPLIT_COLUMN, *preparation.features]).sort_by(shape.time)
    times = np.asarray(read_column(table[shape.time], shape.time))
    split = np.asarray(table[SPLIT_COLUMN])
    values = preparation.inputs(table)
    groups = group_features(preparation.features)
    starts = find_starts(times, split == "holdout", shape)
    cells = shape.window * len(preparation.features)
    starts = starts[draw_places(len(starts), _bound(len(groups), cells), seed)]
    if len(starts) < 2:
        raise InterpretationError(
            f"Columns cannot be exchanged among {len(starts)} windows of the hold-out.",
            expected="at least two windows whose horizon lies in the hold-out",
            hint="wait for more rows, or raise 'split.holdout'",
        )
    windows = values[starts[:, np.newaxis] + np.arange(shape.window)]
    ahead = starts[:, np.newaxis] + shape.window + np.arange(shape.horizon)
    targets = [preparation.features.index(name) for name in shape.columns]
    scale = values[split == "train"][:, targets].std(axis=0, dtype=np.float64)
    scale = np.where(scale > 0.0, scale, 1.0)  # of a column that never changes
    truth = values[ahead][:, :, targets].astype(np.float64)

    def compute_score(places: Places) -> float:
        shuffled = np.empty_like(windows)
        for j, features in enumerate(groups.values()):
            shuffled[:, :, features] = windows[places[:, j]][:, :, features]
        return float(getattr(score_forecasts(truth, forecast(shuffled), scale), metric))

    return measure_importances(
        compute_score,
        list(groups),
        len(starts),
        metric=metric,
        is_error=metric in ERRORS,
        seed=seed,
    )


def group_features(features: tuple[str, ...]) -> dict[str, list[int]]:
    """Group clean columns by the column that they were made of.

    Examples
    --------
    >>> group_features(("co2", "wind", "co2_was_missing"))
    {'co2': [0, 2], 'wind': [1]}
    """
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(features):
        column = name.removesuffix(WAS_MISSING)
        groups.setdefault(column if column in features else name, []).append(place)
    return groups


def _bound(n_groups: int, cells: int) -> int:
    return bound_rows(n_groups, cells, N_REPEATS, MAX_CELLS)

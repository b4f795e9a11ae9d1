"""Let everybody forecast the windows of the raw series that are judged.

Used by the evaluate step; the same for forecasts as ``prediction.py`` is for rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.dataset.tensors import array_to_tensor_column
from tasks.errors import EvaluationError
from tasks.evaluation.contenders import Problems, ServedModel, excuse_champion
from tasks.evaluation.forecast import ForecastScorer
from tasks.evaluation.judged_data import TARGET, NightData, Places, Predicted
from tasks.evaluation.series import (
    HOLDOUT,
    VALIDATION,
    Origins,
    RawSeries,
    arrange_series,
    find_origins,
    list_compared_columns,
)
from tasks.metrics import measure_naive_error
from tasks.models.predictor import restore_units
from tasks.models.window_cleaning import clean_windows
from tasks.preparation import Preparation
from tasks.preparation.windows import ForecastShape
from tasks.registry import CHAMPION

logger = logging.getLogger(__name__)

TIME = "time"

# Raw windows that are given to a model at once.
_BYTES_AT_ONCE = 64 * 1024 * 1024


def forecast_by_all(
    data: NightData, shape: ForecastShape, models: Sequence[ServedModel]
) -> Predicted:
    """Let every model forecast tonight's validation and hold-out windows.

    Parameters
    ----------
    data : NightData
    shape : ForecastShape
        Tonight's.
    models : sequence of ServedModel
        The champion last, if there is one.

    Returns
    -------
    Predicted

    Raises
    ------
    EvaluationError
        When there is nothing to be judged by.
    """
    preparation = data.preparation
    problems: Problems = {}
    clean = _read_clean(data.clean, shape)
    models, series = _read_for(data, clean, shape, models, problems)
    found = find_origins(series, clean, shape)
    target = series.cut(found.places, shape.horizon, shape.columns)
    is_kept = np.isfinite(target).any(axis=(1, 2)) & _find_usable(series, found, preparation)
    _check_left(is_kept & found.is_holdout, found)
    origins, target = found.keep(is_kept), target[is_kept]
    predictions = {}
    for model in models:
        with excuse_champion(model.name, problems, "forecast"):
            predictions[model.name] = _forecast(model, series, origins, shape)
    is_served = _find_served(predictions.get(CHAMPION), origins, problems)
    if CHAMPION in problems:
        predictions.pop(CHAMPION, None)
    origins, target = origins.keep(is_served), target[is_served]
    predictions = {name: values[is_served] for name, values in predictions.items()}
    n_left_out = len(found.places) - len(origins.places)
    if n_left_out:
        logger.info("%d of %d windows are left out.", n_left_out, len(found.places))
    is_training = np.isin(
        series.times, clean.filter(pc.equal(clean[SPLIT_COLUMN], "train"))[shape.time].to_numpy()
    )
    scorer = ForecastScorer(
        target=target,
        is_holdout=origins.is_holdout,
        columns=shape.columns,
        scale=_measure_scale(clean, preparation, shape),
        naive_error=measure_naive_error(
            series.cut(np.arange(len(series.times)), 1, shape.columns)[:, 0],
            is_training,
            shape.season,
        ),
        n_per_block=-(-shape.n_steps // origins.stride),
        n_left_out=n_left_out,
    )

    def take_inputs(model: ServedModel, places: Places) -> npt.NDArray[np.float64]:
        return series.cut(origins.places[places] - model.window, model.window, model.columns)

    parts = np.where(origins.is_holdout, HOLDOUT, VALIDATION)
    table = pa.table(
        {
            TIME: pa.array(series.times[origins.places], pa.timestamp("us")),
            SPLIT_COLUMN: pa.array(parts, pa.string()),
            TARGET: array_to_tensor_column(target),
            **{name: array_to_tensor_column(values) for name, values in predictions.items()},
        }
    )
    return Predicted(scorer, predictions, table, take_inputs, problems=problems)


def _read_for(
    data: NightData,
    clean: pa.Table,
    shape: ForecastShape,
    models: Sequence[ServedModel],
    problems: Problems,
) -> tuple[list[ServedModel], RawSeries]:
    """Read the series for those that can be asked tonight's question of it: all but the champion must."""
    others = [model for model in models if model.name != CHAMPION]
    for model in models:
        with excuse_champion(model.name, problems, "forecast"):
            _check_shape(model, shape)
            if model.name == CHAMPION:
                return [*others, model], _read_series(data, clean, shape, models)
    return others, _read_series(data, clean, shape, others)


def _check_shape(model: ServedModel, shape: ForecastShape) -> None:
    missing = [name for name in shape.columns if name not in model.forecast_columns]
    if missing or model.horizon < shape.horizon:
        raise EvaluationError(
            f"{model.name} forecasts {model.horizon} steps of {', '.join(model.forecast_columns)}.",
            expected=f"at least {shape.horizon} steps of {', '.join(shape.columns)}",
            hint="clear the tasks that train, so that they train what is asked now",
        )


def _read_clean(clean: Dataset, shape: ForecastShape) -> pa.Table:
    table = clean.table(list(dict.fromkeys([ID_COLUMN, SPLIT_COLUMN, shape.time, *shape.columns])))
    order = np.argsort(np.asarray(table[shape.time].to_numpy()), kind="stable")
    return table.take(pa.array(order))


def _read_series(
    data: NightData, clean: pa.Table, shape: ForecastShape, models: Sequence[ServedModel]
) -> RawSeries:
    wanted = [*data.preparation.columns, *shape.columns]
    wanted += [name for model in models for name in model.columns]
    columns = list(dict.fromkeys(wanted))
    read = dict.fromkeys([ID_COLUMN, shape.time, *columns, *list_compared_columns(data.workflow)])
    present = set(data.raw.schema.names)
    raw = data.raw.table([name for name in read if name in present])
    return arrange_series(raw, clean, data.workflow, columns, shape, data.quarantined)


def _find_usable(
    series: RawSeries, origins: Origins, preparation: Preparation
) -> npt.NDArray[np.bool_]:
    """Find the windows that tonight's models can be given."""
    window, columns = preparation.input_shape[0], preparation.columns
    is_usable = np.ones(len(origins.places), dtype=bool)
    for part in _slice_windows(len(is_usable), window * len(columns)):
        cut = series.cut(origins.places[part] - window, window, columns)
        is_usable[part] = clean_windows(preparation, cut).is_usable
    return is_usable


def _check_left(is_left: npt.NDArray[np.bool_], found: Origins) -> None:
    if not is_left.any():
        raise EvaluationError(
            f"None of {int(found.is_holdout.sum())} hold-out windows can be forecast and was "
            "measured.",
            expected="windows whose missing values can be filled from the window itself",
            hint="let cleaning fill gaps by 'forward_fill' or a median, which need no later value",
        )


def _forecast(
    model: ServedModel, series: RawSeries, origins: Origins, shape: ForecastShape
) -> npt.NDArray[np.float64]:
    """Forecast; windows that the series does not hold, or that cannot be cleaned, get NaN."""
    loaded = model.load()
    result = np.full((len(origins.places), shape.horizon, len(shape.columns)), np.nan)
    places = [model.forecast_columns.index(name) for name in shape.columns]
    has_window = np.flatnonzero(origins.places >= model.window)
    for part in _slice_windows(len(has_window), model.window * len(model.columns)):
        rows = has_window[part]
        windows = series.cut(origins.places[rows] - model.window, model.window, model.columns)
        said = loaded.predict(windows, params={"refuse": False})
        result[rows] = said[:, : shape.horizon, places]
    return result


def _find_served(
    champion: npt.NDArray[np.float64] | None, origins: Origins, problems: Problems
) -> npt.NDArray[np.bool_]:
    """Find the windows that the champion has an answer for; all where it has none for a whole part."""
    everything = np.ones(len(origins.places), dtype=bool)
    if champion is None:
        return everything
    is_served = np.asarray(~np.isnan(champion).all(axis=(1, 2)))
    for part, is_of_part in ((HOLDOUT, origins.is_holdout), (VALIDATION, ~origins.is_holdout)):
        if is_of_part.any() and not (is_served & is_of_part).any():
            problems[CHAMPION] = f"could not forecast: it can be given no window of the {part}"
            return everything
    return is_served


def _measure_scale(
    clean: pa.Table, preparation: Preparation, shape: ForecastShape
) -> npt.NDArray[np.float64]:
    training = clean.filter(pc.equal(clean[SPLIT_COLUMN], "train"))
    values = np.stack([training[name].to_numpy() for name in shape.columns], axis=1)
    deviation = restore_units(preparation, values.astype(np.float64)).std(axis=0)
    return np.where(deviation > 0, deviation, 1.0)  # a constant column is as it is


def _slice_windows(n_windows: int, n_values: int) -> Iterator[slice]:
    n_at_once = max(1, _BYTES_AT_ONCE // (8 * n_values))
    for start in range(0, n_windows, n_at_once):
        yield slice(start, start + n_at_once)

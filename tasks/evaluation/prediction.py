"""Let everybody predict what is judged: rows by their ids, or windows of the raw series.

Used by the evaluate step; the scorers themselves are in ``classification.py``, ``regression.py`` and
``forecast.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.dataset.tensors import array_to_tensor_column
from tasks.errors import EvaluationError, NocturneError
from tasks.evaluation.classification import ClassificationScorer
from tasks.evaluation.contenders import RETIRE_CHAMPION, ServedModel
from tasks.evaluation.forecast import ForecastScorer
from tasks.evaluation.regression import RegressionScorer
from tasks.evaluation.rows import predict_rows
from tasks.evaluation.scorer import Scorer
from tasks.evaluation.series import (
    HOLDOUT,
    VALIDATION,
    Origins,
    RawSeries,
    arrange_series,
    find_origins,
    list_compared_columns,
)
from tasks.models.predictor import restore_units
from tasks.models.window_cleaning import clean_windows
from tasks.preparation import Preparation
from tasks.preparation.windows import ForecastShape
from tasks.registry import CHAMPION
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

TARGET = "target"
TIME = "time"

# Raw windows that are given to a model at once.
_BYTES_AT_ONCE = 64 * 1024 * 1024


@dataclass(frozen=True)
class NightData:
    """What tonight's models are judged by.

    Parameters
    ----------
    raw, clean : Dataset
        Rows as they arrived, and as they were cleaned and split.
    preparation : Preparation
        What cleaning learned.
    workflow : Workflow
    quarantined : pyarrow.ChunkedArray, optional
        Ids of rows that could not be used.
    """

    raw: Dataset
    clean: Dataset
    preparation: Preparation
    workflow: Workflow
    quarantined: pa.ChunkedArray | None = None


@dataclass(frozen=True)
class Predicted:
    """What everybody said, and the scorer of it.

    Parameters
    ----------
    scorer : Scorer
    predictions : mapping of str to ndarray
        As the scorer takes them.
    table : pyarrow.Table
        The same for people and charts: one row for each row or window.
    """

    scorer: Scorer
    predictions: Mapping[str, npt.NDArray[Any]]
    table: pa.Table


def predict_all(data: NightData, models: Sequence[ServedModel]) -> Predicted:
    """Let every model predict tonight's validation and hold-out rows, or forecast their windows.

    Parameters
    ----------
    data : NightData
    models : sequence of ServedModel

    Returns
    -------
    Predicted

    Raises
    ------
    EvaluationError
        When there is nothing to be judged by, or the champion cannot be given tonight's data.
    """
    shape = data.preparation.forecast
    return _forecast_windows(data, shape, models) if shape else _predict_rows(data, models)


def _predict_rows(data: NightData, models: Sequence[ServedModel]) -> Predicted:
    preparation = data.preparation
    target = get_target(preparation)
    judged = data.clean.table(
        [ID_COLUMN, SPLIT_COLUMN, target], where=pc.field(SPLIT_COLUMN) != "train"
    )
    is_holdout = np.asarray(pc.equal(judged[SPLIT_COLUMN], HOLDOUT))
    predictions = {
        model.name: predict_rows(model, data.raw, judged[ID_COLUMN], preparation)
        for model in models
    }
    columns: dict[str, Any] = {
        ID_COLUMN: judged[ID_COLUMN],
        SPLIT_COLUMN: judged[SPLIT_COLUMN],
        TARGET: judged[target],
    }
    if preparation.kind == "regression":
        values = judged[target].cast(pa.float64())
        table = pa.table({**columns, TARGET: values, **predictions})
        return Predicted(RegressionScorer(values.to_numpy(), is_holdout), predictions, table)
    classes = pa.array(preparation.classes)
    for name, probabilities in predictions.items():
        columns[name] = classes.take(pa.array(probabilities.argmax(axis=1)))
        columns[f"{name}_confidence"] = probabilities.max(axis=1)
    codes = preparation.encode(judged[target])
    scorer = ClassificationScorer(codes, is_holdout, preparation.classes)
    return Predicted(scorer, predictions, pa.table(columns))


def get_target(preparation: Preparation) -> str:
    """Get the name of the column that rows are judged by.

    Raises
    ------
    EvaluationError
        When there is none.
    """
    if preparation.target is None:
        raise EvaluationError(
            "The clean rows have no target, so no model can be judged by them.",
            expected="'columns.target' in a workflow that has candidates",
            hint="clear the task clean, so that the rows are cleaned for the workflow as it is now",
        )
    return preparation.target


# --- forecasts ----------------------------------------------------------------------------------


def _forecast_windows(
    data: NightData, shape: ForecastShape, models: Sequence[ServedModel]
) -> Predicted:
    preparation = data.preparation
    for model in models:
        _check_shape(model, shape)
    clean = _read_clean(data.clean, shape)
    series = _read_series(data, clean, shape, models)
    found = find_origins(series, clean, shape)
    target = series.cut(found.places, shape.horizon, shape.columns)
    is_kept = np.isfinite(target).any(axis=(1, 2)) & _find_usable(series, found, preparation)
    _check_left(is_kept & found.is_holdout, found)
    origins, target = found.keep(is_kept), target[is_kept]
    predictions = {model.name: _forecast(model, series, origins, shape) for model in models}
    is_served = _find_served(predictions.get(CHAMPION), len(target))
    if not is_served.all():
        _check_left(is_served & origins.is_holdout, found)
        origins, target = origins.keep(is_served), target[is_served]
        predictions = {name: values[is_served] for name, values in predictions.items()}
    n_left_out = len(found.places) - len(origins.places)
    if n_left_out:
        logger.info("%d of %d windows are left out.", n_left_out, len(found.places))
    scorer = ForecastScorer(
        target=target,
        is_holdout=origins.is_holdout,
        columns=shape.columns,
        scale=_measure_scale(clean, preparation, shape),
        n_per_block=-(-shape.n_steps // origins.stride),
        n_left_out=n_left_out,
    )
    parts = np.where(origins.is_holdout, HOLDOUT, VALIDATION)
    table = pa.table(
        {
            TIME: pa.array(series.times[origins.places], pa.timestamp("us")),
            SPLIT_COLUMN: pa.array(parts, pa.string()),
            TARGET: array_to_tensor_column(target),
            **{name: array_to_tensor_column(values) for name, values in predictions.items()},
        }
    )
    return Predicted(scorer, predictions, table)


def _check_shape(model: ServedModel, shape: ForecastShape) -> None:
    missing = [name for name in shape.columns if name not in model.forecast_columns]
    if missing or model.horizon < shape.horizon:
        raise EvaluationError(
            f"{model.name} forecasts {model.horizon} steps of {', '.join(model.forecast_columns)}.",
            expected=f"at least {shape.horizon} steps of {', '.join(shape.columns)}",
            hint=RETIRE_CHAMPION,
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
            f"None of {int(found.is_holdout.sum())} hold-out windows can be forecast by everybody and "
            "was measured.",
            expected="windows whose missing values can be filled from the window itself",
            hint="let cleaning fill gaps by 'forward_fill' or a median, which need no later value; "
            "if the champion is what cannot be served, remove its alias",
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
        try:
            said = loaded.predict(windows, params={"refuse": False})
        except Exception as error:
            if model.name != CHAMPION or isinstance(error, NocturneError):
                raise
            raise EvaluationError(
                f"The champion cannot be given tonight's windows: {str(error)[:500]}",
                expected=f"a forecast from {model.window} steps of {', '.join(model.columns)}",
                hint=RETIRE_CHAMPION,
            ) from error
        result[rows] = said[:, : shape.horizon, places]
    return result


def _find_served(champion: npt.NDArray[np.float64] | None, n_windows: int) -> npt.NDArray[np.bool_]:
    """Find the windows that the champion has an answer for; all where it has none for any."""
    everything = np.ones(n_windows, dtype=bool)
    if champion is None:
        return everything
    is_served = np.asarray(~np.isnan(champion).all(axis=(1, 2)))
    return is_served if is_served.any() else everything


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

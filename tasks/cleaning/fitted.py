"""What cleaning learned, as the preparation that the registered model carries.

Pure; called by ``tasks.cleaning.passes`` when the last row is finished.
"""

from __future__ import annotations

from collections.abc import Collection

from tasks.cleaning.finish import list_inputs
from tasks.cleaning.settle import RowSettler
from tasks.cleaning.tally import Class
from tasks.preparation import Preparation
from tasks.preparation.transformer import Transformer
from tasks.preparation.transformers.calendar import CalendarParts
from tasks.preparation.transformers.series import RegularGrid
from tasks.preparation.windows import ForecastShape
from tasks.workflow import Columns, Forecast, Predict


def make_preparation(
    columns: Columns,
    predict: Predict,
    settler: RowSettler,
    features: tuple[str, ...],
    classes: Collection[Class],
    *,
    reads_time: bool,
) -> Preparation:
    """Make the preparation of a cleaning whose steps are fitted.

    Parameters
    ----------
    columns : Columns
    predict : Predict
        What the models are asked.
    settler : RowSettler
        Has the steps of both passes.
    features : tuple of str
        Names of the columns of numbers that a model will read.
    classes : collection of int or str
        Of the training rows; not looked at where no class is predicted.
    reads_time : bool
        Whether a step works in order of time, so that the time is read also where no model does.

    Returns
    -------
    Preparation
    """
    image = columns.image
    transformers: tuple[Transformer, ...] = ()
    raw_features: tuple[str, ...] = ()
    if image is None:
        plain = [step for step in settler.plain if isinstance(step, Transformer)]
        transformers = (*plain, *settler.later)
        reads_time = reads_time or any(
            isinstance(t, CalendarParts) and columns.time in t.columns for t in transformers
        )
        raw_features = tuple(list_inputs(columns) if reads_time else columns.inputs)
    is_of_classes = predict.kind == "classification" and columns.target is not None
    return Preparation(
        target=columns.target,
        classes=tuple(sorted(classes)) if is_of_classes else (),  # type: ignore[arg-type]  # of one type
        image_column=image.column if image else None,
        image_shape=image.tensor if image else None,
        features=features,
        raw_features=raw_features,
        transformers=transformers,
        kind=predict.kind,
        forecast=_shape_forecast(predict, columns, features, transformers)
        if isinstance(predict, Forecast)
        else None,
    )


def _shape_forecast(
    predict: Forecast,
    columns: Columns,
    features: tuple[str, ...],
    transformers: tuple[Transformer, ...],
) -> ForecastShape:
    grids = [t.every for t in transformers if isinstance(t, RegularGrid)]
    wanted = predict.columns or columns.features or ()
    return ForecastShape(
        time=str(columns.time),
        columns=tuple(name for name in features if name in wanted),
        window=predict.window,
        horizon=predict.horizon,
        season=predict.season,
        every=grids[0] if grids else None,
    )

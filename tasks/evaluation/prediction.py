"""Let everybody predict what is judged: rows by their ids, or windows of the raw series.

Used by the evaluate step; the scorers themselves are in ``classification.py``, ``regression.py`` and
``forecast.py``, the windows in ``windows.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import EvaluationError
from tasks.evaluation.classification import ClassificationScorer
from tasks.evaluation.contenders import Problems, ServedModel, excuse_champion
from tasks.evaluation.judged_data import TARGET, NightData, Places, Predicted
from tasks.evaluation.regression import RegressionScorer
from tasks.evaluation.rows import as_model_input, predict_rows, read_rows
from tasks.evaluation.scorer import Scorer
from tasks.evaluation.series import HOLDOUT
from tasks.evaluation.slices import read_slices
from tasks.evaluation.windows import forecast_by_all
from tasks.preparation import Preparation


def predict_all(data: NightData, models: Sequence[ServedModel]) -> Predicted:
    """Let every model predict tonight's validation and hold-out rows, or forecast their windows.

    Parameters
    ----------
    data : NightData
    models : sequence of ServedModel
        The champion last, if there is one: what tonight's models fail at too is not its fault.

    Returns
    -------
    Predicted
        Without predictions of a champion that cannot give any.

    Raises
    ------
    EvaluationError
        When there is nothing to be judged by, or judged rows are missing from the raw data.
    """
    shape = data.preparation.forecast
    return forecast_by_all(data, shape, models) if shape else _predict_rows(data, models)


def _predict_rows(data: NightData, models: Sequence[ServedModel]) -> Predicted:
    preparation = data.preparation
    target = get_target(preparation)
    judged = data.clean.table(
        [ID_COLUMN, SPLIT_COLUMN, target], where=pc.field(SPLIT_COLUMN) != "train"
    )
    ids = judged[ID_COLUMN]
    is_holdout = np.asarray(pc.equal(judged[SPLIT_COLUMN], HOLDOUT))
    problems: Problems = {}
    predictions: dict[str, npt.NDArray[Any]] = {}
    for model in models:
        with excuse_champion(model.name, problems, "predict"):
            predictions[model.name] = predict_rows(model, data.raw, ids, preparation)

    def take_inputs(model: ServedModel, places: Places) -> Any:
        rows = read_rows(data.raw, ids.take(pa.array(places)), preparation.columns)
        return as_model_input(rows, preparation, model)

    columns: dict[str, Any] = {ID_COLUMN: ids, SPLIT_COLUMN: judged[SPLIT_COLUMN]}
    scorer: Scorer
    if preparation.kind == "regression":
        values = judged[target].cast(pa.float64())
        scorer = RegressionScorer(values.to_numpy(), is_holdout)
        columns |= {TARGET: values, **predictions}
    else:
        codes = preparation.encode(judged[target])
        scorer = ClassificationScorer(codes, is_holdout, preparation.classes)
        columns[TARGET] = judged[target]
        classes = pa.array(preparation.classes)
        for name, probabilities in predictions.items():
            columns[name] = classes.take(pa.array(probabilities.argmax(axis=1)))
            columns[f"{name}_confidence"] = probabilities.max(axis=1)
    return Predicted(
        scorer,
        predictions,
        pa.table(columns),
        take_inputs,
        read_slices(data.raw, ids, is_holdout, data.workflow),
        problems,
    )


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

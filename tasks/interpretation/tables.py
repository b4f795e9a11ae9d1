"""How much the challenger rests on each raw column of a table: of classes and of numbers.

Called by ``step``; predicts through the model as it would be served.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import InterpretationError
from tasks.interpretation.permutation import N_REPEATS, Importances, Places, measure_importances
from tasks.interpretation.sample import bound_rows, draw_places
from tasks.metrics import compute_metric, count_confusion, score_values
from tasks.preparation import Preparation
from tasks.workflow import ERRORS, Metric

if TYPE_CHECKING:
    import pandas as pd

# Values that the model cleans and reads in all: 100 columns of 5,000 rows, five times over, are 250
# million, which take about a minute.
MAX_CELLS = 250_000_000
_PREDICTION = "prediction"  # what a served model calls it

Predict: TypeAlias = "Callable[[pd.DataFrame], pd.DataFrame]"


def measure_table(
    predict: Predict,
    raw: Dataset,
    clean: Dataset,
    preparation: Preparation,
    *,
    metric: Metric,
    seed: int,
) -> Importances:
    """Measure how much worse a model gets on the hold-out when a raw column is shuffled.

    A column is shuffled as it arrived, before cleaning: whatever cleaning makes of it (one column
    per category, an indicator of missing values) goes with it.

    Parameters
    ----------
    predict : callable
        The model as it would be served: takes raw rows as a frame, returns a frame with the column
        ``prediction``.
    raw, clean : Dataset
        The rows as they arrived, and as they were cleaned and split. Streamed; at most
        :data:`tasks.interpretation.sample.MAX_ROWS` raw rows lie in memory.
    preparation : Preparation
        Tonight's columns and classes.
    metric : {"accuracy", "macro_f1", "rmse", "mae", "r2"}
    seed : int
        Of the rows, where not all are looked at, and of the shuffles.

    Returns
    -------
    Importances

    Raises
    ------
    InterpretationError
        When the hold-out has fewer than two rows, or shuffled rows could not be cleaned.
    """
    if any(transformer.needs_all_rows for transformer in preparation.transformers):
        raise InterpretationError(
            "Columns cannot be shuffled: a cleaning step reads the rows in order of time.",
            expected="cleaning steps that look at each row by itself",
            hint="impute by median, mean or model in place of 'interpolate' and 'forward_fill'",
        )
    columns = preparation.columns
    judged = clean.table(
        [ID_COLUMN, str(preparation.target)], where=pc.field(SPLIT_COLUMN) == "holdout"
    )
    n_wanted = bound_rows(len(columns), len(columns), N_REPEATS, MAX_CELLS)
    judged = judged.take(draw_places(judged.num_rows, n_wanted, seed))
    if judged.num_rows < 2:
        raise InterpretationError(
            f"Columns cannot be shuffled among {judged.num_rows} hold-out rows.",
            expected="at least two hold-out rows",
            hint="wait for more rows, or raise 'split.holdout'",
        )
    rows = read_rows(raw, judged[ID_COLUMN].combine_chunks(), columns)
    target = preparation.read_targets(judged)

    def compute_score(places: Places) -> float:
        shuffled = pa.table(
            {n: rows[n].take(pa.array(places[:, j])) for j, n in enumerate(columns)}
        )
        predicted = predict(shuffled.to_pandas())[_PREDICTION]
        if metric in {"accuracy", "macro_f1"}:
            codes = preparation.encode(pa.array(predicted))
            confusion = count_confusion(target, codes, len(preparation.classes))
            return compute_metric("macro_f1" if metric == "macro_f1" else "accuracy", confusion)
        scores = score_values(target[:, 0], predicted.to_numpy(np.float64))
        return float(getattr(scores, metric))

    return measure_importances(
        compute_score,
        columns,
        judged.num_rows,
        metric=metric,
        is_error=metric in ERRORS,
        seed=seed,
    )


def read_rows(dataset: Dataset, ids: pa.Array, columns: list[str]) -> pa.Table:
    """Read chosen rows of a dataset, in the order of their ids.

    Parameters
    ----------
    dataset : Dataset
        Streamed.
    ids : pyarrow.Array of shape (n_rows,)
        Each once.
    columns : list of str

    Returns
    -------
    pyarrow.Table with n_rows rows

    Raises
    ------
    InterpretationError
        When a row is not there.
    """
    pieces, places = [], []
    for batch in dataset.batches([ID_COLUMN, *columns]):
        found = pc.index_in(batch[ID_COLUMN], value_set=ids)
        pieces.append(pa.Table.from_batches([batch]).filter(pc.is_valid(found)).select(columns))
        places.append(np.asarray(found.drop_null(), dtype=np.int64))
    order = np.argsort(np.concatenate(places), kind="stable") if places else np.empty(0, np.int64)
    if len(order) != len(ids):
        raise InterpretationError(
            f"{len(order)} of {len(ids)} rows were found in the dataset {dataset.folder.name}.",
            expected="every row that is to be explained, once",
            hint="clear the tasks ingest and clean together, so that they belong to each other",
        )
    return pa.concat_tables(pieces).take(order).combine_chunks()

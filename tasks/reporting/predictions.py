"""The predictions of a night: the few rows of them that charts show, read without loading the rest.

Shell module of the reporting stage; the evaluation wrote the dataset, ``tasks.reporting.step`` opens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset, tensor_column_to_array
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.reporting.documents import Mistakes, find_best_baseline
from tasks.reporting.forecasts import (
    MEASURED,
    ForecastWindows,
    choose_windows,
    collect_windows,
    find_earlier_start,
)
from tasks.reporting.numbers import PredictedNumbers

Document = Mapping[str, Any]

MAX_MISTAKES = 12  # two rows of pictures
MAX_NUMBERS = 5_000  # rows of a regression: the cells of the chart look the same with more
_TARGET, _TIME = "target", "time"
_IS_HOLDOUT = pc.field(SPLIT_COLUMN) == "holdout"


def read_mistakes(
    predictions: Dataset, challenger: str, images: tuple[Dataset, str] | None
) -> Mistakes:
    """Find the challenger's most confident mistakes on the hold-out, with their images.

    Parameters
    ----------
    predictions : Dataset
        With ``id``, ``split``, ``target`` and, by the challenger's name, the class and its confidence.
    challenger : str
    images : (Dataset, str), optional
        The clean rows, and their column of images.

    Returns
    -------
    Mistakes
    """
    confidence = f"{challenger}_confidence"
    table = predictions.table([ID_COLUMN, _TARGET, challenger, confidence], where=_IS_HOLDOUT)
    wrong = table.filter(pc.not_equal(table[_TARGET], table[challenger]))
    worst = wrong.sort_by([(confidence, "descending"), (ID_COLUMN, "ascending")])
    worst = worst.slice(0, MAX_MISTAKES)
    rows = worst.rename_columns(["id", "true", "predicted", "confidence"]).to_pandas()
    pictures = None
    if len(rows) and images is not None:
        pictures = _read_images(*images, worst[ID_COLUMN].combine_chunks())
    return Mistakes(rows, wrong.num_rows, pictures)


def read_numbers(predictions: Dataset, scores: Document, target: str) -> PredictedNumbers:
    """Read true and predicted numbers of hold-out rows, evenly spaced where there are many.

    Parameters
    ----------
    predictions : Dataset
        With ``id``, ``split``, ``target`` and a column of numbers for each model.
    scores : mapping
        The document ``scores.json``.
    target : str
        Name of the target column.

    Returns
    -------
    PredictedNumbers
        At most 5,000 rows.
    """
    challenger, baseline = str(scores["challenger"]), find_best_baseline(scores)
    names = {ID_COLUMN: "id", _TARGET: "true", challenger: "predicted"}
    if baseline is not None and baseline != challenger:
        names[baseline] = "baseline"
    n_rows = int(scores["n_holdout"])
    every = max(1, -(-n_rows // MAX_NUMBERS))
    parts, n_read = [], 0
    for batch in predictions.batches(list(names), where=_IS_HOLDOUT):
        parts.append(batch.take(pa.array(np.arange(-n_read % every, batch.num_rows, every))))
        n_read += batch.num_rows
    rows = pa.Table.from_batches(parts).to_pandas() if parts else pd.DataFrame(columns=list(names))
    return PredictedNumbers(rows.rename(columns=names), n_read, target, baseline)


def read_forecasts(
    predictions: Dataset, scores: Document, steps: npt.NDArray[np.datetime64] | None = None
) -> ForecastWindows | None:
    """Read a few hold-out windows of the first forecast column.

    Parameters
    ----------
    predictions : Dataset
        With ``time`` (of the first step ahead), ``split``, ``target`` and, for each model, tensors of
        shape (horizon, n_columns).
    scores : mapping
        The document ``scores.json``.
    steps : ndarray of shape (n_steps,), datetime64[us], rising, optional
        Times of the series; by default those at which a window begins to look ahead.

    Returns
    -------
    ForecastWindows or None
        None without hold-out windows.
    """
    found = predictions.table([_TIME], where=_IS_HOLDOUT)[_TIME]
    times = np.sort(found.to_numpy().astype("datetime64[us]"))
    if not len(times):
        return None
    steps = times if steps is None else steps
    horizon = int(predictions.schema.field(_TARGET).type.shape[0])
    starts = times[choose_windows(len(times), horizon)]
    before = {start: find_earlier_start(steps, start, horizon) for start in starts}
    known = {start: time for start, time in before.items() if time is not None and time in times}
    baseline = find_best_baseline(scores)
    models = dict.fromkeys([str(scores["challenger"]), *([baseline] if baseline else [])])
    values = {name: _read_windows(predictions, name, starts) for name in models}
    measured = np.concatenate([starts, np.array(list(known.values()), dtype="datetime64[us]")])
    came = _read_windows(predictions, _TARGET, measured)
    return collect_windows(
        steps,
        starts,
        {MEASURED: came[: len(starts)], **values},
        dict(zip(known, came[len(starts) :], strict=True)),
        str(scores["horizon"]["columns"][0]),
    )


def _read_windows(
    predictions: Dataset, name: str, times: npt.NDArray[np.datetime64]
) -> npt.NDArray[Any]:
    """Read the first column of a few windows, in the order of their times."""
    kind = predictions.schema.field(_TIME).type
    wanted = pa.array(times).cast(kind)
    found = predictions.table([_TIME, name], where=_IS_HOLDOUT & pc.field(_TIME).isin(wanted))
    order = pc.index_in(wanted, value_set=found[_TIME].combine_chunks())
    return tensor_column_to_array(found[name])[np.asarray(order, dtype=np.int64)][:, :, 0]


def _read_images(clean: Dataset, column: str, ids: pa.Array) -> npt.NDArray[Any]:
    """Read the images of a few rows, in the order of the ids."""
    found = clean.table([ID_COLUMN, column], where=pc.field(ID_COLUMN).isin(ids))
    order = pc.index_in(ids, value_set=found[ID_COLUMN].combine_chunks())
    return tensor_column_to_array(found[column])[np.asarray(order, dtype=np.int64)]

"""The profile of what a champion was trained on: its inputs and its own predictions as counts in bins.

Made once per version and kept with it; all later rows are compared with the same profile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import ScoringError
from tasks.preparation.frame import Column, Frame
from tasks.scoring.batches import ROWS_PER_BATCH, Predict, score_batches
from tasks.scoring.bins import BinnedColumn, bin_column
from tasks.scoring.inputs import InputView, compute_changes, hash_ids

FORMAT_VERSION = 1
PROFILE_FILE, IDS_FILE = "profile.json", "ids.npy"
# Of more training rows a sample, those with the least hashes: of so many a share is known to a
# thousandth, and 30 columns of them are 48 MB.
MAX_ROWS = 200_000
# Rows the champion is asked about for the profile of its predictions: not its training rows, of
# which it may be surer than it can be of any others.
MAX_PREDICTED_ROWS = 20_000
PREDICTION, CONFIDENCE = "prediction", "confidence"
PROBABILITY = "probability_"
TRAIN = "train"


@dataclass(frozen=True)
class Profile:
    """What a version was trained on.

    Parameters
    ----------
    n_rows : int
        Training rows that were counted.
    inputs : tuple of BinnedColumn
    predictions : tuple of BinnedColumn
        ``prediction``, and of classes ``confidence``, the probability of the predicted one; of
        validation and hold-out rows. Empty for forecasts.
    ids : ndarray of shape (n_known,), uint64
        Hashes of all ids that the version's night had, rising.
    last_time : numpy.datetime64 or None
        The latest step that the version's night had, of a series.
    """

    n_rows: int
    inputs: tuple[BinnedColumn, ...]
    predictions: tuple[BinnedColumn, ...]
    ids: npt.NDArray[np.uint64]
    last_time: np.datetime64 | None = None

    def write(self, folder: Path) -> None:
        """Write the profile into a new folder: the same bytes for the same profile."""
        folder.mkdir()
        document = {
            "format": FORMAT_VERSION,
            "n_rows": self.n_rows,
            "inputs": [column.to_json() for column in self.inputs],
            "predictions": [column.to_json() for column in self.predictions],
            "last_time": str(self.last_time) if self.last_time is not None else None,
        }
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / PROFILE_FILE).write_text(text, encoding="utf-8")
        np.save(folder / IDS_FILE, self.ids, allow_pickle=False)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what :meth:`write` wrote.

        Raises
        ------
        ScoringError
            When it has another format.
        """
        document = json.loads((folder / PROFILE_FILE).read_text(encoding="utf-8"))
        if document.get("format") != FORMAT_VERSION:
            raise ScoringError(
                f"The champion's profile has the format {document.get('format')!r}.",
                expected=f"format {FORMAT_VERSION}",
                hint="score again: the profile is made anew",
            )
        last = document["last_time"]
        return cls(
            document["n_rows"],
            tuple(BinnedColumn.from_json(column) for column in document["inputs"]),
            tuple(BinnedColumn.from_json(column) for column in document["predictions"]),
            np.load(folder / IDS_FILE, allow_pickle=False),
            np.datetime64(last, "us") if last is not None else None,
        )


def profile_rows(raw: Dataset, clean: Dataset, view: InputView, predict: Predict) -> Profile:
    """Profile the rows of a night whose champion says something of each row.

    Parameters
    ----------
    raw, clean : Dataset
        As they arrived, and as they were cleaned and split, with the same ids.
    view : InputView
    predict : callable
        The champion.

    Returns
    -------
    Profile
    """
    parts = clean.table([ID_COLUMN, SPLIT_COLUMN])
    is_training = np.asarray(pc.equal(parts[SPLIT_COLUMN], TRAIN))
    ids = hash_ids(parts[ID_COLUMN])
    training = np.sort(ids[is_training])[:MAX_ROWS]
    others = np.sort(ids[~is_training])[:MAX_PREDICTED_ROWS]
    known: list[npt.NDArray[np.uint64]] = []
    frames: list[Frame] = []
    asked: list[pa.RecordBatch] = []
    for batch in raw.batches([ID_COLUMN, *view.columns], batch_size=ROWS_PER_BATCH):
        hashes = hash_ids(batch.column(ID_COLUMN))
        known.append(hashes)
        chosen = batch.filter(pa.array(np.isin(hashes, training)))
        if chosen.num_rows:
            frames.append(view.read(chosen))
        asked.append(batch.filter(pa.array(np.isin(hashes, others))))
    inputs = _concat(frames)
    said = [summarise_outputs(scored.outputs) for scored in score_batches(asked, predict)]
    return Profile(
        n_rows=sum(len(next(iter(frame.values()))) for frame in frames if frame),
        inputs=tuple(bin_column(name, column) for name, column in inputs.items()),
        predictions=tuple(bin_column(n, c) for n, c in _concat(said).items()),
        ids=np.unique(np.concatenate(known)) if known else np.empty(0, dtype=np.uint64),
    )


def profile_series(raw: Dataset, clean: Dataset, view: InputView, time: str) -> Profile:
    """Profile the steps of a night whose champion forecasts: how its columns change from step to step.

    Parameters
    ----------
    raw, clean : Dataset
        As for :func:`profile_rows`. In memory as a whole, as cleaning had the series.
    view : InputView
    time : str
        The column of times.

    Returns
    -------
    Profile
        Without predictions: there is one forecast at a time.
    """
    parts = clean.table([SPLIT_COLUMN, time])
    is_training = pc.equal(parts[SPLIT_COLUMN], TRAIN)
    ends = np.asarray(parts[time].filter(is_training).to_numpy(), dtype="M8[us]").max()
    table = raw.table(list(dict.fromkeys([*view.columns, time])))
    times = view.read_times(table, time)
    changes = compute_changes(
        view.read(table), np.where(times <= ends, times, np.datetime64("NaT"))
    )
    return Profile(
        n_rows=len(next(iter(changes.values()), ())),
        inputs=tuple(bin_column(name, column) for name, column in changes.items()),
        predictions=(),
        ids=np.empty(0, dtype=np.uint64),
        last_time=times[~np.isnat(times)].max(),
    )


def summarise_outputs(outputs: pa.Table) -> Frame:
    """Make of predictions the columns whose drift is watched.

    Parameters
    ----------
    outputs : pyarrow.Table with n_rows rows
        As :func:`tasks.scoring.batches.make_predict` gives them.

    Returns
    -------
    Frame with n_rows rows
        ``prediction``: classes as text, or numbers; and of classes ``confidence``, from 0 to 1.
    """
    names = [name for name in outputs.column_names if name.startswith(PROBABILITY)]
    column = outputs[PREDICTION].combine_chunks()
    if not names:
        return {PREDICTION: np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))}
    most = pc.max_element_wise(*(outputs[name] for name in names)).combine_chunks()
    confidence = np.asarray(most.to_numpy(zero_copy_only=False), dtype=np.float64)
    return {PREDICTION: column.cast(pa.string()), CONFIDENCE: confidence}


def count_frame(columns: Sequence[BinnedColumn], frame: Frame) -> Iterator[npt.NDArray[np.int64]]:
    """Count later rows in the bins of a profile; of a column that is not there no row."""
    for column in columns:
        if column.name in frame:
            yield column.count(frame[column.name])
        else:
            yield np.zeros(len(column.labels), dtype=np.int64)


def _concat(frames: Iterable[Frame]) -> dict[str, Column]:
    gathered: dict[str, list[Any]] = {}
    for frame in frames:
        for name, column in frame.items():
            gathered.setdefault(name, []).append(column)
    return {
        name: np.concatenate(parts) if isinstance(parts[0], np.ndarray) else pa.concat_arrays(parts)
        for name, parts in gathered.items()
    }

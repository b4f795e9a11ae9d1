"""Counts new rows, and what the champion says of them, in the bins of its profile: batch by batch.

Pure; what memory holds is the counts.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset.columns import ID_COLUMN
from tasks.scoring.batches import Scored
from tasks.scoring.drift import Drift, judge_drift
from tasks.scoring.inputs import InputView, compute_changes, hash_ids, is_known
from tasks.scoring.profile import Profile, count_frame, summarise_outputs
from tasks.workflow import Scoring


class RowCounter:
    """Counts along while rows are scored.

    Parameters
    ----------
    profile : Profile
    view : InputView
    limits : Scoring
        The workflow's. With a source of their own all rows count as new, whatever their ids are;
        else those that the champion's night has not had.
    """

    def __init__(self, profile: Profile, view: InputView, limits: Scoring) -> None:
        self._profile = profile
        self._view = view
        self._limits = limits
        self._n_rows = 0
        self._inputs = [np.zeros(len(c.labels), dtype=np.int64) for c in profile.inputs]
        self._predictions = [np.zeros(len(c.labels), dtype=np.int64) for c in profile.predictions]

    def add(self, scored: Scored) -> npt.NDArray[np.bool_]:
        """Count a batch.

        Returns
        -------
        ndarray of shape (n_rows,), bool
            Which of its rows are new.
        """
        is_new = np.ones(scored.rows.num_rows, dtype=bool)
        if self._limits.source is None:
            is_new = ~is_known(hash_ids(scored.rows.column(ID_COLUMN)), self._profile.ids)
        n_new = int(is_new.sum())
        if not n_new:
            return is_new
        self._n_rows += n_new
        new = scored.rows if n_new == len(is_new) else scored.rows.filter(pa.array(is_new))
        _add(self._inputs, count_frame(self._profile.inputs, self._view.read(new)))
        said = scored.outputs.filter(pa.array(is_new[scored.places]))
        if said.num_rows:
            counts = count_frame(self._profile.predictions, summarise_outputs(said))
            _add(self._predictions, counts)
        return is_new

    def judge(self) -> Drift:
        """Judge what was counted."""
        return judge_drift(
            {"input": self._profile.inputs, "prediction": self._profile.predictions},
            {"input": self._inputs, "prediction": self._predictions},
            max_psi=self._limits.max_psi,
            max_js=self._limits.max_js,
            n_training=self._profile.n_rows,
            n_rows=self._n_rows,
        )


def judge_series(
    profile: Profile, view: InputView, rows: pa.Table, time: str, limits: Scoring
) -> Drift:
    """Judge how a series changes from step to step, since the champion's night.

    Parameters
    ----------
    profile : Profile
        Of a series.
    view : InputView
    rows : pyarrow.Table
        The raw series, in any order.
    time : str
        The column of times.
    limits : Scoring
        The workflow's. With a source of its own the whole series counts.

    Returns
    -------
    Drift
    """
    times = view.read_times(rows, time)
    if limits.source is None and profile.last_time is not None:
        # From the last step of then on: the first change is that to the first new step.
        times = np.where(times >= profile.last_time, times, np.datetime64("NaT"))
    changes = compute_changes(view.read(rows), times)
    return judge_drift(
        {"input": profile.inputs},
        {"input": list(count_frame(profile.inputs, changes))},
        max_psi=limits.max_psi,
        max_js=limits.max_js,
        n_training=profile.n_rows,
        n_rows=len(next(iter(changes.values()), ())),
    )


def _add(totals: list[npt.NDArray[np.int64]], counts: Iterable[npt.NDArray[np.int64]]) -> None:
    for total, count in zip(totals, counts, strict=True):
        np.add(total, count, out=total)

"""Raw rows as drift sees them: columns of numbers and text, images as a few figures, series as their changes.

Pure; the same for the rows a champion was trained on and for those that have arrived since.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset.tensor_profile import profile_tensors
from tasks.preparation.build import build_typing
from tasks.preparation.frame import Column, Frame, find_kind, read_column, take_rows
from tasks.workflow import Workflow

# Of the figures of a tensor those that say how the pictures look.
FIGURES = ("mean", "empty_fraction", "max")
_HASH_KEY = "nocturne-scoring"  # 16 signs, as SipHash wants


class InputView:
    """The columns that a champion reads, as drift sees them.

    Parameters
    ----------
    workflow : Workflow
        Of the night that trained the champion: it says which columns are numbers.
    columns : sequence of str
        That the champion reads. Dates are left out, which always move on.
    """

    def __init__(self, workflow: Workflow, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._typing = build_typing(workflow)

    def read(self, rows: pa.RecordBatch | pa.Table) -> Frame:
        """Read raw rows.

        Parameters
        ----------
        rows : pyarrow.RecordBatch or pyarrow.Table with n_rows rows
            With the columns.

        Returns
        -------
        Frame with n_rows rows
            Numbers and text; of a tensor column ``image`` the figures ``image_mean``,
            ``image_empty_fraction`` and ``image_max``.
        """
        frame: Frame = {}
        for name in self.columns:
            column = read_column(rows[name], name)
            kind = find_kind(column)
            if kind == "tensor":
                figures = profile_tensors(column)
                for figure in FIGURES:
                    frame[f"{name}_{figure}"] = read_column(figures[figure], figure)
                continue
            typed = self._give_type(name, column)
            if find_kind(typed) != "date":
                frame[name] = typed
        return frame

    def read_times(self, rows: pa.RecordBatch | pa.Table, time: str) -> npt.NDArray[np.datetime64]:
        """Read the times of a series, missing where none can be read.

        Returns
        -------
        ndarray of shape (n_rows,), datetime64[us]
        """
        column = self._give_type(time, read_column(rows[time], time))
        if find_kind(column) != "date":
            return np.full(rows.num_rows, np.datetime64("NaT", "us"))
        return np.asarray(column, dtype="M8[us]")

    def _give_type(self, name: str, column: Column) -> Column:
        frame: Frame = {name: column}
        for transformer in self._typing:
            frame = transformer.transform(frame).frame
        return frame.get(name, column)


def compute_changes(frame: Frame, times: npt.NDArray[np.datetime64]) -> Frame:
    """Compute what changes from step to step of a series.

    A series moves on: its level now is seldom that of its past, and that is no drift. How it moves
    is what a model has learned.

    Parameters
    ----------
    frame : Frame with n_rows rows
    times : ndarray of shape (n_rows,), datetime64[us]
        In any order; rows without one are left out.

    Returns
    -------
    Frame with n_rows - 1 rows or fewer
        The columns of numbers, each value minus the one before in time where both are there.
    """
    order = np.argsort(times, kind="stable")[: int(np.count_nonzero(~np.isnat(times)))]
    numbers = {name: c for name, c in frame.items() if find_kind(c) == "number"}
    changed: Frame = {}
    for name, column in take_rows(numbers, order).items():
        differences = np.diff(np.asarray(column, dtype=np.float64))
        changed[name] = differences
    return changed


def hash_ids(ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Hash ids into 8 bytes each, to know them again without keeping them.

    Parameters
    ----------
    ids : pyarrow.StringArray of length n_rows

    Returns
    -------
    ndarray of shape (n_rows,), uint64
        SipHash-2-4 (``pandas.util.hash_array``).

    References
    ----------
    J.-P. Aumasson, D. J. Bernstein, SipHash: a fast short-input PRF, INDOCRYPT 2012.
    https://doi.org/10.1007/978-3-642-34931-7_28
    """
    from pandas.util import hash_array

    objects = np.asarray(pc.fill_null(ids, "").to_numpy(zero_copy_only=False), dtype=object)
    return np.asarray(hash_array(objects, hash_key=_HASH_KEY, categorize=False), dtype=np.uint64)


def is_known(
    hashes: npt.NDArray[np.uint64], known: npt.NDArray[np.uint64]
) -> npt.NDArray[np.bool_]:
    """Tell which hashes are among sorted ones.

    Parameters
    ----------
    hashes : ndarray of shape (n_rows,), uint64
    known : ndarray of shape (n_known,), uint64
        Rising.

    Returns
    -------
    ndarray of shape (n_rows,), bool
    """
    if not len(known):
        return np.zeros(len(hashes), dtype=bool)
    places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.asarray(known[places] == hashes)

"""Which of the settled rows repeat another one, and which are learned from.

Used by ``passes.py`` between the two passes; reads of the scratch only the columns it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.cleaning.duplicates import (
    SECOND_KEY,
    Digests,
    digest_rows,
    find_candidates,
    find_repeats,
)
from tasks.cleaning.finish import list_inputs
from tasks.cleaning.learn import choose_fit_rows
from tasks.cleaning.scratch import Scratch
from tasks.cleaning.settle import FOLD, list_compared, read_settled
from tasks.cleaning.split import TRAIN, TimeBounds
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.dataset.threads import map_in_order
from tasks.preparation.frame import Frame, read_column
from tasks.workflow import Columns
from tasks.workflow.cleaning import DropDuplicates


def find_duplicates(
    scratch: Scratch, steps: Sequence[DropDuplicates], columns: Columns
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Tell which rows are dropped as duplicates, and which of the others repeat an earlier row's id.

    Parameters
    ----------
    scratch : Scratch
        Its digests are taken: of the id, and of what each step compares.
    steps : sequence of DropDuplicates
    columns : Columns

    Returns
    -------
    is_duplicate, is_repeated_id : ndarray of shape (n_rows,), bool
        No row is both.
    """
    of_ids, *of_steps = scratch.take_digests()
    is_duplicate = np.zeros(scratch.n_rows, dtype=bool)
    shares_id = find_candidates(of_ids)  # equal rows have equal ids, where the id is compared
    for step, digests in zip(steps, of_steps, strict=True):
        names = list_compared(step, columns)
        among = ~is_duplicate & shares_id if ID_COLUMN in names else ~is_duplicate
        is_duplicate |= _find_repeats_among(scratch, digests, among, names, step.keep)
    among = ~is_duplicate & shares_id
    return is_duplicate, _find_repeats_among(scratch, of_ids, among, [ID_COLUMN], "first")


def _find_repeats_among(
    scratch: Scratch,
    digests: Digests,
    is_among: npt.NDArray[np.bool_],
    names: list[str],
    keep: Literal["first", "last"],
) -> npt.NDArray[np.bool_]:
    """Tell which of some rows repeat another one of them, by the columns that are compared."""
    places = np.flatnonzero(is_among)
    candidates = places[find_candidates(digests[places])]
    is_repeat = np.zeros(scratch.n_rows, dtype=bool)
    if len(candidates):
        is_candidate = np.zeros(scratch.n_rows, dtype=bool)
        is_candidate[candidates] = True
        second = map_in_order(
            lambda pair: digest_rows(read_settled(pair[0], names, pair[1]), names, SECOND_KEY),
            scratch.batches(is_candidate, names),
        )
        both = digests[candidates], np.concatenate(list(second))
        is_repeat[candidates] = find_repeats(*both, keep)
    return is_repeat


def gather_training_rows(
    scratch: Scratch,
    is_kept: npt.NDArray[np.bool_],
    columns: Columns,
    bounds: TimeBounds | None,
    *,
    has_neighbours: bool,
    is_of_classes: bool,
) -> tuple[Frame, npt.NDArray[np.float64] | None, npt.NDArray[np.int64]]:
    """Bring the training rows that are learned from into memory.

    Parameters
    ----------
    scratch : Scratch
    is_kept : ndarray of shape (n_rows,), bool
        False for duplicates.
    columns : Columns
    bounds : TimeBounds, optional
        Where time decides the split.
    has_neighbours : bool
        Whether a step looks at a row's neighbours in time: then all training rows are brought.
    is_of_classes : bool
        Whether the target holds classes, and not numbers.

    Returns
    -------
    frame : Frame with n_fit_rows rows
        The inputs and the time.
    codes : ndarray of shape (n_fit_rows,), float64, or None
        Of their classes, sorted; the numbers themselves where the target holds numbers; None
        without a target.
    folds : ndarray of shape (n_fit_rows,), int64
    """
    names, target = list_inputs(columns), columns.target
    by = SPLIT_COLUMN if bounds is None else str(columns.time)
    is_training = np.zeros(scratch.n_rows, dtype=bool)
    folds, start = np.zeros(scratch.n_rows, dtype=np.int64), 0
    for rows, _ in scratch.batches(columns=[by, FOLD]):
        here = slice(start, start + rows.num_rows)
        parts = rows.column(SPLIT_COLUMN) if bounds is None else None
        if bounds is not None:
            parts = bounds.name_parts(np.asarray(read_settled(rows, [by])[by]))
        is_training[here] = np.asarray(pc.fill_null(pc.equal(parts, TRAIN), False))
        folds[here] = np.asarray(rows.column(FOLD))
        start += rows.num_rows
    places = np.flatnonzero(is_training & is_kept)
    if not has_neighbours:
        places = places[choose_fit_rows(folds[places], len(names))]
    chosen = np.zeros(scratch.n_rows, dtype=bool)
    chosen[places] = True
    wanted = [*names, *([target] if target is not None else [])]
    batches = map_in_order(
        lambda pair: pair[0].select(wanted).filter(pa.array(pair[1])),
        scratch.batches(chosen, wanted),
    )
    training = pa.Table.from_batches(batches).combine_chunks()
    codes = None
    if target is not None:
        values = training[target].combine_chunks()
        if not is_of_classes:
            numbers = values.to_numpy(zero_copy_only=False)
            return (
                {name: read_column(training[name], name) for name in names},
                np.asarray(numbers, dtype=np.float64),
                folds[places],
            )
        classes = pc.unique(values).sort()
        codes = np.asarray(pc.index_in(values, value_set=classes), dtype=np.float64)
    return {name: read_column(training[name], name) for name in names}, codes, folds[places]

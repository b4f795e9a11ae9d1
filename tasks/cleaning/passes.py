"""The two passes of the cleaning over the files of a step: settle every row, learn, finish every row.

Called by ``step.py``, which knows MLflow; here are only folders in and folders out.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.cleaning.finish import FinishedBatch, RowFinisher
from tasks.cleaning.fitted import make_preparation
from tasks.cleaning.learn import learn
from tasks.cleaning.quarantine import UNPARSED_KIND, find_raw_rows, shape_quarantine
from tasks.cleaning.report import CleaningReport, report_columns
from tasks.cleaning.scratch import Scratch
from tasks.cleaning.selection import find_duplicates, gather_training_rows
from tasks.cleaning.series import finish_series, sort_series
from tasks.cleaning.settle import POSITION, RowSettler, SettledBatch, read_settled
from tasks.cleaning.split import TRAIN, TimeBounds, split_by_time
from tasks.cleaning.tally import (
    Tally,
    check_parts,
    check_training_rows,
    refuse_without_training_rows,
    tell_reasons,
)
from tasks.cleaning.untrained_classes import UNTRAINED, remove_untrained_classes
from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.columns import ID_COLUMN, QUARANTINE_SCHEMA
from tasks.dataset.threads import map_in_order
from tasks.errors import CleaningError
from tasks.preparation import Preparation
from tasks.preparation.preparation import list_features
from tasks.workflow import NoSplit, TimeSplit, Workflow

REPEATED_ID = "repeats an earlier row's"

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Cleaned:
    """What the passes made.

    Parameters
    ----------
    clean, quarantine : DatasetWriter
        Closed.
    preparation : Preparation
    report : CleaningReport
    """

    clean: DatasetWriter
    quarantine: DatasetWriter
    preparation: Preparation
    report: CleaningReport


class Passes:
    """Cleans one night's rows.

    Parameters
    ----------
    workdir : Path
        For the datasets that are made, and the scratch between the passes.
    workflow : Workflow
    arrived, lines : Dataset
        The raw rows, and the lines that became none.
    rejected : mapping of int to str, optional
        Places in ``arrived`` of rows that validation rejected, and why.
    on_progress : callable, optional
        Told of the pass and how many rows it has done, every batch.
    """

    def __init__(
        self,
        workdir: Path,
        workflow: Workflow,
        arrived: Dataset,
        lines: Dataset,
        *,
        rejected: Mapping[int, str] | None = None,
        on_progress: Progress = lambda _pass, _n_rows: None,
    ) -> None:
        self.workdir = workdir
        self.workflow = workflow
        self.arrived = arrived
        self.lines = lines
        self.rejected = dict(rejected or {})
        self.on_progress = on_progress
        self.settler = RowSettler(workflow)
        self.tally = Tally(workflow.class_column)
        self.n_by_reason: Counter[str] = Counter()
        self.n_missing: Counter[str] = Counter()
        self.changes: Counter[tuple[str, str]] = Counter()
        self.n_duplicates = self.n_added = self.n_merged = self.n_fit_rows = 0
        self.gaps: tuple[Mapping[str, Any], ...] = ()

    def run(self) -> Cleaned:
        """Clean.

        Raises
        ------
        CleaningError
            When a column cannot be used, a step cannot learn, no row is left, a part of the split
            is empty, or the training rows have one class only.
        """
        origin = {"raw": self.arrived.sha256, "workflow": self.workflow.name}
        with DatasetWriter(self.workdir / "quarantine", QUARANTINE_SCHEMA, origin=origin) as bad:
            for batch in self.lines.batches():
                bad.write(batch)
                self.n_by_reason[UNPARSED_KIND] += batch.num_rows
            scratch = self._settle(bad)
            is_kept = self._drop_duplicates(scratch, bad)
            if not is_kept.any():
                check_training_rows(self.tally, self.n_by_reason)
            bounds = self._find_bounds(scratch, is_kept)
            features = self._learn(scratch, is_kept, bounds)
            clean = self._finish(scratch, is_kept, bounds, features, bad)
            check_training_rows(self.tally, self.n_by_reason)
            clean = self._remove_untrained_classes(clean, bad, scratch, is_kept)
            if not isinstance(self.workflow.split, NoSplit):
                check_parts(self.tally, needs_validation=self.workflow.split.validation > 0)
        preparation = make_preparation(
            self.workflow.columns,
            self.workflow.predict,
            self.settler,
            features,
            self.tally.list_classes(TRAIN),
            reads_time=self._is_in_time_order,
        )
        return Cleaned(clean, bad, preparation, self._report(clean, features))

    # --- first pass -----------------------------------------------------------------------------

    def _settle(self, bad: DatasetWriter) -> Scratch:
        scratch = Scratch(self.workdir / "settled.arrow")
        nothing = pa.RecordBatch.from_pylist([], schema=self.arrived.schema)
        # A batch without rows comes first, so that the columns are known whatever arrives.
        jobs = self._cut_into_jobs(nothing)
        n_done = 0
        for settled in map_in_order(lambda job: job(), jobs):
            scratch.append(settled.rows, settled.digests)
            bad.write(settled.quarantined)
            self.n_by_reason.update(settled.n_by_kind)
            self.n_missing.update(settled.n_missing)
            self.changes.update(settled.changes)
            n_done += settled.rows.num_rows + settled.quarantined.num_rows
            self.on_progress("settled", n_done)
        scratch.close()
        return scratch

    def _cut_into_jobs(self, nothing: pa.RecordBatch) -> Iterator[Callable[[], SettledBatch]]:
        first = 0
        places = np.array(sorted(self.rejected), dtype=np.int64)
        yield partial(self.settler.settle, nothing, 0)
        for batch in self.arrived.batches():
            last = first + batch.num_rows
            here = places[np.searchsorted(places, first) : np.searchsorted(places, last)]
            rejected = {int(p) - first: self.rejected[int(p)] for p in here}
            yield partial(self.settler.settle, batch, first, rejected)
            first = last

    def _drop_duplicates(self, scratch: Scratch, bad: DatasetWriter) -> npt.NDArray[np.bool_]:
        is_duplicate, is_repeated_id = find_duplicates(
            scratch, self.settler.duplicates, self.workflow.columns
        )
        self.n_duplicates = int(is_duplicate.sum())
        if is_repeated_id.any():
            # Two rows of one id would be one row to whoever looks rows up by it.
            reason = f"{ID_COLUMN}: {REPEATED_ID}"
            self._quarantine(
                {
                    int(place): reason
                    for rows, mask in scratch.batches(is_repeated_id, [POSITION])
                    for place in rows.column(POSITION).filter(pa.array(mask)).to_pylist()
                },
                bad,
            )
            self.n_by_reason[reason] += int(is_repeated_id.sum())
        return ~(is_duplicate | is_repeated_id)

    # --- learning -------------------------------------------------------------------------------

    def _find_bounds(self, scratch: Scratch, is_kept: npt.NDArray[np.bool_]) -> TimeBounds | None:
        split = self.workflow.split
        if not isinstance(split, TimeSplit):
            return None
        name = str(self.workflow.columns.time)
        times = [
            read_settled(rows, [name], mask)[name]
            for rows, mask in scratch.batches(is_kept, [name])
        ]
        return split_by_time(np.concatenate(times), split)

    def _learn(
        self, scratch: Scratch, is_kept: npt.NDArray[np.bool_], bounds: TimeBounds | None
    ) -> tuple[str, ...]:
        """Fit the steps of the second pass, and find what they make: the features."""
        columns = self.workflow.columns
        if columns.image is not None:
            return ()
        frame, target, folds = gather_training_rows(
            scratch,
            is_kept,
            columns,
            bounds,
            has_neighbours=self._is_in_time_order,
            is_of_classes=self.workflow.class_column is not None,
        )
        if not len(folds):
            raise refuse_without_training_rows(int(is_kept.sum()))
        self.n_fit_rows = len(folds)
        try:
            frame = learn(self.settler.later, frame, target, folds)
        except CleaningError as error:
            reasons = tell_reasons(self.n_by_reason)
            if not reasons:
                raise
            # A text that nobody encodes leaves no number to learn from, for example.
            what = f"{error.what} In quarantine by then: {reasons}."
            raise CleaningError(what, expected=error.expected, hint=error.hint) from error
        others = [columns.time] if columns.time not in (columns.features or ()) else []
        return list_features(frame, [name for name in others if name is not None])

    # --- second pass ----------------------------------------------------------------------------

    @property
    def _is_in_time_order(self) -> bool:
        return any(t.needs_all_rows for t in self.settler.later)

    def _finish(
        self,
        scratch: Scratch,
        is_kept: npt.NDArray[np.bool_],
        bounds: TimeBounds | None,
        features: tuple[str, ...],
        bad: DatasetWriter,
    ) -> DatasetWriter:
        finish = self._finish_series if self._is_in_time_order else self._finish_batches
        finished = finish(scratch, is_kept, bounds, features)
        first = next(finished)
        rejected: dict[int, str] = {}
        n_done = 0
        with DatasetWriter(self.workdir / "clean", first.rows.schema, origin=bad.origin) as clean:
            for batch in itertools.chain([first], finished):
                rejected.update(batch.rejected)
                self.n_by_reason.update(batch.n_by_kind)
                self.changes.update(batch.changes)
                self.tally.add(batch.n_by_part)
                clean.write(batch.rows)
                n_done += batch.rows.num_rows
                self.on_progress("finished", n_done)
        self._quarantine(rejected, bad)
        return clean

    def _finish_batches(
        self,
        scratch: Scratch,
        is_kept: npt.NDArray[np.bool_],
        bounds: TimeBounds | None,
        features: tuple[str, ...],
    ) -> Iterator[FinishedBatch]:
        finisher = RowFinisher(
            self.workflow.columns, self.settler.later, features, bounds, self.workflow.class_column
        )
        return map_in_order(lambda pair: finisher.finish(*pair), scratch.batches(is_kept))

    def _finish_series(
        self,
        scratch: Scratch,
        is_kept: npt.NDArray[np.bool_],
        bounds: TimeBounds | None,
        features: tuple[str, ...],
    ) -> Iterator[FinishedBatch]:
        columns = self.workflow.columns
        batches = [rows.filter(pa.array(mask)) for rows, mask in scratch.batches(is_kept)]
        settled = sort_series(pa.Table.from_batches(batches), columns)
        finished = finish_series(
            columns, self.settler.later, features, settled, bounds, self.workflow.class_column
        )
        self.n_added, self.n_merged = finished.n_added, finished.n_merged
        self.gaps = finished.gaps
        return iter([finished])

    def _remove_untrained_classes(
        self,
        clean: DatasetWriter,
        bad: DatasetWriter,
        scratch: Scratch,
        is_kept: npt.NDArray[np.bool_],
    ) -> DatasetWriter:
        untrained, target = self.tally.find_untrained_classes(), self.workflow.class_column
        if not untrained or target is None:
            return clean
        trained, rejected = remove_untrained_classes(clean, target, untrained, scratch, is_kept)
        self._quarantine(rejected, bad)
        self.n_by_reason[f"{target}: {UNTRAINED}"] += len(rejected)
        self.tally.remove_classes(untrained)
        return trained

    def _quarantine(self, rejected: Mapping[int, str], bad: DatasetWriter) -> None:
        for rows, reasons in find_raw_rows(self.arrived, rejected):
            bad.write(shape_quarantine(rows, reasons))

    # --- what is handed over --------------------------------------------------------------------

    def _report(self, clean: DatasetWriter, features: tuple[str, ...]) -> CleaningReport:
        return CleaningReport(
            rows_in=self.arrived.n_rows + self.lines.n_rows,
            rows_out=clean.manifest.n_rows if clean.manifest is not None else 0,
            rows_duplicate=self.n_duplicates,
            quarantined_by_reason={k: n for k, n in self.n_by_reason.items() if n},
            rows_by_split=self.tally.to_counts(),
            columns=report_columns(self.n_missing, self.changes),
            duplicates_kept=tuple(
                f"the {step.keep} by {', '.join(step.by)}" for step in self.settler.duplicates
            ),
            rows_added=self.n_added,
            rows_merged=self.n_merged,
            n_fit_rows=self.n_fit_rows,
            features=features,
            gaps=self.gaps,
        )

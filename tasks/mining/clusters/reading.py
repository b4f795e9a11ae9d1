"""The passes over the training rows: those to fit, all to assign, and all again to write their clusters.

Used by :mod:`tasks.mining.clusters.step`; every pass holds one batch, and what it was asked to gather.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tasks.dataset import DatasetWriter, tensor_column_to_array
from tasks.errors import MiningError, NocturneError
from tasks.mining.clusters.agreement import Counts
from tasks.mining.clusters.last_night import LastNight
from tasks.mining.clusters.models import Model
from tasks.mining.clusters.space import Space, check_finite, fit_space
from tasks.mining.clusters.tally import Tally
from tasks.mining.rows import ID_COLUMN, MiningRows

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

# Rows that say how inputs are standardised and which components they have: 100,000 place a mean within
# 0.003 of a standard deviation. The bytes, as float32, bound the same for wide rows.
MAX_SPACE_ROWS = 100_000
MAX_SPACE_BYTES = 64 * 1024 * 1024
BATCH_BYTES = 32 * 1024 * 1024  # of float32 inputs, places and distances assigned at once
MAX_BATCH_ROWS = 262_144  # fewer batches look up last night's ids fewer times


@dataclass(frozen=True)
class AssignedRows:
    """All training rows, assigned.

    Parameters
    ----------
    tally : Tally
    overlap : ndarray of int64 of shape (n_old + 1, n_clusters + 1) or None
        Rows in both nights by last night's cluster and tonight's label; None without last night.
    map_rows : pyarrow.Table
        Of the rows on the map: ``id``, and ``class`` where there is one.
    map_positions : ndarray of int of shape (n_shown,)
        Their places among the training rows.
    on_map : ndarray of shape (n_shown, 2), float32
        Their first two components.
    """

    tally: Tally
    overlap: Counts | None
    map_rows: pa.Table
    map_positions: Ints
    on_map: Floats


class ClusterReading:
    """Reads training rows, and places them where they are grouped.

    Parameters
    ----------
    rows : MiningRows
    columns : sequence of str
        Clean columns of the inputs.
    n_components : int or None
        As the workflow file asks.
    seed : int

    Attributes
    ----------
    space : Space
    """

    def __init__(
        self, rows: MiningRows, columns: Sequence[str], *, n_components: int | None, seed: int
    ) -> None:
        self.rows = rows
        self.columns = list(columns)
        self.names = rows.list_input_names(columns)
        if rows.n_rows < 2:
            raise MiningError(
                f"There are {rows.n_rows} training rows to look for clusters in.",
                expected="at least 3",
                hint="let more data arrive, or remove 'mining.clusters' from the workflow file",
            )
        most = max(2, min(MAX_SPACE_ROWS, MAX_SPACE_BYTES // (4 * len(self.names))))
        sample = rows.sample(self.columns, max_rows=most, seed=seed)
        self.space: Space = fit_space(
            self._read(sample),
            n_components=n_components,
            is_image=rows.is_image,
            seed=seed,
            groups=None if rows.is_image else self._group_inputs(),
        )

    def _group_inputs(self) -> Ints:
        """Give the inputs of one column one number."""
        columns = [self.rows.originals.find(name).column for name in self.names]
        numbers = {column: i for i, column in enumerate(dict.fromkeys(columns))}
        return np.array([numbers[column] for column in columns])

    def collect(self, positions: Ints) -> Floats:
        """Place chosen rows.

        Parameters
        ----------
        positions : ndarray of int of shape (n_chosen,)
            Places among the training rows, rising.

        Returns
        -------
        ndarray of shape (n_chosen, n_dimensions), float32
        """
        Z = np.empty((len(positions), self.space.n_dimensions), dtype=np.float32)
        for batch, start in self._batches(self.columns):
            first, last = np.searchsorted(positions, [start, start + batch.num_rows])
            # Rows that are not fitted are checked too, before the fit and not after it.
            X = self._read(batch)
            if last - first < batch.num_rows:
                X = X[positions[first:last] - start]
            Z[first:last] = self.space.place(X)[0]
        return Z

    def assign(self, model: Model, last: LastNight | None, map_positions: Ints) -> AssignedRows:
        """Assign every training row, and count.

        Parameters
        ----------
        model : Model
        last : LastNight or None
        map_positions : ndarray of int of shape (n_shown,)
            Rows to show on the map, rising.
        """
        target = self.rows.class_column
        tally = Tally(
            model.n_clusters,
            len(self.names),
            n_classes=0 if target is None else len(self.rows.preparation.classes),
            center=self.space.spread(self.space.mean),
        )
        overlap: Counts | None = None
        on_map = np.empty((len(map_positions), 2), dtype=np.float32)
        shown: list[pa.RecordBatch] = []
        wanted = [ID_COLUMN, *([] if target is None else [target]), *self.columns]
        for batch, start in self._batches(wanted, n_distances=3 * model.n_clusters):
            X = self._read(batch)
            Z, places = self.space.place(X)
            assigned = model.assign(Z)
            tally.add(X, assigned, self._encode(batch))
            if last is not None:
                counts = last.count_overlap(batch[ID_COLUMN], assigned.labels, model.n_clusters)
                overlap = counts if overlap is None else overlap + counts
            first, end = np.searchsorted(map_positions, [start, start + batch.num_rows])
            chosen = map_positions[first:end] - start
            on_map[first:end] = places[chosen]
            shown.append(_pick(batch, target).take(pa.array(chosen)))
        return AssignedRows(tally, overlap, pa.Table.from_batches(shown), map_positions, on_map)

    def write_assignments(
        self, folder: Path, numbers: Ints, wanted: Ints
    ) -> tuple[Mapping[int, Any], Mapping[int, npt.NDArray[Any]]]:
        """Write every training row's cluster, and look up a few rows on the way.

        Parameters
        ----------
        folder : Path
            Of the new dataset: ``id`` and ``cluster``.
        numbers : ndarray of int of shape (n_rows,)
            The clusters' numbers.
        wanted : ndarray of int of shape (n_wanted,)
            Places of rows to look up, rising.

        Returns
        -------
        ids : mapping of int to object
            By place.
        pictures : mapping of int to ndarray of shape (height, width, channels)
            Of images, in their own dtype.
        """
        image = self.rows.preparation.image_column
        columns = [ID_COLUMN, *([] if image is None else [image])]
        schema = pa.schema(
            [self.rows.dataset.schema.field(ID_COLUMN), pa.field("cluster", pa.int32())]
        )
        ids: dict[int, Any] = {}
        pictures: dict[int, npt.NDArray[Any]] = {}
        with DatasetWriter(folder, schema, origin={"clean": self.rows.dataset.sha256}) as writer:
            for batch, start in self._batches(columns):
                clusters = pa.array(numbers[start : start + batch.num_rows], pa.int32())
                writer.write(
                    pa.RecordBatch.from_arrays([batch[ID_COLUMN], clusters], schema=schema)
                )
                first, last = np.searchsorted(wanted, [start, start + batch.num_rows])
                places = wanted[first:last]
                if not len(places):
                    continue
                found = batch.take(pa.array(places - start))
                ids.update(zip(places.tolist(), found[ID_COLUMN].to_pylist(), strict=True))
                if image is not None:
                    images = tensor_column_to_array(found[image])
                    pictures.update(zip(places.tolist(), images, strict=True))
        return ids, pictures

    def write_map(self, folder: Path, assigned: AssignedRows, numbers: Ints) -> None:
        """Write the points of the map: ``id``, ``cluster``, ``class`` if any, ``pc1``, ``pc2``.

        Parameters
        ----------
        folder : Path
            Of the new dataset.
        assigned : AssignedRows
        numbers : ndarray of int of shape (n_rows,)
            The clusters' numbers, of all rows.
        """
        rows = assigned.map_rows
        clusters = pa.array(numbers[assigned.map_positions], pa.int32())
        columns = {ID_COLUMN: rows[ID_COLUMN], "cluster": clusters}
        if "class" in rows.schema.names:
            columns["class"] = rows["class"]
        for axis, name in enumerate(("pc1", "pc2")):
            columns[name] = pa.array(assigned.on_map[:, axis], pa.float32())
        table = pa.table(columns)
        with DatasetWriter(
            folder, table.schema, origin={"clean": self.rows.dataset.sha256}
        ) as writer:
            writer.write(table)

    def _batches(
        self, columns: Sequence[str], *, n_distances: int = 0
    ) -> Iterator[tuple[pa.RecordBatch, int]]:
        """Read columns batch by batch, each with the place of its first row."""
        width = len(self.names) + n_distances
        n_rows = max(1, min(MAX_BATCH_ROWS, BATCH_BYTES // (4 * width)))
        start = 0
        for batch in self.rows.batches(list(dict.fromkeys(columns)), batch_rows=n_rows):
            if batch.num_rows:
                yield batch, start
                start += batch.num_rows

    def _read(self, batch: pa.Table | pa.RecordBatch) -> Floats:
        X = self.rows.to_inputs(batch, self.columns)
        check_finite(X, self.names)
        return X

    def _encode(self, batch: pa.RecordBatch) -> Ints | None:
        try:
            return self.rows.encode(batch)
        except NocturneError as error:
            raise MiningError(error.what, expected=error.expected, hint=error.hint) from error


def _pick(batch: pa.RecordBatch, target: str | None) -> pa.RecordBatch:
    """Pick a batch's ids, and its classes."""
    columns = {ID_COLUMN: batch[ID_COLUMN]}
    if target is not None:
        columns["class"] = batch[target]
    return pa.RecordBatch.from_pydict(columns)

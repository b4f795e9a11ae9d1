"""What the latest earlier night found, as far as it can be read: ids with their clusters, numbers, names.

Reads the folder that :mod:`tasks.mining.clusters.step` wrote then, perhaps in another version.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset
from tasks.errors import NocturneError
from tasks.mining.clusters.agreement import Counts, count_pairs
from tasks.mining.clusters.models import NOISE
from tasks.mining.clusters.search import draw
from tasks.mining.found import Earlier

Ints = npt.NDArray[np.integer[Any]]
logger = logging.getLogger(__name__)

ASSIGNMENTS_FOLDER = "assignments"
CLUSTERS_FILE = "clusters.json"
# Ids in memory, about 60 MiB with their hash table: who moved is known to a tenth of a percent.
MAX_MATCH_ROWS = 500_000
MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True)
class LastNight:
    """Clusters of an earlier night.

    Parameters
    ----------
    date : str
        ISO 8601.
    ids : pyarrow.Array
        Of at most 500,000 of its training rows.
    places : ndarray of int of shape (n_ids,)
        Cluster of each, as its place in ``numbers``; -1 for noise.
    numbers : tuple of int
        Of its clusters.
    names : mapping of int to str
    sizes : mapping of int to int
        Rows that the clusters had.
    next_number : int
        The least that no cluster has had.
    """

    date: str
    ids: pa.Array
    places: Ints
    numbers: tuple[int, ...]
    names: Mapping[int, str]
    sizes: Mapping[int, int]
    next_number: int

    def count_overlap(self, ids: pa.Array, labels: Ints, n_clusters: int) -> Counts:
        """Count the rows of a batch that were there, by their cluster then and now.

        Parameters
        ----------
        ids : pyarrow.Array of n_rows
        labels : ndarray of int of shape (n_rows,)
            Tonight's.
        n_clusters : int
            Tonight's.

        Returns
        -------
        ndarray of int64 of shape (n_old + 1, n_clusters + 1)
            The last row and column are noise.
        """
        found = pc.index_in(ids, value_set=self.ids)
        is_there = np.asarray(pc.is_valid(found))
        places = self.places[np.asarray(found.drop_null(), dtype=np.int64)]
        return count_pairs(places, labels[is_there], len(self.numbers), n_clusters)


def read_last_night(
    earlier: Earlier | None, id_type: pa.DataType, *, seed: int
) -> LastNight | None:
    """Read an earlier night's clusters; None, with a warning, where they cannot be read.

    Parameters
    ----------
    earlier : Earlier or None
    id_type : pyarrow.DataType
        Of tonight's ids.
    seed : int
        Of the draw among more ids than fit.
    """
    if earlier is None:
        return None
    try:
        return _read(earlier, id_type, seed)
    except (
        NocturneError, OSError, pa.ArrowException, ValueError, TypeError, KeyError, AttributeError,
        IndexError, OverflowError, RecursionError,
    ) as error:  # fmt: skip
        logger.warning(
            "The clusters of %s cannot be read, so tonight's are numbered anew: %s",
            earlier.date,
            error,
        )
        return None


def _read(earlier: Earlier, id_type: pa.DataType, seed: int) -> LastNight:
    document = json.loads((earlier.folder / CLUSTERS_FILE).read_text(encoding="utf-8"))
    names = {
        int(cluster["cluster"]): str(cluster["name"])[:MAX_NAME_CHARACTERS]
        for cluster in document["clusters"]
    }
    sizes = {int(cluster["cluster"]): int(cluster["n_rows"]) for cluster in document["clusters"]}
    dataset = Dataset.open(earlier.folder / ASSIGNMENTS_FOLDER)
    wanted = draw(dataset.n_rows, MAX_MATCH_ROWS, np.random.default_rng(seed))
    ids: list[pa.Array] = []
    clusters: list[Ints] = []
    n_seen = 0
    for batch in dataset.batches(["id", "cluster"]):
        first, last = np.searchsorted(wanted, [n_seen, n_seen + batch.num_rows])
        taken = batch.take(pa.array(wanted[first:last] - n_seen))
        ids.append(taken.column(0).cast(id_type))
        clusters.append(np.asarray(taken.column(1), dtype=np.int64))
        n_seen += batch.num_rows
    found = np.concatenate(clusters) if clusters else np.empty(0, np.int64)
    numbers = np.unique(np.array([*names, *found[found != NOISE].tolist()], dtype=np.int64))
    if len(numbers) and numbers[0] < 0:
        raise ValueError(f"a cluster has the number {numbers[0]}")
    places = np.where(found == NOISE, NOISE, np.searchsorted(numbers, found))
    least = int(numbers[-1]) + 1 if len(numbers) else 0
    return LastNight(
        date=earlier.date,
        ids=pa.concat_arrays(ids) if ids else pa.array([], id_type),
        places=places,
        numbers=tuple(int(n) for n in numbers),
        names=names,
        sizes=sizes,
        next_number=max(int(document["next_number"]), least),
    )

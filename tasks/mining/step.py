"""The step of mining: groups in the training rows, from the clean data to one published folder.

Shell of the mining stage: the only module here that reads datasets and talks to MLflow.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.dataset import Dataset, DatasetWriter
from tasks.dataset.columns import ID_COLUMN, SPLIT_COLUMN
from tasks.errors import MiningError
from tasks.mining.clusters import (
    MAX_SILHOUETTE_ROWS,
    ClusterResult,
    count_classes,
    find_clusters,
    measure_purity,
)
from tasks.mining.components import Components, fit_components
from tasks.preparation import Preparation
from tasks.settings import Settings
from tasks.tracking import Handoff, Step
from tasks.workflow import Workflow

logger = logging.getLogger(__name__)

# What is in memory at once: components and centres are fitted on a sample, and every training row is
# then assigned batch by batch. 20,000 rows place a centre within a hundredth of a group's spread.
MAX_FIT_ROWS = 20_000
MAX_FIT_BYTES = 256 * 1024 * 1024  # the same for wide rows, as float32
MAX_MAP_ROWS = 5_000  # points on the map: more only cover each other
BATCH_BYTES = 32 * 1024 * 1024  # of float32 inputs assigned at once

CLUSTERS_FILE = "clusters.json"
MEMBERS_FOLDER = "members"
CENTRES_FILE = "centres.npy"


@dataclass(frozen=True)
class _Tally:
    """What was counted over every training row."""

    counts: npt.NDArray[np.int64]  # (k, n_classes); one column where rows have no class
    means: npt.NDArray[np.float64]  # (k, n_inputs), in the inputs' own units


def run(
    step: Step,
    workflow: Workflow,
    settings: Settings,  # noqa: ARG001 - every step's body takes it
    clean: Handoff,
    preparation: Handoff,
) -> dict[str, Handoff]:
    """Find clusters in the training rows and publish them.

    Parameters
    ----------
    step : Step
    workflow : Workflow
        Names the number of components and of clusters under ``mining.clusters``.
    settings : Settings
    clean, preparation : Handoff
        The clean dataset, and which of its columns are read.

    Returns
    -------
    dict of str to Handoff
        ``clusters``: a folder of ``clusters.json``, the dataset ``members`` (at most 5,000 rows for
        the map) and, for images, ``centres.npy`` of shape (k, height, width, channels). Where
        rows have no class, what compares clusters with classes is None, and ``members`` has no
        ``class``.

    Raises
    ------
    MiningError
        When the workflow asks for no clusters, or the rows cannot be grouped.
    """
    from threadpoolctl import threadpool_limits

    options = workflow.mining.clusters
    if options is None:
        raise MiningError(
            f"The workflow {workflow.name!r} has no 'mining.clusters'.",
            expected="the number of clusters, for example 'mining: {clusters: {k: 10}}'",
            hint="add it to the workflow file, or leave this step out",
        )
    # Fetching has checked the content against its digest.
    dataset = Dataset.open(step.fetch(clean), verify=False)
    reader = Preparation.from_json(step.fetch(preparation).read_text(encoding="utf-8"))
    # One thread: mining runs beside training, and sums in one order give the same bits on a retry.
    with threadpool_limits(limits=1):
        sample, n_rows = _draw_sample(dataset, reader, seed=step.night.seed)
        X = _flatten(reader.inputs(sample))
        components = fit_components(X, n_components=options.pca, seed=step.night.seed)
        result = find_clusters(components.scores, k=options.k, seed=step.night.seed)
        tally = _tally(dataset, reader, components, result)
    document = _describe(result, components, tally, reader, sample, n_rows)
    document["asked"] = {"pca": options.pca, "k": options.k}

    folder = step.workdir / "clusters"
    folder.mkdir()
    (folder / CLUSTERS_FILE).write_text(json.dumps(document, indent=1), encoding="utf-8")
    _write_members(folder / MEMBERS_FOLDER, sample, reader, components, result, clean)
    if reader.image_shape is not None:
        centres = tally.means.astype(np.float32).reshape(result.k, *reader.image_shape)
        np.save(folder / CENTRES_FILE, centres, allow_pickle=False)

    step.log_params({"k_asked": options.k, "pca_asked": options.pca, "n_rows_fitted": len(sample)})
    figures = {
        "k": result.k,
        "silhouette": document["silhouette"],
        "purity": document["purity"],
        "adjusted_rand_index": document["adjusted_rand_index"],
        "n_components": components.n_components,
        "explained_variance_fraction": document["explained_variance_fraction"],
    }
    step.log_metrics({name: value for name, value in figures.items() if value is not None})
    logger.info(
        "%d clusters of %d training rows (fitted on %d), silhouette %.3f.",
        result.k,
        n_rows,
        len(sample),
        result.silhouette,
    )
    return {"clusters": step.publish(folder, "clusters", n_rows=n_rows)}


def _draw_sample(dataset: Dataset, reader: Preparation, *, seed: int) -> tuple[pa.Table, int]:
    """Draw at most the bounded number of training rows, without repetition and in their order."""
    is_train = pc.field(SPLIT_COLUMN) == "train"
    n_rows = sum(b.num_rows for b in dataset.batches([SPLIT_COLUMN], where=is_train))
    row_bytes = 4 * int(np.prod(reader.input_shape))
    most = max(2, min(MAX_FIT_ROWS, MAX_FIT_BYTES // row_bytes))
    columns = [ID_COLUMN, *_list_columns(reader)]
    if n_rows <= most:
        return dataset.table(columns, where=is_train), n_rows
    wanted = np.sort(np.random.default_rng(seed).choice(n_rows, size=most, replace=False))
    drawn, n_seen = [], 0
    for batch in dataset.batches(columns, where=is_train):
        first, last = np.searchsorted(wanted, [n_seen, n_seen + batch.num_rows])
        drawn.append(batch.take(pa.array(wanted[first:last] - n_seen)))
        n_seen += batch.num_rows
    return pa.Table.from_batches(drawn), n_rows


def _tally(
    dataset: Dataset, reader: Preparation, components: Components, result: ClusterResult
) -> _Tally:
    """Assign every training row to its cluster and count; memory does not grow with the rows."""
    n_inputs = int(np.prod(reader.input_shape))
    n_classes = max(1, len(reader.classes))
    counts = np.zeros((result.k, n_classes), dtype=np.int64)
    sums = np.zeros((result.k, n_inputs), dtype=np.float64)
    for batch in _training_batches(dataset, reader, max(1, BATCH_BYTES // (4 * n_inputs))):
        X = _flatten(reader.inputs(batch))
        labels = result.assign(components.project(X))
        counts += count_classes(labels, _encode(batch, reader), k=result.k, n_classes=n_classes)
        is_member = labels == np.arange(result.k)[:, None]
        sums += is_member.astype(np.float32) @ X
    return _Tally(counts, sums / np.maximum(counts.sum(axis=1), 1)[:, None])


def _training_batches(
    dataset: Dataset, reader: Preparation, n_rows: int
) -> Iterator[pa.RecordBatch]:
    yield from dataset.batches(
        _list_columns(reader),
        where=pc.field(SPLIT_COLUMN) == "train",
        batch_size=n_rows,
    )


def _list_columns(reader: Preparation) -> list[str]:
    """Columns of clean rows that are read: the target, where there is one, and the inputs."""
    return [*([reader.target] if reader.target is not None else []), *reader.clean_columns]


def _encode(rows: pa.Table | pa.RecordBatch, reader: Preparation) -> npt.NDArray[np.int64]:
    """Codes of the rows' classes; 0 everywhere where rows have no class."""
    if reader.target is None:
        return np.zeros(rows.num_rows, dtype=np.int64)
    return reader.encode(rows[reader.target])


def _flatten(inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return inputs.reshape(len(inputs), -1).astype(np.float32)


def _describe(
    result: ClusterResult,
    components: Components,
    tally: _Tally,
    reader: Preparation,
    sample: pa.Table,
    n_rows: int,
) -> dict[str, Any]:
    from sklearn.metrics import adjusted_rand_score

    has_classes = reader.target is not None
    ids = sample[ID_COLUMN].to_pylist()
    ratio = [_round(v) for v in components.explained_variance_ratio]
    clusters = []
    for cluster, (row, mean) in enumerate(zip(tally.counts, tally.means, strict=True)):
        n_members = int(row.sum())
        clusters.append(
            {
                "cluster": cluster,
                "n_rows": n_members,
                "most_frequent_class": reader.classes[int(row.argmax())] if has_classes else None,
                "purity": _round(row.max() / n_members) if has_classes and n_members else None,
                "typical_ids": [ids[i] for i in result.typical_rows[cluster]],
                # Of images the centre is a picture, in a file of its own.
                "centre": None
                if reader.image_shape is not None
                else dict(zip(reader.features, map(_round, mean), strict=True)),
            }
        )
    return {
        "n_rows": n_rows,
        "n_rows_fitted": len(sample),
        "n_rows_silhouette": min(len(sample), MAX_SILHOUETTE_ROWS),
        "n_components": components.n_components,
        "explained_variance_ratio": ratio,
        "explained_variance_fraction": _round(sum(ratio)),
        "k": result.k,
        "silhouette": _round(result.silhouette),
        "silhouette_curve": [{"k": k, "silhouette": _round(s)} for k, s in result.curve.items()],
        "sizes": tally.counts.sum(axis=1).tolist(),
        "classes": list(reader.classes),
        "class_counts": tally.counts.tolist() if has_classes else [],
        "purity": _round(measure_purity(tally.counts)) if has_classes else None,
        "adjusted_rand_index": _round(adjusted_rand_score(_encode(sample, reader), result.labels))
        if has_classes
        else None,
        "clusters": clusters,
        "image_shape": reader.image_shape,
    }


def _write_members(
    folder: Path,
    sample: pa.Table,
    reader: Preparation,
    components: Components,
    result: ClusterResult,
    clean: Handoff,
) -> None:
    """Write the points of the map: the sample, thinned evenly where it is larger."""
    n_rows = len(sample)
    kept = np.unique(np.linspace(0, n_rows - 1, min(n_rows, MAX_MAP_ROWS)).astype(np.int64))
    scores = components.scores[kept]
    second = scores[:, 1] if components.n_components > 1 else np.zeros(len(kept), np.float32)
    target = {} if reader.target is None else {"class": sample[reader.target].take(kept)}
    rows = pa.table(
        {
            "id": sample[ID_COLUMN].take(kept),
            "cluster": pa.array(result.labels[kept], pa.int64()),
            **target,
            "pc1": pa.array(scores[:, 0], pa.float32()),
            "pc2": pa.array(second, pa.float32()),
        }
    )
    with DatasetWriter(folder, rows.schema, origin={"clean": clean.sha256}) as writer:
        writer.write(rows)


def _round(value: float) -> float:
    """Six digits: more would be noise, and a retry on another machine should give the same bytes."""
    return round(float(value), 6)

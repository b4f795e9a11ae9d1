"""Groups in the training rows: from the clean rows to the folder of ``mining.clusters``.

Reads through ``tasks.mining.clusters.reading`` and writes files; what is computed stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.errors import MiningError
from tasks.mining.clusters import document as documents
from tasks.mining.clusters.document import Cluster
from tasks.mining.clusters.last_night import (
    ASSIGNMENTS_FOLDER,
    CLUSTERS_FILE,
    read_last_night,
)
from tasks.mining.clusters.matching import number_clusters
from tasks.mining.clusters.models import MAX_FIT_ROWS
from tasks.mining.clusters.reading import ClusterReading
from tasks.mining.clusters.search import Search, draw, refit, say_structure, search_clusters
from tasks.mining.clusters.stability import MAX_STABILITY_ROWS, Stability, measure_stability
from tasks.mining.clusters.tally import Tally
from tasks.mining.clusters.telling import (
    compare_with_classes,
    describe_changes,
    describe_space,
    list_clusters,
    make_profile,
)
from tasks.mining.documents import write_document
from tasks.mining.found import Earlier, Found
from tasks.mining.rows import ID_COLUMN, MiningRows
from tasks.workflow import Clusters

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

MAX_FIT_BYTES = 256 * 1024 * 1024  # of places fitted at once, as float32; k-means holds them twice
MAX_MAP_ROWS = 5_000  # points on the map: more only cover each other
MAX_PICTURED_CLUSTERS = 20  # whose members are written as pictures, largest first

MEMBERS_FOLDER = "members"
TABLE_FILE = "clusters.csv"


def mine_clusters(
    rows: MiningRows, options: Clusters, folder: Path, *, seed: int, earlier: Earlier | None
) -> Found:
    """Find clusters in the training rows, describe them, and say what changed since last night.

    Parameters
    ----------
    rows : MiningRows
    options : Clusters
        The key ``mining.clusters`` of the workflow file.
    folder : Path
        Gets ``clusters.json``; ``clusters.csv``, one line per cluster; the dataset ``assignments`` (id
        and cluster of every training row; -1 is noise); the dataset ``members`` (at most 5,000 rows
        for the map: id, cluster, class if any, pc1, pc2); and of images ``centres.npy`` of shape
        (n_clusters, height, width, channels), in the order of the document, and ``typical.npy`` and
        ``border.npy``: the members that the document lists for the clusters in ``pictured``, one
        after the other.
    seed : int
    earlier : Earlier or None
        What this step wrote in the latest earlier night.

    Returns
    -------
    Found

    Raises
    ------
    MiningError
        When the rows cannot be grouped.
    """
    # That a value was missing says more about the data's way here than about groups in them.
    columns = rows.list_inputs(options.columns, with_indicators=False)
    if not columns:
        raise MiningError(
            "There are no inputs to look for clusters in.",
            expected="at least one feature",
            hint="name features under 'columns' in the workflow file, or remove 'mining.clusters'",
        )
    reading = ClusterReading(rows, columns, n_components=options.pca, seed=seed)
    Z = reading.collect(_draw_fit(rows.n_rows, options.by, reading.space.n_dimensions, seed))
    search = search_clusters(
        Z, by=options.by, k=options.k, min_cluster_size=options.min_cluster_size, seed=seed
    )
    stability = _measure_stability(Z, search, options, seed)
    n_rows_fitted = len(Z)
    del Z  # all rows are read now
    last = read_last_night(earlier, rows.dataset.schema.field(ID_COLUMN).type, seed=seed)
    shown = draw(rows.n_rows, MAX_MAP_ROWS, np.random.default_rng(seed))
    assigned = reading.assign(search.model, last, shown)
    tally, overlap = assigned.tally, assigned.overlap

    present = np.flatnonzero(tally.sizes)  # a mixture may have a component that no row prefers
    if overlap is not None:
        overlap = overlap[:, [*present, -1]]
    numbering = (
        number_clusters(tally.sizes[present])
        if last is None
        else number_clusters(tally.sizes[present], overlap, last.numbers, last.next_number)
    )
    by_label = np.full(tally.n_clusters + 1, -1)  # the last is noise
    by_label[present] = numbering.numbers
    numbers = by_label[tally.labels]
    listed = np.unique(np.concatenate([tally.typical_.positions, tally.border_.positions]))
    ids, pictures = reading.write_assignments(folder / ASSIGNMENTS_FOLDER, numbers, listed)
    reading.write_map(folder / MEMBERS_FOLDER, assigned, numbers)

    profile = make_profile(reading, tally, present)
    clusters = list_clusters(present, numbering, last, search, stability, tally, profile, ids, rows)
    classes = rows.preparation.classes
    document = {
        "format": documents.FORMAT,
        "by": options.by,
        "n_rows": rows.n_rows,
        "n_rows_fitted": n_rows_fitted,
        "space": describe_space(reading),
        "k": len(clusters),
        **documents.describe_search(search, say_structure(search.silhouette.mean)),
        "stability": documents.describe_stability(stability),
        "n_noise": tally.n_noise,
        **compare_with_classes(tally, rows),
        "inputs": documents.describe_inputs(profile),
        "clusters": documents.describe_clusters(clusters, profile, classes, rows.n_rows),
        "next_number": numbering.next_number,
        "since": describe_changes(numbering, overlap, last),
        "image_shape": rows.preparation.image_shape,
        "pictured": _write_pictures(folder, clusters, tally, pictures, rows)
        if rows.is_image
        else [],
    }
    write_document(document, folder / CLUSTERS_FILE)
    table = documents.tabulate_clusters(document["clusters"], clusters, profile)
    table.to_csv(folder / TABLE_FILE, index=False, lineterminator="\n")
    return _sum_up(document)


def _draw_fit(n_rows: int, by: str, n_dimensions: int, seed: int) -> Ints:
    most = min(MAX_FIT_ROWS.get(by, n_rows), MAX_FIT_BYTES // (4 * n_dimensions))
    return draw(n_rows, most, np.random.default_rng(seed))


def _measure_stability(Z: Floats, search: Search, options: Clusters, seed: int) -> Stability | None:
    if not options.bootstraps:
        return None
    sample = Z[draw(len(Z), MAX_STABILITY_ROWS, np.random.default_rng(seed))]
    n_clusters, least = search.model.n_clusters, search.min_cluster_size

    def fit_again(rows: Floats, seed: int) -> Ints:
        share = len(rows) / len(Z)
        return refit(
            rows, by=options.by, k=n_clusters, min_cluster_size=least, share=share, seed=seed
        )

    return measure_stability(
        sample,
        search.model.assign(sample).labels,
        fit_again,
        n_clusters=n_clusters,
        n_bootstraps=options.bootstraps,
        seed=seed,
    )


def _write_pictures(
    folder: Path,
    clusters: Sequence[Cluster],
    tally: Tally,
    pictures: Mapping[int, npt.NDArray[Any]],
    rows: MiningRows,
) -> list[int]:
    """Write the mean picture of every cluster, and the listed members of the largest ones."""
    shape = tuple(rows.preparation.image_shape or ())
    means = tally.compute_means()[[cluster.label for cluster in clusters]]
    _save(folder / "centres.npy", means.astype(np.float32).reshape(-1, *shape))
    largest = sorted(clusters, key=lambda cluster: (-cluster.n_rows, cluster.number))
    chosen = {cluster.number for cluster in largest[:MAX_PICTURED_CLUSTERS]}
    pictured = [cluster for cluster in clusters if cluster.number in chosen]
    for name, kind in (("typical", "typical"), ("border", "border")):
        places = [place for cluster in pictured for place in getattr(cluster, kind)]
        dtype = next(iter(pictures.values())).dtype
        stacked = [pictures[place] for place in places]
        _save(folder / f"{name}.npy", np.array(stacked, dtype).reshape(len(stacked), *shape))
    return [cluster.number for cluster in pictured]


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    np.save(path, array, allow_pickle=False)


def _sum_up(document: Mapping[str, Any]) -> Found:
    silhouette, stability = document["silhouette"], document["stability"] or {}
    since = document["since"] or {}
    noise = f", {document['n_noise']:,} rows of noise" if document["n_noise"] else ""
    apart = "" if silhouette is None else f", silhouette {silhouette:.2f}"
    figures = {
        "k": document["k"],
        "silhouette": silhouette,
        "purity": document["purity"],
        "adjusted_rand_index": document["adjusted_rand_index"],
        "n_noise": document["n_noise"],
        "stability_adjusted_rand": stability.get("adjusted_rand_mean"),
        "moved_fraction": since.get("moved_share"),
        "explained_variance_fraction": document["space"]["explained_variance_fraction"],
    }
    return Found(
        f"{document['k']} clusters of {document['n_rows']:,} rows{apart} "
        f"({document['structure']} structure){noise}.",
        params={
            "n_rows_fitted": document["n_rows_fitted"],
            "n_components": document["space"]["n_components"],
        },
        metrics={name: float(value) for name, value in figures.items() if value is not None},
    )

"""From what was counted to what is told: each cluster with its name and members, and what changed.

Reads no rows and writes nothing; the figures are laid out by ``tasks.mining.clusters.document``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.mining.clusters import document as documents
from tasks.mining.clusters.agreement import Counts, measure_purity, measure_rand_index
from tasks.mining.clusters.differences import (
    compute_differences,
    name_cluster,
    name_image_cluster,
)
from tasks.mining.clusters.document import Cluster, Profile, find_most_frequent
from tasks.mining.clusters.last_night import LastNight
from tasks.mining.clusters.matching import Numbering, choose_names, count_moves
from tasks.mining.clusters.reading import ClusterReading
from tasks.mining.clusters.search import Search
from tasks.mining.clusters.stability import Stability
from tasks.mining.clusters.tally import Tally
from tasks.mining.documents import round_or_none
from tasks.mining.rows import MiningRows

Ints = npt.NDArray[np.integer[Any]]

MAX_LISTED_MOVES = 100
MAX_LISTED_CONSTANTS = 20


def make_profile(reading: ClusterReading, tally: Tally, present: Ints) -> Profile:
    """Gather the means of the clusters that have rows; of images none, their centres are pictures.

    Parameters
    ----------
    reading : ClusterReading
        Names the inputs.
    tally : Tally
        Of all training rows.
    present : ndarray of int of shape (n_present,)
        Labels of the clusters that have rows.

    Returns
    -------
    Profile
    """
    if reading.rows.is_image:
        empty = np.empty((len(present), 0))
        return Profile((), empty, np.empty(0), np.empty(0), empty)
    means, (mean, std) = tally.compute_means()[present], tally.compute_overall()
    return Profile(
        originals=[reading.rows.originals.find(name) for name in reading.names],
        means=means,
        mean=mean,
        std=std,
        differences=compute_differences(means, mean, std),
    )


def list_clusters(
    present: Ints,
    numbering: Numbering,
    last: LastNight | None,
    search: Search,
    stability: Stability | None,
    tally: Tally,
    profile: Profile,
    ids: Mapping[int, Any],
    rows: MiningRows,
) -> list[Cluster]:
    """List the clusters by their numbers, each with its name, figures and telling members.

    Parameters
    ----------
    present : ndarray of int of shape (n_present,)
        Labels of the clusters that have rows.
    numbering : Numbering
        Of these clusters.
    last : LastNight or None
        Whose clusters keep their names.
    search : Search
    stability : Stability or None
        None where no resample was asked for.
    tally : Tally
    profile : Profile
    ids : mapping of int to object
        Ids of the members that ``tally`` holds, by their places among the training rows.
    rows : MiningRows
        Says what the classes are, and whether rows are images.

    Returns
    -------
    list of Cluster
    """
    has_classes = rows.class_column is not None
    names = choose_names(numbering, last.names) if last is not None else {}
    listed = []
    # The largest choose their names first.
    for place in np.lexsort((present, -tally.sizes[present])):
        label, number = int(present[place]), int(numbering.numbers[place])
        counts = tuple(int(n) for n in tally.class_counts_[label, :-1]) if has_classes else ()
        if place not in names:
            names[place] = (
                name_image_cluster(number, *find_most_frequent(counts, rows.preparation.classes))
                if rows.is_image
                else name_cluster(
                    profile.differences[place], profile.originals, number, set(names.values())
                )
            )
        typical = tally.typical_.list_of(label)
        border = [p for p in tally.border_.list_of(label) if p not in typical]
        jaccard = None if stability is None else float(stability.jaccard[label])
        listed.append(
            Cluster(
                place=int(place),
                label=label,
                number=number,
                name=names[place],
                n_rows=int(tally.sizes[label]),
                is_new=bool(numbering.is_new[place]),
                silhouette=search.silhouette.by_cluster.get(label),
                jaccard=None if jaccard is None or np.isnan(jaccard) else jaccard,
                class_counts=counts,
                typical=tuple(typical),
                border=tuple(border),
                typical_ids=tuple(ids[p] for p in typical),
                border_ids=tuple(ids[p] for p in border),
            )
        )
    return sorted(listed, key=lambda cluster: cluster.number)


def describe_space(reading: ClusterReading) -> dict[str, Any]:
    """Describe where the rows were grouped: on which inputs, or on how many of their components.

    Parameters
    ----------
    reading : ClusterReading

    Returns
    -------
    dict
        JSON-able; ``n_components`` and ``explained_variance_fraction`` (0 to 1) are None where the
        rows were grouped on their standardised inputs.
    """
    space = reading.space
    constant = [
        name
        for name, is_varying in zip(reading.names, space.is_varying, strict=True)
        if not is_varying
    ]
    ratios = space.explained_variance_ratio
    grouped_on = ratios[: space.n_components] if space.n_components is not None else None
    return {
        "n_inputs": len(reading.names),
        "n_constant": len(constant),
        "constant": constant[:MAX_LISTED_CONSTANTS],
        "n_components": space.n_components,
        "explained_variance_fraction": None
        if grouped_on is None
        else round_or_none(sum(grouped_on)),
        "map_variance": [round_or_none(ratio) for ratio in ratios[:2]],
    }


def compare_with_classes(tally: Tally, rows: MiningRows) -> dict[str, Any]:
    """Compare with the classes, which the algorithm did not see; noise is in no cluster's purity.

    Parameters
    ----------
    tally : Tally
        Of all training rows.
    rows : MiningRows

    Returns
    -------
    dict
        JSON-able: ``classes``, ``purity`` (0 to 1) and ``adjusted_rand_index``; None without classes.
    """
    if rows.class_column is None:
        return {"classes": [], "purity": None, "adjusted_rand_index": None}
    counts = tally.class_counts_[:, :-1]
    return {
        "classes": list(rows.preparation.classes)[: documents.MAX_LISTED_CLASSES],
        "purity": round_or_none(measure_purity(counts[:-1])),
        "adjusted_rand_index": round_or_none(measure_rand_index(counts)),
    }


def describe_changes(
    numbering: Numbering, overlap: Counts | None, last: LastNight | None
) -> dict[str, Any] | None:
    """Describe what changed since last night; None without one.

    Parameters
    ----------
    numbering : Numbering
    overlap : ndarray of int64 of shape (n_old + 1, n_present + 1) or None
        Rows in both nights, by last night's cluster and tonight's; the last of each are noise.
    last : LastNight or None

    Returns
    -------
    dict or None
        JSON-able; ``moved_share`` is None where no row is in both nights.
    """
    if last is None or overlap is None:
        return None
    moves = count_moves(overlap, last.numbers, numbering.numbers)
    return {
        "date": last.date,
        "n_rows_both": moves.n_rows,
        "n_moved": moves.n_moved,
        "moved_share": round_or_none(moves.n_moved / moves.n_rows) if moves.n_rows else None,
        "n_moves": len(moves.moves),
        "moves": [
            {"from": source, "to": target, "n_rows": n}
            for source, target, n in moves.moves[:MAX_LISTED_MOVES]
        ],
        "new": sorted(int(n) for n in numbering.numbers[numbering.is_new]),
        "gone": [
            {
                "cluster": number,
                "name": last.names.get(number, f"cluster {number}"),
                "n_rows": last.sizes.get(number),
            }
            for number in numbering.gone
        ],
        "sizes": {str(number): n for number, n in sorted(last.sizes.items())},
    }

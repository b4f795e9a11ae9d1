"""The documents of ``mining.clusters``: what was found, as JSON and as one line per cluster.

Pure module; figures have six significant digits, since more would be noise and a retry gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.mining.clusters.differences import say_input
from tasks.mining.clusters.search import Search
from tasks.mining.clusters.stability import Stability, say_stability
from tasks.mining.documents import round_or_none
from tasks.preparation.originals import Original

Floats = npt.NDArray[np.floating[Any]]

FORMAT = 1
MAX_LISTED_INPUTS = 200  # in the JSON document, the most telling; the CSV has all
MAX_LISTED_CLASSES = 50  # whose counts per cluster are in the document
_NOTHING = 1e-9  # standard deviations


@dataclass(frozen=True)
class Cluster:
    """One cluster, as it is described.

    Parameters
    ----------
    place : int
        Its row in :class:`Profile`.
    label : int
        Its number in the model.
    number, name : int and str
        What it is called from night to night.
    n_rows : int
        Training rows.
    is_new : bool
        Whether last night did not have it; true on the first night.
    silhouette, jaccard : float or None
        Of its rows, and its similarity on resamples; None where no sample held it.
    class_counts : tuple of int
        Rows per class; empty where rows have none.
    typical, border : tuple of int
        Places of the rows nearest to its centre, and of those least clearly in it.
    typical_ids, border_ids : tuple
        The ids of these rows.
    """

    place: int
    label: int
    number: int
    name: str
    n_rows: int
    is_new: bool
    silhouette: float | None
    jaccard: float | None
    class_counts: tuple[int, ...]
    typical: tuple[int, ...]
    border: tuple[int, ...]
    typical_ids: tuple[Any, ...]
    border_ids: tuple[Any, ...]


@dataclass(frozen=True)
class Profile:
    """The clusters' means, input by input; empty for images, whose centres are pictures.

    Parameters
    ----------
    originals : sequence of Original
        Of the n_inputs inputs.
    means : ndarray of shape (n_clusters, n_inputs)
        Of the clean values.
    mean, std : ndarray of shape (n_inputs,)
        Of all training rows.
    differences : ndarray of shape (n_clusters, n_inputs)
        In standard deviations.
    """

    originals: Sequence[Original]
    means: Floats
    mean: Floats
    std: Floats
    differences: Floats

    def rank(self) -> list[int]:
        """List the inputs, the one that tells any cluster most apart first."""
        widest = np.nan_to_num(np.abs(self.differences)).max(axis=0, initial=0.0)
        return [int(i) for i in np.argsort(-widest, kind="stable")]


def restore_mean(original: Original, mean: float, std: float) -> float | None:
    """Turn a clean mean into the user's unit; what summing left of a zero is zero.

    Parameters
    ----------
    original : Original
    mean, std : float
        Clean mean of some rows, and standard deviation of all.

    Examples
    --------
    >>> restore_mean(Original("town_Rome", "town", category="Rome"), -1e-17, 0.4)
    0.0
    """
    value, other = (float(v) for v in original.restore([mean, mean + std]))
    if abs(value) <= _NOTHING * abs(other - value):
        return 0.0
    if original.category is not None:  # a share
        value = min(max(round(value, 9), 0.0), 1.0)
    return round_or_none(value)


def describe_search(search: Search, word: str) -> dict[str, Any]:
    """Describe how the clusters were found, and how well they are apart.

    Parameters
    ----------
    search : Search
    word : str
        What its mean silhouette means.

    Returns
    -------
    dict
        JSON-able; ``silhouette_curve`` is empty where the number was given.
    """
    return {
        "silhouette": round_or_none(search.silhouette.mean),
        "structure": word,
        "silhouette_curve": [
            {"k": k, "silhouette": round_or_none(value)} for k, value in search.curve.items()
        ],
        "min_cluster_size": search.min_cluster_size,
        "n_rows_choice": search.n_rows_choice,
        "n_rows_silhouette": search.silhouette.n_rows,
    }


def describe_stability(stability: Stability | None) -> dict[str, Any] | None:
    """Describe how alike the clusters came out on resamples; None where none was drawn.

    Parameters
    ----------
    stability : Stability or None

    Returns
    -------
    dict or None
        JSON-able: mean and 5th percentile of the adjusted Rand indices, resamples and their rows.
    """
    if stability is None or not stability.adjusted_rand:
        return None
    indices = np.asarray(stability.adjusted_rand)
    return {
        "n_bootstraps": len(indices),
        "n_rows": stability.n_rows,
        "adjusted_rand_mean": round_or_none(float(indices.mean())),
        "adjusted_rand_p5": round_or_none(float(np.percentile(indices, 5))),
    }


def describe_clusters(
    clusters: Sequence[Cluster], profile: Profile, classes: Sequence[Any], n_rows: int
) -> list[dict[str, Any]]:
    """Describe every cluster.

    Parameters
    ----------
    clusters : sequence of Cluster
        In the order of their numbers.
    profile : Profile
    classes : sequence
        Of the target; empty without one.
    n_rows : int
        Training rows.

    Returns
    -------
    list of dict
        JSON-able; ``means`` (the user's units) and ``differences`` (standard deviations) are in the
        order of :func:`describe_inputs`.
    """
    shown = profile.rank()[:MAX_LISTED_INPUTS]
    described = []
    for cluster in clusters:
        most, share = find_most_frequent(cluster.class_counts, classes)
        described.append(
            {
                "cluster": cluster.number,
                "name": cluster.name,
                "n_rows": cluster.n_rows,
                "share": round_or_none(cluster.n_rows / n_rows),
                "is_new": cluster.is_new,
                "silhouette": round_or_none(cluster.silhouette),
                "stability": round_or_none(cluster.jaccard),
                "stability_word": None
                if cluster.jaccard is None
                else say_stability(cluster.jaccard),
                "most_frequent_class": most,
                "class_share": round_or_none(share),
                "class_counts": list(cluster.class_counts)
                if len(classes) <= MAX_LISTED_CLASSES
                else [],
                "typical_ids": list(cluster.typical_ids),
                "border_ids": list(cluster.border_ids),
                "means": [
                    restore_mean(
                        profile.originals[i], profile.means[cluster.place, i], profile.std[i]
                    )
                    for i in shown
                ],
                "differences": [
                    round_or_none(float(profile.differences[cluster.place, i])) for i in shown
                ],
            }
        )
    return described


def describe_inputs(profile: Profile) -> list[dict[str, Any]]:
    """Describe the inputs, the most telling first: name, words, kind, and the mean of all rows.

    Parameters
    ----------
    profile : Profile

    Returns
    -------
    list of dict
        JSON-able, at most 200; ``mean`` and ``std`` are in the user's units.
    """
    described = []
    for i in profile.rank()[:MAX_LISTED_INPUTS]:
        original = profile.originals[i]
        low, high = original.restore([0.0, profile.std[i]])
        described.append(
            {
                "name": original.clean,
                "label": say_input(original),
                # A share of rows with the category, a code of categories in order, or a number.
                "kind": "share"
                if original.category is not None
                else "number"
                if original.is_number
                else "code",
                "categories": list(original.categories),
                "mean": restore_mean(original, profile.mean[i], profile.std[i]),
                "std": round_or_none(abs(float(high - low))),
            }
        )
    return described


def find_most_frequent(
    counts: Sequence[int], classes: Sequence[Any]
) -> tuple[Any | None, float | None]:
    """Find a cluster's most frequent class and its share; None where its rows have none.

    Parameters
    ----------
    counts : sequence of int
        Rows per class.
    classes : sequence

    Examples
    --------
    >>> find_most_frequent((1, 3), ("ant", "bee"))
    ('bee', 0.75)
    """
    total = sum(counts)
    if not total:
        return None, None
    most = max(range(len(counts)), key=lambda code: (counts[code], -code))
    return classes[most], counts[most] / total


def tabulate_clusters(
    clusters: Sequence[Mapping[str, Any]], members: Sequence[Cluster], profile: Profile
) -> pd.DataFrame:
    """Make one line per cluster: what the document says of it, and the mean of every input.

    Parameters
    ----------
    clusters : sequence of mapping
        As :func:`describe_clusters` describes them.
    members : sequence of Cluster
        The same clusters.
    profile : Profile

    Returns
    -------
    DataFrame
    """
    plain = (
        "cluster", "name", "n_rows", "share", "silhouette", "stability", "most_frequent_class",
        "class_share",
    )  # fmt: skip
    table = pd.DataFrame([{key: cluster[key] for key in plain} for cluster in clusters])
    for key in ("typical_ids", "border_ids"):
        table[key] = [" ".join(map(str, cluster[key])) for cluster in clusters]
    places = [cluster.place for cluster in members]
    means = {
        f"mean of {original.clean}": [
            restore_mean(original, profile.means[place, i], profile.std[i]) for place in places
        ]
        for i, original in enumerate(profile.originals)
    }
    return pd.concat([table, pd.DataFrame(means)], axis=1)

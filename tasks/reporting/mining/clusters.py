"""The section of the report on ``mining.clusters``: which groups there are, and whether to believe in them.

Pure but for reading the folder that ``tasks.mining.clusters`` wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.dataset import Dataset
from tasks.reporting import charts
from tasks.reporting.chart import Chart, get_figure
from tasks.reporting.mining.findings import Findings, read_json
from tasks.reporting.style import say_count

ALGORITHMS = {
    "kmeans": "k-means",
    "minibatch_kmeans": "mini-batch k-means",
    "gaussian_mixture": "a Gaussian mixture",
    "hdbscan": "HDBSCAN",
}
MAX_TOLD = 20  # clusters in the table, the largest; the files have all
MAX_TOLD_DIFFERENCES = 3  # inputs that set a cluster apart, in the table
MAX_TOLD_IDS = 3
MAX_TOLD_MOVES = 10
MAX_PICTURED = 12  # clusters in the gallery, the largest
# Fewer rows than this share of all are called few: k-means gives outliers clusters of their own.
SMALL_SHARE = 0.01


@dataclass(frozen=True)
class ClustersFindings(Findings):
    """The clusters of a night.

    Parameters
    ----------
    document : mapping
        ``clusters.json``.
    members : DataFrame
        Points of the map: ``id``, ``cluster``, ``class`` where there is one, ``pc1``, ``pc2``.
    centres : ndarray of shape (n_clusters, height, width, channels) or None
        Of images, in the order of the document.
    typical, border : ndarray of shape (n_pictures, height, width, channels) or None
        Of images: members of the pictured clusters, one cluster after the other.
    """

    KIND: ClassVar[str] = "clusters"
    TITLE: ClassVar[str] = "Clusters"
    TEMPLATE: ClassVar[str] = "mining_clusters.html"

    members: pd.DataFrame
    centres: npt.NDArray[Any] | None = None
    typical: npt.NDArray[Any] | None = None
    border: npt.NDArray[Any] | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read from the folder that ``mine_clusters`` wrote."""
        document = read_json(folder / "clusters.json")
        members = Dataset.open(folder / "members", verify=False).table().to_pandas()
        if document["image_shape"] is None:
            return cls(document, members)
        pictures = (np.load(folder / f"{name}.npy") for name in ("centres", "typical", "border"))
        return cls(document, members, *pictures)

    def draw(self) -> Iterator[Chart]:
        """Draw the map, what sets the clusters apart, their sizes, their number and their stability."""
        yield from self._draw_maps()
        yield from self._draw_looks()
        table = tabulate_clusters(self.document)
        yield Chart(
            "cluster_sizes",
            "clusters",
            get_figure(charts.plot_cluster_sizes(table, self.document["n_noise"])),
            table,
            "A cluster keeps its number and its name from night to night, as long as more than half of "
            "its rows stay together.",
            f"Bar chart of the rows of {say_count(len(table), 'cluster')}.",
        )
        yield from self._draw_choice()
        stability = self.document["stability"]
        if stability is not None and table["stability"].notna().any():
            yield Chart(
                "cluster_stability",
                "clusters",
                get_figure(charts.plot_stability(table, stability["n_bootstraps"])),
                table,
                "The search was repeated on rows drawn again: 1 means that the same rows came together "
                "every time. Clusters below 0.75 may be an accident of these rows.",
                f"Dot plot of the similarity of {say_count(len(table), 'cluster')} on resamples.",
            )

    def tell(self) -> Mapping[str, Any]:
        """Make what the partial shows."""
        document = self.document
        since = document["since"]
        largest = sorted(document["clusters"], key=lambda c: (-c["n_rows"], c["cluster"]))
        told = sorted(largest[:MAX_TOLD], key=lambda c: int(c["cluster"]))
        keys = (
            "n_rows", "n_rows_fitted", "k", "space", "silhouette", "structure", "stability", "n_noise",
            "min_cluster_size", "purity", "adjusted_rand_index", "silhouette_curve", "by",
            "n_rows_silhouette",
        )  # fmt: skip
        return {
            **{key: document[key] for key in keys},
            "algorithm": ALGORITHMS.get(document["by"], document["by"]),
            "has_classes": bool(document["classes"]),
            "is_image": document["image_shape"] is not None,
            "clusters": [self._tell_cluster(cluster) for cluster in told],
            "since": None
            if since is None
            else {
                **{key: since[key] for key in ("date", "n_rows_both", "n_moved", "moved_share")},
                "moves": since["moves"][:MAX_TOLD_MOVES],
                "n_moves": since["n_moves"],
                "new": since["new"][:MAX_TOLD],
                "n_new": len(since["new"]),
                "gone": since["gone"][:MAX_TOLD],
                "n_gone": len(since["gone"]),
            },
        }

    def _tell_cluster(self, cluster: Mapping[str, Any]) -> dict[str, Any]:
        since = self.document["since"]
        ranked = sorted(
            zip(self.document["inputs"], cluster["means"], cluster["differences"], strict=True),
            key=lambda told: -abs(told[2] or 0.0),
        )
        return {
            **cluster,
            "n_rows_before": None
            if since is None or cluster["is_new"]
            else since["sizes"].get(str(cluster["cluster"])),
            "is_small": cluster["share"] < SMALL_SHARE,
            "apart": [
                {"input": told, "mean": mean, "difference": difference}
                for told, mean, difference in ranked[:MAX_TOLD_DIFFERENCES]
                if difference
            ],
            "typical_ids": cluster["typical_ids"][:MAX_TOLD_IDS],
            "border_ids": cluster["border_ids"][:MAX_TOLD_IDS],
        }

    def _draw_maps(self) -> Iterator[Chart]:
        """Draw the map by cluster and, where rows have one, by class."""
        ratios = self.document["space"]["map_variance"]
        if len(ratios) < 2:
            return
        explained = (ratios[0], ratios[1])
        shown = say_count(len(self.members), "training row")
        noise = " Grey points belong to no cluster." if self.document["n_noise"] else ""
        yield Chart(
            "map_by_cluster",
            "clusters",
            get_figure(charts.plot_cluster_map(self.members, explained, self.document["k"])),
            self.members,
            f"{shown}, one point each, with the cluster's number at its median.{noise} Clusters that "
            "overlap here may lie apart along further components.",
            f"Scatter plot of {shown} on the first two principal components, coloured by cluster.",
        )
        if "class" in self.members:
            yield Chart(
                "map_by_class",
                "clusters",
                get_figure(charts.plot_map(self.members, "class", explained)),
                self.members,
                "The same points by their class, which the search did not see: where the colours of "
                "both maps agree, the classes are apart in the inputs themselves.",
                f"Scatter plot of {shown} on the first two principal components, coloured by class.",
            )

    def _draw_looks(self) -> Iterator[Chart]:
        """Draw what sets the clusters apart: of images pictures, of tables the inputs."""
        if self.centres is not None and self.typical is not None and self.border is not None:
            table, places = tabulate_pictures(self.document)
            typical = _pick(self.typical, table["n_typical"], places)
            border = _pick(self.border, table["n_border"], places)
            numbers = [c["cluster"] for c in self.document["clusters"]]
            centres = self.centres[[numbers.index(n) for n in table["cluster"].iloc[places]]]
            shown = table.iloc[places]
            yield Chart(
                "cluster_pictures",
                "clusters",
                get_figure(
                    charts.plot_cluster_pictures(
                        shown, centres, typical, border, self.document["k"]
                    )
                ),
                shown,
                "The mean of a cluster's training images, pixel by pixel, is sharp where they are alike. "
                "Typical images are nearest to the centre; those at the border nearly belong elsewhere.",
                f"Gallery of {say_count(len(shown), 'cluster')} with their mean, typical and border images.",
            )
            return
        table = tabulate_differences(self.document)
        if not table.empty:
            yield Chart(
                "cluster_differences",
                "clusters",
                get_figure(charts.plot_cluster_differences(table)),
                table,
                "Blue is above the mean of all training rows, orange below; from half a standard "
                "deviation on a difference is seen with the naked eye.",
                "Heat map of the difference of the clusters' means from the mean of all rows.",
            )

    def _draw_choice(self) -> Iterator[Chart]:
        curve = tabulate_silhouette(self.document)
        chosen = curve[curve["k"] == self.document["k"]]
        if len(curve) < 2 or chosen["silhouette"].isna().all():
            return
        is_sampled = self.document["n_rows_choice"] < self.document["n_rows_fitted"]
        later = " while the number was looked for; then all were fitted again" if is_sampled else ""
        yield Chart(
            "silhouette",
            "clusters",
            get_figure(charts.plot_silhouette_curve(curve, self.document["k"])),
            curve,
            "1 means far from every other cluster, 0 on the border between two. Measured on at most "
            f"{say_count(self.document['n_rows_silhouette'], 'row')}{later}.",
            f"Line chart of the mean silhouette for {say_count(len(curve), 'number')} of clusters.",
        )


def tabulate_clusters(document: Mapping[str, Any]) -> pd.DataFrame:
    """Clusters: ``cluster``, ``name``, ``n_rows``, ``silhouette``, ``stability``, class and its share."""
    columns = ["cluster", "name", "n_rows", "silhouette", "stability"]
    table = pd.DataFrame(
        document["clusters"], columns=[*columns, "most_frequent_class", "class_share"]
    )
    return table.astype({"silhouette": "float64", "stability": "float64", "class_share": "float64"})


def tabulate_silhouette(document: Mapping[str, Any]) -> pd.DataFrame:
    """Mean silhouette of each number that was tried: columns ``k``, ``silhouette``."""
    table = pd.DataFrame(document["silhouette_curve"], columns=["k", "silhouette"])
    return table.astype({"silhouette": "float64"})


def tabulate_differences(document: Mapping[str, Any]) -> pd.DataFrame:
    """Differences: ``cluster``, ``n_rows``, ``input``, ``label``, ``mean``, ``difference``."""
    return pd.DataFrame(
        [
            (c["cluster"], c["n_rows"], told["name"], told["label"], mean, difference)
            for c in document["clusters"]
            for told, mean, difference in zip(
                document["inputs"], c["means"], c["differences"], strict=True
            )
            if difference is not None
        ],
        columns=["cluster", "n_rows", "input", "label", "mean", "difference"],
    )


def tabulate_pictures(document: Mapping[str, Any]) -> tuple[pd.DataFrame, list[int]]:
    """List the clusters with pictures: ``cluster``, ``name``, ``n_rows``, ``n_typical``, ``n_border``.

    Returns
    -------
    table : DataFrame
    places : list of int
        Its rows to show, the largest clusters.
    """
    pictured = set(document["pictured"])
    table = pd.DataFrame(
        [
            (c["cluster"], c["name"], c["n_rows"], len(c["typical_ids"]), len(c["border_ids"]))
            for c in document["clusters"]
            if c["cluster"] in pictured
        ],
        columns=["cluster", "name", "n_rows", "n_typical", "n_border"],
    )
    largest = np.argsort(-table["n_rows"].to_numpy(), kind="stable")[:MAX_PICTURED]
    return table, sorted(int(place) for place in largest)


def _pick(
    images: npt.NDArray[Any], counts: pd.Series[int], places: Sequence[int]
) -> npt.NDArray[Any]:
    """Pick the pictures of some clusters from those of all, which lie one cluster after the other."""
    by_cluster = np.split(images, np.cumsum(counts.to_numpy())[:-1])
    return np.concatenate([by_cluster[place] for place in places])

"""The section of the report on ``mining.pca``: how much the components hold, what they are, and the map.

Pure but for reading the folder that ``tasks.mining.pca`` wrote.
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
from tasks.reporting.charts.components import MAX_HEAT_COMPONENTS
from tasks.reporting.mining.findings import Findings, read_json
from tasks.reporting.style import say_count, say_percent

MAX_TOLD = 6  # components in the table; the chart and the files have more


@dataclass(frozen=True)
class PcaFindings(Findings):
    """The principal components of a night.

    Parameters
    ----------
    document : mapping
        ``pca.json``.
    members : DataFrame
        Points of the map: ``id``, ``class`` where there is one, ``pc1``, ``pc2``.
    loadings : DataFrame or None
        Of a table: ``component``, ``input``, ``label``, ``weight``, ``correlation``.
    images : ndarray of shape (n_components, height, width, channels) or None
        The components of images.
    """

    KIND: ClassVar[str] = "pca"
    TITLE: ClassVar[str] = "Principal components"
    TEMPLATE: ClassVar[str] = "mining_pca.html"

    members: pd.DataFrame
    loadings: pd.DataFrame | None = None
    images: npt.NDArray[Any] | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read from the folder that ``mine_components`` wrote."""
        document = read_json(folder / "pca.json")
        members = Dataset.open(folder / "members", verify=False).table().to_pandas()
        if document["image_shape"] is not None:
            return cls(document, members, images=np.load(folder / "components.npy"))
        texts = {"input": str, "column": str, "category": str, "label": str}
        # A column may be called "NA".
        loadings = pd.read_csv(folder / "loadings.csv", dtype=texts, keep_default_na=False)
        return cls(document, members, loadings=loadings)

    def draw(self) -> Iterator[Chart]:
        """Draw the explained variance, the components and the map."""
        variance = tabulate_variance(self.document)
        yield Chart(
            "explained_variance",
            "pca",
            get_figure(charts.plot_explained_variance(variance)),
            variance,
            "Inputs are standardised first, so that each counts the same. Where the line flattens, "
            "further components are mostly noise.",
            f"Bars and line of the variance explained by {say_count(len(variance), 'component')}.",
        )
        yield from self._draw_components(variance)
        if self.document["n_components"] > 1:
            yield self._draw_map()

    def tell(self) -> Mapping[str, Any]:
        """Make what the partial shows."""
        document, since = self.document, self.document["since"]
        before = since["explained_variance_ratio"] if since is not None else []
        told = [
            {**component, "before": before[i] if i < len(before) else None}
            for i, component in enumerate(document["components"][:MAX_TOLD])
        ]
        keys = ("n_rows", "n_rows_fitted", "n_inputs", "n_constant_inputs", "constant_inputs")
        return {
            **{key: document[key] for key in keys},
            "n_components": document["n_components"],
            "explained_variance_fraction": document["explained_variance_fraction"],
            "n_components_for": _cut_unreached(document["n_components_for"]),
            "components": told,
            "has_inputs": any(component["most_telling_inputs"] for component in told),
            "has_before": bool(before),
            "since": since,
        }

    def _draw_components(self, variance: pd.DataFrame) -> Iterator[Chart]:
        if self.images is not None:
            yield Chart(
                "components",
                "pca",
                get_figure(charts.plot_component_images(variance, self.images)),
                variance,
                "Blue pixels are bright where orange ones are dark, or the other way round: a "
                "component has no sign of its own. Pale pixels take no part."
                if self.images.shape[-1] != 3
                else "Each component as a colour about grey: grey pixels take no part.",
                f"Gallery of the first of {say_count(len(self.images), 'component')} as pictures.",
            )
        elif self.loadings is not None:
            shown = self.loadings[self.loadings["component"] <= MAX_HEAT_COMPONENTS]
            yield Chart(
                "loadings",
                "pca",
                get_figure(charts.plot_loadings(shown)),
                shown,
                "Correlation of each input with each component: blue rises with it, orange falls. "
                "The signs of one column may be turned around together.",
                "Heat map of the correlation of inputs with the first components.",
            )

    def _draw_map(self) -> Chart:
        first, second = self.document["explained_variance_ratio"][:2]
        by = "class" if "class" in self.members else None
        shown = say_count(len(self.members), "training row")
        return Chart(
            "map" if by is None else "map_by_class",
            "pca",
            get_figure(charts.plot_map(self.members, by, (first, second))),
            self.members,
            f"{shown}, one point each; near points have alike inputs, as far as "
            f"{say_percent(min(1.0, first + second))} of the variance can tell."
            + (" A name stands at the median of its class." if by else ""),
            f"Scatter plot of {shown} on the first two principal components.",
        )


def tabulate_variance(document: Mapping[str, Any]) -> pd.DataFrame:
    """Shares of the variance: columns ``component`` (from 1), ``ratio``, ``cumulative`` (0 to 1)."""
    ratio = np.asarray(document["explained_variance_ratio"], dtype=np.float64)
    return pd.DataFrame(
        {
            "component": np.arange(1, len(ratio) + 1),
            "ratio": ratio,
            # Ratios of six digits add up to all but for the last one.
            "cumulative": np.minimum(np.round(np.cumsum(ratio), 5), 1.0),
        }
    )


def _cut_unreached(counted: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Keep the first share that the components do not reach: those after it say the same again."""
    reached = [held for held in counted if held["n_components"] is not None]
    return [*reached, *counted[len(reached) : len(reached) + 1]]

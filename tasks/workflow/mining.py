"""The key ``mining`` of a workflow file: what to look for in the rows.

Read by ``tasks.mining``; the attribute docstrings become the descriptions of the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.workflow.base import WorkflowModel, refuse
from tasks.workflow.fields import ColumnNames, PositiveInt

Measure = Literal["lift", "confidence", "support", "leverage", "conviction"]
AtLeastTwo = Annotated[int, Field(ge=2)]


class Pca(WorkflowModel):
    """Principal components of the standardised training rows, and the map of the data on the first two."""

    components: PositiveInt = 20
    """How many, at most as many as there are inputs that vary."""
    columns: ColumnNames | None = None
    """Which features; by default all inputs."""


class Clusters(WorkflowModel):
    """Which groups there are in the training rows."""

    by: Literal["kmeans", "minibatch_kmeans", "gaussian_mixture", "hdbscan"] = "kmeans"
    """The algorithm. `hdbscan` finds the number of clusters itself and leaves rows that belong to none as noise."""
    columns: ColumnNames | None = None
    """Which features; by default all inputs but the indicators of missing values. Inputs are standardised first, the categories of one column together."""
    pca: PositiveInt | None = None
    """Look on so many principal components; by default on 20 of them for images and for more than 20 inputs, else on the inputs themselves."""
    k: AtLeastTwo | tuple[AtLeastTwo, AtLeastTwo] | None = None
    """Number of clusters, or the range [least, most] from which the silhouette chooses; by default [2, 10]. Not for `hdbscan`."""
    min_cluster_size: AtLeastTwo | None = None
    """For `hdbscan`: fewer rows are noise; by default one in a hundred of the rows it is fitted on, which are at most 10,000, and at least 5."""
    bootstraps: Annotated[int, Field(ge=0, le=200)] = 20
    """Resamples that measure how stable the clusters are; 0 for none."""

    @model_validator(mode="after")
    def _check_together(self) -> Clusters:
        if isinstance(self.k, tuple) and self.k[0] > self.k[1]:
            raise refuse("k", f"[{self.k[0]}, {self.k[1]}]", "[least, most]")
        if self.by == "hdbscan" and self.k is not None:
            raise refuse("k", "'k' with hdbscan", "'min_cluster_size', or another algorithm")
        if self.by != "hdbscan" and self.min_cluster_size is not None:
            raise refuse("min_cluster_size", f"it with {self.by}", "it with hdbscan only")
        return self


class BasketColumn(WorkflowModel):
    """One row per basket: a column of text that lists its items."""

    column: str
    """Its name; a column of `columns.keep`."""
    separator: Annotated[str, Field(min_length=1)] = ","
    """What stands between two items; spaces around an item do not count."""


class BasketPairs(WorkflowModel):
    """One row per item of a basket."""

    basket: str
    """The column that says which basket; a column of `columns.keep`."""
    item: str
    """The column that names the item; a column of `columns.keep`."""


class Rules(WorkflowModel):
    """What goes with what: association rules in baskets, or in the rows of a table."""

    baskets: BasketColumn | BasketPairs | None = None
    """Where the baskets stand; by default every row of the table is a basket of its values, numbers in bins."""
    columns: ColumnNames | None = None
    """Of a table: which features, kept columns and the target; by default all features and the target."""
    bins: Annotated[int, Field(ge=2, le=20)] = 4
    """Of a table: a column of numbers becomes so many bins with about as many rows each."""
    min_support: Annotated[float, Field(gt=0.0, le=1.0)] = 0.01
    """Share of the baskets that a rule's items must stand in together."""
    min_confidence: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Share of the baskets with the left side that must have the right side too."""
    max_length: Annotated[int, Field(ge=2, le=20)] = 5
    """Items of a rule, both sides together."""
    max_right: PositiveInt = 1
    """Items on the right side."""
    right: ColumnNames | None = None
    """Only rules whose right side is made of these items; of a table, of these columns."""
    max_false_discovery_rate: Annotated[float, Field(gt=0.0, le=1.0)] | None = 0.05
    """Which share of the rules may be there by chance (Fisher's exact test, Benjamini-Hochberg); null keeps rules whatever chance says."""
    keep_implied: bool = False
    """Keep also rules that a simpler one with at least the same confidence implies."""
    sort_by: Measure = "lift"
    """What comes first."""
    max_rules: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """How many are kept, the first ones."""


class Tree(WorkflowModel):
    """Which few questions decide the target: a decision tree, the readable model."""

    target: str | None = None
    """What to decide: by default `columns.target`; or a feature that holds numbers, which makes it a regression."""
    columns: ColumnNames | None = None
    """Which features to ask about; by default all inputs."""
    criterion: Literal["gini", "entropy"] = "gini"
    """What a question must lower, where the target is a class; of a number it is the squared error."""
    max_depth: Annotated[int, Field(ge=1, le=20)] = 6
    """At most so many questions in a row; cross-validation may choose fewer."""
    min_leaf_rows: PositiveInt = 5
    """Training rows that every answer must rest on."""
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    """Parts of the cross-validation that chooses depth and pruning."""
    choose: Literal["simplest", "best"] = "simplest"
    """`simplest` takes the smallest tree within one standard error of the best score, `best` the best score."""


class Mining(WorkflowModel):
    """What to look for in the training rows."""

    required: bool = False
    """Whether the night stops when something cannot be found; by default the report says so and the night goes on."""
    pca: Pca | None = None
    """Principal components."""
    clusters: Clusters | None = None
    """Which groups there are."""
    rules: Rules | None = None
    """What goes with what."""
    tree: Tree | None = None
    """Which few questions decide the target."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is looked for, in the order of the report."""
        return tuple(kind for kind in KINDS if getattr(self, kind) is not None)


KINDS = ("pca", "clusters", "rules", "tree")

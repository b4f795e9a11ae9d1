"""The keys of a workflow file as immutable models.

Read by ``tasks.workflow.reader``; the attribute docstrings become the descriptions of the JSON Schema.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from tasks.workflow.base import WorkflowModel, refuse

RESERVED_COLUMNS = frozenset({"id", "source", "line", "split"})  # Nocturne gives these itself
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
RESERVED_NAMES = frozenset({"rollback", "scoring", "housekeeping"})  # DAGs of the house itself

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
PositiveInt = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Activation = Literal["relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "linear"]


# --- source -----------------------------------------------------------------------------------


class Arrival(WorkflowModel):
    """Replays the rows of a built-in source as nightly arrivals, in their order."""

    first: datetime.date = Field(alias="from")
    """The first night with rows."""
    nights: PositiveInt
    """The rows arrive in this many equal parts, one a night."""

    def count_arrived(self, n_rows: int, night: datetime.date) -> int:
        """Count the rows that have arrived by a night: none before the first, all from the last on."""
        n_nights = (night - self.first).days + 1
        return n_rows * max(0, min(n_nights, self.nights)) // self.nights


class SklearnSource(WorkflowModel):
    """A data set that ships inside scikit-learn; no network is needed."""

    kind: Literal["sklearn"]
    dataset: Literal["digits", "wine", "breast_cancer", "iris"]
    """Which of scikit-learn's built-in data sets."""
    arrives: Arrival | None = None
    """Let the rows arrive over several nights; by default all are there."""


class KerasSource(WorkflowModel):
    """A data set of ``keras.datasets``, downloaded once, or read from the file that NOCTURNE_MNIST names."""

    kind: Literal["keras"]
    dataset: Literal["mnist"]
    """Which of Keras's data sets."""
    arrives: Arrival | None = None
    """Let the training rows arrive over several nights; by default all are there."""


class FilesSource(WorkflowModel):
    """Files of your own: CSV with a header, or Parquet."""

    kind: Literal["files"]
    path: str
    """A path or a glob, relative to the workflow file's folder; files are read in the order of their names."""
    format: Literal["csv", "parquet"] = "csv"
    """How the files are written."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """What separates the values of a CSV file."""


Source = Annotated[SklearnSource | KerasSource | FilesSource, Field(discriminator="kind")]


# --- columns, cleaning, split -----------------------------------------------------------------


class Image(WorkflowModel):
    """The column that holds the images."""

    column: str = "image"
    """Its name."""
    tensor: tuple[PositiveInt, PositiveInt, PositiveInt]
    """Height, width and channels of one image."""


class Columns(WorkflowModel):
    """Which column plays which part."""

    id: str | None = None
    """Identifies a row from night to night; by default the source's own row number."""
    target: str
    """What the models predict: a class."""
    image: Image | None = None
    """The images to predict from (this, or `features`)."""
    features: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The numeric columns to predict from (this, or `image`)."""

    @model_validator(mode="after")
    def _check_inputs(self) -> Columns:
        if (self.image is None) == (self.features is None):
            found = "neither" if self.image is None else "both"
            raise refuse("", f"{found} of 'image' and 'features'", "exactly one of them")
        if self.features and len(set(self.features)) != len(self.features):
            raise refuse("features", "a feature twice", "each feature once")
        for name in (self.target, *self.inputs):
            if name in RESERVED_COLUMNS:
                at = "target" if name == self.target else "features" if self.features else "image"
                names = ", ".join(sorted(RESERVED_COLUMNS))
                raise refuse(
                    at, f"the column {name!r}", f"another name: Nocturne itself gives {names}"
                )
        if self.target in (self.features or ()) or (
            self.image and self.image.column == self.target
        ):
            raise refuse("target", f"{self.target!r} is also an input", "a target that is no input")
        return self

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the columns that models read."""
        return (self.image.column,) if self.image else tuple(self.features or ())


class Expectations(WorkflowModel):
    """Names of the Great Expectations suites, files in ``expectations/`` without `.json`."""

    raw: str
    """What the data must hold as they arrive."""
    clean: str
    """What they must hold after cleaning."""


class DropDuplicates(WorkflowModel):
    """Remove rows that repeat an earlier row."""

    by: Annotated[tuple[str, ...], Field(min_length=1)]
    """Columns that are compared; the first of equal rows is kept."""


class CleaningStep(WorkflowModel):
    """One step of the cleaning: exactly one key."""

    drop_duplicates: DropDuplicates


class HashSplit(WorkflowModel):
    """Every row's part follows from a keyed hash of its id, so it is the same every night."""

    by: Literal["hash"]
    validation: Fraction = 0.1
    """Share of the rows that choose between candidates and stop training."""
    holdout: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """Share of the rows that judge champion and challenger."""

    @model_validator(mode="after")
    def _leave_training_rows(self) -> HashSplit:
        if self.validation + self.holdout >= 1.0:
            share = self.validation + self.holdout
            raise refuse(
                "holdout", f"validation and hold-out take {share:g} of the rows", "less than 1"
            )
        return self


class SourceSplit(WorkflowModel):
    """The source says which rows are the hold-out (MNIST's test images)."""

    by: Literal["source"]
    validation: Fraction = 0.0
    """Share of the training rows, by a keyed hash of their id, that choose between candidates."""


Split = Annotated[HashSplit | SourceSplit, Field(discriminator="by")]


# --- mining -----------------------------------------------------------------------------------


class Clusters(WorkflowModel):
    """Group the training rows by k-means on their principal components."""

    pca: PositiveInt = 20
    """Principal components of the standardised inputs, at most as many as there are inputs."""
    k: Annotated[int, Field(ge=2)] | tuple[Annotated[int, Field(ge=2)], Annotated[int, Field(ge=2)]]
    """Number of clusters, or the range [least, most] from which the silhouette chooses."""

    @field_validator("k")
    @classmethod
    def _order_range(cls, k: int | tuple[int, int]) -> int | tuple[int, int]:
        if isinstance(k, tuple) and k[0] > k[1]:
            raise refuse("", f"[{k[0]}, {k[1]}]", "[least, most]")
        return k


class Mining(WorkflowModel):
    """What to look for in the training rows."""

    clusters: Clusters | None = None
    """Which groups there are."""


# --- candidates -------------------------------------------------------------------------------


class _NetworkCandidate(WorkflowModel):
    dense: tuple[PositiveInt, ...] = (128,)
    """Units of the dense layers before the output."""
    activation: Activation = "relu"
    """Activation of the hidden layers."""
    dropout: Fraction = 0.0
    """Share of the units dropped after each dense layer while training."""
    epochs: PositiveInt = 10
    """Passes over the training rows."""
    batch_size: PositiveInt = 32
    """Rows per weight update."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 0.001
    """Step size of Adam."""
    patience: PositiveInt | None = None
    """Stop after so many epochs without a better validation loss and keep the best weights; by default never."""


class Convolution(WorkflowModel):
    """A convolution with an activation, and a pooling after it."""

    filters: PositiveInt
    """Number of kernels."""
    kernel: PositiveInt = 3
    """Height and width of a kernel, in pixels."""
    padding: Literal["valid", "same"] = "valid"
    """Whether the image is padded so that it keeps its size."""
    pool: Literal["max", "average", "none"] = "max"
    """Which pooling of 2 x 2 follows."""


class CnnCandidate(_NetworkCandidate):
    """A convolutional network for images."""

    kind: Literal["cnn"]
    convolutions: Annotated[tuple[Convolution, ...], Field(min_length=1)]
    """The convolution blocks, in order."""


class MlpCandidate(_NetworkCandidate):
    """A multi-layer perceptron; images are flattened."""

    kind: Literal["mlp"]


Candidate = Annotated[CnnCandidate | MlpCandidate, Field(discriminator="kind")]


class Baseline(WorkflowModel):
    """The classical model that the networks are compared with."""

    kind: Literal["logistic_regression"] = "logistic_regression"
    max_iter: PositiveInt = 1000
    """Iterations of the solver."""


# --- the whole file ---------------------------------------------------------------------------


class Promotion(WorkflowModel):
    """When tonight's challenger becomes champion."""

    metric: Literal["accuracy", "macro_f1"] = "accuracy"
    """What is compared, on the same hold-out rows; larger is better."""
    floor: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """A challenger below this is never promoted."""
    min_gain: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """The challenger must beat the champion by more than this; a tie never promotes."""


class Workflow(WorkflowModel):
    """One nightly workflow: a file in ``workflows/``."""

    name: Name
    """The same as the file's name; also the DAG, the MLflow experiment and the registered model."""
    description: Annotated[str, Field(min_length=1)]
    """A sentence for people."""
    schedule: str | None = "0 2 * * *"
    """When the night begins, as a cron expression, or null for manual runs only."""
    timezone: str = "UTC"
    """The schedule's time zone."""
    tags: tuple[str, ...] = ()
    """Shown in Airflow beside the DAG."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    """Where all chance comes from."""
    source: Source
    """Where the rows come from."""
    columns: Columns
    """Which column plays which part."""
    expectations: Expectations
    """What the data must hold."""
    cleaning: tuple[CleaningStep, ...] = ()
    """What is done to the rows, in order."""
    split: Split
    """Which rows train, choose and judge."""
    mining: Mining = Mining()
    """What to look for in the data."""
    candidates: Annotated[dict[Name, Candidate], Field(min_length=1)]
    """The networks that compete, by name."""
    baseline: Baseline = Baseline()
    """The classical model beside them."""
    promotion: Promotion = Promotion()
    """When the best of them becomes champion."""

    @field_validator("schedule")
    @classmethod
    def _check_schedule(cls, schedule: str | None) -> str | None:
        if schedule is not None:
            from croniter import croniter

            if len(schedule.split()) != 5 or not croniter.is_valid(schedule):
                raise refuse("", repr(schedule), "five cron fields, such as '0 2 * * *', or null")
        return schedule

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (KeyError, ValueError, OSError) as error:
            raise refuse("", repr(timezone), "an IANA name, such as 'Europe/Berlin'") from error
        return timezone

    @model_validator(mode="after")
    def _check_together(self) -> Workflow:
        if self.name in RESERVED_NAMES:
            raise refuse("name", repr(self.name), f"none of {', '.join(sorted(RESERVED_NAMES))}")
        for name, candidate in self.candidates.items():
            if name == "baseline":
                raise refuse("candidates.baseline", "'baseline' as a candidate", "another name")
            if candidate.kind == "cnn" and self.columns.image is None:
                raise refuse(f"candidates.{name}.kind", "'cnn' without images", "'columns.image'")
            if candidate.patience and not self.split.validation:
                raise refuse(
                    f"candidates.{name}.patience",
                    "early stopping without validation rows",
                    "'split.validation' above 0",
                )
        if len(self.candidates) > 1 and not self.split.validation:
            raise refuse(
                "candidates",
                f"{len(self.candidates)} candidates and no validation rows to choose by",
                "'split.validation' above 0, or one candidate",
            )
        readable = {self.columns.id or "id", self.columns.target, *self.columns.inputs}
        for i, step in enumerate(self.cleaning):
            for column in step.drop_duplicates.by:
                if column not in readable:
                    raise refuse(
                        f"cleaning.{i}.drop_duplicates.by",
                        f"the column {column!r}",
                        f"one of {', '.join(sorted(readable))}",
                    )
        return self

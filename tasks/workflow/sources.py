"""The key ``source`` of a workflow file: where the rows come from, and which had arrived by a night.

Read by ``tasks.ingestion``; the attribute docstrings become the descriptions of the JSON Schema.
"""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.workflow.base import WorkflowModel, refuse
from tasks.workflow.fields import ColumnNames, PositiveInt


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


class ArrivalByColumn(WorkflowModel):
    """Point in time by a column: a night sees the rows from before the midnight it begins at."""

    column: str
    """The column that says when a row came to be: dates or times, as ISO 8601 where they are text."""


class ArrivalByPattern(WorkflowModel):
    """Point in time by the files' names: a night sees the files of its date and of earlier ones."""

    pattern: str
    """What a file's name looks like, with strftime's %Y, %m, %d and %j: `sales-%Y-%m-%d.csv`."""

    @model_validator(mode="after")
    def _check_pattern(self) -> ArrivalByPattern:
        has_day = "%j" in self.pattern or ("%m" in self.pattern and "%d" in self.pattern)
        if "%Y" not in self.pattern or not has_day:
            raise refuse(
                "pattern", repr(self.pattern), "a pattern with %Y, %m and %d, or %Y and %j"
            )
        return self


class SklearnSource(WorkflowModel):
    """A data set that ships inside scikit-learn; no network is needed."""

    kind: Literal["sklearn"]
    dataset: Literal["digits", "wine", "breast_cancer", "iris"]
    """Which of scikit-learn's built-in data sets."""
    arrives: Arrival | None = None
    """Let the rows arrive over several nights; by default all are there."""


class StatsmodelsSource(WorkflowModel):
    """A time series that ships inside statsmodels; no network is needed."""

    kind: Literal["statsmodels"]
    dataset: Literal["co2", "sunspots", "nile"]
    """Which of statsmodels' built-in data sets."""
    arrives: Arrival | None = None
    """Let the rows arrive over several nights; by default all are there."""


class KerasSource(WorkflowModel):
    """A data set of ``keras.datasets``, downloaded once, or read from the file that NOCTURNE_MNIST names."""

    kind: Literal["keras"]
    dataset: Literal["mnist", "fashion_mnist", "cifar10"]
    """Which of Keras's data sets."""
    arrives: Arrival | None = None
    """Let the training rows arrive over several nights; by default all are there."""


class FilesSource(WorkflowModel):
    """Files of your own: CSV, JSON Lines, Parquet, NumPy archives, or folders of images."""

    kind: Literal["files"]
    path: str
    """A path or a glob, relative to the workflow file's folder, or an fsspec URL such as `s3://bucket/*.csv`; files are read in the order of their names."""
    format: Literal["csv", "jsonl", "parquet", "npz", "images"] = "csv"
    """How the files are written; CSV and JSON Lines may be compressed (.gz, .zst, .bz2)."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """What separates the values of a CSV file."""
    quote: Annotated[str, Field(min_length=1, max_length=1)] | None = '"'
    """What encloses CSV values that hold the delimiter; null when nothing does."""
    encoding: str = "utf-8"
    """Encoding of CSV and JSON Lines files, by Python's name; a byte order mark is skipped."""
    names: ColumnNames | None = None
    """Names of the columns, where CSV files have no header."""
    arrives: ArrivalByColumn | ArrivalByPattern | None = None
    """What had arrived by a night; by default everything that is there."""

    @model_validator(mode="after")
    def _check_text_format(self) -> FilesSource:
        if re.search(r"://[^/\s]*@|[?&](sig|token|key|password)=", self.path, re.IGNORECASE):
            # The file is pinned to every night; it must hold no secret.
            expected = "credentials in fsspec's own configuration or in the environment"
            raise refuse("path", "a URL with a user, password or key", expected)
        if not self.delimiter.isascii() or not (self.quote or '"').isascii():
            raise refuse("delimiter", "a sign outside ASCII", "one ASCII sign")
        if self.names is not None and self.format != "csv":
            raise refuse(
                "names", f"'names' with the format {self.format!r}", "'names' with csv only"
            )
        if self.names is not None and len(set(self.names)) != len(self.names):
            raise refuse("names", "a name twice", "each name once")
        try:
            "".encode(self.encoding)
        except LookupError:
            raise refuse("encoding", repr(self.encoding), "an encoding such as 'latin-1'") from None
        if self.format in {"npz", "images"} and isinstance(self.arrives, ArrivalByColumn):
            raise refuse(
                "arrives", f"a column of {self.format} files", "{pattern: ...}, or nothing"
            )
        return self


class SqlSource(WorkflowModel):
    """A query to a database that SQLAlchemy reaches."""

    kind: Literal["sql"]
    connection: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    """Name of the environment variable that holds SQLAlchemy's URL, such as SHOP_DATABASE: the password stays out of the file."""
    query: Annotated[str, Field(min_length=1)]
    """A SELECT; `:cutoff` in it is the midnight at which the night begins, so that a re-run sees the same rows."""
    rows_per_batch: PositiveInt = 50_000
    """Rows fetched at once."""


Source = Annotated[
    SklearnSource | StatsmodelsSource | KerasSource | FilesSource | SqlSource,
    Field(discriminator="kind"),
]

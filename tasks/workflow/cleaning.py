"""The key ``cleaning`` of a workflow file: a list of steps, each with one key, in the order they are done.

``tasks.preparation.build`` turns them into transformers; the attribute docstrings become the
descriptions of the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.workflow.base import OneKey, WorkflowModel, refuse
from tasks.workflow.fields import ColumnNames, Fraction, PositiveFloat, PositiveInt

CalendarPart = Literal[
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "day_of_year",
    "weekday",
    "hour",
    "minute",
    "is_weekend",
]


class MarkMissing(WorkflowModel):
    """Texts that stand for a missing value; blank text always does. Space around text is trimmed before."""

    values: Annotated[tuple[str, ...], Field(min_length=1)] = ("?", "NA", "N/A", "n/a", "-", "null")
    """The texts, compared whole and with the case they have here."""
    columns: ColumnNames | None = None
    """By default every column of text, the target included."""


class Convert(WorkflowModel):
    """Give columns a type. A feature that no step converts, encodes or takes the calendar from is a number."""

    columns: ColumnNames
    """The columns."""
    to: Literal["number", "date", "boolean", "category"]
    """Booleans become 0 and 1; a category is a text of a set."""
    thousands: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Numbers: the mark between groups of digits, such as `,` in 1,234.5."""
    decimal: Annotated[str, Field(min_length=1, max_length=1)] = "."
    """Numbers: the decimal mark."""
    formats: Annotated[tuple[str, ...], Field(min_length=1)] = ("iso8601",)
    """Dates: formats that are tried in order: `iso8601`, or strftime's, such as `%d.%m.%Y`."""
    true_values: tuple[str, ...] = ("true", "yes", "y", "t", "1")
    """Booleans: what means true, in any case."""
    false_values: tuple[str, ...] = ("false", "no", "n", "f", "0")
    """Booleans: what means false, in any case."""
    categories: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Categories: the set; by default every text is one."""
    synonyms: dict[str, str] = Field(default_factory=dict)
    """Categories: texts that are written as another one, such as {NYC: New York}."""
    unconvertible: Literal["quarantine", "missing"] = "quarantine"
    """What becomes of a value that cannot be converted, or is infinite: its row goes to quarantine, or the value is set missing."""

    @model_validator(mode="after")
    def _check_marks(self) -> Convert:
        if self.thousands is not None and self.thousands == self.decimal:
            raise refuse("thousands", f"{self.thousands!r} for both marks", "two different marks")
        both = {t.lower() for t in self.true_values} & {t.lower() for t in self.false_values}
        if both:
            raise refuse("true_values", f"{sorted(both)} in both lists", "each text in one list")
        return self


class DropDuplicates(WorkflowModel):
    """Remove rows that repeat another row in some columns, over all files."""

    by: ColumnNames
    """Columns that are compared, as they are at this point of the list; a key such as the id, or all inputs."""
    keep: Literal["first", "last"] = "first"
    """Which of equal rows is kept, in the order of arrival."""


class Impute(WorkflowModel):
    """Fill missing values in, with what training rows say."""

    columns: ColumnNames | None = None
    """By default every column of numbers (for most_frequent and constant: every one that has its kind)."""
    by: Literal[
        "mean",
        "median",
        "most_frequent",
        "constant",
        "iterative",
        "nearest_neighbors",
        "model",
        "interpolate",
        "forward_fill",
    ]
    """A figure of the column; a prediction from the other columns; or the neighbours in time."""
    value: float | str | None = None
    """For constant."""
    n_neighbors: PositiveInt = 5
    """For nearest_neighbors."""
    estimator: str | None = None
    """For model: a scikit-learn regressor or classifier, such as `sklearn.ensemble.HistGradientBoostingRegressor`."""
    params: dict[str, bool | int | float | str | None] = Field(default_factory=dict)
    """For model: the estimator's parameters."""
    max_gap: PositiveInt | None = None
    """For interpolate and forward_fill: the longest run of missing values that is filled; longer ones stay missing whole."""
    indicator: bool = False
    """Add a column `<column>_was_missing` of 0 and 1."""

    @model_validator(mode="after")
    def _check_together(self) -> Impute:
        if (self.by == "constant") != (self.value is not None):
            raise refuse(
                "value", f"'by: {self.by}' and value {self.value!r}", "a value with 'constant' only"
            )
        if (self.by == "model") != (self.estimator is not None):
            raise refuse(
                "estimator",
                f"'by: {self.by}' and estimator {self.estimator!r}",
                "an estimator with 'model' only",
            )
        if self.estimator is not None and not self.estimator.startswith("sklearn."):
            raise refuse(
                "estimator", repr(self.estimator), "a class of scikit-learn, 'sklearn....'"
            )
        return self


class Clip(WorkflowModel):
    """Move values beyond fixed limits to the limit."""

    columns: ColumnNames
    """Columns of numbers."""
    min: float | None = None
    """The lower limit."""
    max: float | None = None
    """The upper limit."""

    @model_validator(mode="after")
    def _check_limits(self) -> Clip:
        if self.min is None and self.max is None:
            raise refuse("", "neither 'min' nor 'max'", "one of them, or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise refuse("min", f"{self.min:g} above {self.max:g}", "'min' below 'max'")
        return self


class Outliers(WorkflowModel):
    """Treat values far outside what training rows have."""

    columns: ColumnNames | None = None
    """By default every column of numbers, but for those of 0 and 1 alone."""
    by: Literal["iqr", "z_score", "quantiles"]
    """Beyond the quartiles by a factor of their distance (Tukey's fences), beyond so many standard deviations from the mean, or beyond two quantiles."""
    factor: PositiveFloat | None = None
    """For iqr (1.5 by default) and z_score (3 by default)."""
    quantiles: tuple[Fraction, Annotated[float, Field(gt=0.0, le=1.0)]] = (0.01, 0.99)
    """For quantiles: the lower and the upper one."""
    action: Literal["winsorise", "quarantine", "missing"] = "winsorise"
    """Move the value to the limit, send its row to quarantine, or set it missing."""

    @model_validator(mode="after")
    def _check_order(self) -> Outliers:
        if self.quantiles[0] >= self.quantiles[1]:
            raise refuse("quantiles", str(list(self.quantiles)), "[lower, upper]")
        if self.factor is not None and self.by == "quantiles":
            raise refuse("factor", "'factor' with quantiles", "'quantiles: [lower, upper]'")
        return self


class Scale(WorkflowModel):
    """Normalise columns of numbers with figures from training rows."""

    columns: ColumnNames | None = None
    """By default every column of numbers that came as a feature (not those that encode or impute added)."""
    to: Literal["range", "standard", "robust"]
    """A range; zero mean and unit variance; or zero median and unit distance of the quartiles."""
    range: tuple[float, float] = (0.0, 1.0)
    """For range: [a, b], reached by the least and greatest training value."""

    @model_validator(mode="after")
    def _check_range(self) -> Scale:
        if self.range[0] >= self.range[1]:
            raise refuse("range", str(list(self.range)), "[least, greatest]")
        return self


class Encode(WorkflowModel):
    """Turn categories into numbers."""

    columns: ColumnNames
    """Columns of text."""
    by: Literal["one_hot", "ordinal", "target"]
    """A column of 0 and 1 per category; the category's number; or the smoothed mean of the target, cross-fitted for training rows."""
    order: Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    """For ordinal: the categories from low to high; by default in the order of their text."""
    min_rows: PositiveInt = 1
    """Categories with fewer training rows count as `other`, as unknown ones do; not with `order`."""
    max_categories: Annotated[int, Field(ge=2)] = 100
    """For one_hot: more is refused."""
    n_folds: Annotated[int, Field(ge=2)] = 5
    """For target: parts that the training rows are encoded in, each with the figures of the others."""


class Calendar(WorkflowModel):
    """Take the parts of a date, as numbers; the date itself is left out afterwards."""

    columns: ColumnNames
    """Columns of dates."""
    parts: Annotated[tuple[CalendarPart, ...], Field(min_length=1)] = ("year", "month", "weekday")
    """Which; they become `<column>_<part>`."""
    cyclic: bool = False
    """Parts that come round (month, weekday, hour, ...) as sine and cosine, `<column>_<part>_sin` and `_cos`."""


class RegularGrid(WorkflowModel):
    """Bring a series on a regular time grid: rows of one step are averaged, missing steps are added with missing values."""

    every: Annotated[str, Field(pattern=r"^[1-9][0-9]*(min|h|d|w|mo)$")]
    """The step: a number with min, h, d, w or mo, such as `1h` or `7d`."""


class CheckImages(WorkflowModel):
    """Send images that show nothing, or have labels out of the set, to quarantine."""

    min_contrast: Annotated[float, Field(ge=0.0)] = 0.0
    """An image whose greatest and least pixel are no further apart than this is blank."""


class CleaningStep(OneKey):
    """One step of the cleaning: exactly one key."""

    mark_missing: MarkMissing | None = None
    """Texts that stand for a missing value."""
    convert: Convert | None = None
    """Numbers, dates, booleans and categories."""
    drop_duplicates: DropDuplicates | None = None
    """Rows that repeat another."""
    regular_grid: RegularGrid | None = None
    """A regular time grid for a series."""
    impute: Impute | None = None
    """Missing values."""
    clip: Clip | None = None
    """Fixed limits."""
    outliers: Outliers | None = None
    """Values far outside."""
    scale: Scale | None = None
    """Normalisation."""
    encode: Encode | None = None
    """Categories as numbers."""
    calendar: Calendar | None = None
    """Parts of dates as numbers."""
    check_images: CheckImages | None = None
    """Blank images."""

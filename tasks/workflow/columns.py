"""The keys ``columns``, ``expectations`` and ``split`` of a workflow file.

The attribute docstrings become the descriptions of the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tasks.workflow.base import WorkflowModel, refuse
from tasks.workflow.fields import RESERVED_COLUMNS, ColumnNames, Fraction, PositiveInt


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
    target: str | None = None
    """What the models predict: a class. Without candidates it may be left out."""
    classes: Annotated[tuple[int | str, ...], Field(min_length=2)] | None = None
    """The classes there are; a row with another one goes to quarantine. By default every value is a class."""
    image: Image | None = None
    """The images to predict from and to mine (this, or `features`)."""
    features: ColumnNames | None = None
    """The columns to predict from and to mine (this, or `image`): numbers, unless a step of `cleaning` says otherwise. Where baskets alone are mined it may be left out."""
    time: str | None = None
    """The column that orders the rows of a series."""
    keep: tuple[str, ...] = ()
    """Other columns that are carried along, and that no model reads."""

    @model_validator(mode="after")
    def _check_inputs(self) -> Columns:
        if self.image is not None and self.features is not None:
            raise refuse("", "both of 'image' and 'features'", "one of them")
        if not self.inputs and not self.keep:
            raise refuse("", "none of 'image', 'features' and 'keep'", "columns to read")
        self._check_names()
        if self.target is not None and self.target in self.inputs:
            raise refuse("target", f"{self.target!r} is also an input", "a target that is no input")
        for name in self.keep:
            if name in {self.target, self.time, *self.inputs}:
                raise refuse("keep", f"{name!r} has another part already", "columns without a part")
        if self.classes is not None and self.target is None:
            raise refuse("classes", "'classes' without 'target'", "'target' beside it")
        return self

    def _check_names(self) -> None:
        for key in ("features", "keep"):
            names = getattr(self, key) or ()
            if len(set(names)) != len(names):
                raise refuse(key, "a column twice", "each column once")
        image = self.image.column if self.image else None
        named = {"target": self.target, "time": self.time, "image": image}
        for key, name in (
            *named.items(),
            *(("features", name) for name in self.features or ()),
            *(("keep", name) for name in self.keep),
        ):
            if name in RESERVED_COLUMNS:
                names = ", ".join(sorted(RESERVED_COLUMNS))
                raise refuse(
                    key, f"the column {name!r}", f"another name: Nocturne itself gives {names}"
                )

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the columns that models read, as they arrive."""
        return (self.image.column,) if self.image else tuple(self.features or ())

    @property
    def read(self) -> tuple[str, ...]:
        """Names of all columns that a source must have, without the id."""
        named = (self.target, *self.inputs, self.time, *self.keep)
        return tuple(dict.fromkeys(name for name in named if name is not None))


class Expectations(WorkflowModel):
    """Names of the Great Expectations suites, files in ``expectations/`` without `.json`."""

    raw: str
    """What the data must hold as they arrive."""
    clean: str
    """What they must hold after cleaning."""
    max_quarantined_fraction: Annotated[float, Field(ge=0.0, le=1.0)] = 0.1
    """The night stops when more than this share of the rows fails the expectations that send rows to quarantine (`"meta": {"quarantine": true}`)."""


class HashSplit(WorkflowModel):
    """Every row's part follows from a keyed hash of its id, so it is the same every night."""

    by: Literal["hash"]
    validation: Fraction = 0.1
    """Share of the rows that choose between candidates and stop training."""
    holdout: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """Share of the rows that judge champion and challenger."""

    @model_validator(mode="after")
    def _leave_training_rows(self) -> HashSplit:
        _check_shares(self.validation, self.holdout)
        return self


class TimeSplit(WorkflowModel):
    """The earliest rows train, later ones validate, the latest are the hold-out."""

    by: Literal["time"]
    validation: Fraction = 0.1
    """Share of the rows, before the hold-out in time."""
    holdout: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """Share of the rows, the latest ones."""

    @model_validator(mode="after")
    def _leave_training_rows(self) -> TimeSplit:
        _check_shares(self.validation, self.holdout)
        return self


class SourceSplit(WorkflowModel):
    """The source says which rows are the hold-out (MNIST's test images)."""

    by: Literal["source"]
    validation: Fraction = 0.0
    """Share of the training rows, by a keyed hash of their id, that choose between candidates."""


class NoSplit(WorkflowModel):
    """All rows are looked at: nothing is trained and nobody is judged, so there are no candidates."""

    by: Literal["none"]
    validation: ClassVar[float] = 0.0


def _check_shares(validation: float, holdout: float) -> None:
    if validation + holdout >= 1.0:
        share = validation + holdout
        raise refuse(
            "holdout", f"validation and hold-out take {share:g} of the rows", "less than 1"
        )


Split = Annotated[HashSplit | TimeSplit | SourceSplit | NoSplit, Field(discriminator="by")]

"""The key ``search`` of a candidate: a bounded search over a few of its settings.

The attribute docstrings become the descriptions of the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tasks.workflow.base import WorkflowModel, refuse
from tasks.workflow.fields import PositiveFloat, PositiveInt


class ValueRange(WorkflowModel):
    """Numbers to draw from."""

    low: float
    """The least."""
    high: float
    """The largest."""
    log: bool = False
    """Draw evenly on a logarithmic scale, as suits learning rates."""

    @model_validator(mode="after")
    def _check_order(self) -> ValueRange:
        if self.low >= self.high:
            raise refuse("low", f"{self.low:g} with 'high: {self.high:g}'", "less than 'high'")
        if self.log and self.low <= 0:
            raise refuse("low", f"{self.low:g} on a logarithmic scale", "more than 0")
        return self


class Choices(WorkflowModel):
    """Values to choose from."""

    choices: Annotated[tuple[Any, ...], Field(min_length=2)]
    """The values, as the setting itself would have them."""


class Search(WorkflowModel):
    """Trials with other settings, before the candidate is trained with the best of them."""

    over: Annotated[dict[str, ValueRange | Choices], Field(min_length=1)]
    """Which settings of the candidate, and their values; lower validation loss is better."""
    method: Literal["random", "hyperband"] = "hyperband"
    """`random` trains every trial to its end; `hyperband` ends those early that fall behind."""
    trials: Annotated[int, Field(ge=2, le=1000)] = 10
    """How many settings are tried."""
    epochs: PositiveInt | None = None
    """Epochs of a trial, at most; by default a third of the candidate's."""
    max_minutes: PositiveFloat | None = None
    """No trial begins after so many minutes."""

"""The key ``predict`` of a workflow file: what the models are asked.

The attribute docstrings become the descriptions of the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.workflow.base import WorkflowModel
from tasks.workflow.fields import ColumnNames, PositiveInt

PredictKind = Literal["classification", "regression", "forecast"]


class Classification(WorkflowModel):
    """Which class a row belongs to: `columns.target` holds classes."""

    kind: Literal["classification"]


class Regression(WorkflowModel):
    """Which number belongs to a row: `columns.target` holds numbers."""

    kind: Literal["regression"]


class Forecast(WorkflowModel):
    """How a series goes on: from a window of its steps to the steps after it."""

    kind: Literal["forecast"]
    columns: ColumnNames | None = None
    """Which features are forecast; by default all."""
    window: PositiveInt
    """Steps that a forecast looks back on."""
    horizon: PositiveInt
    """Steps that it looks ahead."""
    season: PositiveInt | None = None
    """Steps after which the series repeats itself, such as 24 of an hourly one; the seasonal naive baseline needs it, and `window` must hold one."""


Predict = Annotated[Classification | Regression | Forecast, Field(discriminator="kind")]

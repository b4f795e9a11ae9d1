"""When tonight's challenger becomes champion: the keys of `promotion` and `evaluation`.

Part of the workflow file; the gate reads them in ``tasks.promotion``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.workflow.base import WorkflowModel
from tasks.workflow.fields import Fraction, PositiveFloat, PositiveInt
from tasks.workflow.predict import PredictKind

Metric = Literal["accuracy", "macro_f1", "rmse", "mae", "r2", "mse"]

METRICS_OF: dict[PredictKind, tuple[Metric, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "regression": ("rmse", "mae", "r2"),
    "forecast": ("mse", "mae"),
}
"""What can be compared, the default first."""
ERRORS: frozenset[Metric] = frozenset({"rmse", "mae", "mse"})  # smaller is better


class Promotion(WorkflowModel):
    """When tonight's challenger becomes champion."""

    metric: Metric | None = None
    """What is compared, on the same hold-out rows. Of classes `accuracy` (the default) or `macro_f1`; of numbers `rmse` (the default), `mae` or `r2`; of forecasts `mse` (the default) or `mae`, both of values standardised by the training rows."""
    floor: float | None = None
    """A challenger below this is never promoted; of `accuracy`, `macro_f1` and `r2`."""
    ceiling: PositiveFloat | None = None
    """A challenger above this is never promoted; of the errors `rmse`, `mae` and `mse`."""
    min_gain: Annotated[float, Field(ge=0.0)] = 0.0
    """The challenger must be better than the champion by more than this; a tie never promotes."""
    significance: Annotated[float, Field(gt=0.0, le=0.5)] = 0.05
    """How likely a challenger that is no better may be promoted by chance: the gain must be above `min_gain` on all but so many of the resampled hold-outs, and of `accuracy` McNemar's test must say so too."""
    max_group_loss: Fraction | None = 0.05
    """No class and no slice may lose more than this against the champion: recall of a class, the metric of a slice (of errors: as a share of the champion's). `null` for no such rule."""
    min_group_rows: PositiveInt = 50
    """Classes and slices with fewer hold-out rows are shown and not judged: their figures are chance."""
    max_latency_ms: PositiveFloat | None = None
    """The longest a prediction of one row may take, at the median, in milliseconds on the machine of the night; by default no limit."""
    max_size_mb: PositiveFloat | None = None
    """The largest a model's folder may be, in megabytes (10^6 bytes); by default no limit."""
    approval: Literal["auto", "approve", "approve_if_borderline", "shadow"] = "auto"
    """Who has the last word where all rules are met: nobody (`auto`), a person in Airflow (`approve`), a person where the gain is only just more than chance, or nearly (`approve_if_borderline`), or nobody ever: the challenger only runs along (`shadow`)."""
    approval_hours: Annotated[float, Field(gt=0.0, le=23.0)] = 12.0
    """How long an answer is waited for; none in time means no."""


class Evaluation(WorkflowModel):
    """What else everybody is scored by."""

    slices: tuple[str, ...] = ()
    """Columns by whose values everybody is scored apart: of texts and classes each value, of numbers each quarter of the hold-out."""

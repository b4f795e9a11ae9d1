"""The key ``baselines`` of a workflow file: the classical models that the networks are compared with.

The attribute docstrings become the descriptions of the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.workflow.base import WorkflowModel
from tasks.workflow.fields import PositiveFloat, PositiveInt
from tasks.workflow.predict import PredictKind


class LogisticRegression(WorkflowModel):
    """Standardisation and multinomial logistic regression, for classes."""

    kind: Literal["logistic_regression"]
    max_iter: PositiveInt = 1000
    """Iterations of the solver."""


class LinearRegression(WorkflowModel):
    """Standardisation and linear regression, for numbers."""

    kind: Literal["linear_regression"]
    alpha: Annotated[float, Field(ge=0.0)] = 0.0
    """Weight of the squared coefficients (ridge); 0 is least squares."""


class GradientBoosting(WorkflowModel):
    """Gradient-boosted trees on histograms, for classes and numbers."""

    kind: Literal["gradient_boosting"]
    max_iter: PositiveInt = 200
    """Trees, at most (for each class where there are more than two); validation rows stop earlier."""
    learning_rate: PositiveFloat = 0.1
    """How much each tree adds."""
    max_leaf_nodes: Annotated[int, Field(ge=2)] = 31
    """Leaves of a tree, at most."""


class LastValue(WorkflowModel):
    """The last value repeated, for series."""

    kind: Literal["last_value"]


class SeasonalNaive(WorkflowModel):
    """The value of one season ago, for series."""

    kind: Literal["seasonal_naive"]
    season: PositiveInt | None = None
    """Steps of a season; by default `predict.season`."""


class LinearAutoregression(WorkflowModel):
    """Each step a linear function of the window, for series; solved in closed form."""

    kind: Literal["linear_autoregression"]
    alpha: Annotated[float, Field(ge=0.0)] = 1.0
    """Weight of the squared coefficients (ridge), for standardised values."""


Baseline = Annotated[
    LogisticRegression
    | LinearRegression
    | GradientBoosting
    | LastValue
    | SeasonalNaive
    | LinearAutoregression,
    Field(discriminator="kind"),
]

BASELINES_OF: dict[PredictKind, tuple[str, ...]] = {
    "classification": ("logistic_regression", "gradient_boosting"),
    "regression": ("linear_regression", "gradient_boosting"),
    "forecast": ("last_value", "seasonal_naive", "linear_autoregression"),
}
"""Which kinds of baselines there are for what is predicted."""


def choose_baselines(
    kind: PredictKind, *, of_images: bool, has_season: bool
) -> dict[str, WorkflowModel]:
    """Choose the baselines of a workflow that names none.

    Parameters
    ----------
    kind : {"classification", "regression", "forecast"}
    of_images : bool
        Without gradient-boosted trees then: thousands of pixels take them longer than a network.
    has_season : bool
        Without it there is no seasonal naive forecast.

    Returns
    -------
    dict
        By name, which is the kind.

    Examples
    --------
    >>> list(choose_baselines("forecast", of_images=False, has_season=False))
    ['last_value', 'linear_autoregression']
    """
    left_out = {"gradient_boosting"} if of_images else set()
    if not has_season:
        left_out.add("seasonal_naive")
    models: dict[str, type[WorkflowModel]] = {
        "logistic_regression": LogisticRegression,
        "linear_regression": LinearRegression,
        "gradient_boosting": GradientBoosting,
        "last_value": LastValue,
        "seasonal_naive": SeasonalNaive,
        "linear_autoregression": LinearAutoregression,
    }
    return {
        n: models[n].model_validate({"kind": n}) for n in BASELINES_OF[kind] if n not in left_out
    }

"""Who competes tonight, and what each model is asked: loaded as it would be served.

Used by the evaluate step. A champion of an earlier night may read other columns than tonight's
models, or have been asked something else altogether.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import EvaluationError
from tasks.evaluation.comparison import Role
from tasks.registry import CHAMPION, find_by_alias
from tasks.tracking import Handoff
from tasks.workflow import PredictKind, Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

RETIRE_CHAMPION = (
    "the champion is of an earlier kind of data: remove its alias, so that tonight's best model can "
    "become the first of the new kind"
)


@dataclass(frozen=True)
class Contender:
    """A model in the comparison.

    Parameters
    ----------
    role : {"candidate", "baseline", "champion"}
    model : Handoff
        An MLflow model folder.
    version : str or None
        The registered version, for the champion.
    """

    role: Role
    model: Handoff
    version: str | None = None


@dataclass(frozen=True)
class ServedModel:
    """A model as it would be served, not yet loaded.

    Parameters
    ----------
    name : str
        In the comparison.
    folder : Path
        An MLflow model.
    kind : {"classification", "regression", "forecast"}
    columns : tuple of str
        The raw columns it reads, in order; empty for models of nights before they were noted.
    window, horizon : int
        Steps that a forecast looks back on, and steps ahead; else 0.
    forecast_columns : tuple of str
        What it forecasts, in order.
    """

    name: str
    folder: Path
    kind: PredictKind
    columns: tuple[str, ...] = ()
    window: int = 0
    horizon: int = 0
    forecast_columns: tuple[str, ...] = ()

    @classmethod
    def open(cls, name: str, folder: Path, kind: PredictKind) -> ServedModel:
        """Read what a model says of itself.

        Raises
        ------
        EvaluationError
            When it predicts something else than is compared tonight.
        """
        from mlflow.models import Model

        # Models of nights before it was noted all predicted classes.
        noted: Mapping[str, Any] = Model.load(str(folder)).metadata or {}
        found = noted.get("kind", "classification")
        if found != kind:
            raise EvaluationError(
                f"{name} is a model of {found}.",
                expected=f"a model of {kind}, as 'predict' in the workflow file asks for tonight",
                hint=RETIRE_CHAMPION,
            )
        shape = noted.get("forecast") or {}
        return cls(
            name=name,
            folder=folder,
            kind=kind,
            columns=tuple(noted.get("columns", ())),
            window=shape.get("window", 0),
            horizon=shape.get("horizon", 0),
            forecast_columns=tuple(shape.get("columns", ())),
        )

    def load(self) -> Any:
        """Load it with MLflow, which runs the code it was saved with."""
        from mlflow.pyfunc import load_model

        return load_model(str(self.folder))


def list_contenders(
    client: MlflowClient, workflow: Workflow, models: Mapping[str, Handoff]
) -> dict[str, Contender]:
    """List tonight's models and the champion, where there is one.

    Parameters
    ----------
    client : mlflow.MlflowClient
    workflow : Workflow
    models : mapping of str to Handoff
        Tonight's, by their names in the workflow file.

    Returns
    -------
    dict of str to Contender
    """
    contenders = {
        name: Contender("baseline" if name in workflow.baselines else "candidate", handoff)
        for name, handoff in models.items()
    }
    champion = find_by_alias(client, workflow.name, CHAMPION)
    if champion is not None:
        contenders[CHAMPION] = Contender("champion", champion.model, champion.version)
    return contenders

"""The champion that scores: which version it is, what it says of itself, and the night that trained it.

Reads the registry and MLflow for the scoring stage; the model is loaded as it would be served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import ScoringError, TrackingError
from tasks.preparation.windows import ForecastShape
from tasks.registry import CHAMPION, ModelVersion, find_by_alias, find_version
from tasks.tracking import Handoff, Night, Step, tags
from tasks.tracking.history import find_outputs
from tasks.tracking.nights import read_pinned_workflow
from tasks.workflow import PredictKind, Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

_ROLL_BACK = "roll back to the one before (`nocturne rollback`), or let a night train another"


@dataclass(frozen=True)
class Champion:
    """A registered version, as its folder describes it.

    Parameters
    ----------
    version : ModelVersion
    folder : Path
        The MLflow model, on this machine.
    kind : {"classification", "regression", "forecast"}
    columns : tuple of str
        The raw columns it reads, in order.
    forecast : ForecastShape or None
    """

    version: ModelVersion
    folder: Path
    kind: PredictKind
    columns: tuple[str, ...]
    forecast: ForecastShape | None

    @classmethod
    def open(cls, step: Step) -> Champion:
        """Fetch the version that this scoring was opened for.

        Raises
        ------
        ScoringError
            When its folder does not say what it reads.
        """
        pinned = step.client.get_run(step.night.run_id).data.tags[tags.MODEL_VERSION]
        version = find_version(step.client, step.night.workflow, pinned)
        folder = step.fetch(version.model)
        noted = _read_metadata(folder)
        if not noted.get("columns"):
            raise ScoringError(
                f"The champion, version {version.version} of {version.name}, does not say which "
                "columns it reads.",
                expected="a model packaged since models note it",
                hint="let a night train another",
            )
        shape = noted.get("forecast")
        return cls(
            version=version,
            folder=folder,
            kind=noted.get("kind", "classification"),
            columns=tuple(noted["columns"]),
            forecast=ForecastShape(**{**shape, "columns": tuple(shape["columns"])})
            if shape
            else None,
        )

    def load(self) -> Any:
        """Load it with MLflow, which runs the code it was saved with.

        Returns
        -------
        mlflow.pyfunc.PyFuncModel

        Raises
        ------
        ScoringError
            When it does not load, with the reason.
        """
        from mlflow.pyfunc import load_model

        try:
            return load_model(str(self.folder))
        except Exception as error:  # a model runs its own code, which may raise anything
            raise ScoringError(
                f"The champion, version {self.version.version} of {self.version.name}, does not "
                f"load: {type(error).__name__}: {str(error)[:500]}",
                expected="a model that loads in this environment",
                hint=_ROLL_BACK,
            ) from error


@dataclass(frozen=True)
class TrainingNight:
    """The night that trained the champion.

    Parameters
    ----------
    night : Night
    workflow : Workflow
        As it was pinned then.
    raw, clean : Handoff
        The rows as they arrived, and as they were cleaned and split.
    """

    night: Night
    workflow: Workflow
    raw: Handoff
    clean: Handoff


def find_champion(client: MlflowClient, workflow: str) -> ModelVersion:
    """Find the champion of a workflow.

    Raises
    ------
    ScoringError
        When there is none.
    """
    champion = find_by_alias(client, workflow, CHAMPION)
    if champion is None:
        raise ScoringError(
            f"{workflow} has no champion that could score.",
            expected=f"the alias {CHAMPION!r} on a version of the registered model {workflow!r}",
            hint=f"run a night that promotes one: `nocturne run {workflow}`",
        )
    return champion


def find_training_night(client: MlflowClient, version: ModelVersion) -> TrainingNight:
    """Find the night that trained a version, and what it was trained on.

    Raises
    ------
    TrackingError
        When the night is no longer recorded, or the present code cannot read its workflow.
    """
    from mlflow.exceptions import MlflowException
    from pydantic import ValidationError

    try:
        run = client.get_run(version.model.run_id)
        parent = client.get_run(run.data.tags[tags.NIGHT_RUN])
        night = Night.from_json(
            {
                "workflow": parent.data.tags[tags.WORKFLOW],
                "date": parent.data.tags[tags.NIGHT_DATE],
                "run_id": parent.info.run_id,
                "experiment_id": parent.info.experiment_id,
                "seed": int(parent.data.tags[tags.SEED]),
            }
        )
        workflow, _ = read_pinned_workflow(client, night)
        raw = find_outputs(client, night, "ingest")["raw"]
        clean = find_outputs(client, night, "clean")["clean"]
    except (MlflowException, KeyError, ValidationError) as error:
        raise TrackingError(
            f"The night that trained version {version.version} of {version.name} is no longer "
            f"recorded: {str(error)[:200]}",
            expected="its MLflow runs, with what its steps handed over",
            hint="let a night train another champion",
        ) from error
    return TrainingNight(night, workflow, raw, clean)


def _read_metadata(folder: Path) -> Mapping[str, Any]:
    from mlflow.models import Model

    return Model.load(str(folder)).metadata or {}

"""A whole workflow file as an immutable model, with the checks between its keys.

Read by ``tasks.workflow.reader``; the attribute docstrings become the descriptions of the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from tasks.workflow.base import WorkflowModel, refuse
from tasks.workflow.baselines import Baseline, choose_baselines
from tasks.workflow.candidates import Candidate, Training
from tasks.workflow.cleaning import CleaningStep
from tasks.workflow.columns import Columns, Expectations, Split
from tasks.workflow.competition import check_competition
from tasks.workflow.consistency import check_columns_of_steps
from tasks.workflow.fields import Name
from tasks.workflow.mining import Mining
from tasks.workflow.predict import Classification, Predict
from tasks.workflow.privacy import PrivacyStep
from tasks.workflow.promotion import METRICS_OF, Evaluation, Metric, Promotion
from tasks.workflow.scoring import Scoring
from tasks.workflow.sources import Source

# DAGs of the house itself
RESERVED_NAMES = frozenset({"approval", "rollback", "scoring", "housekeeping"})


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
    privacy: tuple[PrivacyStep, ...] = ()
    """What is done to personal columns before anything is written, in order."""
    cleaning: tuple[CleaningStep, ...] = ()
    """What is done to the rows, in order."""
    split: Split
    """Which rows train, choose and judge."""
    mining: Mining = Mining()
    """What to look for in the data."""
    predict: Predict = Classification(kind="classification")
    """What the models are asked; by default the class of a row."""
    candidates: dict[Name, Candidate] = Field(default_factory=dict)
    """The networks that compete, by name; without any, a night ends with clean data, what was found in them, and the report."""
    baselines: dict[Name, Baseline] = Field(default_factory=dict)
    """The classical models beside them, by name; by default those that suit what is predicted."""
    training: Training = Training()
    """What all candidates share."""
    evaluation: Evaluation = Evaluation()
    """What else everybody is scored by."""
    promotion: Promotion = Promotion()
    """When the best of them becomes champion."""
    scoring: Scoring | None = None
    """What the champion predicts by itself; by default nothing."""

    @property
    def class_column(self) -> str | None:
        """The target, where it holds classes."""
        return self.columns.target if self.predict.kind == "classification" else None

    @property
    def metric(self) -> Metric:
        """What is compared; the default of what is predicted unless the file names one."""
        return self.promotion.metric or METRICS_OF[self.predict.kind][0]

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

    @model_validator(mode="before")
    @classmethod
    def _fill_baselines(cls, document: Any) -> Any:
        """Write the default baselines out, so that the pinned file of a night says what it did."""
        if (
            not isinstance(document, dict)
            or document.get("baselines")
            or not document.get("candidates")
        ):
            return document
        predict, columns = document.get("predict"), document.get("columns")
        predict = predict if isinstance(predict, dict) else {}
        kind = predict.get("kind", "classification")
        if kind not in METRICS_OF or not isinstance(columns, dict):
            return document  # which is refused where it stands
        chosen = choose_baselines(
            kind, of_images="image" in columns, has_season=predict.get("season") is not None
        )
        return {**document, "baselines": {n: b.model_dump() for n, b in chosen.items()}}

    @model_validator(mode="after")
    def _check_together(self) -> Workflow:
        if self.name in RESERVED_NAMES:
            raise refuse("name", repr(self.name), f"none of {', '.join(sorted(RESERVED_NAMES))}")
        check_competition(self)
        check_columns_of_steps(self)
        return self

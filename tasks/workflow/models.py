"""A whole workflow file as an immutable model, with the checks between its keys.

Read by ``tasks.workflow.reader``; the attribute docstrings become the descriptions of the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from tasks.workflow.base import WorkflowModel, refuse
from tasks.workflow.candidates import Baseline, Candidate, Promotion
from tasks.workflow.cleaning import CleaningStep
from tasks.workflow.columns import Columns, Expectations, NoSplit, Split
from tasks.workflow.consistency import check_columns_of_steps
from tasks.workflow.fields import Name
from tasks.workflow.mining import Mining
from tasks.workflow.privacy import PrivacyStep
from tasks.workflow.sources import Source

RESERVED_NAMES = frozenset({"rollback", "scoring", "housekeeping"})  # DAGs of the house itself


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
    candidates: dict[Name, Candidate] = Field(default_factory=dict)
    """The networks that compete, by name; without any, a night ends with clean data, what was found in them, and the report."""
    baseline: Baseline = Baseline()
    """The classical model beside them."""
    promotion: Promotion = Promotion()
    """When the best of them becomes champion."""

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

    @model_validator(mode="after")
    def _check_together(self) -> Workflow:
        if self.name in RESERVED_NAMES:
            raise refuse("name", repr(self.name), f"none of {', '.join(sorted(RESERVED_NAMES))}")
        for name, candidate in self.candidates.items():
            if name == "baseline":
                raise refuse("candidates.baseline", "'baseline' as a candidate", "another name")
            if candidate.kind == "cnn" and self.columns.image is None:
                raise refuse(f"candidates.{name}.kind", "'cnn' without images", "'columns.image'")
            if candidate.patience and not self.split.validation:
                raise refuse(
                    f"candidates.{name}.patience",
                    "early stopping without validation rows",
                    "'split.validation' above 0",
                )
        if len(self.candidates) > 1 and not self.split.validation:
            raise refuse(
                "candidates",
                f"{len(self.candidates)} candidates and no validation rows to choose by",
                "'split.validation' above 0, or one candidate",
            )
        if self.candidates and self.columns.target is None:
            raise refuse("columns", "candidates without 'columns.target'", "what they predict")
        if self.candidates and isinstance(self.split, NoSplit):
            raise refuse("split.by", "candidates without a split", "hash, time or source")
        if self.candidates and not self.columns.inputs:
            raise refuse("columns", "candidates without inputs", "'image' or 'features'")
        check_columns_of_steps(self)
        return self

"""Workflow files: what a user writes, read into immutable models or refused with the line to correct.

Ground module; the DAG factory, the command line and every step start from a ``Workflow``.
"""

from tasks.workflow.models import (
    Arrival,
    Baseline,
    Candidate,
    CnnCandidate,
    Columns,
    FilesSource,
    HashSplit,
    KerasSource,
    MlpCandidate,
    SklearnSource,
    SourceSplit,
    Workflow,
)
from tasks.workflow.plan import PlannedStep, plan_mining, plan_night, plan_training
from tasks.workflow.reader import (
    LoadedWorkflow,
    find_workflow,
    list_workflow_files,
    load_workflow,
    load_workflows,
)
from tasks.workflow.schema import workflow_json_schema

__all__ = [
    "Arrival",
    "Baseline",
    "Candidate",
    "CnnCandidate",
    "Columns",
    "FilesSource",
    "HashSplit",
    "KerasSource",
    "LoadedWorkflow",
    "MlpCandidate",
    "PlannedStep",
    "SklearnSource",
    "SourceSplit",
    "Workflow",
    "find_workflow",
    "list_workflow_files",
    "load_workflow",
    "load_workflows",
    "plan_mining",
    "plan_night",
    "plan_training",
    "workflow_json_schema",
]

"""Workflow files: what a user writes, read into immutable models or refused with the line to correct.

Ground module; the DAG factory, the command line and every step start from a ``Workflow``.
"""

from tasks.workflow.base import WorkflowModel
from tasks.workflow.baselines import Baseline
from tasks.workflow.candidates import (
    Candidate,
    CnnCandidate,
    MlpCandidate,
    RecurrentCandidate,
)
from tasks.workflow.cleaning import CleaningStep
from tasks.workflow.columns import Columns, HashSplit, NoSplit, SourceSplit, Split, TimeSplit
from tasks.workflow.mining import BasketColumn, BasketPairs, Clusters, Mining, Pca, Rules, Tree
from tasks.workflow.models import Workflow
from tasks.workflow.plan import (
    PlannedStep,
    plan_explaining,
    plan_mining,
    plan_night,
    plan_scoring,
    plan_training,
)
from tasks.workflow.predict import Classification, Forecast, Predict, PredictKind, Regression
from tasks.workflow.privacy import PrivacyStep
from tasks.workflow.promotion import ERRORS, Evaluation, Metric, Promotion
from tasks.workflow.reader import (
    LoadedWorkflow,
    find_workflow,
    list_workflow_files,
    load_workflow,
    load_workflows,
)
from tasks.workflow.schema import workflow_json_schema
from tasks.workflow.scoring import Scoring
from tasks.workflow.sources import (
    Arrival,
    ArrivalByColumn,
    ArrivalByPattern,
    FilesSource,
    KerasSource,
    SklearnSource,
    SqlSource,
    StatsmodelsSource,
)

__all__ = [
    "ERRORS",
    "Arrival",
    "ArrivalByColumn",
    "ArrivalByPattern",
    "Baseline",
    "BasketColumn",
    "BasketPairs",
    "Candidate",
    "Classification",
    "CleaningStep",
    "Clusters",
    "CnnCandidate",
    "Columns",
    "Evaluation",
    "FilesSource",
    "Forecast",
    "HashSplit",
    "KerasSource",
    "LoadedWorkflow",
    "Metric",
    "Mining",
    "MlpCandidate",
    "NoSplit",
    "Pca",
    "PlannedStep",
    "Predict",
    "PredictKind",
    "PrivacyStep",
    "Promotion",
    "RecurrentCandidate",
    "Regression",
    "Rules",
    "Scoring",
    "SklearnSource",
    "SourceSplit",
    "Split",
    "SqlSource",
    "StatsmodelsSource",
    "TimeSplit",
    "Tree",
    "Workflow",
    "WorkflowModel",
    "find_workflow",
    "list_workflow_files",
    "load_workflow",
    "load_workflows",
    "plan_explaining",
    "plan_mining",
    "plan_night",
    "plan_scoring",
    "plan_training",
    "workflow_json_schema",
]

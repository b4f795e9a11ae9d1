"""Nights and steps as MLflow runs, and the handoffs between them.

Ground module: Airflow decides when, the stages do what, and this is where MLflow remembers.
"""

from tasks.tracking.client import connect
from tasks.tracking.handoff import Handoff
from tasks.tracking.history import EarlierOutput, find_earlier_output
from tasks.tracking.nights import (
    Night,
    NightOutcome,
    close_night,
    find_night,
    list_nights,
    open_night,
    sweep_dead_nights,
)
from tasks.tracking.provenance import Provenance, read_provenance
from tasks.tracking.steps import Step, TaskIdentity, fetch_artifact, open_step

__all__ = [
    "EarlierOutput",
    "Handoff",
    "Night",
    "NightOutcome",
    "Provenance",
    "Step",
    "TaskIdentity",
    "close_night",
    "connect",
    "fetch_artifact",
    "find_earlier_output",
    "find_night",
    "list_nights",
    "open_night",
    "open_step",
    "read_provenance",
    "sweep_dead_nights",
]

"""Helpers that several test folders share."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from tasks.settings import Settings
from tasks.tracking import Night, open_night
from tasks.workflow import find_workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient


def make_night(
    client: MlflowClient,
    settings: Settings,
    *,
    workflow: str = "digits",
    key: str = "test",
    date: datetime.date = datetime.date(2026, 1, 7),
) -> Night:
    """Open a night of a shipped workflow."""
    loaded, path = find_workflow(workflow, settings)
    return open_night(client, settings, loaded, date, key=key, runner="local", folder=path.parent)

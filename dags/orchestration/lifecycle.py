"""Open and close a night from Airflow: the first and the last task of every nightly DAG.

Used by ``dags/nightly.py``; nothing heavy is imported before a task runs.
"""

from __future__ import annotations

import datetime
import logging
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import get_current_context, task

from orchestration.tracked import identify, link_to_mlflow, without_useless_retries
from tasks.settings import Settings
from tasks.workflow import find_workflow

logger = logging.getLogger(__name__)

LIVE_STATES = frozenset({"queued", "running", "restarting"})


@task(task_id="open_night")
def open_night(workflow_name: str) -> dict[str, Any]:
    """Open the night's MLflow run and pin the workflow to it."""
    from tasks.night import begin_night

    def begin() -> dict[str, Any]:
        context = get_current_context()
        instance, params = context["ti"], context["params"]
        settings = Settings.from_environment()
        workflow, path = find_workflow(workflow_name, settings)
        night = begin_night(
            settings,
            workflow,
            path.parent,
            choose_date(params.get("night"), context["dag_run"], ZoneInfo(workflow.timezone)),
            key=f"{instance.dag_id}/{instance.run_id}",
            task=identify(instance),
            seed=params.get("seed"),
            is_airflow_run_alive=lambda dag_id, run_id: (
                _read_run_state(instance, dag_id, run_id) in LIVE_STATES
            ),
        )
        logger.info("MLflow run of the night: %s", link_to_mlflow(night, night.run_id))
        return night.to_json()

    return without_useless_retries(begin)


@task(task_id="close_night")
def close_night() -> str:
    """End the night's MLflow runs, whatever became of its steps."""
    from tasks.night import end_night
    from tasks.tracking import Night

    handed = get_current_context()["ti"].xcom_pull(task_ids="open_night")
    if handed is None:
        return "never opened"
    return end_night(Settings.from_environment(), Night.from_json(handed))


def choose_date(param: str | None, dag_run: Any, timezone: ZoneInfo) -> datetime.date:
    """Choose the night's date: the form's, else the day on which the run was due, in local time.

    Never the clock's: a run that is cleared next week is still the night it was.
    """
    if param:
        return datetime.date.fromisoformat(param)
    moment = dag_run.logical_date or dag_run.run_after
    return moment.astimezone(timezone).date()


def _read_run_state(instance: Any, dag_id: str, run_id: str) -> str:
    try:
        return str(instance.get_dagrun_state(dag_id, run_id))
    except Exception:  # noqa: BLE001 - Airflow raises whatever its API answered for a deleted run
        return "gone"

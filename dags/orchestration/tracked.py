"""The tracked task: a planned step as an Airflow task whose work and memory are its MLflow run.

Used by ``dags/nightly.py``; nothing heavy is imported before a task runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from tasks.errors import NocturneError
from tasks.settings import Settings
from tasks.workflow import PlannedStep

if TYPE_CHECKING:
    from airflow.sdk import XComArg
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

    from tasks.tracking import Night, TaskIdentity

logger = logging.getLogger(__name__)
T = TypeVar("T")


def tracked_task(
    planned: PlannedStep, *, afterwards: Callable[[Night], None] | None = None, **options: Any
) -> XComArg:
    """Make the Airflow task of a planned step.

    What it needs is pulled from XCom by task id and not passed as an argument: the graph then shows
    the order of the night, not every handoff.

    Parameters
    ----------
    planned : PlannedStep
        Its name's last part becomes the task id; the part before the dot is the task group around it.
    afterwards : callable, optional
        What else the task does when the step is done: it tells Airflow of what has changed.
    **options
        For ``airflow.sdk.task``: pool, queue, retries, outlets.

    Returns
    -------
    XComArg
    """

    @task(task_id=planned.name.rpartition(".")[2], **options)
    def run() -> dict[str, Any]:
        from tasks.night import merge_outputs, run_step
        from tasks.tracking import Handoff, Night

        instance = get_current_context()["ti"]
        night = Night.from_json(instance.xcom_pull(task_ids="open_night"))
        handed = {name: instance.xcom_pull(task_ids=name) for name in planned.needs}
        for name, outputs_of in handed.items():
            if outputs_of is None and name not in planned.optional:
                raise AirflowFailException(
                    f"The task {name} has not handed over anything, and {planned.name} needs it: "
                    "look at its log, correct what is wrong, and clear it."
                )
        outputs = (
            {k: Handoff.from_json(v) for k, v in outputs_of.items()}
            for outputs_of in handed.values()
            if outputs_of is not None
        )
        made = without_useless_retries(
            lambda: run_step(
                Settings.from_environment(),
                night,
                planned.name,
                merge_outputs(outputs),
                identify(instance),
                on_open=lambda step: logger.info(
                    "MLflow run: %s", link_to_mlflow(night, step.run_id)
                ),
            )
        )
        if afterwards is not None:
            afterwards(night)
        return {name: handoff.to_json() for name, handoff in made.items()}

    return run()


def identify(instance: RuntimeTaskInstanceProtocol) -> TaskIdentity:
    """Read from an Airflow task instance who it is, for the tags of its MLflow run."""
    from tasks.tracking import TaskIdentity

    return TaskIdentity(
        runner="airflow",
        dag_id=instance.dag_id,
        run_id=instance.run_id,
        task_id=instance.task_id,
        map_index=instance.map_index if instance.map_index is not None else -1,
        try_number=instance.try_number,
        url=getattr(instance, "log_url", ""),
    )


def link_to_mlflow(night: Any, run_id: str) -> str:
    """Address of a run in MLflow's web UI, or its id where MLflow is a file."""
    uri = Settings.from_environment().tracking_uri
    if not uri.startswith("http"):
        return run_id
    return f"{uri}/#/experiments/{night.experiment_id}/runs/{run_id}"


def without_useless_retries(work: Callable[[], T]) -> T:
    """Do the work, and fail at once, without a retry, where trying again cannot help."""
    try:
        return work()
    except NocturneError as error:
        if error.is_retryable:
            raise
        raise AirflowFailException(str(error)) from error

"""Ask a person about a night's challenger: what starts the DAG ``approval``, and what waits in it.

Used by ``dags/nightly.py``; nothing heavy is imported before a task runs.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException, DagRunTriggerException

from orchestration.assets import announce_champion
from orchestration.tracked import without_useless_retries
from tasks.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import XComArg

    from tasks.tracking import Night

logger = logging.getLogger(__name__)

APPROVAL_DAG = "approval"


def announce_promotion(night: Night) -> None:
    """Tell Airflow of the champion that a night has made, if it has made one."""
    from tasks.promotion.promote import find_promotion
    from tasks.tracking import connect

    change = find_promotion(connect(Settings.from_environment()), night)
    if change is not None:
        announce_champion(
            night.workflow,
            version=str(change.version),
            previous=change.previous,
            action=change.action,
        )


def ask_for_approval() -> XComArg:
    """Make the task that has a person asked about the night's challenger, where the gate wants one.

    It starts a run of the DAG ``approval`` and does not wait for the answer: the night goes on, and
    so does the next one. A question is asked once, however often the task runs.
    """

    @task(task_id="ask")
    def ask() -> None:
        from tasks.promotion.asking import find_question
        from tasks.tracking import Night

        instance = get_current_context()["ti"]
        night = Night.from_json(instance.xcom_pull(task_ids="open_night"))
        question = without_useless_retries(
            lambda: find_question(Settings.from_environment(), night)
        )
        if question is None:
            raise AirflowSkipException("Nothing to ask: the gate has decided by itself.")
        run_id = f"{question.name}_v{question.version}_{question.key}"
        logger.info("%s Asked in the run %s of the DAG %s.", question.subject, run_id, APPROVAL_DAG)
        raise make_trigger(run_id, {"workflow": question.name, "version": question.version})

    return ask()


def make_trigger(run_id: str, conf: dict[str, Any]) -> DagRunTriggerException:
    """Make what tells Airflow to start a run of the DAG ``approval`` once, and not to wait for it.

    ``TriggerDagRunOperator`` raises the same; but it imports Airflow's database models, 0.8 s in the
    process of every task of a night.
    """
    return DagRunTriggerException(
        trigger_dag_id=APPROVAL_DAG,
        dag_run_id=run_id,
        conf=conf,
        reset_dag_run=False,
        skip_when_already_exists=True,
        wait_for_completion=False,
        allowed_states=[],
        failed_states=[],
        poke_interval=0,
        deferrable=False,
    )

"""Ask a person whether a challenger becomes champion.

A night whose workflow says `approval: approve` (or `approve_if_borderline`, where the gain could be
chance) starts a run of this DAG and goes on. The question is under **Required Actions**, with the figures
of all rules; **Approve** makes the version champion, **Reject** keeps the champion, and so does silence:
after the workflow's `approval_hours` the answer is no.

* **Who answered**, and the comment, go into the history of the model.
* **A newer night's question** replaces an older one: approving that one does nothing any more.
* **A champion that changed meanwhile** (a rollback, a hand in MLflow): the comparison no longer holds,
  and an approval is refused; the next night compares again.
* **Trigger** it with a workflow and a version to ask about a version that still awaits its answer.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param, chain, get_current_context, task

from orchestration.answer import APPROVE, AwaitAnswer
from orchestration.approval import APPROVAL_DAG
from orchestration.assets import CHAMPION_CHANGED, announce_champion
from orchestration.tracked import without_useless_retries
from tasks.settings import Settings

DEFAULTS = {
    "owner": "nocturne",
    "retries": 2,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    # Small tasks for which a person waits: their slot is not for nights (tasks/services/environment.py).
    "pool": "urgent",
}
MANY = 100  # questions that wait side by side; Airflow's own limit of runs is 16
# An answer that was given must not be lost because MLflow is down: with the waits above two hours and a half.
CARRY_OUT_RETRIES = 20


@task
def describe() -> dict[str, str | float]:
    """Write down what is asked: the subject, the rules with their figures, and how long to wait."""
    from tasks.promotion.asking import read_question

    params = get_current_context()["params"]
    question = without_useless_retries(
        lambda: read_question(
            Settings.from_environment(), params["workflow"], str(params["version"])
        )
    )
    return {
        "key": question.key,
        "subject": question.subject,
        "body": question.body,
        "hours": question.hours,
    }


@task(outlets=[CHAMPION_CHANGED], retries=CARRY_OUT_RETRIES)
def carry_out() -> str:
    """Make the version champion where that was approved, and write down who said what."""
    from tasks.promotion.approval import answer

    context = get_current_context()
    asked, said = (context["ti"].xcom_pull(task_ids=name) for name in ("describe", "answer"))
    params, user = context["params"], said["responded_by_user"]
    outcome = without_useless_retries(
        lambda: answer(
            Settings.from_environment(),
            params["workflow"],
            str(params["version"]),
            asked["key"],
            approved=said["chosen_options"] == [APPROVE],
            by=user["name"] if user else None,
            why=said["params_input"].get("comment") or "",
        )
    )
    if outcome.change is not None:
        announce_champion(
            params["workflow"],
            version=outcome.change.version,
            previous=outcome.change.previous,
            action=outcome.change.action,
        )
    return outcome.sentence


with DAG(
    dag_id=APPROVAL_DAG,
    description="Ask a person whether a challenger becomes champion.",
    schedule=None,
    max_active_runs=MANY,
    is_paused_upon_creation=False,
    default_args=DEFAULTS,
    tags={"nocturne"},
    doc_md=__doc__,
    params={
        "workflow": Param(
            type="string",
            pattern=r"^[a-z][a-z0-9_]{0,62}$",
            title="Workflow",
            description="Whose challenger it is.",
        ),
        "version": Param(
            type=["string", "integer"],
            pattern=r"^[1-9][0-9]*$",
            title="Version",
            description="The version of the registered model that awaits an answer.",
        ),
    },
):
    answered = AwaitAnswer(
        task_id="answer",
        subject="{{ ti.xcom_pull(task_ids='describe')['subject'] }}",
        body="{{ ti.xcom_pull(task_ids='describe')['body'] }}",
        hours="{{ ti.xcom_pull(task_ids='describe')['hours'] }}",
        params={
            "comment": Param(
                None,
                type=["null", "string"],
                title="Comment",
                description="Why; it goes into the history of the model.",
            )
        },
    )
    chain(describe(), answered, carry_out())

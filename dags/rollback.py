"""Make an earlier champion take its place again.

For the moment in which a champion turns out to be bad. **Trigger** this DAG: choose the model, say why,
and which version, or none for the champion before this one.

* **The version is tried first**: it is loaded in a fresh process and must predict what it predicted in
  its night. If it does not, the champion stays, and the task says what is wrong.
* **Who triggered it, and why**, go into the history of the model (`nocturne history MODEL`).
* **The version that is left** is not promoted again by itself, nor is the same model of another night.
* **A version that never passed the gate** cannot be rolled back to.
* The command line does the same: `nocturne rollback MODEL --why TEXT`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param, get_current_context, task

from orchestration.assets import CHAMPION_CHANGED, announce_champion
from orchestration.tracked import without_useless_retries
from tasks.settings import Settings
from tasks.workflow import list_workflow_files

FIRST = 10_000  # before everything else that waits for a slot
LONGEST = timedelta(minutes=10)
NOBODY = (
    "nobody known"  # Airflow knows no user, for example where a schedule or a test started the run
)


@task(
    outlets=[CHAMPION_CHANGED],
    pool="urgent",  # its slot is not for nights: tasks/services/environment.py
    priority_weight=FIRST,
    weight_rule="absolute",
    retries=2,
    retry_delay=timedelta(seconds=5),
)
def roll_back() -> str:
    """Try the version, and move the alias to it."""
    from tasks.promotion.rollback import roll_back as go_back

    context = get_current_context()
    params, run = context["params"], context["dag_run"]
    change = without_useless_retries(
        lambda: go_back(
            Settings.from_environment(),
            params["model"],
            params["version"],
            why=params["why"],
            by=run.triggering_user_name or NOBODY,
            key=f"{run.dag_id}/{run.run_id}",
        )
    )
    announce_champion(
        change.model,
        version=str(change.version),
        previous=change.previous,
        action=change.action,
    )
    return f"Version {change.version} of {change.model} is champion in place of {change.previous}."


names = [path.stem for path in list_workflow_files(Settings.from_environment().workflows_dir)]
with DAG(
    dag_id="rollback",
    description="Make an earlier champion take its place again.",
    schedule=None,
    is_paused_upon_creation=False,
    dagrun_timeout=LONGEST,
    default_args={"owner": "nocturne"},
    tags={"nocturne"},
    doc_md=__doc__,
    params={
        "model": Param(
            type="string",
            title="Model",
            description="Whose champion is to go.",
            **({"enum": names} if names else {}),
        ),
        "version": Param(
            None,
            type=["null", "string"],
            pattern=r"^[1-9][0-9]*$",
            title="Version",
            description="The version to go back to. Empty: the champion before this one.",
        ),
        "why": Param(
            type="string",
            minLength=3,
            maxLength=2000,
            title="Why",
            description="For those who read the history.",
        ),
    },
):
    roll_back()

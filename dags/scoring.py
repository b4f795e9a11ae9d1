"""Let the champions predict what has arrived, and start a night where it has drifted away.

Runs by itself, for workflows with `scoring`, when their champion has changed and when somebody says
that new rows are there:

```
POST /api/v2/assets/events   {"asset_id": <id of nocturne_rows>, "extra": {"workflow": "digits"}}
```

* **Trigger** it with a workflow to score that one, whatever its file says; without one to score all that
  have `scoring`.
* **Predictions** are artifacts of an MLflow run in the workflow's experiment, beside the rows that the
  champion refused and a page about the drift.
* **Nothing new** since the last scoring by the same version: it says so, and nothing is predicted twice.
* **Drift** above the limits of `scoring` tells the asset `nocturne_drift_<workflow>`, which starts a night.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, AssetAny, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from orchestration.assets import (
    CHAMPION_CHANGED,
    DRIFTED,
    ROWS_ARRIVED,
    announce_drift,
    read_workflow_name,
)
from orchestration.lifecycle import choose_date
from orchestration.tracked import identify, without_useless_retries
from tasks.settings import Settings
from tasks.workflow import find_workflow, list_workflow_files, load_workflows

logger = logging.getLogger(__name__)

DEFAULTS = {
    "owner": "nocturne",
    "retries": 2,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
}
AT_ONCE = 4  # scorings of different workflows; of one workflow a second one finds nothing new
LONGEST_SCORING = timedelta(hours=23)


def list_names() -> list[str]:
    """List the workflows by their files' names: reading the files would double the time of a parse."""
    folder = Settings.from_environment().workflows_dir
    return sorted(path.stem for path in list_workflow_files(folder))


PARAMS = {
    "workflow": Param(
        None,
        type=["null", "string"],
        enum=[None, *list_names()],
        title="Workflow",
        description="Whose champion predicts. Empty: those of all workflows that have 'scoring'.",
    ),
    "night": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Night",
        description="What had arrived by this date is predicted. Empty: the day of the run.",
    ),
}


@task
def choose_workflows() -> list[str]:
    """Choose whose champion predicts: the form's workflow, or those that the events name."""
    context = get_current_context()
    wanted = context["params"].get("workflow")
    if wanted:
        return [wanted]
    loaded = load_workflows(Settings.from_environment())
    scoring = {one.name for one in loaded if one.workflow and one.workflow.scoring}
    events = [one for found in context["triggering_asset_events"].values() for one in found]
    named = {read_workflow_name(event.asset.name, event.extra or {}) for event in events}
    chosen = scoring & named if events else scoring
    if not chosen:
        what = "named by the events" if events else "there is"
        raise AirflowSkipException(f"No workflow {what} has 'scoring' in its file.")
    return sorted(chosen)


@task(outlets=[DRIFTED], map_index_template="{{ workflow_name }}")
def score(workflow_name: str) -> dict[str, Any]:
    """Let one champion predict what has arrived."""
    from tasks.scoring_run import run_scoring

    context = get_current_context()
    # For the template of the mapped task's name; Airflow reads it when the task has ended.
    context["workflow_name"] = workflow_name  # type: ignore[typeddict-unknown-key]
    instance = context["ti"]
    settings = Settings.from_environment()

    def work() -> dict[str, Any]:
        workflow, path = find_workflow(workflow_name, settings)
        result = run_scoring(
            settings,
            workflow,
            path.parent,
            choose_date(
                context["params"].get("night"), context["dag_run"], ZoneInfo(workflow.timezone)
            ),
            key=f"{instance.dag_id}/{instance.run_id}/{workflow_name}",
            task=identify(instance),
        )
        logger.info("%s", result.sentence)
        if result.is_drifting and result.repeats is None:
            announce_drift(
                workflow_name,
                version=result.version,
                sentence=result.sentence,
                columns=list(result.columns),
            )
        return result.to_json()

    return without_useless_retries(work)


with DAG(
    dag_id="scoring",
    description="Champions predict what has arrived; drift starts a night.",
    schedule=AssetAny(CHAMPION_CHANGED, ROWS_ARRIVED),
    catchup=False,
    max_active_runs=AT_ONCE,
    is_paused_upon_creation=False,  # it acts for workflows with `scoring` alone
    dagrun_timeout=LONGEST_SCORING,
    default_args=DEFAULTS,
    params=PARAMS,
    tags={"nocturne", "house"},
    doc_md=__doc__,
):
    score.expand(workflow_name=choose_workflows())

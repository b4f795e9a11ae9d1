"""Retrain a model every night, and let only a better one through.

One DAG per file in `workflows/`. A night opens its MLflow run, takes in what has arrived, validates,
cleans and validates again, mines and trains side by side, compares everybody on the same hold-out,
decides, promotes, asks the challenger why it says what it says, draws the charts and writes the report.
Whatever happens, it closes its MLflow runs.

* **Trigger** it with a date to see what had arrived by that night, or without one for today.
* **Clear** a task to run it and all that follows again: it reopens its MLflow run.
* **A critical expectation that fails** stops the night; the champion stays.
* **Where a person has the last word** (`approval` under `promotion`) the night asks in the DAG `approval`
  and goes on; the answer is carried out there.
* **New rows that have drifted away** from those that the champion was trained on start a night of their
  own, where the workflow has its champion score (`scoring`).
* **A candidate that cannot be trained** is red, says why, and the others go on without it.
* **Mining that finds nothing** says why in the report, and the night goes on; with `required: true` under
  `mining` it stops before anybody is judged.
* **Without candidates** in the workflow file a night ends with clean data, what was found in them,
  and the report: nothing is trained, and the registry stays as it is.
"""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    Param,
    TaskGroup,
    TriggerRule,
    chain,
    get_parsing_context,
)

from orchestration.approval import announce_promotion, ask_for_approval
from orchestration.assets import CHAMPION_CHANGED, get_drift_asset
from orchestration.broken import make_broken_dag
from orchestration.lifecycle import close_night, open_night
from orchestration.tracked import tracked_task
from tasks.settings import Settings
from tasks.workflow import (
    ERRORS,
    Workflow,
    load_workflows,
    plan_explaining,
    plan_mining,
    plan_night,
    plan_training,
)

DEFAULTS = {
    "owner": "nocturne",
    "retries": 2,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
}
# A card is leased by a slot of the pool; on a machine without one training is a task like any other.
ON_A_CARD = {"pool": "gpu", "queue": "gpu"} if os.environ.get("NOCTURNE_GPU") == "1" else {}
# A DAG that is switched on waits for its next night. With False Airflow 3.3 runs the last one at once
# where that was less than a tenth of the time between two nights ago.
NEVER_AT_ONCE = timedelta(0)
LONGEST_NIGHT = timedelta(hours=23)  # the next one must be able to begin
ASKING = ("approve", "approve_if_borderline")  # a person may have the last word

PARAMS = {
    "night": Param(
        None,
        type=["null", "string"],
        format="date",
        title="Night",
        description="The date whose data the night sees: all that had arrived by then. Empty: the day of the run.",
    ),
    "seed": Param(
        None,
        type=["null", "integer"],
        minimum=0,
        title="Seed",
        description="Where all chance comes from. Empty: the workflow file's seed.",
    ),
}


def build_night(workflow: Workflow) -> DAG:
    """Wire the DAG of one workflow."""
    planned = {step.name: step for step in plan_night(workflow)}
    with DAG(
        dag_id=workflow.name,
        description=workflow.description,
        schedule=schedule_nights(workflow),
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=LONGEST_NIGHT,
        default_args=DEFAULTS,
        tags={"nocturne", *workflow.tags},
        doc_md=describe(workflow),
    ) as dag:
        opened = open_night(workflow.name)
        ingested = tracked_task(planned["ingest"])
        validated_raw = tracked_task(planned["validate_raw"])
        cleaned = tracked_task(planned["clean"])
        validated_clean = tracked_task(planned["validate_clean"])
        drawn = tracked_task(planned["charts"])
        reported = tracked_task(planned["report"])
        closed = close_night()

        chain(opened, ingested, validated_raw, cleaned, validated_clean)
        if workflow.candidates:
            with TaskGroup("train", tooltip="A task per candidate and per baseline") as trained:
                for step in plan_training(workflow):
                    is_network = step.name.removeprefix("train.") in workflow.candidates
                    tracked_task(step, **(ON_A_CARD if is_network else {}))
            # A candidate that cannot be trained is no hindrance to the others; whoever cannot be
            # done without, a baseline above all, the task itself asks for.
            evaluated = tracked_task(
                planned["evaluate"], trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS
            )
            decided = tracked_task(planned["decide"])
            promoted = tracked_task(
                planned["promote"], afterwards=announce_promotion, outlets=[CHAMPION_CHANGED]
            )
            chain(validated_clean, trained, evaluated, decided, promoted, drawn)
            if workflow.promotion.approval in ASKING:
                promoted >> ask_for_approval()
            for step in plan_explaining(workflow):
                # Beside the promotion, and no hindrance to it.
                trains = ON_A_CARD if step.name == "learning_curve" else {}
                chain(evaluated, tracked_task(step, **trains), drawn)
        elif not plan_mining(workflow):
            chain(validated_clean, drawn)
        chain(drawn, reported)
        if plan_mining(workflow):
            with TaskGroup("mine", tooltip="What is in the data") as mined:
                for step in plan_mining(workflow):
                    tracked_task(step)
            # Beside the training, and no hindrance to a promotion: the charts wait for both.
            chain(validated_clean, mined, drawn)
            if workflow.candidates and workflow.mining.required:
                mined >> evaluated
        reported >> closed.as_teardown(setups=opened)
    # Only now: Airflow copies a DAG's params into every task made after them, which took half of
    # the time of parsing a hundred workflows.
    dag.params.update(PARAMS)
    return dag


def schedule_nights(
    workflow: Workflow,
) -> CronTriggerTimetable | AssetOrTimeSchedule | Asset | None:
    """Say when a workflow's nights begin: by the clock, and where its rows have drifted away."""
    by_clock = (
        CronTriggerTimetable(
            workflow.schedule, timezone=workflow.timezone, run_immediately=NEVER_AT_ONCE
        )
        if workflow.schedule
        else None
    )
    if workflow.scoring is None:
        return by_clock
    drift = get_drift_asset(workflow.name)
    return AssetOrTimeSchedule(timetable=by_clock, assets=drift) if by_clock else drift


def describe(workflow: Workflow) -> str:
    """Write the DAG's doc page, the same from parse to parse."""
    facts = {"source": workflow.source.kind}
    if workflow.columns.target is not None:
        facts["target"] = f"`{workflow.columns.target}`"
    if workflow.columns.time is not None:
        facts["time"] = f"`{workflow.columns.time}`"
    if workflow.candidates:
        facts["predict"] = workflow.predict.kind
        facts["candidates"] = ", ".join(f"`{n}` ({c.kind})" for n, c in workflow.candidates.items())
        facts["baselines"] = ", ".join(f"`{n}` ({b.kind})" for n, b in workflow.baselines.items())
        facts["promotion"] = describe_promotion(workflow)
    else:
        facts["candidates"] = "none: a night ends with clean data and the report"
    if workflow.mining.kinds:
        facts["mining"] = ", ".join(workflow.mining.kinds)
    facts["suites"] = f"`{workflow.expectations.raw}`, `{workflow.expectations.clean}`"
    table = "\n".join(f"| {name} | {fact} |" for name, fact in facts.items())
    return f"""## {workflow.name}
{workflow.description}

| | |
|---|---|
{table}

{__doc__}"""


def describe_promotion(workflow: Workflow) -> str:
    """Say when tonight's best model becomes champion."""
    rules, metric = workflow.promotion, workflow.metric
    side = "below" if metric in ERRORS else "above"
    limits = []
    if rules.floor is not None:
        limits.append(f"at least {rules.floor:g}")
    if rules.ceiling is not None:
        limits.append(f"at most {rules.ceiling:g}")
    limits += [f"{side} every baseline", f"more than {rules.min_gain:g} {side} the champion"]
    last_word = {
        "auto": "",
        "approve": "; a person has the last word",
        "approve_if_borderline": "; where the gain is about as large as chance, a person has the last word",
        "shadow": "; nobody is promoted, challengers only run along",
    }
    return f"{metric}: {', '.join(limits)}{last_word[rules.approval]}"


wanted = get_parsing_context().dag_id  # a starting task needs its own DAG alone
for loaded in load_workflows(Settings.from_environment(), only=wanted):
    dag = build_night(loaded.workflow) if loaded.workflow else make_broken_dag(loaded)
    globals()[dag.dag_id] = dag

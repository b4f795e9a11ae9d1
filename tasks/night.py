"""A night, step by step: what each planned step calls, alone for a task or in a row for a local run.

Stands above the stages and hands their outputs on; Airflow's tasks and ``nocturne run`` both come in here.
"""

from __future__ import annotations

import datetime
import logging
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tasks.dataset.memory import release_free_memory
from tasks.errors import NocturneError
from tasks.settings import Settings
from tasks.stages import Call, Handoffs, find_stage
from tasks.tracking import (
    Handoff,
    Night,
    Step,
    TaskIdentity,
    close_night,
    connect,
    open_night,
    open_step,
    sweep_dead_nights,
)
from tasks.tracking.nights import is_local_process_alive, read_pinned_workflow
from tasks.tracking.provenance import compute_fingerprint
from tasks.tracking.steps import record_outputs
from tasks.workflow import Workflow, plan_night

logger = logging.getLogger(__name__)

# Mining runs beside the training, for which a champion waits, and takes what that leaves: mnist was
# promoted after 226 s on two cores, where it took 236 with a niceness of 10, and 258 with none.
BACKGROUND_NICENESS = 19


def run_step(
    settings: Settings,
    night: Night,
    name: str,
    inputs: Handoffs,
    task: TaskIdentity,
    *,
    on_open: Callable[[Step], None] = lambda _: None,
) -> dict[str, Handoff]:
    """Run one step of a night as its MLflow child run.

    Parameters
    ----------
    settings : Settings
    night : Night
    name : str
        As planned by :func:`tasks.workflow.plan_night`.
    inputs : mapping of str to Handoff
        The outputs of the steps it needs, in one mapping.
    task : TaskIdentity
        Who runs it.
    on_open : callable, optional
        Told of the open step, for example to show its MLflow run.

    Returns
    -------
    dict of str to Handoff
        Its own outputs.
    """
    client = connect(settings)
    workflow, folder = read_pinned_workflow(client, night)
    stage, part = find_stage(name)
    if stage.is_background and task.runner == "airflow":
        os.nice(BACKGROUND_NICENESS)  # the task has a process of its own, which ends with it
    if stage.is_on_cpu and task.runner == "airflow":
        os.environ.update(CUDA_VISIBLE_DEVICES="", JAX_PLATFORMS="cpu")  # before one is asked for
    with open_step(
        client,
        settings,
        night,
        name,
        inputs=inputs,
        task=task,
        section=stage.cut_section(workflow),
        code=stage.list_code(),
    ) as step:
        on_open(step)
        outputs = dict(stage.body(Call(step, workflow, settings, folder, part, inputs)))
        record_outputs(client, step.run_id, outputs)
    release_free_memory()  # a local run goes on in this process
    return outputs


def fingerprint_step(
    workflow: Workflow, name: str, inputs: Handoffs, *, lock_sha256: str, seed: int
) -> str:
    """Compute the fingerprint that a step would have with the code as it is now.

    Parameters
    ----------
    workflow : Workflow
    name : str
        As planned by :func:`tasks.workflow.plan_night`.
    inputs : mapping of str to Handoff
        The outputs of the steps it needs, in one mapping.
    lock_sha256 : str
        Of the lock file.
    seed : int
        The night's.
    """
    stage, _ = find_stage(name)
    section = stage.cut_section(workflow)
    return compute_fingerprint(inputs, section, stage.list_code(), lock_sha256, seed)


def begin_night(
    settings: Settings,
    workflow: Workflow,
    folder: Path,
    date: datetime.date,
    *,
    key: str,
    task: TaskIdentity,
    seed: int | None = None,
    is_airflow_run_alive: Callable[[str, str], bool] = lambda _dag_id, _run_id: True,
) -> Night:
    """Open a night, after ending those that a dead process has left behind.

    Parameters
    ----------
    settings : Settings
    workflow : Workflow
    folder : Path
        The workflow file's folder.
    date : datetime.date
    key : str
        Identifies the night from try to try.
    task : TaskIdentity
    seed : int, optional
        In place of the workflow's.
    is_airflow_run_alive : callable, optional
        Takes an Airflow DAG id and run id. Without Airflow at hand its runs are left alone.

    Returns
    -------
    Night
    """
    from tasks.tracking import tags

    client = connect(settings)
    if seed is not None:
        workflow = workflow.model_copy(update={"seed": seed})
    night = open_night(
        client,
        settings,
        workflow,
        date,
        key=key,
        runner="airflow" if task.runner == "airflow" else "local",
        folder=folder,
        extra_tags=task.to_tags(),
    )

    def is_alive(run_tags: Mapping[str, str]) -> bool:
        if run_tags.get(tags.RUNNER) == "airflow":
            return is_airflow_run_alive(run_tags[tags.AIRFLOW_DAG], run_tags[tags.AIRFLOW_RUN])
        return is_local_process_alive(run_tags)

    sweep_dead_nights(client, settings, night.experiment_id, is_alive=is_alive, spare=night.run_id)
    return night


def end_night(settings: Settings, night: Night) -> str:
    """Close a night; returns ``finished`` or ``failed``."""
    return close_night(connect(settings), settings, night)


def run_night(
    settings: Settings,
    workflow: Workflow,
    folder: Path,
    date: datetime.date,
    *,
    on_step: Callable[[str, int, int], None] = lambda _name, _i, _n: None,
    on_open: Callable[[Night], None] = lambda _: None,
    on_failure: Callable[[str, NocturneError], None] = lambda _name, _error: None,
) -> Night:
    """Walk a whole night in this process: no scheduling, no retries, no parallelism.

    Parameters
    ----------
    settings : Settings
    workflow : Workflow
    folder : Path
        The workflow file's folder.
    date : datetime.date
    on_step : callable, optional
        Told of each step before it runs: its name, its number from 1, and how many there are.
    on_open : callable, optional
        Told of the night when it is open.
    on_failure : callable, optional
        Told of a candidate that could not be trained, while others go on: its step, and the error.

    Returns
    -------
    Night

    Raises
    ------
    NocturneError
        From the first step that fails; the night is closed as failed before.
    """
    task = TaskIdentity()
    night = begin_night(
        settings, workflow, folder, date, key=f"local/{uuid.uuid4().hex}", task=task
    )
    on_open(night)
    outputs: dict[str, dict[str, Handoff]] = {}
    try:
        steps = plan_night(workflow)
        optional = {name for planned in steps for name in planned.optional}
        for i, planned in enumerate(steps, start=1):
            ahead = {later.name for later in steps[i:]}
            on_step(planned.name, i, len(steps))
            inputs = merge_outputs(outputs[name] for name in planned.needs if name in outputs)
            try:
                outputs[planned.name] = run_step(settings, night, planned.name, inputs, task)
            except NocturneError as error:
                # As in Airflow: the others are compared without a candidate that failed.
                hopes = [name for name in optional if name in outputs or name in ahead]
                if planned.name not in optional or not hopes:
                    raise
                on_failure(planned.name, error)
    finally:
        end_night(settings, night)
    return night


def merge_outputs(outputs: Iterable[Handoffs]) -> dict[str, Handoff]:
    """Merge the outputs of several steps into one mapping."""
    return {name: handoff for one in outputs for name, handoff in one.items()}

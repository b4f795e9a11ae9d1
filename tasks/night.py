"""A night, step by step: what each planned step calls, alone for a task or in a row for a local run.

Stands above the stages and hands their outputs on; Airflow's tasks and ``nocturne run`` both come in here.
"""

from __future__ import annotations

import datetime
import logging
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tasks.cleaning import step as cleaning
from tasks.dataset.memory import release_free_memory
from tasks.errors import NocturneError
from tasks.evaluation import step as evaluation
from tasks.ingestion import step as ingestion
from tasks.interpretation import step as interpretation
from tasks.mining import step as mining
from tasks.promotion import step as promotion
from tasks.reporting import step as reporting
from tasks.settings import Settings
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
from tasks.tracking.steps import compute_fingerprint, record_outputs
from tasks.training import learning_curve
from tasks.training import step as training
from tasks.validation import step as validation
from tasks.workflow import Workflow, plan_night

logger = logging.getLogger(__name__)

Handoffs = Mapping[str, Handoff]

# Mining runs beside the training, for which a champion waits, and takes what that leaves: mnist was
# promoted after 226 s on two cores, where it took 236 with a niceness of 10, and 258 with none.
BACKGROUND_NICENESS = 19

# Beside its own folder, what the result of any step may depend on.
_SHARED_CODE = tuple(
    Path(__file__).with_name(n) for n in ("dataset", "models", "preparation", "privacy")
)


@dataclass(frozen=True)
class Call:
    """What a step's body is called with.

    Parameters
    ----------
    step : Step
    workflow : Workflow
        As it stood when the night was opened.
    settings : Settings
    folder : Path
        The workflow file's folder.
    part : str
        Behind the dot in the step's name: the candidate, or the kind of mining.
    inputs : mapping of str to Handoff
        What the needed steps handed over, by name.
    """

    step: Step
    workflow: Workflow
    settings: Settings
    folder: Path
    part: str
    inputs: Handoffs


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
    stage, _, part = name.partition(".")
    body = _STAGES[stage]
    if body.is_background and task.runner == "airflow":
        os.nice(BACKGROUND_NICENESS)  # the task has a process of its own, which ends with it
    if body.is_on_cpu and task.runner == "airflow":
        os.environ.update(CUDA_VISIBLE_DEVICES="", JAX_PLATFORMS="cpu")  # before one is asked for
    with open_step(
        client,
        settings,
        night,
        name,
        inputs=inputs,
        task=task,
        section=body.cut_section(workflow),
        code=body.list_code(),
    ) as step:
        on_open(step)
        outputs = dict(body.call(Call(step, workflow, settings, folder, part, inputs)))
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
    body = _STAGES[name.partition(".")[0]]
    section = body.cut_section(workflow)
    return compute_fingerprint(inputs, section, body.list_code(), lock_sha256, seed)


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
        spares = {name for planned in steps for name in planned.spares}
        for i, planned in enumerate(steps, start=1):
            ahead = {later.name for later in steps[i:]}
            on_step(planned.name, i, len(steps))
            inputs = merge_outputs(outputs[name] for name in planned.needs if name in outputs)
            try:
                outputs[planned.name] = run_step(settings, night, planned.name, inputs, task)
            except NocturneError as error:
                # As in Airflow: the others are compared without a candidate that failed.
                hopes = [name for name in spares if name in outputs or name in ahead]
                if planned.name not in spares or not hopes:
                    raise
                on_failure(planned.name, error)
    finally:
        end_night(settings, night)
    return night


def merge_outputs(outputs: Iterable[Handoffs]) -> dict[str, Handoff]:
    """Merge the outputs of several steps into one mapping."""
    return {name: handoff for one in outputs for name, handoff in one.items()}


# --- what each stage is called with -------------------------------------------------------------


def _ingest(call: Call) -> Handoffs:
    return ingestion.run(call.step, call.workflow, call.settings, base_folder=call.folder)


def _validate_raw(call: Call) -> Handoffs:
    made = validation.run(
        call.step, call.workflow, call.settings, data=call.inputs["raw"], stage="raw"
    )
    return {"validation_raw": made["validation"], "rejected": made["rejected"]}


def _clean(call: Call) -> Handoffs:
    made = cleaning.run(
        call.step,
        call.workflow,
        call.settings,
        raw=call.inputs["raw"],
        unparsed=call.inputs["unparsed"],
        rejected=call.inputs["rejected"],
    )
    return {**{k: v for k, v in made.items() if k != "report"}, "cleaning_report": made["report"]}


def _validate_clean(call: Call) -> Handoffs:
    made = validation.run(
        call.step, call.workflow, call.settings, data=call.inputs["clean"], stage="clean"
    )
    return {"validation_clean": made["validation"]}


def _mine(call: Call) -> Handoffs:
    return mining.run(
        call.step,
        call.workflow,
        call.settings,
        kind=call.part,
        clean=call.inputs["clean"],
        preparation=call.inputs["preparation"],
    )


def _train(call: Call) -> Handoffs:
    made = training.run(
        call.step,
        call.workflow,
        call.settings,
        clean=call.inputs["clean"],
        preparation=call.inputs["preparation"],
        candidate=call.part,
    )
    return {f"{name}.{call.part}": handoff for name, handoff in made.items()}


def _evaluate(call: Call) -> Handoffs:
    return evaluation.run(
        call.step,
        call.workflow,
        call.settings,
        raw=call.inputs["raw"],
        clean=call.inputs["clean"],
        preparation=call.inputs["preparation"],
        models=_select(call.inputs, "model."),
        quarantine=call.inputs.get("quarantine"),
    )


def _decide(call: Call) -> Handoffs:
    return promotion.run_decide(
        call.step, call.workflow, call.settings, scores=call.inputs["scores"]
    )


def _promote(call: Call) -> Handoffs:
    return promotion.run_promote(
        call.step,
        call.workflow,
        call.settings,
        decision=call.inputs["decision"],
        models=_select(call.inputs, "model."),
    )


def _interpret(call: Call) -> Handoffs:
    return interpretation.run(
        call.step,
        call.workflow,
        call.settings,
        raw=call.inputs["raw"],
        clean=call.inputs["clean"],
        preparation=call.inputs["preparation"],
        models=_select(call.inputs, "model."),
        scores=call.inputs["scores"],
    )


def _draw_learning_curve(call: Call) -> Handoffs:
    return learning_curve.run_learning_curve(
        call.step,
        call.workflow,
        call.settings,
        clean=call.inputs["clean"],
        preparation=call.inputs["preparation"],
        models=_select(call.inputs, "model."),
        histories=_select(call.inputs, "history."),
        scores=call.inputs["scores"],
    )


def _charts(call: Call) -> Handoffs:
    return reporting.run_charts(call.step, call.workflow, call.settings, inputs=call.inputs)


def _report(call: Call) -> Handoffs:
    return reporting.run_report(call.step, call.workflow, call.settings, inputs=call.inputs)


def _select(inputs: Handoffs, prefix: str) -> dict[str, Handoff]:
    return {k.removeprefix(prefix): v for k, v in inputs.items() if k.startswith(prefix)}


@dataclass(frozen=True)
class _Stage:
    module: ModuleType
    call: Callable[[Call], Handoffs]
    keys: tuple[str, ...]  # the part of the workflow file that the stage reads
    is_background: bool = False  # whether the steps beside it go first on a full machine
    is_on_cpu: bool = False  # whether it loads networks and leaves the cards to those that train

    def cut_section(self, workflow: Workflow) -> object:
        return workflow.model_dump(mode="json", by_alias=True, include=set(self.keys))

    def list_code(self) -> list[Path]:
        return [Path(str(self.module.__file__)).parent, *_SHARED_CODE]


_STAGES = {
    "ingest": _Stage(ingestion, _ingest, ("source", "columns", "privacy", "split", "timezone")),
    "validate_raw": _Stage(validation, _validate_raw, ("columns", "expectations", "cleaning")),
    "clean": _Stage(cleaning, _clean, ("columns", "cleaning", "split", "privacy", "predict")),
    "validate_clean": _Stage(validation, _validate_clean, ("columns", "expectations")),
    "mine": _Stage(mining, _mine, ("columns", "mining"), is_background=True),
    "train": _Stage(
        training, _train, ("columns", "predict", "candidates", "baselines", "training")
    ),
    "evaluate": _Stage(
        evaluation,
        _evaluate,
        ("name", "columns", "cleaning", "predict", "baselines", "promotion"),
        is_on_cpu=True,
    ),
    "decide": _Stage(promotion, _decide, ("predict", "promotion")),
    "promote": _Stage(promotion, _promote, ("name", "promotion")),
    "interpret": _Stage(
        interpretation,
        _interpret,
        ("columns", "predict", "promotion"),
        is_background=True,
        is_on_cpu=True,
    ),
    "learning_curve": _Stage(
        learning_curve,
        _draw_learning_curve,
        ("predict", "candidates", "training"),
        is_background=True,
    ),
    "charts": _Stage(reporting, _charts, ("columns",)),
    "report": _Stage(reporting, _report, ("name", "description", "candidates")),
}

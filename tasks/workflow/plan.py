"""The plan of a night: the steps of a workflow in order, and whose outputs each one reads.

Ground module; the DAG of a workflow and ``nocturne run`` walk the same plan.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.workflow.models import Workflow


@dataclass(frozen=True)
class PlannedStep:
    """A step to be run: its name, and the earlier steps whose outputs it reads.

    Parameters
    ----------
    name : str
        Also the Airflow task's id and the MLflow child run's name; ``group.part`` for a part of a group.
    needs : tuple of str
        Names of earlier steps.
    optional : tuple of str, optional
        Those of ``needs`` that it goes on without where they fail: a candidate that cannot be
        trained is no hindrance to the others.
    """

    name: str
    needs: tuple[str, ...]
    optional: tuple[str, ...] = ()


def plan_night(workflow: Workflow) -> tuple[PlannedStep, ...]:
    """Plan the steps between opening and closing a night.

    Parameters
    ----------
    workflow : Workflow

    Returns
    -------
    tuple of PlannedStep
        In an order in which every step comes after those it needs. Without candidates nothing is
        trained and nobody is judged: the charts and the report are made of what there is.
    """
    mining = plan_mining(workflow)
    training = plan_training(workflow)
    judging = plan_judging(workflow)
    explaining = plan_explaining(workflow)
    optional = _list_optional(workflow)
    told = (
        "ingest",
        "validate_raw",
        "clean",
        "validate_clean",
        *(
            step.name
            for step in (*mining, *training, *judging, *explaining)
            if step.name != "promote"
        ),
    )
    return (
        PlannedStep("ingest", ()),
        PlannedStep("validate_raw", ("ingest",)),
        PlannedStep("clean", ("ingest", "validate_raw")),
        PlannedStep("validate_clean", ("clean",)),
        *mining,
        *training,
        *judging,
        *explaining,
        PlannedStep("charts", told, optional),
        PlannedStep("report", (*told, "charts"), optional),
    )


def plan_mining(workflow: Workflow) -> tuple[PlannedStep, ...]:
    """Plan one step per kind of mining that the workflow asks for."""
    return tuple(PlannedStep(f"mine.{kind}", ("clean",)) for kind in workflow.mining.kinds)


def plan_training(workflow: Workflow) -> tuple[PlannedStep, ...]:
    """Plan one step per candidate and per baseline; none where nobody competes."""
    names = (*workflow.candidates, *workflow.baselines)
    return tuple(PlannedStep(f"train.{name}", ("clean",)) for name in names)


def plan_judging(workflow: Workflow) -> tuple[PlannedStep, ...]:
    """Plan the comparison, the decision and the promotion; none where nobody competes."""
    trained = tuple(step.name for step in plan_training(workflow))
    if not trained:
        return ()
    optional = _list_optional(workflow)
    required = (
        tuple(step.name for step in plan_mining(workflow)) if workflow.mining.required else ()
    )
    return (
        PlannedStep("evaluate", ("ingest", "clean", *required, *trained), optional),
        PlannedStep("decide", ("evaluate", *trained), optional),
        PlannedStep("promote", ("evaluate", "decide", *trained), optional),
    )


def plan_explaining(workflow: Workflow) -> tuple[PlannedStep, ...]:
    """Plan what is asked about the challenger, beside its promotion; none where nobody competes."""
    trained = tuple(step.name for step in plan_training(workflow))
    if not trained:
        return ()
    optional = _list_optional(workflow)
    steps = [PlannedStep("interpret", ("ingest", "clean", *trained, "evaluate"), optional)]
    if workflow.training.learning_curve:
        steps.append(PlannedStep("learning_curve", ("clean", *trained, "evaluate"), optional))
    return tuple(steps)


def plan_scoring() -> tuple[PlannedStep, ...]:
    """Plan a scoring: rows are read as in a night, the champion predicts them, and a page tells of it."""
    return (
        PlannedStep("read_rows", ()),
        PlannedStep("score", ("read_rows",)),
        PlannedStep("report_scoring", ("score",)),
    )


def _list_optional(workflow: Workflow) -> tuple[str, ...]:
    return tuple(f"train.{name}" for name in workflow.candidates)

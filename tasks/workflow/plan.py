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
    """

    name: str
    needs: tuple[str, ...]


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
    told = (
        "ingest",
        "validate_raw",
        "clean",
        "validate_clean",
        *(step.name for step in (*mining, *training, *judging) if step.name != "promote"),
    )
    return (
        PlannedStep("ingest", ()),
        PlannedStep("validate_raw", ("ingest",)),
        PlannedStep("clean", ("ingest", "validate_raw")),
        PlannedStep("validate_clean", ("clean",)),
        *mining,
        *training,
        *judging,
        PlannedStep("charts", told),
        PlannedStep("report", (*told, "charts")),
    )


def plan_mining(workflow: Workflow) -> tuple[PlannedStep, ...]:
    """Plan one step per kind of mining that the workflow asks for."""
    return tuple(PlannedStep(f"mine.{kind}", ("clean",)) for kind in workflow.mining.kinds)


def plan_training(workflow: Workflow) -> tuple[PlannedStep, ...]:
    """Plan one step per candidate, and one for the baseline; none where nobody competes."""
    names = (*workflow.candidates, "baseline") if workflow.candidates else ()
    return tuple(PlannedStep(f"train.{name}", ("clean",)) for name in names)


def plan_judging(workflow: Workflow) -> tuple[PlannedStep, ...]:
    """Plan the comparison, the decision and the promotion; none where nobody competes."""
    trained = tuple(step.name for step in plan_training(workflow))
    if not trained:
        return ()
    return (
        PlannedStep("evaluate", ("ingest", "clean", *trained)),
        PlannedStep("decide", ("evaluate",)),
        PlannedStep("promote", ("decide", *trained)),
    )

"""Which steps a night has, and whose outputs each one reads."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.workflow import Workflow, plan_night

DATA_STEPS = ("ingest", "validate_raw", "clean", "validate_clean")


def make_workflow(**more: Any) -> Workflow:
    return Workflow.model_validate(
        {
            "name": "tiny",
            "description": "Flowers.",
            "source": {"kind": "sklearn", "dataset": "iris"},
            "columns": {"target": "target", "features": ["petal_length_cm"]},
            "expectations": {"raw": "tiny_raw", "clean": "tiny_clean"},
            "split": {"by": "hash"},
            **more,
        }
    )


CANDIDATES = {"candidates": {"mlp": {"kind": "mlp"}}}
MINING = {"mining": {"clusters": {"k": 3}}}


@pytest.mark.parametrize("mining", [{}, MINING], ids=["no mining", "mining"])
def test_a_night_without_candidates_ends_with_the_data(mining: dict[str, Any]) -> None:
    """Nobody is trained, judged or promoted; charts and report read what there is."""
    steps = plan_night(make_workflow(**mining))
    mined = ("mine.clusters",) if mining else ()
    assert tuple(step.name for step in steps) == (*DATA_STEPS, *mined, "charts", "report")
    charts, report = steps[-2:]
    assert charts.needs == (*DATA_STEPS, *mined)
    assert report.needs == (*DATA_STEPS, *mined, "charts")


def test_candidates_bring_their_judges() -> None:
    """One candidate is trained beside the baselines, compared, decided upon, promoted and explained."""
    steps = plan_night(make_workflow(**CANDIDATES, **MINING))
    trained = ("train.mlp", "train.logistic_regression", "train.gradient_boosting")
    judged = ("evaluate", "decide", "promote", "interpret", "learning_curve")
    assert tuple(step.name for step in steps) == (
        *DATA_STEPS,
        "mine.clusters",
        *trained,
        *judged,
        "charts",
        "report",
    )


def test_a_candidate_that_fails_is_done_without_and_a_baseline_is_not() -> None:
    """Whoever reads what was trained goes on without a candidate; the gate needs every baseline."""
    steps = {step.name: step for step in plan_night(make_workflow(**CANDIDATES))}
    for name in (
        "evaluate",
        "decide",
        "promote",
        "interpret",
        "learning_curve",
        "charts",
        "report",
    ):
        assert steps[name].optional == ("train.mlp",), name
        assert set(steps[name].optional) <= set(steps[name].needs), name


def test_a_night_without_a_learning_curve_does_not_train_again() -> None:
    """An empty list of shares leaves the step out."""
    steps = plan_night(make_workflow(**CANDIDATES, training={"learning_curve": []}))
    assert "learning_curve" not in {step.name for step in steps}


def test_mining_that_is_required_is_asked_for_by_the_judges() -> None:
    """A night whose required mining found nothing compares nobody."""
    mining = {"mining": {**MINING["mining"], "required": True}}
    steps = {step.name: step for step in plan_night(make_workflow(**CANDIDATES, **mining))}
    assert "mine.clusters" in steps["evaluate"].needs
    assert "mine.clusters" not in steps["evaluate"].optional


@pytest.mark.parametrize("more", [{}, MINING, CANDIDATES, {**CANDIDATES, **MINING}])
def test_every_step_comes_after_those_it_needs(more: dict[str, Any]) -> None:
    """A night that is walked in order finds every input."""
    done: set[str] = set()
    for step in plan_night(make_workflow(**more)):
        assert done.issuperset(step.needs), step
        done.add(step.name)

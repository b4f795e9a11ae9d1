"""Challengers that a person is asked about, without training: a night is judged and promoted in a second."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING

from tasks.metrics import PairedGain
from tasks.promotion.figures import Contender, Trial
from tasks.promotion.policy import Approval, decide
from tasks.promotion.promote import run_promote
from tasks.promotion.rules import Limits
from tasks.tracking import Night, TaskIdentity, open_night, open_step
from tasks.workflow import find_workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tasks.settings import Settings


def judge_night(
    client: MlflowClient,
    settings: Settings,
    day: int,
    champion: str | None = None,
    approval: Approval = "approve",
    *,
    workflow: str = "digits",
    score: float = 0.97,
    approval_hours: float = 12.0,
) -> Night:
    """Let a night find a better challenger, and promote it as far as the gate does.

    Parameters
    ----------
    client : mlflow.MlflowClient
    settings : Settings
    day : int
        Of January 2026; the same day is the same night, with the same model.
    champion : str, optional
        The version that the challenger is compared with.
    approval : str
        Who has the last word.
    workflow : str
        A shipped one.
    score : float
        The challenger's accuracy; the champion's is 0.96.
    approval_hours : float
        How long an answer is waited for.
    """
    decision = decide(
        metric="accuracy",
        is_error=False,
        limits=Limits(floor=0.9),
        n_holdout=10_000,
        challenger=Contender("cnn", score),
        champion=Contender(champion, 0.96) if champion else None,
        baselines=[Contender("logistic_regression", 0.93)],
        trial=Trial(True, "It loads and predicts as it did in its night.", 2.5, 4e6),
        paired=PairedGain(0.01, 0.008, 0.012, 0.9, 1e-9, (150, 50)) if champion else None,
        approval=approval,
    )
    loaded, path = find_workflow(workflow, settings)
    promotion = loaded.promotion.model_copy(update={"approval_hours": approval_hours})
    night = open_night(
        client,
        settings,
        loaded.model_copy(update={"promotion": promotion}),
        datetime.date(2026, 1, day),
        key=f"night {day}",
        runner="local",
        folder=path.parent,
    )
    with open_step(client, settings, night, "promote", inputs={}, task=TaskIdentity()) as step:
        contents = {
            "decision": json.dumps(decision.to_json()),
            "model": f"the weights of night {day}",
            "scores": "{}",
        }
        for name, content in contents.items():
            (step.workdir / name).write_text(content)
        handed = {name: step.publish(step.workdir / name, name) for name in contents}
        run_promote(
            step,
            loaded,
            settings,
            decision=handed["decision"],
            scores=handed["scores"],
            models={"cnn": handed["model"]},
        )
    return night

"""A step of a night: which ones give way to others on a full machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests_support import make_night

from tasks.errors import NocturneError
from tasks.night import BACKGROUND_NICENESS, run_step
from tasks.settings import Settings
from tasks.tracking import TaskIdentity

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.mark.parametrize(
    ("name", "runner", "is_nice"),
    [
        ("mine.pca", "airflow", True),
        ("mine.pca", "local", False),
        ("learning_curve", "airflow", True),
        ("train.cnn", "airflow", False),
    ],
)
def test_what_nobody_waits_for_gives_way_to_training(
    client: MlflowClient,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    runner: str,
    is_nice: bool,
) -> None:
    """In a task's own process; a local run would keep its lower priority for the training after it."""
    raised: list[int] = []
    monkeypatch.setattr("os.nice", raised.append)  # a process cannot take it back
    night = make_night(client, settings)
    with pytest.raises((KeyError, NocturneError)):  # without the steps before it
        run_step(settings, night, name, {}, TaskIdentity(runner=runner))
    assert raised == ([BACKGROUND_NICENESS] if is_nice else [])


@pytest.mark.parametrize(
    ("name", "runner", "is_hidden"),
    [
        ("evaluate", "airflow", True),
        ("interpret", "airflow", True),
        ("evaluate", "local", False),
        ("train.cnn", "airflow", False),
        ("learning_curve", "airflow", False),
    ],
)
def test_who_does_not_train_leaves_the_cards_alone(
    client: MlflowClient,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    runner: str,
    is_hidden: bool,
) -> None:
    """TensorFlow takes memory on every card it sees, also on one that is leased to a training."""
    monkeypatch.setattr("os.nice", lambda _: None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("JAX_PLATFORMS", "")
    night = make_night(client, settings)
    with pytest.raises((KeyError, NocturneError)):  # without the steps before it
        run_step(settings, night, name, {}, TaskIdentity(runner=runner))
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ("" if is_hidden else "0")

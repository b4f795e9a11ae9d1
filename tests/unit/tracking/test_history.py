"""What the night before handed over: the latest date's, from a step that finished."""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING

import pytest
from tests_support import make_night

from tasks.settings import Settings
from tasks.tracking import (
    EarlierOutput,
    Handoff,
    Night,
    TaskIdentity,
    find_earlier_output,
    open_step,
    tags,
)
from tasks.tracking.steps import record_outputs

if TYPE_CHECKING:
    from mlflow import MlflowClient

STEP, OUTPUT = "mine.pca", "pca"


def open_day(
    client: MlflowClient, settings: Settings, day: int, *, key: str = "", workflow: str = "digits"
) -> Night:
    date = datetime.date(2026, 1, day)
    return make_night(
        client, settings, workflow=workflow, key=key or f"{workflow} {day}", date=date
    )


def hand_over(
    client: MlflowClient,
    settings: Settings,
    night: Night,
    *,
    step: str = STEP,
    output: str = OUTPUT,
    digest: str = "a",
) -> Handoff:
    """A step of a night that finished and handed something over."""
    with open_step(client, settings, night, step, inputs={}, task=TaskIdentity()) as opened:
        handoff = Handoff(opened.run_id, f"{output}/x", digest * 64, 3)
        record_outputs(client, opened.run_id, {output: handoff})
    return handoff


def find(client: MlflowClient, night: Night) -> EarlierOutput | None:
    return find_earlier_output(client, night, STEP, OUTPUT)


def test_the_first_night_has_none(client: MlflowClient, settings: Settings) -> None:
    """Its own output is not an earlier one."""
    night = open_day(client, settings, 7)
    hand_over(client, settings, night)
    assert find(client, night) is None


def test_the_latest_earlier_date_is_found(client: MlflowClient, settings: Settings) -> None:
    """By date and not by when it ran: nights may be run again, in any order."""
    handoffs = {}
    for day in (6, 8, 5, 2):
        handoffs[day] = hand_over(client, settings, open_day(client, settings, day))
    night = open_day(client, settings, 7)
    assert find(client, night) == EarlierOutput("2026-01-06", handoffs[6])


def test_of_two_runs_for_one_date_the_last_is_found(
    client: MlflowClient, settings: Settings
) -> None:
    """It replaced the one before."""
    hand_over(client, settings, open_day(client, settings, 6, key="first"))
    time.sleep(0.01)  # MLflow notes the start in milliseconds
    last = hand_over(client, settings, open_day(client, settings, 6, key="second"), digest="b")
    found = find(client, open_day(client, settings, 7))
    assert found == EarlierOutput("2026-01-06", last)


def test_another_run_for_tonights_date_is_not_earlier(
    client: MlflowClient, settings: Settings
) -> None:
    """A night is not compared with itself."""
    hand_over(client, settings, open_day(client, settings, 7, key="first"))
    assert find(client, open_day(client, settings, 7, key="second")) is None


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_step_that_did_not_finish_is_passed_over(
    client: MlflowClient, settings: Settings, error: type[BaseException]
) -> None:
    """The night before it is found, although the step had handed something over already."""
    before = hand_over(client, settings, open_day(client, settings, 5))
    broken = open_day(client, settings, 6)
    hand_over(client, settings, broken)
    with (
        pytest.raises(error),
        open_step(client, settings, broken, STEP, inputs={}, task=TaskIdentity()),
    ):
        raise error("the second try")
    assert find(client, open_day(client, settings, 7)) == EarlierOutput("2026-01-05", before)


def test_a_night_without_the_step_or_the_output_is_passed_over(
    client: MlflowClient, settings: Settings
) -> None:
    """Mining may have been added, or taken away for a while."""
    wanted = hand_over(client, settings, open_day(client, settings, 3))
    hand_over(client, settings, open_day(client, settings, 4), step="mine.tree")
    hand_over(client, settings, open_day(client, settings, 5), output="other")
    silent = open_day(client, settings, 6)
    with open_step(client, settings, silent, STEP, inputs={}, task=TaskIdentity()):
        pass  # it finished, but wrote no handoff
    assert find(client, open_day(client, settings, 7)) == EarlierOutput("2026-01-03", wanted)


def test_other_workflows_are_not_looked_at(client: MlflowClient, settings: Settings) -> None:
    """Their data are others."""
    hand_over(client, settings, open_day(client, settings, 6, workflow="wine"))
    assert find(client, open_day(client, settings, 7)) is None


def test_a_deleted_night_is_not_found(client: MlflowClient, settings: Settings) -> None:
    """Whoever deletes a night wants it forgotten."""
    night = open_day(client, settings, 6)
    hand_over(client, settings, night)
    client.delete_run(night.run_id)
    assert find(client, open_day(client, settings, 7)) is None


def test_the_search_is_bounded(
    client: MlflowClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the nights that began last, tonight among them."""
    monkeypatch.setattr("tasks.tracking.history.MAX_NIGHTS", 2)
    hand_over(client, settings, open_day(client, settings, 5))
    for day in (6, 7):
        time.sleep(0.01)
        night = open_day(client, settings, day)
    assert find(client, night) is None
    monkeypatch.setattr("tasks.tracking.history.MAX_NIGHTS", 3)
    found = find(client, night)
    assert found is not None
    assert found.date == "2026-01-05"


def test_a_run_that_is_no_night_is_not_looked_at(client: MlflowClient, settings: Settings) -> None:
    """Somebody's own run in the experiment, with some of the tags."""
    night = open_day(client, settings, 7)
    client.create_run(night.experiment_id, tags={tags.WORKFLOW: "digits"})
    client.create_run(night.experiment_id, tags={tags.WORKFLOW: "digits", tags.KEY: "mine"})
    assert find(client, night) is None

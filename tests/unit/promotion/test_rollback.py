"""Rollback: an earlier champion takes its place again, once it has shown that it can."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from registry_support import check_history, make_versions, register_constant

from tasks.errors import PromotionError, RequestError
from tasks.promotion import rollback
from tasks.promotion.rollback import roll_back
from tasks.registry import CHAMPION, crown, find_alias
from tasks.settings import Settings
from tasks.tracking import tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

WHY = "It confuses 4 and 9."


def reign(client: MlflowClient, settings: Settings, *versions: str) -> None:
    """Make versions champion, one after the other."""
    for version in versions:
        crown(
            client, settings, "digits", version, expected="any", action="promoted", by="a night",
            why="It is better.", key=version,
        )  # fmt: skip


def delete_files(client: MlflowClient, version: str) -> None:
    source = urlsplit(client.get_model_version_download_uri("digits", version))
    shutil.rmtree(url2pathname(source.path))


def test_the_champion_before_takes_over_and_the_other_is_marked(
    client: MlflowClient, settings: Settings
) -> None:
    """By whom and why stands in the history and on the version that was left."""
    for answer in (1.0, 2.0):
        reign(client, settings, register_constant(client, settings, answer))
    told: list[str] = []
    change = roll_back(settings, "digits", why=f" {WHY}\n", by="ann", tell=told.append)
    assert (change.version, change.previous, change.action) == ("1", "2", "rolled_back")
    assert (change.by, change.why) == ("ann", WHY)
    assert told[1:] == ["trying version 1 in a fresh process", "moving the alias to version 1"]
    assert check_history(client)[-1] == change
    left = client.get_model_version("digits", "2").tags[tags.ROLLED_BACK]
    assert left == f"{change.at.isoformat()} by ann: {WHY}"
    assert list((settings.home / "scratch").glob("rollback-*")) == []


def test_who_asks_twice_does_not_go_back_by_two(client: MlflowClient, settings: Settings) -> None:
    """A second rollback in a row names its version; back to where it began lifts the mark."""
    for answer in (1.0, 2.0, 3.0):
        reign(client, settings, register_constant(client, settings, answer))
    roll_back(settings, "digits", why=WHY, by="ann")
    with pytest.raises(RequestError, match="is champion by a rollback already: by ann") as raised:
        roll_back(settings, "digits", why=WHY, by="ann")
    assert raised.value.expected == (
        "a version by its number, to go back further; version 1 comes before it"
    )
    roll_back(settings, "digits", "3", why="It was the camera.", by="bob")
    assert [c.version for c in check_history(client)] == ["1", "2", "3", "2", "3"]
    assert tags.ROLLED_BACK not in client.get_model_version("digits", "3").tags
    assert tags.ROLLED_BACK in client.get_model_version("digits", "2").tags


def test_a_repeated_call_goes_on_where_the_first_one_ended(
    client: MlflowClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task was killed after the alias had moved: its retry writes the mark and moves nothing."""
    for answer in (1.0, 2.0):
        reign(client, settings, register_constant(client, settings, answer))

    def fail(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr(rollback, "_mark", fail)
        with pytest.raises(ConnectionResetError):
            roll_back(settings, "digits", why=WHY, by="ann", key="rollback/1")
    assert tags.ROLLED_BACK not in client.get_model_version("digits", "2").tags
    for _ in range(2):
        roll_back(settings, "digits", why=WHY, by="ann", key="rollback/1")
    assert tags.ROLLED_BACK in client.get_model_version("digits", "2").tags
    assert [c.version for c in check_history(client)] == ["1", "2", "1"]


@pytest.mark.parametrize(
    ("name", "version", "why", "message", "expected"),
    [
        ("digit", None, WHY, "There is no registered model 'digit'", "'digits', perhaps"),
        ("digits", "9", WHY, "has no version '9'", "one of '1', '2', '3', 'champion'"),
        ("digits", "2", WHY, "Version 2 of 'digits' is the champion", "another version"),
        ("digits", "champion", WHY, "Version 2 of 'digits' is the champion", "another version"),
        ("digits", "3", WHY, "never passed the gate: its verdict was 'keep'", "was champion"),
        ("digits", "1", "  ", "No reason", "a sentence"),
        ("digits", "1", "x" * 2001, "has 2,001 characters", "at most 2,000"),
        ("../../digits", None, WHY, "There is no registered model", "'digits', perhaps"),
    ],
)
def test_what_cannot_be_asked_for(
    client: MlflowClient,
    settings: Settings,
    name: str,
    version: str | None,
    why: str,
    message: str,
    expected: str,
) -> None:
    """The message says what is wrong and what would be right; nothing is moved."""
    make_versions(client, settings, 3, **{tags.VERDICT: "keep"})
    reign(client, settings, "1", "2")
    with pytest.raises(RequestError, match=message) as raised:
        roll_back(settings, name, version, why=why, by="ann")
    assert expected in str(raised.value.expected)
    assert find_alias(client, "digits", CHAMPION) == "2"
    assert len(check_history(client)) == 2


def test_the_first_champion_has_nobody_before_it(client: MlflowClient, settings: Settings) -> None:
    """Nor has one whose predecessors are deleted."""
    make_versions(client, settings, 2)
    reign(client, settings, "1")
    with pytest.raises(RequestError, match="No other version of 'digits' was champion before"):
        roll_back(settings, "digits", why=WHY, by="ann")
    reign(client, settings, "2")
    client.delete_model_version("digits", "1")
    with pytest.raises(RequestError, match="or those that were are deleted"):
        roll_back(settings, "digits", why=WHY, by="ann")


def break_loading(client: MlflowClient, settings: Settings) -> str:
    make_versions(client, settings, 1)
    return "fails the smoke test: The model does not load"


def break_answers(client: MlflowClient, settings: Settings) -> str:
    register_constant(client, settings, 1.0, says=1.5)
    return "fails the smoke test: It differs by 0.333 of the largest value"


def break_files(client: MlflowClient, settings: Settings) -> str:
    register_constant(client, settings, 1.0)
    delete_files(client, "1")
    return "The files of version 1 of 'digits' are gone or were altered"


@pytest.mark.parametrize("break_it", [break_loading, break_answers, break_files])
def test_a_version_that_cannot_serve_does_not_take_over(
    client: MlflowClient, settings: Settings, break_it: Callable[[MlflowClient, Settings], str]
) -> None:
    """It does not load, answers something else than in its night, or its files are gone."""
    message = break_it(client, settings)
    reign(client, settings, "1", register_constant(client, settings, 2.0))
    with pytest.raises(PromotionError) as raised:
        roll_back(settings, "digits", "1", why=WHY, by="ann")
    assert message in raised.value.what
    assert "nocturne history digits" in str(raised.value.hint)
    assert [c.version for c in check_history(client)] == ["1", "2"]


def test_a_champion_that_no_longer_loads_can_be_left(
    client: MlflowClient, settings: Settings
) -> None:
    """Only the version that takes over has to be sound."""
    reign(client, settings, register_constant(client, settings, 1.0))
    reign(client, settings, register_constant(client, settings, 2.0))
    delete_files(client, "2")
    assert roll_back(settings, "digits", why=WHY, by="ann").version == "1"


def test_a_champion_that_was_deleted_is_followed_by_the_one_before(
    client: MlflowClient, settings: Settings
) -> None:
    """And what somebody has deleted is recorded."""
    reign(client, settings, register_constant(client, settings, 1.0))
    reign(client, settings, register_constant(client, settings, 2.0))
    client.delete_model_version("digits", "2")
    change = roll_back(settings, "digits", why=WHY, by="ann")
    assert (change.version, change.previous) == ("1", None)
    assert [(c.version, c.action) for c in check_history(client)[2:]] == [
        (None, "removed_by_hand"),
        ("1", "rolled_back"),
    ]


def test_a_version_whose_example_is_gone_is_only_loaded(
    client: MlflowClient, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Nights may be cleared away: that keeps nobody from going back."""
    reign(client, settings, register_constant(client, settings, 1.0))
    reign(client, settings, register_constant(client, settings, 2.0))
    client.set_model_version_tag(
        "digits", "1", tags.EXAMPLE, '{"run_id": "gone", "path": "scores", "sha256": "0"}'
    )
    assert roll_back(settings, "digits", why=WHY, by="ann").version == "1"
    assert "The example of version 1 is gone" in caplog.text

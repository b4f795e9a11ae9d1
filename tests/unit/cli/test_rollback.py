"""`nocturne history` and `nocturne rollback`: what a person sees, and what a program reads."""

from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING

import pytest
from registry_support import make_versions, register_constant
from typer.testing import CliRunner, Result

from tasks.cli.app import app
from tasks.errors import RequestError
from tasks.registry import CHAMPION, crown, find_alias
from tasks.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient


def nocturne(settings: Settings, *arguments: str) -> Result:
    variables = {"NOCTURNE_HOME": str(settings.home)}
    return CliRunner().invoke(app, list(arguments), env=variables)


def reign(client: MlflowClient, settings: Settings, *versions: str) -> None:
    for version in versions:
        crown(
            client, settings, "digits", version, expected="any", action="promoted",
            by="a night", why="It is [red]better[/].", key=version,
        )  # fmt: skip


def test_history_is_a_table(client: MlflowClient, settings: Settings) -> None:
    """A line for each change, in the order of time; what people wrote is shown as it is."""
    make_versions(client, settings, 2)
    reign(client, settings, "1", "2")
    shown = nocturne(settings, "history", "digits")
    assert shown.exit_code == 0, shown.output
    lines = [line for line in shown.output.splitlines() if "promoted" in line]
    assert [("now" in line, "[red]better[/]" in line) for line in lines] == [
        (False, True),
        (True, True),
    ]
    assert "moved by hand" not in shown.output


def test_history_says_when_the_alias_is_elsewhere(client: MlflowClient, settings: Settings) -> None:
    """To look at it records nothing."""
    make_versions(client, settings, 2)
    reign(client, settings, "1")
    client.set_registered_model_alias("digits", CHAMPION, "2")
    assert "The alias is on version 2 now: it was moved by hand" in nocturne(settings, "history", "digits").output  # fmt: skip
    document = json.loads(nocturne(settings, "history", "digits", "--json").stdout)
    assert (document["champion"], document["is_up_to_date"]) == ("2", False)
    (change,) = document["changes"]
    assert (change["version"], change["to"], change["by"]) == ("1", None, "a night")


def test_history_of_a_model_without_champion_and_of_none(
    client: MlflowClient, settings: Settings
) -> None:
    """Nobody yet is an answer; a misspelt name is an error with the nearest."""
    make_versions(client, settings, 1)
    assert "Nobody has been champion of digits yet." in nocturne(settings, "history", "digits").output  # fmt: skip
    error = nocturne(settings, "history", "digit").exception
    assert isinstance(error, RequestError)
    assert error.expected == "'digits', perhaps"


def test_rollback_prints_the_change(client: MlflowClient, settings: Settings) -> None:
    """By whom is the user of this machine; progress does not stand in the JSON."""
    reign(client, settings, register_constant(client, settings, 1.0))
    reign(client, settings, register_constant(client, settings, 2.0))
    done = nocturne(settings, "rollback", "digits", "--why", "It is blind.", "--json")
    assert done.exit_code == 0, done.output
    change = json.loads(done.stdout)
    assert (change["version"], change["previous"], change["by"]) == ("1", "2", getpass.getuser())
    assert find_alias(client, "digits", CHAMPION) == "1"
    again = nocturne(settings, "rollback", "digits", "--to", "2", "--why", "It was the camera.")
    assert "Version 2 is champion of digits; it was version 1." in again.output


@pytest.mark.parametrize("arguments", [("rollback", "digits"), ("rollback", "--why", "x")])
def test_rollback_needs_a_model_and_a_reason(settings: Settings, arguments: tuple[str, ...]) -> None:  # fmt: skip
    """Nothing is guessed."""
    assert nocturne(settings, *arguments).exit_code == 2

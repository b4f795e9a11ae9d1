"""``nocturne history`` and ``nocturne rollback``: who was champion from when to when, and going back.

Thin: the work is in ``tasks.registry`` and ``tasks.promotion.rollback``; here it is shown.
"""

from __future__ import annotations

import datetime
import getpass
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tasks.cli.console import escape, out, print_json, print_table, show_progress
from tasks.settings import Settings

if TYPE_CHECKING:
    from tasks.registry import Change

Model = Annotated[str, typer.Argument(help="A registered model: a workflow's name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(rich_help_panel="Models")(history)
    app.command(rich_help_panel="Models")(rollback)


def history(model: Model, *, as_json: JsonOption = False) -> None:
    """Show who was champion from when to when, by what or whom, and why."""
    from tasks.registry import CHAMPION, check_model, find_alias, get_champion, list_changes
    from tasks.tracking import connect

    client = connect(Settings.from_environment())
    changes = list_changes(client, model)
    if not changes:
        check_model(client, model)
    champion, reigning = find_alias(client, model, CHAMPION), get_champion(changes)
    is_up_to_date = champion == (reigning.version if reigning else None)
    if as_json:
        print_json(
            {
                "model": model,
                "champion": champion,
                "is_up_to_date": is_up_to_date,
                "changes": [change.to_json() for change in changes],
            }
        )
        return
    print_history(model, changes)
    if not is_up_to_date:
        out.print(
            f"[yellow]The alias is on {f'version {champion}' if champion else 'no version'} now: "
            "it was moved by hand, or is being moved. The next night or rollback records it.[/]",
            soft_wrap=True,
        )


def rollback(
    model: Model,
    *,
    version: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="VERSION", help="Which version; the champion before by default."
        ),
    ] = None,
    why: Annotated[str, typer.Option("--why", help="The reason, for the history.")],
    as_json: JsonOption = False,
) -> None:
    """Make an earlier version champion again, after it has loaded and predicted in a fresh process.

    The version that it takes over from is not promoted again by itself.
    """
    settings = Settings.from_environment()
    with show_progress(f"rollback {model}") as tell:
        tell("getting ready")
        from tasks.promotion.rollback import roll_back

        change = roll_back(
            settings, model, version, why=why, by=_name_user(), tell=lambda text: tell(text)
        )
    if as_json:
        print_json(change.to_json())
        return
    before = f"; it was {f'version {change.previous}' if change.previous else 'none'}"
    out.print(f"[bold green]Version {change.version} is champion of {escape(model)}[/]{before}.")


def print_history(model: str, changes: Sequence[Change]) -> None:
    """Print a model's history for a person, oldest first."""
    if not changes:
        out.print(f"Nobody has been champion of {escape(model)} yet.")
        return
    print_table(
        f"Champions of {escape(model)}",
        ["from", "to", ">version", "what", "by", "why"],
        [
            [
                _say_time(change.at),
                "" if change.is_remark else _say_time(change.until) or "now",
                change.version or "none",
                change.action.replace("_", " "),
                change.by,
                change.why,
            ]
            for change in changes
        ],
    )


def _name_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return f"user {os.getuid()}"


def _say_time(time: datetime.datetime | None) -> str:
    """Say a time as the clock on the wall shows it."""
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S}" if time else ""

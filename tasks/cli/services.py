"""``nocturne up``, ``down`` and ``status``: the services of this machine.

Thin: the work is in ``tasks.services``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tasks.cli.console import escape, out, print_json, print_table, show_progress
from tasks.services import stack
from tasks.services.secrets import read_secrets
from tasks.services.stack import ServiceStatus
from tasks.settings import Settings

EXIT_NOT_UP = 1


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(rich_help_panel="Services")(up)
    app.command(rich_help_panel="Services")(down)
    app.command(rich_help_panel="Services")(status)


def up() -> None:
    """Start Airflow and MLflow on this machine and wait until both answer.

    Everything listens on loopback only. State lies in .nocturne/ (NOCTURNE_HOME moves it); the ports are
    8080 and 5000 (NOCTURNE_AIRFLOW_PORT and NOCTURNE_MLFLOW_PORT change them).
    """
    settings = Settings.from_environment()
    with show_progress("up") as tell:
        services = stack.up(settings, progress=lambda text: tell(text))
    if services.was_already_up:
        out.print("The services are up already.")
    else:
        out.print(f"The services are up after {services.seconds:.0f} s.")
    print_addresses(settings, services)


def down() -> None:
    """Stop the services that `nocturne up` started, and nothing else."""
    settings = Settings.from_environment()
    with show_progress("down") as tell:
        stopped = stack.down(settings, progress=lambda text: tell(text))
    out.print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")


def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say which services run and answer, and where; exits with 1 when they are not all up."""
    settings = Settings.from_environment()
    services = stack.status(settings)
    if as_json:
        document = asdict(services)
        document["components"] = [{**c, "log": str(c["log"])} for c in document["components"]]
        document["secrets_file"] = str(services.secrets_file)
        document["is_up"] = services.is_up
        print_json(document)
    else:
        print_table(
            "Services",
            ["service", ">pid", "answers", "log"],
            [
                [c.name, str(c.pid or "-"), "yes" if c.is_healthy else "no", str(c.log)]
                for c in services.components
            ],
        )
        if services.is_up:
            print_addresses(settings, services)
        else:
            out.print("Start them with [bold]nocturne up[/].")
    if not services.is_up:
        raise typer.Exit(EXIT_NOT_UP)


def print_addresses(settings: Settings, services: ServiceStatus) -> None:
    """Print where the two web UIs are and how to log in.

    The password is shown to a person at a terminal; in a pipe, only where it lies.
    """
    place = f'"admin_password" in {services.secrets_file}'
    password = read_secrets(settings).admin_password if out.is_terminal else place
    out.print(f"  Airflow  [link]{services.airflow_url}[/]", soft_wrap=True)
    out.print(f"           user {services.username}, password {escape(password)}", soft_wrap=True)
    out.print(f"  MLflow   [link]{services.mlflow_url}[/]", soft_wrap=True)

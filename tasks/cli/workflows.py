"""``nocturne check`` and ``schema``: workflow files before a night sees them.

Thin: the work is in ``tasks.workflow``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tasks.cli.console import complain, escape, out, print_json
from tasks.errors import NocturneError, RequestError
from tasks.settings import Settings
from tasks.workflow import find_workflow, load_workflows, plan_night, workflow_json_schema

EXIT_BROKEN = 2


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(rich_help_panel="Workflow files")(check)
    app.command(rich_help_panel="Workflow files")(schema)


def check(
    workflows: Annotated[
        list[str] | None,
        typer.Argument(help="Names or files; all of the workflows folder by default."),
    ] = None,
) -> None:
    """Read workflow files and say what is wrong with them: file, line, what was expected."""
    settings = Settings.from_environment()
    n_broken = 0
    if workflows:
        for name in workflows:
            try:
                workflow, path = find_workflow(name, settings)
                _say_sound(path, len(plan_night(workflow)))
            except NocturneError as error:
                complain(error)
                n_broken += 1
    else:
        all_loaded = load_workflows(settings)
        if not all_loaded:
            raise RequestError(
                f"There is no workflow file in {settings.workflows_dir}.",
                hint="write one (see README.md), or set NOCTURNE_WORKFLOWS",
            )
        for loaded in all_loaded:
            if loaded.workflow is not None:
                _say_sound(loaded.path, len(plan_night(loaded.workflow)))
            elif loaded.error is not None:
                complain(loaded.error)
                n_broken += 1
    if n_broken:
        raise typer.Exit(EXIT_BROKEN)


def schema() -> None:
    """Print the JSON Schema of workflow files, for editors that complete and check them.

    The shipped files name it in their first line: `# yaml-language-server: $schema=schema.json`.
    """
    print_json(workflow_json_schema())


def _say_sound(path: Path, n_steps: int) -> None:
    out.print(f"[green]sound[/]  {escape(str(path))} ({n_steps} steps)", soft_wrap=True)

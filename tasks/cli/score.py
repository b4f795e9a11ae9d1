"""``nocturne score``: the champion predicts what has arrived, and says how far it has drifted.

Thin: the work is in ``tasks.scoring_run``; here it is shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tasks.cli.console import escape, hide_native_messages, out, print_json, show_progress
from tasks.cli.nights import NightOption, parse_date
from tasks.settings import Settings
from tasks.workflow import find_workflow

if TYPE_CHECKING:
    from tasks.scoring_run import ScoringResult


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(rich_help_panel="Nights")(score)


def score(
    workflow: Annotated[str, typer.Argument(help="A workflow's name, or a workflow file.")],
    *,
    night: NightOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="A new folder for the predictions, the refused rows and the page."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Let the champion predict what has arrived, in this process, without Airflow.

    Rows come from `scoring.source` of the workflow file, or from its `source`; the result is in
    MLflow. Where the same version has scored the same rows before, nothing is predicted twice.
    """
    settings = Settings.from_environment()
    loaded, path = find_workflow(workflow, settings)
    date = parse_date(night)
    with show_progress(f"{loaded.name} {date}") as tell:
        tell("getting ready")
        with hide_native_messages():
            from tasks.scoring_run import check_new_folder, fetch_predictions, run_scoring

            if output is not None:
                check_new_folder(output)
            result = run_scoring(
                settings,
                loaded,
                path.parent,
                date,
                on_step=lambda name, i, n: tell(name, done=i - 1, total=n),
            )
        if output is not None:
            tell("copying")
            fetch_predictions(settings, result, output)
    if as_json:
        print_json(result.to_json())
    else:
        print_result(result, output)


def print_result(result: ScoringResult, output: Path | None) -> None:
    """Print what a scoring came to, for a person."""
    out.print(f"[bold]{escape(result.workflow)}, version {escape(result.version)}[/]")
    if result.repeats is not None:
        out.print(f"Nothing is new since the MLflow run {result.repeats}.", soft_wrap=True)
    out.print(f"{result.n_scored:,} predictions, {result.n_refused:,} rows refused")
    style = "bold yellow" if result.is_drifting else "bold green"
    out.print(f"[{style}]{escape(result.sentence)}[/]", soft_wrap=True)
    out.print(f"MLflow run: {result.run_id}")
    if output is not None:
        out.print(f"Written to {escape(str(output))}", soft_wrap=True)

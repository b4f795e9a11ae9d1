"""``nocturne reproduce``: train a registered version again, and say whether the same comes out.

Thin: the work is in ``tasks.reproduction``; here it is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tasks.cli.console import (
    escape,
    hide_native_messages,
    out,
    print_json,
    print_table,
    show_progress,
)
from tasks.settings import Settings

if TYPE_CHECKING:
    from tasks.reproduction import Reproduction

EXIT_DIFFERS = 1


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(rich_help_panel="Nights")(reproduce)


def reproduce(
    model: Annotated[str, typer.Argument(help="A registered model: a workflow's name.")],
    version: Annotated[str, typer.Argument(help="Its version, or an alias such as `champion`.")],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> None:
    """Train a registered version again from what was recorded, and compare the weights.

    The same rows (by their digest), settings and seed, with the code and packages of now. Exit code
    0: the same weights, bit for bit; 1: others; 2: no such version.
    """
    settings = Settings.from_environment()
    with show_progress(f"{model} {version}") as tell:
        tell("getting ready")
        with hide_native_messages():
            import keras  # noqa: F401 - TensorFlow greets with four lines that no setting silences
        from tasks.reproduction import reproduce as train_again

        found = train_again(settings, model, version, tell=lambda text: tell(text))
    print_json(found.to_json()) if as_json else print_reproduction(found)
    if not found.is_same:
        raise typer.Exit(EXIT_DIFFERS)


def print_reproduction(found: Reproduction) -> None:
    """Print a comparison for a person."""
    out.print(
        f"[bold]{escape(found.model)}, version {found.version}[/]: candidate "
        f"{escape(found.candidate)} of the night of {found.night}, trained again on "
        f"{escape(found.device)} in {found.seconds:.1f} s",
        soft_wrap=True,
    )
    style = "bold green" if found.is_same else "bold yellow"
    out.print(f"[{style}]{escape(found.verdict)}[/]", soft_wrap=True)
    for note in found.notes:
        out.print(escape(note), soft_wrap=True)
    rows = [["rows (SHA-256)", found.dataset_sha256[:12], found.dataset_sha256[:12], "yes"]]
    rows += [[c.name, c.then, c.now, _say(c.is_same)] for c in found.circumstances]
    rows += [
        [name.replace("_", " "), f"{then:.6f}", f"{now:.6f}", _say(then == now)]
        for name, (then, now) in found.metrics.items()
    ]
    print_table("Then and now", ["what", "then", "now", "same"], rows)
    weights = found.weights
    if weights.largest_difference is None:
        out.print("The layers differ.")
        return
    out.print(
        f"Weights: {weights.n_different:,} of {weights.n_weights:,} differ, "
        f"by {weights.largest_difference:.3g} at most"
    )
    answers = found.predictions
    if answers is not None:
        out.print(
            f"Answers to {answers.n_rows:,} {answers.part} rows: "
            f"they differ by {answers.largest_difference:.3g} at most"
        )


def _say(is_same: bool) -> str:
    return "yes" if is_same else "no"

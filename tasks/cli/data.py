"""``nocturne profile`` and ``validate``: suites proposed from tonight's data, and judged on them now.

Thin: ``scratch.py`` walks the steps, ``tasks.validation`` proposes and judges; here it is shown.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasks.cli.console import complain, err, escape, out, print_json, print_table, show_progress
from tasks.cli.nights import JsonOption, NightOption, parse_date
from tasks.cli.scratch import STAGES, name_suite_files, open_scratch_night
from tasks.errors import NocturneError, RequestError, ValidationFailedError
from tasks.settings import Settings
from tasks.workflow import find_workflow

if TYPE_CHECKING:
    from tasks.validation.column_profile import ColumnProfile

EXIT_FAILED = 1
PANEL = "Data"
MAX_CELL_CHARACTERS = 40

WorkflowArgument = Annotated[
    str, typer.Argument(help="A workflow's name, or a workflow file.", show_default=False)
]


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(rich_help_panel=PANEL)(profile)
    app.command(rich_help_panel=PANEL)(validate)


def profile(
    workflow: WorkflowArgument,
    *,
    night: NightOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite suites that exist already.")
    ] = False,
    print_only: Annotated[
        bool, typer.Option("--print", help="Print the suites as JSON and write no file.")
    ] = False,
) -> None:
    """Propose suites of expectations from tonight's data, as JSON files for you to edit.

    Reads and cleans the rows as a night would, looks at every column, and writes the suites that
    the workflow file names into the folder of expectations: types, missing values, ranges with
    slack, sets of categories, row counts, the shape of images. What is proposed holds on tonight's
    data; what the data should hold, you know better. Example:

        nocturne profile wine && nocturne validate wine
    """
    settings = Settings.from_environment()
    loaded, path = find_workflow(workflow, settings, check_suites=False)
    files = name_suite_files(loaded, settings)
    if not (force or print_only):
        _refuse_overwriting(files, workflow)
    if not print_only:
        _make_folder(settings.expectations_dir, "set NOCTURNE_EXPECTATIONS, or use --print")
    date = parse_date(night)
    with (
        show_progress(f"profile {loaded.name} {date}") as tell,
        open_scratch_night(settings, loaded, path.parent, date, tell, has_suites=False) as scratch,
    ):
        proposals, error = scratch.propose()
    if print_only:
        print_json({stage: proposal.suite for stage, proposal in proposals.items()})
    else:
        from tasks.validation.proposal import write_suite

        for stage, proposal in proposals.items():
            _print_profiles(stage, proposal.profiles)
            partial = files[stage].with_suffix(".json.partial")
            partial.write_text(write_suite(proposal.suite), encoding="utf-8")
            partial.replace(files[stage])
            n = len(proposal.suite["expectations"])
            out.print(f"Wrote {escape(str(files[stage]))} ({n} expectations).", soft_wrap=True)
    if error is not None:
        complain(error)
        err.print("So no suite for clean data was proposed.")
        raise typer.Exit(EXIT_FAILED)
    if not print_only:
        command = escape(f"nocturne validate {workflow}")
        out.print(f"Edit them, then run [bold]{command}[/] to see what they say.", soft_wrap=True)


def validate(
    workflow: WorkflowArgument,
    *,
    night: NightOption = None,
    as_json: JsonOption = False,
    docs: Annotated[
        Path | None,
        typer.Option("--docs", metavar="FOLDER", help="Write the Data Docs there, as HTML."),
    ] = None,
) -> None:
    """Judge tonight's data by the workflow's suites, now, and show every expectation.

    Reads and cleans the rows as a night would; nothing is trained and nothing is recorded. Exit
    codes: 0 every critical expectation holds, 1 one failed and a night would stop, 2 the request
    was wrong. Example:

        nocturne validate wine --night 2026-01-02 --docs /tmp/wine
    """
    settings = Settings.from_environment()
    loaded, path = find_workflow(workflow, settings)
    failure: NocturneError | None = None
    if docs is not None:
        _make_folder(docs, "give another folder at --docs")
    date = parse_date(night)
    with (
        show_progress(f"validate {loaded.name} {date}") as tell,
        open_scratch_night(settings, loaded, path.parent, date, tell) as scratch,
    ):
        try:
            scratch.validate()
        except RequestError:
            raise
        except NocturneError as error:
            failure = error
        found = {stage: scratch.read_validation(stage) for stage in STAGES}
        judged = {str(stage): document for stage, document in found.items() if document is not None}
        pages = scratch.copy_docs(docs) if docs is not None else []
    if as_json:
        status = "failed" if failure is not None else "passed"
        print_json({"workflow": loaded.name, "status": status} | judged)
    else:
        for stage, document in judged.items():
            _print_validation(stage, document)
        for page in pages:
            out.print(f"Data Docs: {escape(str(page))}", soft_wrap=True)
    if failure is not None:
        if isinstance(failure, ValidationFailedError):  # its hint names a run that is gone
            err.print(f"[bold red]A night would stop:[/] {escape(failure.what)}", soft_wrap=True)
        else:
            complain(failure)
        raise typer.Exit(EXIT_FAILED)


def _refuse_overwriting(files: Mapping[str, Path], workflow: str) -> None:
    present = [str(file) for file in files.values() if file.exists()]
    if present:
        raise RequestError(
            f"{' and '.join(present)} {'exists' if len(present) == 1 else 'exist'} already.",
            expected="suites that are still to be written",
            hint=f"`nocturne profile {workflow} --print` shows the proposal, --force overwrites",
        )


def _make_folder(folder: Path, hint: str) -> None:
    """Make a folder before the work, not to find after minutes that it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "it may not be written to"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise RequestError(
            f"The folder {folder} cannot be used: {reason}.",
            expected="a folder that you can write to, or the place for one",
            hint=hint,
        )


def _print_profiles(stage: str, profiles: tuple[ColumnProfile, ...]) -> None:
    rows = []
    for p in profiles:
        distinct = "" if p.kind == "other" else f"{p.n_distinct:,}" if p.n_distinct is not None else "many"  # fmt: skip
        low, high = _say(p.least), _say(p.greatest)
        if p.kind == "text":
            common = f"{p.counts[0][0]!r}" if p.counts else f"{low} to {high} characters"
            low, high = "", common if p.n_there else ""
        missing = f"{p.missing_fraction:.1%}" if p.n_missing else ""
        rows.append([p.name, p.kind, missing, distinct, low, high[:MAX_CELL_CHARACTERS]])
    n_rows = profiles[0].n_rows if profiles else 0
    print_table(
        f"The {stage} data: {n_rows:,} rows",
        ["column", "type", ">missing", ">distinct", ">min", "max, or most frequent"],
        rows,
    )


def _say(value: Any) -> str:
    return (
        "" if value is None else f"{value:.6g}" if isinstance(value, float) else f"{value:%Y-%m-%d}"
    )


def _print_validation(stage: str, document: Mapping[str, Any]) -> None:
    expectations = document["expectations"]
    held = sum(e["success"] for e in expectations)
    out.print(
        f"[bold]The {stage} data[/] ({document['n_rows']:,} rows): {held} of {len(expectations)} "
        f"expectations of {escape(document['suite'])} hold."
    )
    for e in expectations:
        mark = "[green]✓[/]" if e["success"] else "[red]✗[/]"
        severity = "quarantine" if e["is_quarantining"] else e["severity"]
        words = f"{e['column'] or 'the table'}: promised {e['promised']}; found {e['found']}"
        out.print(f"{mark} {severity:<10} {escape(words)}", soft_wrap=True)
    if document["n_quarantined"]:
        out.print(f"{document['n_quarantined']:,} rows go to quarantine.")
    out.print()

"""``nocturne run``, ``trigger`` and ``demo``: nights in this process, or by the running Airflow.

Thin: the work is in ``tasks.night`` and ``tasks.services.airflow_api``; here it is shown.
"""

from __future__ import annotations

import datetime
import time
from typing import Annotated, Any

import typer

from tasks.cli.console import (
    Tell,
    escape,
    hide_native_messages,
    out,
    print_json,
    print_table,
    show_progress,
)
from tasks.cli.services import print_addresses
from tasks.errors import NocturneError, RequestError, ServiceError
from tasks.services import stack
from tasks.services.airflow_api import AirflowClient
from tasks.settings import Settings
from tasks.workflow import SklearnSource, find_workflow, plan_night

EXIT_FAILED = 1
POLL_SECONDS = 0.5
KNOWN_WITHIN_SECONDS = 60  # the DAG processor reads a new workflow file within half a minute
# Without candidates a night decides nothing: its result are the data.
VERDICT_STYLES = {
    "promote": "bold green",
    "keep": "bold yellow",
    "ask": "bold yellow",
    "shadow": "bold yellow",
    "data ready": "bold green",
}
DEMO = "digits"
# Of the ten in which the scans arrive: with half of them, and with all. A champion of the seventh
# night differs from a challenger of the tenth by three images of 333, which is chance.
DEMO_NIGHTS = (5, 10)

NightOption = Annotated[
    str | None,
    typer.Option(
        "--night",
        metavar="YYYY-MM-DD",
        help="See the data that had arrived by this date; today by default.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands to the command line."""
    app.command(rich_help_panel="Nights")(trigger)
    app.command(rich_help_panel="Nights")(run)
    app.command(rich_help_panel="Nights")(demo)


def run(
    workflow: Annotated[str, typer.Argument(help="A workflow's name, or a workflow file.")],
    *,
    night: NightOption = None,
    as_json: JsonOption = False,
) -> None:
    """Walk a night in this process, without Airflow: for development, tests and notebooks.

    The same steps, the same MLflow, the same champion; no schedule, no retries, one step at a time.
    """
    settings = Settings.from_environment()
    loaded, path = find_workflow(workflow, settings)
    date = parse_date(night)
    with show_progress(f"{loaded.name} {date}") as tell:
        tell("getting ready")
        with hide_native_messages():
            import keras  # noqa: F401 - TensorFlow greets with four lines that no setting silences
        from tasks.night import run_night
        from tasks.tracking import Night, connect

        opened: list[Night] = []
        try:
            run_night(
                settings,
                loaded,
                path.parent,
                date,
                on_step=lambda name, i, n: tell(name, done=i - 1, total=n),
                on_open=opened.append,
            )
        except NocturneError:
            if as_json and opened:
                print_json(_summarise(connect(settings), opened[0].run_id))
            raise
    document = _summarise(connect(settings), opened[0].run_id)
    print_json(document) if as_json else print_summary(document)


def trigger(
    workflow: Annotated[str, typer.Argument(help="A workflow's name.")],
    *,
    night: NightOption = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="In place of the workflow file's seed.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the night has ended and show its result.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Start a night in the running Airflow (`nocturne up` starts that)."""
    settings = Settings.from_environment()
    find_workflow(workflow, settings)
    date = parse_date(night) if night else None
    document = trigger_night(settings, workflow, date, seed=seed, wait=wait)
    if as_json:
        print_json(document)
    elif wait:
        print_summary(document)
    else:
        out.print(f"Night {document['airflow_run_id']} of {workflow} is queued:", soft_wrap=True)
        out.print(f"  [link]{document['url']}[/]", soft_wrap=True)
    if wait and document["status"] != "finished":
        raise typer.Exit(EXIT_FAILED)


def demo() -> None:
    """Start the services and run two nights of `digits`, so that a challenger meets a champion."""
    began = time.monotonic()
    settings = Settings.from_environment()
    workflow, _ = find_workflow(DEMO, settings)
    if not isinstance(workflow.source, SklearnSource) or workflow.source.arrives is None:
        raise RequestError(
            f"workflows/{DEMO}.yaml no longer replays a built-in source (source.arrives).",
            hint=f"restore it from the repository, or run `nocturne trigger {DEMO} --wait`",
        )
    with show_progress("up") as tell:
        services = stack.up(settings, progress=lambda text: tell(text))
    out.print(f"The services are up after {services.seconds:.0f} s.")
    first = workflow.source.arrives.first
    has_failed = False
    for i in DEMO_NIGHTS:
        date = first + datetime.timedelta(days=i - 1)
        document = trigger_night(settings, DEMO, date, wait=True)
        out.print()
        print_summary(document)
        has_failed |= document["status"] != "finished"
    out.print(f"\nTwo nights after {time.monotonic() - began:.0f} s. The services stay up:")
    print_addresses(settings, services)
    out.print("Stop them with [bold]make down[/] (or [bold]nocturne down[/]).")
    if has_failed:
        raise typer.Exit(EXIT_FAILED)


def trigger_night(
    settings: Settings,
    workflow: str,
    date: datetime.date | None,
    *,
    seed: int | None = None,
    wait: bool = False,
) -> dict[str, Any]:
    """Start a night in Airflow, and follow it to its end where asked.

    Returns
    -------
    dict
        The night's summary; without ``wait`` only where it is to be seen.
    """
    with AirflowClient.from_settings(settings) as airflow:
        airflow.wait_for_dag(workflow, timeout_seconds=KNOWN_WITHIN_SECONDS)
        airflow.unpause(workflow)
        conf = {"night": date.isoformat() if date else None, "seed": seed}
        started = airflow.trigger(
            workflow,
            conf={k: v for k, v in conf.items() if v is not None},
            run_id=_name_run(date),
        )
        url = f"{settings.airflow_url}/dags/{workflow}/runs/{started.run_id}"
        seen = {"workflow": workflow, "airflow_run_id": started.run_id, "url": url}
        if not wait:
            return {**seen, "status": started.state}
        try:
            with show_progress(f"{workflow} {date or ''}".strip()) as tell:
                _follow(airflow, settings, workflow, started.run_id, tell)
        except KeyboardInterrupt:
            out.print(f"The night goes on in Airflow: {escape(url)}", soft_wrap=True)
            raise
    from tasks.tracking import connect, find_night

    client = connect(settings.model_copy(update={"tracking_uri": settings.mlflow_url}))
    found = find_night(client, workflow, key=f"{workflow}/{started.run_id}")
    if found is None:
        raise ServiceError(
            f"The night {started.run_id} of {workflow} ended before it opened its MLflow run.",
            hint=f"see the log of the task open_night: {url}",
        )
    return {**_summarise(client, found.info.run_id), **seen}


def print_summary(document: dict[str, Any]) -> None:
    """Print a night's result for a person."""
    decision = document["decision"] or {}
    style = VERDICT_STYLES.get(str(decision.get("verdict")), "bold red")
    verdict = decision.get("reason") or f"The night {document['status']} before it had a result."
    out.print(f"[bold]{document['workflow']}, night of {document['night']}[/]")
    out.print(f"[{style}]{escape(str(verdict))}[/]", soft_wrap=True)
    for step in document["steps"]:
        if step["error"]:
            out.print(
                f"[bold]{step['name']}[/] {step['status']}: {escape(step['error'])}", soft_wrap=True
            )
        elif step["problem"]:
            out.print(
                f"[yellow]{step['name']}[/] found nothing: {escape(step['problem'])}",
                soft_wrap=True,
            )
        elif step["note"]:
            out.print(f"[bold]{step['name']}[/] {escape(step['note'])}", soft_wrap=True)
    metrics = {k: v for k, v in (document["metrics"] or {}).items() if v}
    if metrics:
        from tasks.metrics import say_score

        names = sorted({metric for figures in metrics.values() for metric in figures})
        print_table(
            "On the same hold-out",
            ["model", *(f">{name.replace('_', ' ')}" for name in names)],
            [
                [model, *(say_score(figures[n]) if n in figures else "" for n in names)]
                for model, figures in metrics.items()
            ],
        )
    rows = {name: n for name, n in (document["rows"] or {}).items() if n is not None}
    if rows:
        out.print("Rows: " + ", ".join(f"{n:,} {name}" for name, n in rows.items()))
    seconds = [
        f"{step['name']} {step['seconds']:.1f}"
        for step in document["steps"]
        if step["seconds"] is not None
    ]
    out.print(f"Seconds: {', '.join(seconds)}")
    model = document["model"]
    if model:
        out.print(f"Model: {escape(model['name'])}, version {model['version']}")


def _follow(
    airflow: AirflowClient, settings: Settings, workflow: str, run_id: str, tell: Tell
) -> None:
    planned, _ = find_workflow(workflow, settings)
    total = len(plan_night(planned)) + 2  # and opening and closing
    while True:
        current = airflow.dag_run(workflow, run_id)
        tasks = airflow.task_instances(workflow, run_id)
        total = max(total, len(tasks))  # where a person is asked there is one more
        done = sum(
            task.state in ("success", "failed", "upstream_failed", "skipped") for task in tasks
        )
        for task in tasks:
            if task.state in ("failed", "up_for_retry"):
                tell(f"{task.task_id} {task.state} (try {task.try_number})", done=done, total=total)
        running = [task.task_id for task in tasks if task.state == "running"]
        if running:
            tell(", ".join(running), done=done, total=total)
        elif current.state == "queued":
            tell("queued", done=done, total=total)
        if current.is_final:
            return
        time.sleep(POLL_SECONDS)


def _summarise(client: Any, run_id: str) -> dict[str, Any]:
    from tasks.reporting.summary import summarise_night

    return dict(summarise_night(client, run_id).to_json())


def _name_run(date: datetime.date | None) -> str | None:
    """Name an Airflow run so that a person sees which night it is; None leaves it to Airflow."""
    if date is None:
        return None
    return f"night_{date}__{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S%f}"


def parse_date(text: str | None) -> datetime.date:
    """Read a date as YYYY-MM-DD; today where none is given."""
    if text is None:
        return datetime.datetime.now().astimezone().date()
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise RequestError(
            f"{text!r} is not a date.", expected="YYYY-MM-DD, for example 2026-01-07"
        ) from error

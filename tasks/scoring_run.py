"""A scoring: the champion predicts what has arrived, step by step, under one MLflow run of its own.

Stands above the night, whose way of running a step it shares; the DAG ``scoring`` and ``nocturne score``
come in here.
"""

from __future__ import annotations

import datetime
import json
import logging
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import RequestError
from tasks.night import merge_outputs, run_step
from tasks.scoring.champion import find_champion
from tasks.settings import Settings
from tasks.tracking import (
    Handoff,
    Night,
    TaskIdentity,
    close_night,
    connect,
    fetch_artifact,
    open_night,
    tags,
)
from tasks.tracking.nights import scratch_folder
from tasks.workflow import Workflow, plan_scoring

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

logger = logging.getLogger(__name__)

READING = "read_rows"
LAST_STEP = "report_scoring"


@dataclass(frozen=True)
class ScoringResult:
    """What a scoring came to.

    Parameters
    ----------
    workflow, version, night : str
        The registered model, its version, and the date up to which rows were read (ISO 8601).
    run_id : str
        The scoring's MLflow run.
    n_scored, n_refused : int
        Predictions, and rows in quarantine.
    is_drifting : bool
    sentence : str
        What was found of drift, for people.
    columns : tuple of str
        Those that drift, the largest index first.
    outputs : mapping of str to mapping
        Handoffs of ``predictions``, ``refused``, ``drift`` and ``page``, as JSON.
    repeats : str or None
        The MLflow run of the earlier scoring whose result this is, where nothing was new.
    """

    workflow: str
    version: str
    night: str
    run_id: str
    n_scored: int
    n_refused: int
    is_drifting: bool
    sentence: str
    columns: tuple[str, ...]
    outputs: Mapping[str, Mapping[str, Any]]
    repeats: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Make a mapping that JSON and XCom can carry."""
        return {**asdict(self), "columns": list(self.columns), "outputs": dict(self.outputs)}


def run_scoring(
    settings: Settings,
    workflow: Workflow,
    folder: Path,
    date: datetime.date,
    *,
    key: str | None = None,
    task: TaskIdentity | None = None,
    on_step: Callable[[str, int, int], None] = lambda _name, _i, _n: None,
) -> ScoringResult:
    """Let the champion of a workflow predict what had arrived by a date.

    Parameters
    ----------
    settings : Settings
    workflow : Workflow
    folder : Path
        The workflow file's folder.
    date : datetime.date
    key : str, optional
        Identifies the scoring from try to try; by default a new one.
    task : TaskIdentity, optional
        Who runs it; by default this process.
    on_step : callable, optional
        Told of each step before it runs: its name, its number from 1, and how many there are.

    Returns
    -------
    ScoringResult
        Where the same champion has scored the same rows before, with the same settings, that
        scoring's result: nothing is predicted twice.

    Raises
    ------
    ScoringError
        When there is no champion, it does not load, or it refuses every row.
    NocturneError
        From the source, or from privacy.
    """
    client, task = connect(settings), task or TaskIdentity()
    champion = find_champion(client, workflow.name)
    scoring = open_night(
        client,
        settings,
        workflow,
        date,
        key=key or f"local/{uuid.uuid4().hex}",
        runner="airflow" if task.runner == "airflow" else "local",
        folder=folder,
        extra_tags={
            **task.to_tags(),
            tags.MODEL_NAME: champion.name,
            tags.MODEL_VERSION: champion.version,
        },
        key_tag=tags.SCORING_KEY,
    )
    last_step = LAST_STEP
    try:
        steps = plan_scoring()
        outputs: dict[str, dict[str, Handoff]] = {}
        for i, planned in enumerate(steps, start=1):
            on_step(planned.name, i, len(steps))
            inputs = merge_outputs(outputs[name] for name in planned.needs)
            outputs[planned.name] = run_step(settings, scoring, planned.name, inputs, task)
            if planned.name != READING:
                continue
            raw = outputs[READING]["raw"]
            client.set_tag(scoring.run_id, tags.DATASET_SHA256, raw.sha256)
            earlier = _find_same(client, scoring)
            if earlier is not None:
                last_step = READING
                return _repeat(client, settings, scoring, earlier)
        made = merge_outputs(outputs[name] for name in ("score", LAST_STEP))
        return _summarise(client, settings, scoring, made)
    finally:
        close_night(client, settings, scoring, last_step=last_step)


def _find_same(client: MlflowClient, scoring: Night) -> Run | None:
    """Find a finished scoring of the same rows by the same version with the same settings."""
    own = client.get_run(scoring.run_id).data.tags
    same = (tags.MODEL_VERSION, tags.DATASET_SHA256, tags.WORKFLOW_SHA256)
    clauses = [f"tags.`{name}` = '{own[name]}'" for name in same]
    found = client.search_runs(
        [scoring.experiment_id],
        filter_string=" AND ".join(
            [*clauses, f"tags.`{tags.SCORING_KEY}` LIKE '%'", "attributes.status = 'FINISHED'"]
        ),
        order_by=["attributes.start_time DESC"],
        max_results=100,
    )
    # Those that repeated an earlier one have no predictions of their own.
    return next((run for run in found if tags.OUTPUTS in run.data.tags), None)


def _repeat(
    client: MlflowClient, settings: Settings, scoring: Night, earlier: Run
) -> ScoringResult:
    recorded = json.loads(earlier.data.tags[tags.OUTPUTS])
    made = {name: Handoff.from_json(value) for name, value in recorded.items()}
    result = _read_result(client, settings, scoring, made, repeats=earlier.info.run_id)
    note = f"Nothing is new since the MLflow run {earlier.info.run_id}. {result.sentence}"
    client.set_tag(scoring.run_id, tags.MLFLOW_NOTE, note)
    logger.info(note)
    return result


def _summarise(
    client: MlflowClient, settings: Settings, scoring: Night, made: Mapping[str, Handoff]
) -> ScoringResult:
    result = _read_result(client, settings, scoring, made)
    client.set_tag(scoring.run_id, tags.OUTPUTS, json.dumps(result.outputs))
    return result


def _read_result(
    client: MlflowClient,
    settings: Settings,
    scoring: Night,
    made: Mapping[str, Handoff],
    *,
    repeats: str | None = None,
) -> ScoringResult:
    target = scratch_folder(settings, scoring.run_id) / "result"
    file = fetch_artifact(client, made["drift"], target)
    document = json.loads(file.read_text(encoding="utf-8"))
    drift = document["drift"]
    return ScoringResult(
        workflow=scoring.workflow,
        version=document["version"],
        night=scoring.date.isoformat(),
        run_id=scoring.run_id,
        n_scored=document["scored"],
        n_refused=document["refused"],
        is_drifting=drift["is_drifting"],
        sentence=drift["sentence"],
        columns=tuple(column["name"] for column in drift["columns"] if column["is_drifting"]),
        outputs={name: handoff.to_json() for name, handoff in made.items()},
        repeats=repeats,
    )


def check_new_folder(folder: Path) -> None:
    """Check that a folder for results is not there yet.

    Raises
    ------
    RequestError
    """
    if folder.exists():
        raise RequestError(
            f"{folder} exists already.",
            expected="a new folder",
            hint="name another one, or move it away",
        )


def fetch_predictions(settings: Settings, result: ScoringResult, folder: Path) -> Path:
    """Copy what a scoring published into a new folder: predictions, quarantine, drift and page.

    Parameters
    ----------
    settings : Settings
    result : ScoringResult
    folder : Path
        Must not exist: nothing is overwritten, and nobody sees half of it.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    RequestError
        When it exists.
    """
    check_new_folder(folder)
    client = connect(settings)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    fetched = scratch_folder(settings, f"{result.run_id}-out")
    try:
        for name, handoff in result.outputs.items():
            local = fetch_artifact(client, Handoff.from_json(handoff), fetched / name)
            if local.is_dir():
                shutil.copytree(local, partial / name)
            else:
                shutil.copy2(local, partial / local.name)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(fetched, ignore_errors=True)
    return folder

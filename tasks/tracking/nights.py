"""The night: one MLflow parent run per workflow and run key, opened once, closed always.

Ground module; ``tasks.tracking.steps`` hangs the steps' child runs under it.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import psutil

from tasks.dataset.digest import digest_json
from tasks.errors import TrackingError
from tasks.settings import Settings
from tasks.tracking import tags
from tasks.tracking.provenance import read_provenance
from tasks.workflow import Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

logger = logging.getLogger(__name__)

PINNED_WORKFLOW = "workflow.json"
LAST_STEP = "report"  # a night whose report is finished is finished
NightOutcome = Literal["finished", "failed"]


@dataclass(frozen=True)
class Night:
    """One run of one workflow for one date; small enough to travel between tasks.

    Parameters
    ----------
    workflow : str
        The workflow's name.
    date : datetime.date
        The night's date: what had arrived by then is seen, nothing later.
    run_id, experiment_id : str
        MLflow's parent run.
    seed : int
        Where all chance of the night comes from.
    """

    workflow: str
    date: datetime.date
    run_id: str
    experiment_id: str
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Make a mapping that JSON and XCom can carry."""
        return {**asdict(self), "date": self.date.isoformat()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` made."""
        return cls(**{**value, "date": datetime.date.fromisoformat(value["date"])})


def open_night(
    client: MlflowClient,
    settings: Settings,
    workflow: Workflow,
    date: datetime.date,
    *,
    key: str,
    runner: Literal["airflow", "local"],
    folder: Path,
    extra_tags: Mapping[str, str] | None = None,
    key_tag: str = tags.KEY,
) -> Night:
    """Open the night's parent run, or reopen the one with the same key.

    The workflow as it stands now is pinned to the run: every step of the night reads it from there,
    so a file changed in the middle of a night changes the next night.

    Parameters
    ----------
    client : mlflow.MlflowClient
    settings : Settings
    workflow : Workflow
    date : datetime.date
        The night's date.
    key : str
        Identifies the run from try to try: Airflow's DAG and run id, or one made for a local run.
    runner : {"airflow", "local"}
    folder : Path
        The workflow file's folder, from which its relative paths start.
    extra_tags : mapping, optional
    key_tag : str, optional
        The tag that holds the key: :data:`tasks.tracking.tags.SCORING_KEY` opens a scoring, which
        has the champion predict what has arrived and is no night among the nights.

    Returns
    -------
    Night
    """
    experiment_id = _ensure_experiment(client, settings, workflow)
    provenance = read_provenance(settings)
    document = workflow.model_dump(mode="json", by_alias=True)
    run_tags = {
        tags.WORKFLOW: workflow.name,
        tags.NIGHT_DATE: date.isoformat(),
        key_tag: key,
        tags.SEED: str(workflow.seed),
        tags.GIT_COMMIT: provenance.git_commit,
        tags.LOCK_SHA256: provenance.lock_sha256,
        tags.WORKFLOW_SHA256: digest_json(document),
        tags.RUNNER: runner,
        tags.PROCESS: describe_process(),
        tags.MLFLOW_SOURCE: f"workflows/{workflow.name}.yaml",
        **(
            {}
            if provenance.git_commit == "unknown"
            else {tags.MLFLOW_COMMIT: provenance.git_commit}
        ),
        **(extra_tags or {}),
    }
    found = _search(client, experiment_id, {key_tag: key})
    if found:
        run_id = found[0].info.run_id
        client.update_run(run_id, status="RUNNING")
        for name, value in run_tags.items():
            client.set_tag(run_id, name, value)
    else:
        kind = "" if key_tag == tags.KEY else "scoring "
        run = client.create_run(
            experiment_id, tags=run_tags, run_name=f"{workflow.name} {kind}{date.isoformat()}"
        )
        run_id = run.info.run_id
    pinned = json.dumps({"workflow": document, "folder": str(folder.resolve())}, indent=1)
    client.log_text(run_id, pinned, PINNED_WORKFLOW)
    logger.info("Night %s of %s is MLflow run %s.", date, workflow.name, run_id)
    return Night(workflow.name, date, run_id, experiment_id, workflow.seed)


def read_pinned_workflow(client: MlflowClient, night: Night) -> tuple[Workflow, Path]:
    """Read the workflow as it stood when the night was opened, and its file's folder."""
    from mlflow.artifacts import load_dict
    from mlflow.exceptions import MlflowException

    run = client.get_run(night.run_id)
    try:
        document = load_dict(f"{run.info.artifact_uri}/{PINNED_WORKFLOW}")
    except MlflowException as error:
        raise TrackingError(
            f"The night {night.date} of {night.workflow} has no {PINNED_WORKFLOW}.",
            expected="the workflow that was pinned when the night was opened",
            hint="clear the task open_night, so that it is pinned again",
        ) from error
    return Workflow.model_validate(document["workflow"]), Path(document["folder"])


def close_night(
    client: MlflowClient, settings: Settings, night: Night, *, last_step: str = LAST_STEP
) -> NightOutcome:
    """End the night's runs: finished if its last step is, failed otherwise; no run stays RUNNING.

    Parameters
    ----------
    client : mlflow.MlflowClient
    settings : Settings
    night : Night
    last_step : str, optional

    Returns
    -------
    {"finished", "failed"}
    """
    steps = _search(client, night.experiment_id, {tags.NIGHT_RUN: night.run_id})
    for run in steps:
        if run.info.status == "RUNNING":
            client.set_terminated(run.info.run_id, status="KILLED")
    is_finished = any(
        run.data.tags.get(tags.STEP) == last_step and run.info.status == "FINISHED" for run in steps
    )
    outcome: NightOutcome = "finished" if is_finished else "failed"
    client.set_tag(night.run_id, tags.OUTCOME, outcome)
    client.set_terminated(night.run_id, status="FINISHED" if is_finished else "FAILED")
    shutil.rmtree(scratch_folder(settings, night.run_id), ignore_errors=True)
    return outcome


def sweep_dead_nights(
    client: MlflowClient,
    settings: Settings,
    experiment_id: str,
    *,
    is_alive: Callable[[Mapping[str, str]], bool],
    spare: str | None = None,
) -> list[str]:
    """End the runs of nights whose process or DAG run is gone, so that none stays RUNNING for ever.

    Parameters
    ----------
    client : mlflow.MlflowClient
    settings : Settings
    experiment_id : str
    is_alive : callable
        Takes a night's tags and says whether somebody still works on it.
    spare : str, optional
        A night's run id that is left alone: the one being opened.

    Returns
    -------
    list of str
        Run ids of the nights that were ended.
    """
    swept = []
    for run in _search(client, experiment_id, {}, extra="attributes.status = 'RUNNING'"):
        is_night = tags.KEY in run.data.tags or tags.SCORING_KEY in run.data.tags
        if not is_night or run.info.run_id == spare or is_alive(run.data.tags):
            continue
        for step in _search(client, experiment_id, {tags.NIGHT_RUN: run.info.run_id}):
            if step.info.status == "RUNNING":
                client.set_terminated(step.info.run_id, status="KILLED")
        client.set_tag(run.info.run_id, tags.OUTCOME, "failed")
        client.set_terminated(run.info.run_id, status="KILLED")
        shutil.rmtree(scratch_folder(settings, run.info.run_id), ignore_errors=True)
        swept.append(run.info.run_id)
        logger.warning(
            "The night %s was left RUNNING by a dead process; ended it.", run.info.run_id
        )
    return swept


def is_local_process_alive(run_tags: Mapping[str, str]) -> bool:
    """Say whether the process that opened a local night still runs, on this machine or another.

    A night of another machine counts as alive: it cannot be seen from here.
    """
    try:
        host, pid, started = run_tags[tags.PROCESS].rsplit("/", 2)
        if host != platform.node():
            return True
        return int(psutil.Process(int(pid)).create_time()) == int(started)
    except (KeyError, ValueError, psutil.NoSuchProcess):
        return False


def find_night(client: MlflowClient, workflow: str, *, key: str | None = None) -> Run | None:
    """Find the parent run with this key, or the workflow's newest night."""
    experiment = client.get_experiment_by_name(workflow)
    if experiment is None:
        return None
    if key is not None:
        found = _search(client, experiment.experiment_id, {tags.KEY: key})
        return found[0] if found else None
    return next(list_nights(client, workflow, limit=1), None)


def list_nights(client: MlflowClient, workflow: str, *, limit: int = 100) -> Iterator[Run]:
    """List a workflow's nights as MLflow runs, newest first."""
    experiment = client.get_experiment_by_name(workflow)
    if experiment is None:
        return
    yield from client.search_runs(
        [experiment.experiment_id],
        filter_string=f"tags.`{tags.WORKFLOW}` = '{workflow}' AND tags.`{tags.KEY}` LIKE '%'",
        order_by=["attributes.start_time DESC"],
        max_results=limit,
    )


def scratch_folder(settings: Settings, night_run_id: str) -> Path:
    """Folder for a night's files on this machine; removed when the night is closed."""
    return settings.home / "scratch" / night_run_id


def describe_process() -> str:
    """Name this process so that no other is taken for it: host, pid and start, in seconds."""
    return f"{platform.node()}/{os.getpid()}/{int(psutil.Process().create_time())}"


def _ensure_experiment(client: MlflowClient, settings: Settings, workflow: Workflow) -> str:
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(workflow.name)
    if experiment is not None:
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)
    location = (
        f"{settings.artifact_location}/{workflow.name}" if settings.artifact_location else None
    )
    try:
        return str(
            client.create_experiment(
                workflow.name,
                artifact_location=location,
                tags={
                    tags.MLFLOW_NOTE: workflow.description,
                    # Opens on the runs and not on the traces of language models.
                    tags.MLFLOW_EXPERIMENT_KIND: "custom_model_development",
                },
            )
        )
    except MlflowException:
        # Two first nights at once: the other one made it.
        experiment = client.get_experiment_by_name(workflow.name)
        if experiment is None:
            raise
        return str(experiment.experiment_id)


def _search(
    client: MlflowClient, experiment_id: str, wanted: Mapping[str, str], *, extra: str = ""
) -> list[Run]:
    clauses = [f"tags.`{name}` = '{value}'" for name, value in wanted.items()]
    return list(
        client.search_runs(
            [experiment_id],
            filter_string=" AND ".join([*clauses, *([extra] if extra else [])]),
            max_results=1000,
        )
    )

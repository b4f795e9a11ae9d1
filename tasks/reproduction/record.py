"""What MLflow remembers of a version's training, and what of it is still the same.

Read by ``tasks.reproduction.repeat`` before anything is trained.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tasks.dataset import Dataset
from tasks.dataset.digest import digest_json
from tasks.errors import RequestError, TrackingError
from tasks.night import fingerprint_step, merge_outputs
from tasks.registry import ModelVersion, find_version
from tasks.settings import Settings
from tasks.tracking import Handoff, Night, read_provenance, tags
from tasks.tracking.nights import describe_process, read_pinned_workflow
from tasks.workflow import Workflow, plan_night

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SHOWN_CHARACTERS = 12  # of a digest or a commit: enough to tell two apart


@dataclass(frozen=True)
class Circumstance:
    """Something that decides what a training gives, as it was and as it is.

    Parameters
    ----------
    name : str
        Such as ``code`` or ``lock``.
    then, now : str
    is_same : bool
    """

    name: str
    then: str
    now: str
    is_same: bool


@dataclass(frozen=True)
class Record:
    """What MLflow remembers of a version's training.

    Parameters
    ----------
    version : ModelVersion
    run : mlflow.entities.Run
        Of the step that trained it.
    night : Night
    settings_sha256, lock_sha256, git_commit : str
        As the night noted them, or ``unknown``.
    workflow : Workflow
        As it was pinned to the night.
    candidate : str
    inputs : mapping of str to Handoff
        What the step read, by name: ``clean`` and ``preparation`` among them.
    """

    version: ModelVersion
    run: Run
    night: Night
    settings_sha256: str
    lock_sha256: str
    git_commit: str
    workflow: Workflow
    candidate: str
    inputs: Mapping[str, Handoff]


def read_record(client: MlflowClient, model: str, version: str) -> Record:
    """Read how a version came about.

    Parameters
    ----------
    client : mlflow.MlflowClient
    model : str
        A registered model: a workflow's name.
    version : str
        Its number, or an alias.

    Raises
    ------
    RequestError
        When there is no such version, or the present code cannot read its night's workflow.
    TrackingError
        When the night is no longer recorded.
    """
    from mlflow.exceptions import MlflowException

    found = find_version(client, model, version)
    try:
        run = client.get_run(found.model.run_id)
        parent = client.get_run(run.data.tags[tags.NIGHT_RUN])
        night = Night.from_json(
            {
                "workflow": parent.data.tags[tags.WORKFLOW],
                "date": parent.data.tags[tags.NIGHT_DATE],
                "run_id": parent.info.run_id,
                "experiment_id": parent.info.experiment_id,
                "seed": int(parent.data.tags[tags.SEED]),
            }
        )
        step_name = run.data.tags[tags.STEP]
    except (MlflowException, KeyError) as error:
        raise TrackingError(
            f"The night that made version {found.version} of {model!r} is no longer recorded: {error}",
            expected=f"the MLflow run {found.model.run_id} and its parent, with Nocturne's tags",
            hint="choose a version whose night was not deleted",
        ) from error
    try:
        workflow, _ = read_pinned_workflow(client, night)
    except ValidationError as error:
        raise RequestError(
            f"The workflow as it was in the night {night.date} cannot be read by the present code: "
            f"{error.errors()[0]['msg']}",
            expected=f"code as of commit {parent.data.tags.get(tags.GIT_COMMIT, 'unknown')}",
            hint="check out that commit, and reproduce there",
        ) from error
    return Record(
        version=found,
        run=run,
        night=night,
        settings_sha256=parent.data.tags.get(tags.WORKFLOW_SHA256, "unknown"),
        lock_sha256=parent.data.tags.get(tags.LOCK_SHA256, "unknown"),
        git_commit=parent.data.tags.get(tags.GIT_COMMIT, "unknown"),
        workflow=workflow,
        candidate=step_name.partition(".")[2],
        inputs=_find_inputs(client, night, workflow, step_name),
    )


def _find_inputs(
    client: MlflowClient, night: Night, workflow: Workflow, step_name: str
) -> dict[str, Handoff]:
    """Gather what the steps that the training needed have handed over."""
    needed = next((s.needs for s in plan_night(workflow) if s.name == step_name), ("clean",))
    outputs = []
    for name in needed:
        runs = client.search_runs(
            [night.experiment_id],
            filter_string=f"tags.`{tags.NIGHT_RUN}` = '{night.run_id}' AND tags.`{tags.STEP}` = '{name}'",
            max_results=1,
        )
        recorded = json.loads(runs[0].data.tags.get(tags.OUTPUTS, "{}")) if runs else {}
        outputs.append({key: Handoff.from_json(value) for key, value in recorded.items()})
    found = merge_outputs(outputs)
    for key in ("clean", "preparation"):
        if key not in found:
            raise TrackingError(
                f"The night {night.date} of {night.workflow} no longer says where its {key!r} is.",
                expected=f"the tag {tags.OUTPUTS} on the run of the step 'clean'",
                hint="choose a version whose night was not deleted",
            )
    return found


def check_dataset(record: Record, dataset: Dataset) -> None:
    """Check that these are the rows that the run itself says it was trained on.

    Raises
    ------
    TrackingError
        When the night's rows were made anew since.
    """
    logged = record.run.inputs.dataset_inputs if record.run.inputs else []
    for found in logged:
        digest = json.loads(found.dataset.profile or "{}").get("sha256", dataset.sha256)
        if digest != dataset.sha256:
            raise TrackingError(
                f"The night {record.night.date} was cleaned again after this version was trained: "
                f"its rows now have the SHA-256 {dataset.sha256}.",
                expected=digest,
                hint="choose the version that was trained after that",
            )


def compare_circumstances(settings: Settings, record: Record) -> tuple[Circumstance, ...]:
    """Compare what decides a training, as it was and as it is.

    Parameters
    ----------
    settings : Settings
    record : Record

    Returns
    -------
    tuple of Circumstance
        Code, settings, lock, machine and backend.
    """
    import keras

    now = read_provenance(settings)
    recorded = record.run.data
    step_name = recorded.tags[tags.STEP]
    fingerprint = fingerprint_step(
        record.workflow,
        step_name,
        record.inputs,
        lock_sha256=record.lock_sha256,  # as it was: what differs then is the code
        seed=record.night.seed,
    )
    settings_now = digest_json(record.workflow.model_dump(mode="json", by_alias=True))
    # A fingerprint is of code and settings together: it tells of the code where these are the same.
    is_same_code = (
        fingerprint == recorded.tags.get(tags.FINGERPRINT)
        if settings_now == record.settings_sha256
        else record.git_commit == now.git_commit
    )
    machines = [p.rsplit("/", 2)[0] for p in (recorded.tags[tags.PROCESS], describe_process())]
    backend = keras.backend.backend()
    pairs = [
        ("settings", record.settings_sha256[:SHOWN_CHARACTERS], settings_now[:SHOWN_CHARACTERS]),
        ("lock", record.lock_sha256[:SHOWN_CHARACTERS], now.lock_sha256[:SHOWN_CHARACTERS]),
        ("machine", *machines),
        ("backend", recorded.params.get("backend", backend), backend),
    ]
    code = Circumstance("code", _shorten(record.git_commit), _shorten(now.git_commit), is_same_code)
    return (code, *(Circumstance(name, a, b, a == b) for name, a, b in pairs))


def _shorten(commit: str) -> str:
    name, dash, dirty = commit.partition("-")
    return f"{name[:SHOWN_CHARACTERS]}{dash}{dirty}"

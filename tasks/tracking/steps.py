"""The step: one MLflow child run per step of a night, found again by a retry, never left RUNNING.

Ground module; the only door through which stages reach MLflow.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tasks.dataset.digest import digest_folder, digest_json
from tasks.dataset.memory import measure_peak, restart_peak
from tasks.errors import TrackingError
from tasks.settings import Settings
from tasks.tracking import tags
from tasks.tracking.handoff import Handoff
from tasks.tracking.nights import Night, describe_process, scratch_folder
from tasks.tracking.provenance import compute_fingerprint
from tasks.tracking.translation import translate_error

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

MAX_ERROR_CHARACTERS = 4000  # MLflow refuses tags past 8,000
MAX_PARAM_CHARACTERS = 6000  # and parameters past this
METRICS_PER_BATCH = 1000  # and more than this in one call


@dataclass(frozen=True)
class TaskIdentity:
    """Who runs the step: an Airflow task instance, or a local process."""

    runner: str = "local"
    dag_id: str = ""
    run_id: str = ""
    task_id: str = ""
    map_index: int = -1
    try_number: int = 1
    url: str = ""

    def to_tags(self) -> dict[str, str]:
        """Tags that lead from the MLflow run back to Airflow; none for a local process."""
        if self.runner != "airflow":
            return {tags.RUNNER: self.runner}
        return {
            tags.RUNNER: self.runner,
            tags.AIRFLOW_DAG: self.dag_id,
            tags.AIRFLOW_RUN: self.run_id,
            tags.AIRFLOW_TASK: self.task_id,
            tags.AIRFLOW_MAP_INDEX: str(self.map_index),
            tags.AIRFLOW_TRY: str(self.try_number),
            tags.AIRFLOW_URL: self.url,
        }


class Step:
    """A step at work: its scratch folder, its inputs and outputs, and what it logs.

    Made by :func:`open_step`.

    Parameters
    ----------
    client : mlflow.MlflowClient
    night : Night
    name : str
        For example ``ingest`` or ``train.cnn``; the same as the Airflow task's id.
    run_id : str
        The step's MLflow run.
    workdir : Path
        An empty folder that is removed when the step ends.
    """

    def __init__(
        self, client: MlflowClient, night: Night, name: str, run_id: str, workdir: Path
    ) -> None:
        self.client = client
        self.night = night
        self.name = name
        self.run_id = run_id
        self.workdir = workdir

    def keep_folder(self, name: str) -> Path:
        """Folder that outlives a killed try of the same step on the same inputs.

        Parameters
        ----------
        name : str
            What it is for.

        Returns
        -------
        Path
            Beside the night's scratch folders, under this step's fingerprint; removed when the
            night is closed. It need not exist.
        """
        fingerprint = self.client.get_run(self.run_id).data.tags[tags.FINGERPRINT]
        return self.workdir.parent / name / f"{self.name}-{fingerprint[:16]}"

    def fetch(self, handoff: Handoff) -> Path:
        """Bring an artifact into the scratch folder and check it against its digest.

        Parameters
        ----------
        handoff : Handoff

        Returns
        -------
        Path
            The local file or folder.

        Raises
        ------
        TrackingError
            When it is missing or its content is not what was handed over.
        """
        return fetch_artifact(self.client, handoff, self.workdir / "inputs" / handoff.sha256[:16])

    def publish(self, path: Path, name: str, *, n_rows: int | None = None) -> Handoff:
        """Store a file or folder as an artifact that is never changed, and return its address.

        The content's digest is part of the artifact's path: a retry with the same content writes
        the same bytes again, and one with other content writes beside it.

        Parameters
        ----------
        path : Path
            A file or folder.
        name : str
            What it is, for example ``clean``.
        n_rows : int, optional

        Returns
        -------
        Handoff
        """
        sha256 = digest_folder(path)
        folder = f"{name}/{sha256[:16]}"
        if path.is_dir():
            self.client.log_artifacts(self.run_id, str(path), folder)
            return Handoff(self.run_id, folder, sha256, n_rows)
        self.client.log_artifact(self.run_id, str(path), folder)
        return Handoff(self.run_id, f"{folder}/{path.name}", sha256, n_rows)

    def attach(self, path: Path, folder: str | None = None) -> None:
        """Store a file or folder for people to look at; a retry replaces it."""
        if path.is_dir():
            self.client.log_artifacts(self.run_id, str(path), folder or path.name)
        else:
            self.client.log_artifact(self.run_id, str(path), folder)

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log parameters; one whose value changed since an earlier try gets the try's mark."""
        from mlflow.entities import Param

        known = self.client.get_run(self.run_id).data.params
        fresh = []
        for name, value in params.items():
            text = str(value)[:MAX_PARAM_CHARACTERS]
            # MLflow never changes a parameter and fails the run that tries.
            is_changed = known.get(name, text) != text
            key = f"{name}.changed_{digest_json(text)[:8]}" if is_changed else name
            if key not in known:
                fresh.append(Param(key, text))
        if fresh:
            self.client.log_batch(self.run_id, params=fresh)

    def log_metrics(self, metrics: Mapping[str, float], *, step: int = 0) -> None:
        """Log figures of this step."""
        self._log_batch(self.run_id, [(name, value, step) for name, value in metrics.items()])

    def log_metric_history(self, history: Mapping[str, Sequence[float]]) -> None:
        """Log a value per epoch, at steps 0 to n_epochs - 1."""
        self._log_batch(
            self.run_id,
            [
                (name, value, i)
                for name, values in history.items()
                for i, value in enumerate(values)
            ],
        )

    def log_night_metrics(self, metrics: Mapping[str, float]) -> None:
        """Log figures on the night's parent run, where nights are compared."""
        self._log_batch(self.night.run_id, [(name, value, 0) for name, value in metrics.items()])

    def set_tags(self, values: Mapping[str, str]) -> None:
        """Set tags on the step's run."""
        for name, value in values.items():
            self.client.set_tag(self.run_id, name, value)

    def set_night_tags(self, values: Mapping[str, str]) -> None:
        """Set tags on the night's parent run."""
        for name, value in values.items():
            self.client.set_tag(self.night.run_id, name, value)

    def _log_batch(self, run_id: str, points: Sequence[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, float(value), now, step) for name, value, step in points]
        for i in range(0, len(metrics), METRICS_PER_BATCH):
            self.client.log_batch(run_id, metrics=metrics[i : i + METRICS_PER_BATCH])


def fetch_artifact(client: MlflowClient, handoff: Handoff, target: Path) -> Path:
    """Bring an artifact into a folder and check it against its digest, for who is no step of a night.

    Parameters
    ----------
    client : mlflow.MlflowClient
    handoff : Handoff
    target : Path
        Made when it is not there; of this artifact alone.

    Returns
    -------
    Path
        The local file or folder.

    Raises
    ------
    TrackingError
        When it is missing or its content is not what was handed over.
    """
    from mlflow.exceptions import MlflowException

    target.mkdir(parents=True, exist_ok=True)
    try:
        local = _bring(client, handoff, target)
    except (MlflowException, FileNotFoundError) as error:
        raise TrackingError(
            f"MLflow run {handoff.run_id} has no artifact {handoff.path!r}.",
            expected=f"content with SHA-256 {handoff.sha256}",
            hint="clear the task that makes it, so that it is made again",
        ) from error
    found = digest_folder(local)
    if found != handoff.sha256:
        raise TrackingError(
            f"The artifact {handoff.path!r} of MLflow run {handoff.run_id} was altered: "
            f"its SHA-256 is {found}.",
            expected=handoff.sha256,
            hint="clear the task that makes it, and find out who writes to the artifact store",
        )
    return local


def _bring(client: MlflowClient, handoff: Handoff, target: Path) -> Path:
    """Bring an artifact into a folder: from a store on this machine as links, which cost nothing."""
    root = urlsplit(client.get_run(handoff.run_id).info.artifact_uri)
    source = Path(url2pathname(root.path)) / handoff.path
    if root.scheme not in {"", "file"} or not source.exists():
        return Path(client.download_artifacts(handoff.run_id, handoff.path, str(target)))
    local = target / handoff.path
    local.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, local, copy_function=_link, dirs_exist_ok=True)
    else:
        _link(str(source), str(local))
    return local


@contextlib.contextmanager
def open_step(
    client: MlflowClient,
    settings: Settings,
    night: Night,
    name: str,
    *,
    inputs: Mapping[str, Handoff],
    task: TaskIdentity,
    section: object = None,
    code: Sequence[Path] = (),
) -> Iterator[Step]:
    """Open the step's child run, or reopen it for a retry, and end it whatever happens.

    Parameters
    ----------
    client : mlflow.MlflowClient
    settings : Settings
    night : Night
    name : str
    inputs : mapping of str to Handoff
        Part of the step's fingerprint.
    task : TaskIdentity
        Written as tags.
    section : JSON value, optional
        The step's part of the workflow file: part of the fingerprint.
    code : sequence of Path, optional
        The folders and files whose code makes the result: part of the fingerprint.

    Yields
    ------
    Step

    Raises
    ------
    TrackingError
        When the disk is full.
    ServiceError
        When MLflow stops answering.
    """
    lock_sha256 = client.get_run(night.run_id).data.tags.get(tags.LOCK_SHA256, "")
    run_tags = {
        tags.NIGHT_RUN: night.run_id,
        tags.MLFLOW_PARENT: night.run_id,
        tags.WORKFLOW: night.workflow,
        tags.STEP: name,
        tags.PROCESS: describe_process(),
        tags.FINGERPRINT: compute_fingerprint(inputs, section, code, lock_sha256, night.seed),
        **task.to_tags(),
    }
    run_id = _find_or_create(client, night, name, run_tags)
    workdir = scratch_folder(settings, night.run_id) / run_id
    shutil.rmtree(workdir, ignore_errors=True)
    workdir.mkdir(parents=True)
    started = time.monotonic()
    restart_peak()
    status = "FAILED"
    try:
        yield Step(client, night, name, run_id, workdir)
        status = "FINISHED"
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    except Exception as error:
        translated = translate_error(error, settings, name)
        _note_error(client, run_id, translated or error)
        if translated is not None:
            raise translated from error
        raise
    finally:
        figures = {
            "seconds": time.monotonic() - started,
            "peak_memory_mib": measure_peak() / 1024**2,
        }
        _end(client, run_id, status, figures)
        shutil.rmtree(workdir, ignore_errors=True)
        logger.info(
            "Step %s %s after %.1f s, at most %.0f MiB in memory.",
            name,
            status.lower(),
            figures["seconds"],
            figures["peak_memory_mib"],
        )


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        return  # fetched before
    except OSError:  # on another disk
        shutil.copy2(source, target)


def record_outputs(client: MlflowClient, run_id: str, outputs: Mapping[str, Handoff]) -> None:
    """Write a step's handoffs on its run, so that they are found without Airflow."""
    client.set_tag(
        run_id, tags.OUTPUTS, json.dumps({name: h.to_json() for name, h in outputs.items()})
    )


def _find_or_create(
    client: MlflowClient, night: Night, name: str, run_tags: Mapping[str, str]
) -> str:
    found = client.search_runs(
        [night.experiment_id],
        filter_string=f"tags.`{tags.NIGHT_RUN}` = '{night.run_id}' AND tags.`{tags.STEP}` = '{name}'",
        max_results=1,
    )
    if not found:
        run = client.create_run(night.experiment_id, tags=dict(run_tags), run_name=name)
        return str(run.info.run_id)
    run_id = str(found[0].info.run_id)
    client.update_run(run_id, status="RUNNING")
    for key, value in run_tags.items():
        client.set_tag(run_id, key, value)
    for stale in (tags.ERROR, tags.PROBLEM):  # of the try before
        if stale in found[0].data.tags:
            client.delete_tag(run_id, stale)
    return run_id


def _note_error(client: MlflowClient, run_id: str, error: BaseException) -> None:
    # The error itself is on its way up; that it could not be noted must not hide it.
    with contextlib.suppress(Exception):
        text = f"{type(error).__name__}: {error}"
        client.set_tag(run_id, tags.ERROR, text[:MAX_ERROR_CHARACTERS])


def _end(client: MlflowClient, run_id: str, status: str, figures: Mapping[str, float]) -> None:
    try:
        for name, value in figures.items():
            client.log_metric(run_id, name, value)
        client.set_terminated(run_id, status=status)
    except Exception:
        if status == "FINISHED":
            raise  # a step is not done before MLflow knows it
        logger.warning("MLflow could not be told that run %s ended.", run_id, exc_info=True)

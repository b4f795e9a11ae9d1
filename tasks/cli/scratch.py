"""A night in a scratch folder, walked as far as its data go: ingested, validated, cleaned, validated.

For ``nocturne profile`` and ``validate``: the real steps, with a tracking store of their own that is
removed at the end, so that the nights' records and the champion are not touched.
"""

from __future__ import annotations

import datetime
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tasks.cli.console import Tell, hide_native_messages
from tasks.errors import NocturneError
from tasks.settings import Settings
from tasks.workflow import Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tasks.tracking import Handoff, Night
    from tasks.validation.column_profile import ColumnProfile

STAGES: tuple[Literal["raw"], Literal["clean"]] = ("raw", "clean")


@dataclass(frozen=True)
class Proposal:
    """A suite proposed for one stage, and the profiles it comes from."""

    suite: dict[str, Any]
    profiles: tuple[ColumnProfile, ...]


class ScratchNight:
    """A night that leaves nothing behind; made by :func:`open_scratch_night`."""

    def __init__(
        self, settings: Settings, workflow: Workflow, night: Night, client: MlflowClient, tell: Tell
    ) -> None:
        self.settings = settings
        self.workflow = workflow
        self.night = night
        self.client = client
        self.tell = tell
        self._outputs: dict[str, Mapping[str, Handoff]] = {}
        self._run_ids: dict[str, str] = {}

    def run(self, name: str) -> Mapping[str, Handoff]:
        """Run one step with what the steps before it handed over."""
        from tasks.night import merge_outputs, run_step
        from tasks.tracking import TaskIdentity
        from tasks.workflow import plan_night

        self.tell(name.replace("_", " "))
        planned = next(step for step in plan_night(self.workflow) if step.name == name)
        inputs = merge_outputs(self._outputs[needed] for needed in planned.needs)
        self._outputs[name] = run_step(
            self.settings,
            self.night,
            name,
            inputs,
            TaskIdentity(),
            on_open=lambda step: self._run_ids.update({name: step.run_id}),
        )
        return self._outputs[name]

    def validate(self) -> None:
        """Walk the night until its data are judged, or a critical expectation stops it."""
        for name in ("ingest", "validate_raw", "clean", "validate_clean"):
            self.run(name)

    def propose(self) -> tuple[dict[str, Proposal], NocturneError | None]:
        """Propose suites by stage, and let the steps judge by them.

        Returns
        -------
        proposals : dict of str to Proposal
        error : NocturneError or None
            Why there is none for clean data.
        """
        proposals = {"raw": self._propose("raw", self.run("ingest")["raw"])}
        self.run("validate_raw")
        try:
            clean = self._propose("clean", self.run("clean")["clean"])
            self.run("validate_clean")
        except NocturneError as error:
            return proposals, error
        return {**proposals, "clean": clean}, None

    def _propose(self, stage: Literal["raw", "clean"], handoff: Handoff) -> Proposal:
        from tasks.dataset import Dataset
        from tasks.dataset.columns import ID_COLUMN
        from tasks.validation.column_profile import profile_columns
        from tasks.validation.proposal import propose_suite, write_suite
        from tasks.validation.view import open_view

        self.tell(f"profile {stage}")
        dataset = Dataset.open(self._download(handoff.run_id, handoff.path), verify=False)
        view = open_view(dataset, self.workflow, stage)
        own_id = self.workflow.columns.id or ID_COLUMN
        profiles = profile_columns(view, unique=[own_id] if own_id in view.column_names else [])
        file = name_suite_files(self.workflow, self.settings)[stage]
        suite = propose_suite(file.stem, profiles, self.workflow.columns, stage)
        file.write_text(write_suite(suite), encoding="utf-8")
        return Proposal(suite, profiles)

    def read_validation(self, stage: str) -> dict[str, Any] | None:
        """Read what a stage's suite found, also where it stopped the night; None where it was not judged."""
        file = self._find(stage, "validation", "validation.json")
        document: dict[str, Any] | None = json.loads(file.read_text("utf-8")) if file else None
        return document

    def copy_docs(self, folder: Path) -> list[Path]:
        """Copy the Data Docs of both stages out of the scratch folder."""
        folder.mkdir(parents=True, exist_ok=True)
        copied = []
        for stage in STAGES:
            page = self._find(stage, "data_docs", "index.html")
            if page is not None:
                copied.append(folder / f"{stage}.html")
                copied[-1].write_bytes(page.read_bytes())
        return copied

    def _find(self, stage: str, artifact: str, name: str) -> Path | None:
        run_id = self._run_ids.get(f"validate_{stage}")
        if run_id is None or not self.client.list_artifacts(run_id, artifact):
            return None
        return next(self._download(run_id, artifact).rglob(name), None)

    def _download(self, run_id: str, path: str) -> Path:
        # Told where to: MLflow would leave its copy of the data in the system's temporary folder.
        folder = self.settings.home / "downloads" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        return Path(self.client.download_artifacts(run_id, path, str(folder)))


@contextmanager
def open_scratch_night(
    settings: Settings,
    workflow: Workflow,
    folder: Path,
    date: datetime.date,
    tell: Tell,
    *,
    has_suites: bool = True,
) -> Iterator[ScratchNight]:
    """Open a night whose every trace is in a folder that only this user can read, and that goes away.

    Parameters
    ----------
    settings : Settings
        Name the folders of workflows and suites.
    workflow : Workflow
    folder : Path
        The workflow file's.
    date : datetime.date
    tell : Tell
        Told of each step.
    has_suites : bool, default True
        Whether the workflow's suites are there; otherwise they are written in the scratch folder.

    Yields
    ------
    ScratchNight
    """
    with tempfile.TemporaryDirectory(prefix="nocturne-", ignore_cleanup_errors=True) as home:
        tell("getting ready")
        from tasks.night import begin_night
        from tasks.tracking import TaskIdentity, connect

        expectations = settings.expectations_dir if has_suites else Path(home) / "expectations"
        expectations.mkdir(parents=True, exist_ok=True)
        scratch = Settings.from_environment({"NOCTURNE_HOME": home}).model_copy(
            update={
                "workflows_dir": settings.workflows_dir,
                "expectations_dir": expectations,
                "mnist_file": settings.mnist_file,
            }
        )
        with hide_native_messages():  # MLflow tells of every table it makes
            night = begin_night(
                scratch, workflow, folder, date, key="local/scratch", task=TaskIdentity()
            )
        yield ScratchNight(scratch, workflow, night, connect(scratch), tell)


def name_suite_files(workflow: Workflow, settings: Settings) -> dict[str, Path]:
    """Name the files of a workflow's suites, by stage."""
    names = {"raw": workflow.expectations.raw, "clean": workflow.expectations.clean}
    return {stage: settings.expectations_dir / f"{name}.json" for stage, name in names.items()}

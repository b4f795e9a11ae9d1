"""A night walked by its real steps as far as its data are clean, and the count of every row of it."""

from __future__ import annotations

import datetime
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.cli.scratch import ScratchNight
from tasks.dataset import Dataset
from tasks.night import begin_night
from tasks.preparation import Preparation
from tasks.settings import Settings
from tasks.tracking import Handoff, TaskIdentity, connect
from tasks.workflow import Workflow

STEPS = ("ingest", "validate_raw", "clean")
NOT_NULL = {"type": "expect_column_values_to_not_be_null", "severity": "warning"}


def make_settings(folder: Path, empty_database: Path) -> Settings:
    """Settings of a home whose MLflow database is there already: making one takes seconds."""
    (folder / "home" / "mlflow").mkdir(parents=True)
    shutil.copy(empty_database, folder / "home" / "mlflow" / "mlflow.db")
    (folder / "expectations").mkdir()
    return Settings.from_environment(
        {
            "NOCTURNE_HOME": str(folder / "home"),
            "NOCTURNE_WORKFLOWS": str(folder),
            "NOCTURNE_EXPECTATIONS": str(folder / "expectations"),
        }
    )


def write_suite(settings: Settings, name: str, expectations: Sequence[Mapping[str, Any]]) -> None:
    """Write a suite where the settings look for it."""
    suite = {"name": name, "expectations": list(expectations)}
    (settings.expectations_dir / f"{name}.json").write_text(json.dumps(suite))


@dataclass(frozen=True)
class Walked:
    """What the steps of a night handed over."""

    raw: pa.Table
    clean: pa.Table
    quarantine: pa.Table
    report: dict[str, Any]
    preparation: Preparation
    docs: str
    """The Data Docs of the raw data, as HTML."""

    @property
    def quarantined(self) -> list[tuple[str, int, str]]:
        """File, line and reason of every row in quarantine, in the order of files and lines."""
        columns = (self.quarantine[name].to_pylist() for name in ("source", "line", "reason"))
        return sorted(zip(*columns, strict=True))

    def find_row(self, source: str, line: int) -> dict[str, Any]:
        """Give what the quarantine keeps of a row."""
        for row in self.quarantine.to_pylist():
            if (row["source"], row["line"]) == (source, line):
                kept: dict[str, Any] = json.loads(row["row"])
                return kept
        raise KeyError((source, line))


def walk(settings: Settings, folder: Path, workflow: Workflow) -> Walked:
    """Walk a night until its data are clean, and count every row.

    Parameters
    ----------
    settings : Settings
    folder : Path
        From which the paths of files are taken.
    workflow : Workflow
    """
    night = begin_night(
        settings,
        workflow,
        folder,
        datetime.date(2026, 1, 7),
        key=folder.name,
        task=TaskIdentity(),
    )
    client = connect(settings)
    steps = ScratchNight(settings, workflow, night, client, lambda _text, **_counts: None)
    outputs: dict[str, Handoff] = {}
    for name in STEPS:
        outputs.update(steps.run(name))

    def fetch(run_id: str, path: str) -> Path:
        # Told where to: MLflow would leave its copy in the system's temporary folder.
        place = settings.home / "downloads" / run_id
        place.mkdir(parents=True, exist_ok=True)
        return Path(client.download_artifacts(run_id, path, str(place)))

    def get(name: str) -> Path:
        return fetch(outputs[name].run_id, outputs[name].path)

    docs = fetch(outputs["rejected"].run_id, "data_docs") / "index.html"

    walked = Walked(
        raw=Dataset.open(get("raw")).table(),
        clean=Dataset.open(get("clean")).table(),
        quarantine=Dataset.open(get("quarantine")).table(),
        report=json.loads(get("cleaning_report").read_text("utf-8")),
        preparation=Preparation.from_json(get("preparation").read_text("utf-8")),
        docs=docs.read_text("utf-8"),
    )
    check_counts(walked, Dataset.open(get("unparsed")).n_rows)
    return walked


def check_counts(walked: Walked, n_unparsed: int) -> None:
    """Check that every row that came in is somewhere, once, by the rows themselves."""
    report = walked.report
    n_in = walked.raw.num_rows + n_unparsed
    assert report["rows_in"] == n_in
    assert report["rows_out"] == walked.clean.num_rows
    assert report["rows_quarantined"] == walked.quarantine.num_rows
    n_gone = walked.quarantine.num_rows + report["rows_duplicate"] + report["rows_merged"]
    assert n_in + report["rows_added"] == walked.clean.num_rows + n_gone
    places = zip(*(walked.quarantine[n].to_pylist() for n in ("source", "line")), strict=True)
    assert max(Counter(places).values(), default=1) == 1
    assert all(walked.quarantine["reason"].to_pylist())

"""A night through Airflow's own test runner: every task runs, in order, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests_support import write_flowers

from tasks.settings import Settings
from tasks.tracking import connect, find_night, tags

RUN = """
import json
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
from airflow.dag_processing.bundles.manager import DagBundlesManager
DagBundlesManager().sync_bundles_to_db()
bag = BundleDagBag({folder!r}, bundle_path={folder!r}, bundle_name="dags-folder")
sync_bag_to_db(bag, "dags-folder", None)
run = bag.dags["flowers"].test(run_conf={{"night": "2026-01-03"}})
print(json.dumps({{
    "state": str(run.state.value), "run_id": run.run_id,
    "tasks": {{t.task_id: str(t.state) for t in run.get_task_instances()}},
}}))
"""


@pytest.mark.parametrize("holds", [True, False], ids=["promises kept", "promise broken"])
def test_night_runs_in_airflow(
    run_python: Any, airflow_settings: Settings, tmp_path: Path, *, holds: bool
) -> None:
    """A night of kept promises ends with a report; a broken critical one stops it and closes its runs."""
    folders = write_flowers(tmp_path, max_petal_length_cm=10.0 if holds else 1.0)
    found = run_python(RUN.format(folder=str(airflow_settings.dags_dir)), **folders)
    states = found["tasks"]
    assert states.pop("close_night") == "success"
    if holds:
        assert found["state"] == "success"
        assert set(states.values()) == {"success"}
    else:
        assert found["state"] == "failed"
        assert states["validate_raw"] == "failed"
        assert states["promote"] == "upstream_failed"
    client = connect(airflow_settings)
    night = find_night(client, "flowers", key=f"flowers/{found['run_id']}")
    assert night is not None
    assert night.info.status == ("FINISHED" if holds else "FAILED")
    assert night.data.tags[tags.NIGHT_DATE] == "2026-01-03"
    runs = client.search_runs([night.info.experiment_id])
    assert {run.info.status for run in runs} <= {"FINISHED", "FAILED"}


def test_a_candidate_that_cannot_be_trained_is_no_hindrance_to_the_others(
    run_python: Any, airflow_settings: Settings, tmp_path: Path
) -> None:
    """Its task is red and not tried again; the other one is compared, explained and registered."""
    folders = write_flowers(tmp_path)
    file = Path(folders["NOCTURNE_WORKFLOWS"]) / "flowers.yaml"
    document = yaml.safe_load(file.read_text())
    document["candidates"]["wild"] = {
        **document["candidates"]["small"],
        "activation": "linear",
        "learning_rate": 1e30,
    }
    document["training"] = {"learning_curve": []}
    del document["mining"]
    file.write_text(yaml.safe_dump(document))
    found = run_python(RUN.format(folder=str(airflow_settings.dags_dir)), **folders)
    assert found["state"] == "success"
    assert {t for t, state in found["tasks"].items() if state != "success"} == {"train.wild"}
    assert found["tasks"]["train.wild"] == "failed"
    night = find_night(connect(airflow_settings), "flowers", key=f"flowers/{found['run_id']}")
    assert night is not None
    assert night.info.status == "FINISHED"
    assert night.data.tags[tags.REASON].startswith("small reached")


def test_night_without_candidates_ends_with_the_data(
    run_python: Any, airflow_settings: Settings, tmp_path: Path
) -> None:
    """No task trains or judges; the night is finished and its verdict says that the data are ready."""
    folders = write_flowers(tmp_path)
    file = Path(folders["NOCTURNE_WORKFLOWS"]) / "flowers.yaml"
    document = yaml.safe_load(file.read_text())
    for key in ("candidates", "baselines", "training", "promotion"):
        del document[key]
    file.write_text(yaml.safe_dump(document))
    found = run_python(RUN.format(folder=str(airflow_settings.dags_dir)), **folders)
    assert found["state"] == "success"
    assert set(found["tasks"]) == {
        "open_night",
        "ingest",
        "validate_raw",
        "clean",
        "validate_clean",
        "mine.clusters",
        "charts",
        "report",
        "close_night",
    }
    night = find_night(connect(airflow_settings), "flowers", key=f"flowers/{found['run_id']}")
    assert night is not None
    assert night.info.status == "FINISHED"
    assert night.data.tags[tags.VERDICT] == "data ready"

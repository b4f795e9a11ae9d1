"""A night through Airflow's own test runner: every task runs, in order, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from tests_support import write_flowers

from tasks.settings import Settings
from tasks.tracking import connect, find_night, tags

RUN = """
import json
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.models.asset import AssetEvent, AssetModel
from airflow.utils.session import create_session
from sqlalchemy import select
DagBundlesManager().sync_bundles_to_db()
bag = BundleDagBag({folder!r}, bundle_path={folder!r}, bundle_name="dags-folder")
sync_bag_to_db(bag, "dags-folder", None)
run = bag.dags["flowers"].test(run_conf={{"night": "2026-01-03"}})
with create_session() as session:
    found = select(AssetModel.name, AssetEvent.extra).join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
    events = [[n, e] for n, e in session.execute(found.where(AssetEvent.source_run_id == run.run_id))]
print(json.dumps({{
    "state": str(run.state.value), "run_id": run.run_id,
    "tasks": {{t.task_id: str(t.state) for t in run.get_task_instances()}}, "events": events,
}}))
"""


def change_workflow(folders: dict[str, str], **keys: Any) -> None:
    """Change keys of the small workflow; None removes one, and what a mapping has is added."""
    file = Path(folders["NOCTURNE_WORKFLOWS"]) / "flowers.yaml"
    document = yaml.safe_load(file.read_text())
    for key, value in keys.items():
        if value is None:
            del document[key]
        elif isinstance(value, dict):
            document.setdefault(key, {}).update(value)
        else:
            document[key] = value
    file.write_text(yaml.safe_dump(document))


def test_night_runs_in_airflow(run_python: Any, airflow_settings: Settings, tmp_path: Path) -> None:
    """It ends with a report and with all runs closed.

    A person has the last word where the gain is borderline: a first champion is none, so nobody is asked,
    and Airflow is told of the champion.
    """
    folders = write_flowers(tmp_path)
    change_workflow(folders, promotion={"approval": "approve_if_borderline"})
    found = run_python(RUN.format(folder=str(airflow_settings.dags_dir)), **folders)
    assert found["state"] == "success"
    states = found["tasks"]
    assert states.pop("ask") == "skipped"
    assert set(states.values()) == {"success"}
    told = {"version": "1", "previous": None, "action": "promoted"}
    assert found["events"] == [["nocturne_champion_flowers", told]]
    client = connect(airflow_settings)
    night = find_night(client, "flowers", key=f"flowers/{found['run_id']}")
    assert night is not None
    assert night.info.status == "FINISHED"
    assert night.data.tags[tags.NIGHT_DATE] == "2026-01-03"
    runs = client.search_runs([night.info.experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_a_candidate_that_cannot_be_trained_is_no_hindrance_to_the_others(
    run_python: Any, airflow_settings: Settings, tmp_path: Path
) -> None:
    """Its task is red and not tried again; the other one is compared, explained and registered."""
    folders = write_flowers(tmp_path)
    wild = {"kind": "mlp", "dense": [16], "activation": "linear", "learning_rate": 1e30}
    change_workflow(
        folders, candidates={"wild": wild}, training={"learning_curve": []}, mining=None
    )
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
    change_workflow(folders, **dict.fromkeys(("candidates", "baselines", "training", "promotion")))
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

"""The DAG `scoring`: when it runs, for whom, and what it tells other DAGs, through Airflow's own test runner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from scoring_support import as_arrived, make_customers, make_shop, register_champion, write_csv

from tasks.settings import Settings
from tasks.tracking import connect
from tasks.workflow import list_workflow_files

PARSE = """
import json, sys
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = BundleDagBag({folder!r}, bundle_path={folder!r}, bundle_name="dags-folder")
dag = bag.dags["scoring"]
print(json.dumps({{
    "errors": bag.import_errors, "paused": dag.is_paused_upon_creation,
    "form": {{name: dag.params.get_param(name).schema for name in dag.params}},
    "serialised": DagSerialization.to_dict(dag), "doc": dag.doc_md,
    "downstream": {{t.task_id: sorted(t.downstream_task_ids) for t in dag.tasks}},
    "heavy": [n for n in ("tensorflow", "keras", "mlflow", "sklearn", "pandas") if n in sys.modules],
}}))
"""

RUN = """
import json
from sqlalchemy import select
from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.models.asset import AssetEvent, AssetModel
from airflow.utils.session import create_session
DagBundlesManager().sync_bundles_to_db()
bag = BundleDagBag({folder!r}, bundle_path={folder!r}, bundle_name="dags-folder")
sync_bag_to_db(bag, "dags-folder", None)
run = bag.dags["scoring"].test(run_conf={conf!r})
with create_session() as session:
    found = select(AssetModel.name, AssetEvent.extra).join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
    events = [[n, e] for n, e in session.execute(found.where(AssetEvent.source_run_id == run.run_id))]
    tasks = [(t.task_id, t.map_index, str(t.state), t.try_number, t.rendered_map_index) for t in run.get_task_instances()]
print(json.dumps({{"state": str(run.state.value), "run_id": run.run_id, "events": events, "tasks": tasks}}))
"""


@pytest.fixture(scope="module")
def parsed(run_python: Any, airflow_settings: Settings) -> Any:
    return run_python(PARSE.format(folder=str(airflow_settings.dags_dir)))


@pytest.fixture(scope="module")
def shop(airflow_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A champion of the workflow `shop` in the MLflow of the tests' Airflow, and the folder of its file."""
    folder = tmp_path_factory.mktemp("shop")
    workflow = make_shop()
    rows = as_arrived(make_customers(600))
    register_champion(connect(airflow_settings), airflow_settings, workflow, rows, folder / "night")
    return folder


def write_workflow(folder: Path, rows: Any, **changes: Any) -> dict[str, str]:
    """Write the file of `shop` and its customers; gives the environment that names the folder."""
    document = make_shop(**changes).model_dump(mode="json", by_alias=True, exclude_unset=True)
    folder.mkdir(exist_ok=True)
    (folder / "shop.yaml").write_text(yaml.safe_dump(document))
    write_csv(rows, folder / "customers.csv")
    for part in ("raw", "clean"):
        suite = {"name": f"shop_{part}", "expectations": []}
        (folder / f"shop_{part}.json").write_text(json.dumps(suite))
    return {"NOCTURNE_WORKFLOWS": str(folder), "NOCTURNE_EXPECTATIONS": str(folder)}


def run_dag(run_python: Any, settings: Settings, folders: dict[str, str], **conf: Any) -> Any:
    found = run_python(RUN.format(folder=str(settings.dags_dir), conf=conf), **folders)
    found["tasks"] = {(name, at): (state, n, label) for name, at, state, n, label in found["tasks"]}
    return found


def test_it_waits_for_champions_and_rows(parsed: Any) -> None:
    """It is not paused when it appears, and any of the two starts it."""
    assert parsed["errors"] == {}
    assert parsed["paused"] is False
    condition = json.dumps(parsed["serialised"]["dag"]["timetable"])
    assert "nocturne_champion_changed" in condition
    assert "nocturne_rows" in condition
    assert "asset_any" in condition
    assert parsed["downstream"] == {"choose_workflows": ["score"], "score": []}


def test_the_form_asks_for_workflow_and_night(parsed: Any, airflow_settings: Settings) -> None:
    """Both may be left empty; the workflows are those that there are."""
    names = [path.stem for path in list_workflow_files(airflow_settings.workflows_dir)]
    assert list(parsed["form"]) == ["workflow", "night"]
    assert parsed["form"]["workflow"]["enum"] == [None, *sorted(names)]
    assert "POST /api/v2/assets/events" in parsed["doc"]


def test_parsing_is_light_and_the_same_each_time(
    parsed: Any, run_python: Any, airflow_settings: Settings
) -> None:
    """Nothing heavy is imported, and nothing changes from parse to parse."""
    assert parsed["heavy"] == []
    folder = str(airflow_settings.dags_dir)
    again = run_python(PARSE.format(folder=folder), PYTHONHASHSEED="1")
    assert again["serialised"] == parsed["serialised"]


def test_without_scoring_in_any_file_it_is_skipped(
    run_python: Any, airflow_settings: Settings, shop: Path
) -> None:
    """A champion that changed elsewhere is nobody's business here."""
    folders = write_workflow(shop / "other", make_customers(10), scoring=None)
    found = run_dag(run_python, airflow_settings, folders)
    assert {state for state, _, _ in found["tasks"].values()} == {"skipped"}


def test_what_trying_again_cannot_help_fails_at_once(
    run_python: Any, airflow_settings: Settings, shop: Path
) -> None:
    """Rows that lack a column: one try, and no event."""
    rows = make_customers(50).drop_columns(["spent"])
    folders = write_workflow(shop / "lacking", rows)
    found = run_dag(run_python, airflow_settings, folders, workflow="shop")
    assert found["state"] == "failed"
    assert found["tasks"]["score", 0][:2] == ("failed", 1)
    assert found["events"] == []

"""Scorings that start by themselves, in a real scheduler: rows arrive, a champion changes, drift starts a night."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pytest
import yaml
from scoring_support import as_arrived, make_customers, make_shop, register_champion, write_csv

from tasks.registry import list_changes
from tasks.services.airflow_api import AirflowClient
from tasks.settings import Settings
from tasks.tracking import connect, tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

pytestmark = pytest.mark.integration
Services = tuple[Settings, dict[str, str]]
T = TypeVar("T")

PATIENCE_SECONDS = 180.0


def tell_rows(airflow: AirflowClient, workflow: str) -> None:
    """Say that rows have arrived, as the DAG's page says."""
    found = airflow._request("GET", "/api/v2/assets", params={"name_pattern": "nocturne_rows"})
    (asset,) = found.json()["assets"]
    body = {"asset_id": asset["id"], "extra": {"workflow": workflow}}
    airflow._request("POST", "/api/v2/assets/events", json=body)


def list_runs(airflow: AirflowClient, dag_id: str) -> list[dict[str, Any]]:
    """List the runs of a DAG, as Airflow tells them."""
    return list(airflow._request("GET", f"/api/v2/dags/{dag_id}/dagRuns").json()["dag_runs"])


def wait_for(find: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := find()) is None:
        assert time.monotonic() < deadline, what
        time.sleep(0.5)
    return found


def change_workflows(folder: Path) -> None:
    """Put the workflow `shop` beside the others, with rows of which some are new."""
    document = make_shop().model_dump(mode="json", by_alias=True, exclude_unset=True)
    (folder / "shop.yaml").write_text(yaml.safe_dump(document))
    for part in ("raw", "clean"):
        suite = {"name": f"shop_{part}", "expectations": []}
        (folder.parent / "expectations" / f"shop_{part}.json").write_text(json.dumps(suite))
    write_csv(make_customers(700), folder / "customers.csv")


@pytest.fixture(scope="module")
def shop(services: Services, tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    """Two champions of `shop`, one after the other, in the running MLflow."""
    settings, _ = services
    served = settings.model_copy(update={"tracking_uri": settings.mlflow_url})
    client = connect(served)
    for seed in (1, 2):
        rows = as_arrived(make_customers(600, seed=seed))
        folder = tmp_path_factory.mktemp(f"night{seed}")
        register_champion(client, served, make_shop(), rows, folder)
    return client


def find_scoring(airflow: AirflowClient, known: set[str]) -> dict[str, Any] | None:
    """Find a finished run of the DAG `scoring` that was not there before."""
    new = [run for run in list_runs(airflow, "scoring") if run["dag_run_id"] not in known]
    ended = [run for run in new if run["state"] in {"success", "failed"}]
    return ended[0] if ended else None


def test_rows_and_champions_start_scorings_and_drift_a_night(
    services: Services, shop: MlflowClient
) -> None:
    """Told of rows the champion predicts; rolled back the one before does; what has drifted starts a night."""
    settings, _ = services
    with AirflowClient.from_settings(settings) as airflow:
        for name in ("shop", "scoring", "rollback"):
            airflow.wait_for_dag(name, timeout_seconds=PATIENCE_SECONDS)

        tell_rows(airflow, "shop")
        first = wait_for(lambda: find_scoring(airflow, set()), "no scoring after rows arrived")
        assert (first["state"], first["run_type"]) == ("success", "asset_triggered")
        assert read_scoring(shop, first["dag_run_id"])[tags.MODEL_VERSION] == "2"

        known = {run["dag_run_id"] for run in list_runs(airflow, "scoring")}
        airflow.trigger("rollback", conf={"model": "shop", "version": None, "why": "For a test."})
        second = wait_for(lambda: find_scoring(airflow, known), "no scoring after the rollback")
        assert (second["state"], second["run_type"]) == ("success", "asset_triggered")
        assert read_scoring(shop, second["dag_run_id"])[tags.MODEL_VERSION] == "1"
        change = list_changes(shop, "shop")[-1]
        assert (change.version, change.previous, change.action) == ("1", "2", "rolled_back")
        assert (change.by, change.why) == ("admin", "For a test.")
        needless = {"model": "shop", "version": "1", "why": "It is champion already."}
        run_id = airflow.trigger("rollback", conf=needless).run_id

        assert find_night(airflow) is None
        moved = make_customers(200, seed=2, older=30.0, first=700)
        rows = pa.concat_tables([make_customers(700), moved])
        write_csv(rows, settings.workflows_dir / "customers.csv")
        airflow.unpause("shop")
        tell_rows(airflow, "shop")
        wait_for(lambda: find_night(airflow), "no night after the drift")
        latest = max(list_runs(airflow, "scoring"), key=lambda run: run["run_after"])
        assert read_scoring(shop, latest["dag_run_id"])[tags.DRIFT] == "yes"
        refused = airflow.task_instances("rollback", run_id)
        assert [(task.state, task.try_number) for task in refused] == [("failed", 1)]


def find_night(airflow: AirflowClient) -> dict[str, Any] | None:
    """Find a night of `shop` that an asset started."""
    runs = list_runs(airflow, "shop")
    return next((run for run in runs if run["run_type"] == "asset_triggered"), None)


def read_scoring(client: MlflowClient, airflow_run: str) -> dict[str, str]:
    """Read the tags of the scoring that an Airflow run has made."""
    experiment = client.get_experiment_by_name("shop")
    assert experiment is not None
    (run,) = client.search_runs(
        [experiment.experiment_id],
        f"tags.`{tags.AIRFLOW_RUN}` = '{airflow_run}' AND tags.`{tags.SCORING_KEY}` LIKE '%'",
    )
    return dict(run.data.tags)
